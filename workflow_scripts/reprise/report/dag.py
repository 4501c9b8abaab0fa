"""The graph of the workflow's rules: which rule needs which. It is laid out in layers and drawn as SVG."""

from collections.abc import Mapping
from html import escape
from itertools import combinations, pairwise
from pathlib import Path

import pandas as pd

from reprise.step.errors import InputError
from reprise.step.tables import read_table

Graph = Mapping[str, list[str]]
NODE_HEIGHT, LAYER_GAP, NODE_GAP, MARGIN = 30, 42, 22, 12
CHARACTER_WIDTH, NODE_PADDING, BEND_WIDTH = 7.4, 22, 10
SWEEPS = 30
ARROW = (
    '<defs><marker id="dag-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0.5 L8 4 L0 7.5 z"/></marker></defs>'
)


def read_rules(path: str | Path) -> dict[str, list[str]]:
    """For each rule the rules that it needs, from a CSV with the columns rule and needs (names with spaces between).

    Raises:
        InputError: no readable CSV with these columns.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return {rule: needs.split() for rule, needs in zip(table["rule"], table["needs"], strict=True)}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: no readable rule graph: {error}") from error


def read_jobs(path: str | Path) -> pd.DataFrame:
    """The jobs of a run, from a CSV with the columns rule and benchmark (the file with the job's cost).

    Raises:
        InputError: no readable CSV with these columns.
    """
    return read_table(path, {"rule": str, "benchmark": str})


def without_shortcuts(needs: Graph) -> dict[str, list[str]]:
    """The graph without the edges that follow from other edges.

    Raises:
        ValueError: the graph has a cycle, or a rule needs one that is not in it.
    """
    above: dict[str, set[str]] = {}

    def ancestors(rule: str, path: tuple[str, ...] = ()) -> set[str]:
        if rule in path or rule not in needs:
            raise ValueError(f"no rule graph: {' < '.join((*path, rule))}")
        if rule not in above:
            above[rule] = set(needs[rule]).union(*(ancestors(needed, (*path, rule)) for needed in needs[rule]))
        return above[rule]

    for rule in needs:
        ancestors(rule)
    return {
        rule: [name for name in needed if not any(name in above[other] for other in needed)]
        for rule, needed in needs.items()
    }


def layers(needs: Graph) -> list[list[str]]:
    """Rules by layer. A rule lies one layer below those that it needs, or just above its users if it needs none."""
    depth: dict[str, int] = {}

    def depth_of(rule: str) -> int:
        if rule not in depth:
            depth[rule] = 1 + max((depth_of(needed) for needed in needs[rule]), default=-1)
        return depth[rule]

    for rule in needs:
        depth_of(rule)
    for rule in sorted(needs, key=lambda rule: -depth[rule]):
        users = [depth[user] for user, needed in needs.items() if rule in needed]
        depth[rule] = min(users) - 1 if users and not needs[rule] else depth[rule]
    return [[rule for rule in needs if depth[rule] == level] for level in range(max(depth.values(), default=-1) + 1)]


def draw_rules(needs: Graph, title: str, prefix: str = "") -> str:
    """Draw the graph from top to bottom, without the edges that follow from others.

    Args:
        needs: for each rule the rules that it needs.
        title: the name of the drawing, for screen readers.
        prefix: it is left out at the start of the names of rules.
    """
    needs = {rule.removeprefix(prefix): [name.removeprefix(prefix) for name in needs[rule]] for rule in needs}
    reduced = without_shortcuts(needs)
    rows, edges = _with_bends(layers(reduced), reduced)
    widths = {name: _width(name) for row in rows for name in row}
    centres = _centres(_ordered(rows, edges), edges, widths)
    right = max((centres[name] + widths[name] / 2 for name in centres), default=0) + MARGIN
    bottom = len(rows) * (NODE_HEIGHT + LAYER_GAP) - LAYER_GAP + 2 * MARGIN
    tops = {name: MARGIN + level * (NODE_HEIGHT + LAYER_GAP) for level, row in enumerate(rows) for name in row}
    paths = [_curve(centres[a], tops[a], centres[b], tops[b], bend=b.startswith("|")) for a, b in edges]
    boxes = [_box(name, centres[name], tops[name], widths[name]) for name in centres if not name.startswith("|")]
    return (
        f'<svg class="dag" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="dag-title" '
        f'width="{right:.0f}" height="{bottom:.0f}" viewBox="0 0 {right:.0f} {bottom:.0f}">'
        f'<title id="dag-title">{escape(title)}</title>{ARROW}'
        f"{''.join(paths)}{''.join(boxes)}</svg>"
    )


def _with_bends(rows: list[list[str]], needs: Graph) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Add a point to each edge in each layer that it passes, named `|from|to|layer`. So edges run between the boxes."""
    level = {name: depth for depth, row in enumerate(rows) for name in row}
    rows, edges = [list(row) for row in rows], []
    for rule, needed in needs.items():
        for start in needed:
            chain = [start]
            for depth in range(level[start] + 1, level[rule]):
                chain.append(f"|{start}|{rule}|{depth}")
                rows[depth].append(chain[-1])
            edges += list(zip(chain, [*chain[1:], rule], strict=True))
    return rows, edges


def _width(name: str) -> float:
    return BEND_WIDTH if name.startswith("|") else len(name) * CHARACTER_WIDTH + NODE_PADDING


def _ordered(rows: list[list[str]], edges: list[tuple[str, str]]) -> list[list[str]]:
    """Order each layer by the mean place of its neighbours above, then below. Use the order with fewest crossings."""
    rows = best = [list(row) for row in rows]
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        rows = [list(row) for row in rows]
        for depth in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            beside = _places(rows[depth - 1 if down else depth + 1])
            own = _places(rows[depth])
            wanted = {name: _mean_place(name, edges, beside, own[name]) for name in own}
            rows[depth].sort(key=lambda name, wanted=wanted: wanted[name])  # type: ignore[misc]
        best = min(best, rows, key=lambda ordered: _crossings(ordered, edges))
    return best


def _places(row: list[str]) -> dict[str, float]:
    return {name: place / max(1, len(row) - 1) for place, name in enumerate(row)}


def _crossings(rows: list[list[str]], edges: list[tuple[str, str]]) -> int:
    """The number of pairs of edges between the same two layers that cross."""
    place = {name: (depth, column) for depth, row in enumerate(rows) for column, name in enumerate(row)}
    ends = [(*place[a], place[b][1]) for a, b in edges]
    return sum(p[0] == q[0] and (p[1] - q[1]) * (p[2] - q[2]) < 0 for p, q in combinations(ends, 2))


def _mean_place(name: str, edges: list[tuple[str, str]], place: Mapping[str, float], default: float) -> float:
    places = [place[a if b == name else b] for a, b in edges if name in (a, b) and (a if b == name else b) in place]
    return sum(places) / len(places) if places else default


def _centres(rows: list[list[str]], edges: list[tuple[str, str]], widths: Mapping[str, float]) -> dict[str, float]:
    """The horizontal centre of each name: near its neighbours, in the given order, without overlap."""
    centres: dict[str, float] = {}
    for row in rows:
        centres |= _packed(row, widths, dict.fromkeys(row, 0.0))
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        ends = edges if down else [(b, a) for a, b in edges]
        for row in rows if down else reversed(rows):
            beside = {name: [centres[a] for a, b in ends if b == name] or [centres[name]] for name in row}
            centres |= _packed(row, widths, {name: sum(places) / len(places) for name, places in beside.items()})
    left = min((centres[name] - widths[name] / 2 for name in centres), default=0) - MARGIN
    return {name: centre - left for name, centre in centres.items()}


def _packed(row: list[str], widths: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """Centres near those wanted, in order and with gaps: the mean of a layout pushed right and one pushed left."""
    gaps = [(widths[a] + widths[b]) / 2 + NODE_GAP for a, b in pairwise(row)]
    right, left = [wanted[name] for name in row], [wanted[name] for name in row]
    for place, gap in enumerate(gaps):
        right[place + 1] = max(right[place + 1], right[place] + gap)
    for place in range(len(gaps) - 1, -1, -1):
        left[place] = min(left[place], left[place + 1] - gaps[place])
    return {name: (a + b) / 2 for name, a, b in zip(row, right, left, strict=True)}


def _curve(x0: float, top0: float, x1: float, top1: float, bend: bool) -> str:
    y0, middle = top0 + NODE_HEIGHT, (top0 + NODE_HEIGHT + top1) / 2
    curve = f"M{x0:.1f} {y0} C{x0:.1f} {middle} {x1:.1f} {middle} {x1:.1f} {top1}"
    if bend:
        return f'<path class="edge" d="{curve} v{NODE_HEIGHT}"/>'
    return f'<path class="edge" d="{curve}" marker-end="url(#dag-arrow)"/>'


def _box(name: str, centre: float, top: float, width: float) -> str:
    return (
        f'<g><rect x="{centre - width / 2:.1f}" y="{top}" width="{width:.1f}" height="{NODE_HEIGHT}" rx="5"/>'
        f'<text x="{centre:.1f}" y="{top + NODE_HEIGHT / 2 + 4:.0f}">{escape(name)}</text></g>'
    )
