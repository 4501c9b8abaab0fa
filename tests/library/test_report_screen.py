"""The report for its reader: results on the first screen, short chapters, and nothing lost in a fold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import report_example
from browser import UNFOLD, check_page, opened, page_height
from test_report import PUBLISHED, ROOT

STUDIES = ("echonet", "mslesion")
SCREEN = {"width": 1280, "height": 900}
MOST_PX = 15_000
WORDS = "A sentence of the caption that says what the figure shows and how to read it. " * 5
# Heights in points of what the demo draws, part by part, and rows of its tables.
FIGURES: dict[str, dict[str, list[float]]] = {
    "echonet": {"Training": [198, 198], "Segmentation": [158, 238], "Beats": [320], "EF": [198, 180, 281, 209]},
    "mslesion": {"Training": [870], "Load and count": [936, 936], "Slices": [550, 550]},
}
ROWS = {"echonet": [107, 20, 6], "mslesion": [40, 30, 7, 3]}
VISIBLE = "elements => elements.map(element => element.checkVisibility({contentVisibilityAuto: true}))"


def write_study(folder: Path, study: str) -> None:
    """A study's section and manifest, with as many figures and rows as in the demo, and no measures."""
    folder.mkdir()
    report_example.write_picture(folder / "picture.webp")
    report_example.write_video(folder / "case.mp4")
    blocks = [*figure_blocks(folder, study)]
    text = {"kind": "text", "title": "The two protocols", "text": "\n\n".join([WORDS * 2] * 3)}
    if study == "echonet":
        video = {"mp4": report_example.below(folder / "case.mp4"), "alt": "A heart", "caption": WORDS[:120]}
        videos = {"kind": "videos", "title": "Videos", "caption": WORDS, "videos": [video] * 4}
        blocks = [text, *blocks[:5], videos | {"part": "Beats"}, *blocks[5:]]
    else:
        blocks.insert(1, text | {"part": "Training"})
    for place, rows in enumerate(ROWS[study]):
        csv = folder / f"table{place}.csv"
        pd.DataFrame({"name": [f"{study}{place}.{row}" for row in range(rows)], "note": WORDS[:300]}).to_csv(
            csv, index=False
        )
        blocks.append(report_example.table_block(csv, f"Table {place}", WORDS))
    section = {
        "study": study,
        "title": f"{study}: a study",
        "picture": {"image": report_example.below(folder / "picture.webp"), "alt": "A picture"},
        "summary": [WORDS] * 3,
        "blocks": blocks,
    }
    if study == "mslesion":
        section["sound_headline"] = {"value": "0.123 (0.100\N{EN DASH}0.150)", "what": "Another quantity."}
    (folder / "section.json").write_text(json.dumps(section))
    pd.DataFrame({"path": ["a"], "bytes": [1], "sha256": ["0" * 64]}).to_csv(folder / "manifest.csv", index=False)


def figure_blocks(folder: Path, study: str) -> Iterator[dict[str, Any]]:
    """Drawings of the demo's sizes, in their parts."""
    for part, heights in FIGURES[study].items():
        for place, height in enumerate(heights):
            svg = folder / f"{part}{place}.svg"
            size = f'width="388.8pt" height="{height}pt" viewBox="0 0 388.8 {height}"'
            svg.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size}><path d="M0 0h9v9z"/></svg>')
            svg.with_suffix(".csv").write_text("x\n1\n")
            files = {"svg": report_example.below(svg), "csv": report_example.below(svg.with_suffix(".csv"))}
            yield {"kind": "figure", "title": f"{part} {place}", "part": part, "caption": WORDS, "alt": "x", **files}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, run_step) -> Path:
    """The page of two studies on phantoms, of which only the first has measures."""
    folder = tmp_path_factory.mktemp("demo")
    report_example.write_inputs(folder / "results")
    metrics = pd.read_csv(folder / "results" / "echonet" / "metrics.csv")
    for study in STUDIES:
        write_study(folder / "results" / f"of_{study}", study)
        table = metrics if study == "echonet" else metrics.head(0)
        table.to_csv(folder / "results" / f"of_{study}" / "metrics.csv", index=False)
    hyperparameters = dict.fromkeys(STUDIES, report_example.HYPERPARAMETERS)
    settings = {"data": dict.fromkeys(STUDIES, "phantom"), "schedule": "demo", "parameters": hyperparameters}

    def files(name: str) -> list[str]:
        return [f"{study}=results/of_{study}/{name}" for study in STUDIES]

    common = ["--settings", json.dumps(settings), "--published", PUBLISHED, "--scoreboard", "results/scoreboard.csv"]
    inputs = ["--sections", *(f"results/of_{study}/section.json" for study in STUDIES), "--rules", "results/rules.csv"]
    inputs += ["--jobs", "results/jobs.csv", "--lock", ROOT / "requirements.lock"]
    steps = {
        "scoreboard": ["--metrics", *files("metrics.csv")],
        "report_page": [*inputs, "--manifests", *files("manifest.csv"), "--report", "results/report.html"],
    }
    for step, options in steps.items():
        done = run_step(f"report/{step}.py", *common, *options, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder / "results" / "report.html"


def test_two_studies_have_a_bearable_length_and_no_fault(report: Path) -> None:
    check_page(report)
    assert page_height(report) < MOST_PX


def test_the_first_screen_says_what_each_study_gave(report: Path) -> None:
    with opened(report, viewport=SCREEN) as (page, _):
        rows = page.locator("table.answers tbody tr")
        assert rows.count() == 2
        for place, study in enumerate(STUDIES):
            row = rows.nth(place)
            box = row.bounding_box()
            assert box["y"] + box["height"] < SCREEN["height"]
            assert row.locator("img").count() == 1
            target = row.locator("th a").get_attribute("href")
            assert page.locator(f"h2{target}").inner_text() == f"{study}: a study"
        first, second = rows.all_inner_texts()
        assert "4.10 (4.00\N{EN DASH}4.30)" in first and first.count("not run") == 1
        assert "0.8900" in second and "0.123 (0.100\N{EN DASH}0.150)" in second and "Another quantity" in second


def test_what_was_not_run_says_so_and_the_rest_does_not_repeat_the_banner(report: Path) -> None:
    with opened(report, viewport=SCREEN) as (page, _):
        page.evaluate(UNFOLD)
        values = page.locator("table.board td[data-label='Ours, published']").all_inner_texts()
        board = pd.read_csv(report.parent / "scoreboard.csv")
        assert set(board["verdict"]) == {"not comparable"}
        own = board[(board["protocol"] == "published") & ~board["quantity"].str.match("others/|hidden_test/")]
        assert len(values) == len(own) and values.count("not run") == own["value"].isna().sum() > 0
        assert page.locator("table.board .chip").count() == 0
        context = page.locator("details.group", has_text="For context")
        assert context.locator("tbody tr").count() == 12 and "not run" not in context.inner_text()
        assert all(caption.bounding_box()["height"] > 9 for caption in context.locator("caption").all())


def test_long_tables_are_folded_and_nothing_in_a_fold_is_lost(report: Path) -> None:
    with opened(report, viewport=SCREEN, java_script_enabled=False) as (page, _):
        for study, lengths in ROWS.items():
            for place, length in enumerate(lengths):
                last = page.locator("tbody tr", has_text=f"{study}{place}.{length - 1}")
                assert last.count() == 1
                assert last.evaluate_all(VISIBLE) == [length <= 12]
        assert page.locator("table.board").first.is_visible(), "the group of the headline"
        page.emulate_media(media="print")
        tables = page.locator("table, figure").evaluate_all(VISIBLE)
        assert len(tables) > 40 and all(tables), "paper has no folds"
