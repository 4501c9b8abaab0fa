"""The report: a page without requests that hides nothing and says where its numbers come from."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import report_example
from browser import check_page, opened
from reprise.report import provenance
from reprise.report.blocks import prepared, read_section
from reprise.step.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED, BOARD = ROOT / "config" / "published.yaml", "results/scoreboard.csv"
HOSTILE = "<script>alert(1)</script>\"'><img src=http://x.invalid/a onerror=alert(2)> & \N{GREEK SMALL LETTER MU}"
BUDGET = 5_000_000


def run_page(folder: Path, run_step, settings: dict) -> subprocess.CompletedProcess[str]:
    """Run the report's step in `folder` as the workflow would."""
    config = {"data": {"echonet": "/Users/jane/echo"}, "models": {"echonet": {"ef": ["r3d_18"]}}, "seed": 0}
    config["precision"] = "fp32"
    inputs = ["--sections", "results/echonet/section.json", "--manifests", "echonet=results/echonet/manifest.csv"]
    inputs += ["--rules", "results/rules.csv", "--jobs", "results/jobs.csv", "--scoreboard", BOARD]
    inputs += ["--published", PUBLISHED, "--lock", ROOT / "requirements.lock"]
    known = ["--settings", json.dumps(settings | {"config": config})]
    return run_step("report/report_page.py", *inputs, *known, "--report", "results/report.html", cwd=folder)


def write_report(folder: Path, run_step, *, data: str = "raw", schedule: str = "published", hostile: str = "") -> Path:
    """Make the inputs, run both steps, and return the report."""
    report_example.write_inputs(folder / "results", hostile)
    settings = report_example.settings(data, schedule)
    inputs = ["--published", PUBLISHED, "--metrics", "echonet=results/echonet/metrics.csv"]
    known = ["--settings", json.dumps(settings)]
    done = run_step("report/scoreboard.py", *inputs, *known, "--scoreboard", BOARD, cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run_page(folder, run_step, settings)
    assert done.returncode == 0, done.stderr
    return folder / "results" / "report.html"


@pytest.fixture(scope="module")
def raw_report(tmp_path_factory: pytest.TempPathFactory, run_step) -> Path:
    return write_report(tmp_path_factory.mktemp("raw"), run_step)


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory, run_step) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    return write_report(folder, run_step, data="phantom", schedule="demo", hostile=HOSTILE)


def test_the_page_has_no_fault_in_a_browser(raw_report: Path) -> None:
    check_page(raw_report)


def test_hostile_words_stay_words(hostile_report: Path) -> None:
    check_page(hostile_report)
    page = hostile_report.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://x.invalid" not in re.findall(r'(?:src|href)="([^"]*)"', page)


def test_the_stamp_is_there_when_and_only_when_it_must_be(raw_report: Path, hostile_report: Path) -> None:
    assert 'class="stamp"' not in raw_report.read_text()
    stamped = hostile_report.read_text()
    assert '<p class="stamp">Not comparable</p>' in stamped
    assert "phantom data, not the published data set; shortened schedule" in stamped
    board = pd.read_csv(hostile_report.parent / "scoreboard.csv")
    assert set(board["verdict"]) == {"not comparable"}


def test_the_page_says_where_it_comes_from_and_names_nobody(raw_report: Path) -> None:
    page = raw_report.read_text()
    assert "<dt>Precision</dt><dd>fp32; a GPU computes convolutions in TF32" in page
    manifest = raw_report.parent / "echonet" / "manifest.csv"
    assert provenance.data_hashes({"echonet": manifest}).iloc[0, -1][:24] in page
    assert "jane" not in page
    assert str(raw_report.parent) not in page
    for part in ("Working tree", "Processor", "snakemake", "train_segmentation", "(a path outside the project)"):
        assert part in page
    assert len(page.encode()) < BUDGET


def test_it_reads_without_a_script_and_under_a_strict_policy(raw_report: Path) -> None:
    page = raw_report.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert "default-src &#39;none&#39;" in policy[1]
    assert "unsafe" not in policy[1]
    assert "script-src" not in policy[1]
    with opened(raw_report, java_script_enabled=False) as (browser_page, faults):
        assert browser_page.locator("table.board").count() == 9
        assert browser_page.locator("main figure .paper img").first.is_visible()
        assert faults == []


FAULTS = {
    '<img src="data:image/png;base64,AAAA" alt="x">': "broken image",
    '<img src="https://x.invalid/a.png" alt="x">': "request: https://x.invalid",
    "<figure>nothing</figure>": "missing figure",
    "<svg width=9 height=9 role=img><path d='M0 0h9'/></svg>": "no alternative text: <svg",
    "<video src='data:video/mp4;base64,AAAA' aria-label=x></video>": "broken video",
    "<pre>" + "wide " * 200 + "</pre>": "px wider than a window of 390 px",
    "<p id=a>1</p><p id=a>2</p>": "id given twice: a",
    "<a href='#b'>x</a>": "link to nowhere",
    "<table><tr><td>1</table>": "no caption",
    "<script>throw new Error('no')</script>": "exception: no",
    "<script>console.error('never')</script>": "console: never",
    "<p>/Users/jane/data</p>": "a path of this machine",
    "<pre class=a>grey</pre><style>.a { color: #999; }</style>": "light: Elements must meet minimum",
    "<b class=c>x</b><style>@media (prefers-color-scheme: dark) { .c { background: #111; } }</style>": "dark: Elements",
    "<input>": "Form elements must have labels",
}


def test_a_gallery_shows_the_class_that_is_chosen_without_a_script(raw_report: Path) -> None:
    with opened(raw_report, java_script_enabled=False) as (page, _):
        gallery = page.locator(".gallery")
        pictures = gallery.locator(".pictures")
        assert [pictures.nth(place).is_visible() for place in range(3)] == [True, False, False]
        wide = gallery.bounding_box()["width"]
        assert all(name.bounding_box()["width"] == wide for name in gallery.locator(".of").all()), "a line each"
        gallery.get_by_text("Third").click()
        assert [pictures.nth(place).is_visible() for place in range(3)] == [False, False, True]
        gallery.get_by_role("radio").nth(0).focus()
        page.keyboard.press("ArrowRight")
        assert [pictures.nth(place).is_visible() for place in range(3)] == [False, True, False]


def test_the_browser_sees_each_fault(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!doctype html><title>x</title><h1>x</h1>" + "".join(FAULTS))
    with pytest.raises(AssertionError) as caught:
        check_page(tmp_path / "page.html")
    assert [fault for fault in FAULTS.values() if fault not in str(caught.value)] == []


def test_a_missing_file_is_named_and_nothing_is_written(tmp_path: Path, raw_report: Path, run_step) -> None:
    shutil.copytree(raw_report.parent, tmp_path / "results")
    (tmp_path / "results" / "echonet" / "scatter.svg").unlink()
    (tmp_path / "results" / "echonet" / "case.mp4").unlink()
    failed = run_page(tmp_path, run_step, report_example.settings())
    assert failed.returncode == 2
    for part in ("EF, scatter", "scatter.svg", "case.mp4"):
        assert part in failed.stderr
    assert "Traceback" not in failed.stderr
    assert (tmp_path / "results" / "report.html").read_bytes() == raw_report.read_bytes()


def test_a_section_with_unknown_blocks_or_without_keys_is_refused(tmp_path: Path) -> None:
    blocks = [{"kind": "film"}, {"kind": "text", "title": "t"}]
    section = {"study": "x", "title": "x", "picture": {"image": "none.png"}, "summary": [], "blocks": blocks}
    (tmp_path / "section.json").write_text(json.dumps(section))
    with pytest.raises(InputError, match=r"no alt\n.*no such file: none.png\n.*'film'.*\n.*block 2 \(text\): no text"):
        read_section(tmp_path / "section.json")
    (tmp_path / "section.json").write_text("{}")
    with pytest.raises(InputError, match="no study, title, picture, summary, blocks"):
        read_section(tmp_path / "section.json")


def test_videos_that_do_not_fit_are_named_not_embedded(tmp_path: Path) -> None:
    report_example.write_video(tmp_path / "a.mp4")
    size = (tmp_path / "a.mp4").stat().st_size
    video = {"mp4": str(tmp_path / "a.mp4"), "alt": "a", "caption": "a"}
    block = {"kind": "videos", "title": "t", "caption": "", "videos": [video, video, video]}
    (ready,) = prepared([block], "x", video_bytes=2 * size)
    assert [one["uri"] is not None for one in ready["videos"]] == [True, True, False]
