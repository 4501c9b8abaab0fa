"""Finds by axe-core what keeps a reader out of a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

# Rows of a table are alike. Their contrast takes axe most of its time.
FEW_ROWS = "() => document.querySelectorAll('tbody tr:nth-child(n + 4)').forEach(row => row.remove())"

# A change of the scheme may fade: the colours in between are nobody's.
END_FADES = """async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    const fades = document.getAnimations().filter(each => each.effect.getComputedTiming().endTime !== Infinity);
    fades.forEach(each => each.finish());
}"""


def show_in(page: Any, scheme: str) -> None:
    """Show a page in the light or the dark scheme."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate(END_FADES)


def violations(page: Any) -> list[str]:
    """What axe-core finds on an open page, in the light and the dark scheme. Takes most rows out of the page."""
    page.evaluate(FEW_ROWS)
    found = []
    for scheme in ("light", "dark"):
        show_in(page, scheme)
        for violation in Axe().run(page).response["violations"]:
            places = "; ".join(f"{node['html'][:120]} ({node['failureSummary']})" for node in violation["nodes"][:3])
            found.append(f"{scheme}: {violation['help']} ({violation['id']}): {places}")
    return found
