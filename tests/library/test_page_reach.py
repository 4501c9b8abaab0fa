"""The report and the page of a user's own files reach every reader: by keyboard alone, and on paper."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import report_example
from browser import opened
from keyboard import dead_controls, unreachable, without_visible_focus
from paper import cut_on_paper
from reprise.report.own_files_page import Case, Media, write_own_files_page
from test_report import run_page, write_report

PAGES = ("report", "own files")
TEXTS = {"title": "Own files", "kind": "clips", "warnings": ["Mind this."], "overview_caption": "All of them"}
LONG = pd.DataFrame(
    np.arange(1600).reshape(100, 16) / 7, columns=[f"a measure of name {column}" for column in range(16)]
)


def slices_block(folder: Path) -> dict[str, object]:
    """Slices of a volume, one of which is shown at a time."""
    files = {name: report_example.below(folder / "case.webp") for name in ("image", "overlay")}
    shown = {"width": 200, "height": 200, "alt": "A slice", "marks": "Its marks"}
    slices = [files | shown | {"caption": f"Slice {number}"} for number in range(5)]
    key = [{"overlay": files["overlay"], "label": "found"}]
    return {"kind": "slices", "title": "Slices", "caption": "x", "key": key, "slices": slices, "start": 2}


def write_whole_report(folder: Path, run_step) -> Path:
    """A report with a block of each kind, with folded tables, and one too wide and too long for a sheet."""
    report = write_report(folder, run_step, data="phantom", schedule="demo")
    study = report.parent / "echonet"
    LONG.to_csv(study / "long.csv", index=False)
    section = json.loads((study / "section.json").read_text())
    section["blocks"] += [slices_block(study), report_example.table_block(study / "long.csv", "Long", "Wide, too.")]
    (study / "section.json").write_text(json.dumps(section))
    done = run_page(folder, run_step, report_example.settings("phantom", "demo"))
    assert done.returncode == 0, done.stderr
    return report


def write_own_page(folder: Path) -> Path:
    """The page of own files with videos and with pictures in a strip that scrolls."""
    report_example.write_video(folder / "clip.mp4")
    pictures = []
    for number in range(6):
        report_example.write_picture(folder / f"{number}.png")
        pictures.append(Media(folder / f"{number}.png", f"Picture {number}", "Its words.", (400, 600)))
    cases = [Case("clip", "25 frames", [], [Media(folder / "clip.mp4", "A clip")], {"Its beats": LONG.head(3)})]
    cases.append(Case("volume", "6 slices", ["A note."], pictures))
    table = pd.DataFrame({"name": [f"case {number}" for number in range(60)]})
    write_own_files_page(folder / "index.html", cases, table, TEXTS, table.head(2), table.head(1))
    return folder / "index.html"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, run_step) -> dict[str, Path]:
    written = write_whole_report(tmp_path_factory.mktemp("whole"), run_step)
    return dict(zip(PAGES, (written, write_own_page(tmp_path_factory.mktemp("own"))), strict=True))


@pytest.mark.parametrize("name", PAGES)
def test_no_sheet_of_paper_cuts_a_table_or_a_figure(pages: dict[str, Path], name: str, tmp_path: Path) -> None:
    with opened(pages[name], bypass_csp=True) as (page, _):
        assert cut_on_paper(page, tmp_path) == []
        assert len(list(tmp_path.glob("sheet-*.png"))) > 1


CUT = {
    "<figure><div class=tall>x</div></figure>": "starts on sheets [0], ends on [1]: <figure>",
    "<table><tr><td><div class=wide>x</div></td></tr></table>": "starts on sheets [0], ends on []: <tr>",
    "<div class=scroll><p class=wide>x</p></div>": "wider than its place: <div class=",
}


@pytest.mark.parametrize("part", CUT)
def test_what_a_sheet_cuts_is_found(tmp_path: Path, part: str) -> None:
    style = "<style>@page { size: A4; } .tall { height: 400mm; } .wide { width: 800mm; }</style>"
    (tmp_path / "page.html").write_text(f"<!doctype html>{style}<figure>whole</figure>{part}")
    with opened(tmp_path / "page.html", bypass_csp=True) as (page, _):
        (fault,) = cut_on_paper(page, tmp_path)
    assert fault.startswith(CUT[part])


@pytest.mark.parametrize("name", PAGES)
def test_a_keyboard_reaches_all_that_a_mouse_does(pages: dict[str, Path], name: str) -> None:
    with opened(pages[name], viewport={"width": 1000, "height": 700}) as (page, faults):
        assert unreachable(page) == []
        assert dead_controls(page) == []
        assert without_visible_focus(page) == []
        assert faults == []


def test_what_a_keyboard_does_not_reach_and_a_focus_that_is_not_seen_are_found(tmp_path: Path) -> None:
    style = "<style>b { cursor: pointer; } a:focus { outline: none; } div { overflow: auto; width: 9em; }</style>"
    text = "<a href='#x' id=x>seen</a><b>only clicked</b><i title='only hovered'>x</i><div><pre>"
    (tmp_path / "page.html").write_text(f"<!doctype html>{style}{text}{'wide ' * 9}</pre></div>")
    with opened(tmp_path / "page.html") as (page, _):
        page.evaluate("() => document.querySelector('div').tabIndex = -1")
        assert [fault.split(">")[0] for fault in unreachable(page)] == [
            "<b",
            '<div tabindex="-1"',
            '<i title="only hovered"',
        ]
        assert [fault[:26] for fault in without_visible_focus(page)] == [
            "light: focus not seen: <a ",
            "dark: focus not seen: <a h",
        ]
