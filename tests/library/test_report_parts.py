"""Parts of the report: drawings, tables, provenance, the graph of rules."""

import inspect
import json
import subprocess
from html import unescape
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import snakemake.io
from hypothesis import given
from hypothesis import strategies as st

import report_example
from reprise.engine.plan import OVERTAKEN
from reprise.report import provenance
from reprise.report.dag import draw_rules, layers, read_jobs, read_rules, without_shortcuts
from reprise.report.page import breakable, data_uri
from reprise.report.page_tables import as_table, number, with_interval
from reprise.step.durations import duration_text
from reprise.step.errors import InputError


def test_a_drawing_becomes_a_link_that_holds_it_and_needs_no_escaping_in_html(tmp_path: Path) -> None:
    report_example.write_figure(tmp_path / "f.svg", tmp_path / "f.csv", "T")
    uri = data_uri(tmp_path / "f.svg")
    assert not set(uri) & set("<>&\"'#\n")
    kind, _, text = uri.partition(",")
    found, drawn = unquote(text), (tmp_path / "f.svg").read_text()
    assert kind == "data:image/svg+xml" and found.split() == drawn.split()


@pytest.mark.parametrize(("content", "message"), [("<svg", "not a readable SVG"), ("<html/>", "not an SVG")])
def test_a_damaged_drawing_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.svg").write_text(content)
    with pytest.raises(InputError, match=f"bad.svg: .*{message}"):
        data_uri(tmp_path / "bad.svg")


def test_numbers_are_rounded_to_what_they_carry() -> None:
    frame = pd.DataFrame({
        "quantity": ["mae", "dice", "loss", "beats"],
        "unit": ["EF points", "1", "1", "beats"],
        "value": [4.0517, 0.92137, 0.036302, 1236.0],
        "ci_low": [3.9, 0.9201, np.nan, 1200.0],
        "ci_high": [4.21, 0.9227, np.nan, 1300.0],
        "ci_level": [0.9, 0.95, np.nan, 0.9],
    })  # fmt: skip
    table = as_table(frame, most_rows=10)
    assert [cell.text for cell in table.head] == ["Quantity", "Unit", "Value", "Interval"]
    assert [row[2].text for row in table.rows] == [
        "4.05 (3.90\N{EN DASH}4.21)", "0.921 (0.920\N{EN DASH}0.923)", "0.0363", "1,236 (1,200\N{EN DASH}1,300)"
    ]  # fmt: skip
    assert [row[3].text for row in table.rows] == ["90%", "95%", "\N{EN DASH}", "90%"]
    assert as_table(frame, most_rows=1).of == 4
    texts = pd.DataFrame({"of": ["x", "y"], "sound": ["0.921 (0.920\N{EN DASH}0.923)", "\N{MINUS SIGN}1.5 (-2 to 1)"]})
    assert [cell.numeric for cell in as_table(texts, 5).head] == [False, True]
    assert [row[0].text for row in as_table(pd.DataFrame({"x": [123.456, 0.5]}), 5).rows] == ["123.5", "0.5"]


def test_negative_numbers_have_a_minus_sign_and_no_range_dash() -> None:
    assert number(-0.0001, 2) == "0.00"
    assert with_interval(number(-1.5, 1), number(-2.0, 1), number(0.5, 1)) == "−1.5 (−2.0 to 0.5)"  # noqa: RUF001


@given(st.text(max_size=80))
def test_breaks_change_no_text(text: str) -> None:
    assert unescape(breakable(text).replace("<wbr>", "")) == text.replace("\u200b", "")


def test_paths_outside_the_project_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {"data": "~/echo", "in": [str(tmp_path / "x" / "y"), "../up", "C:\\Users\\jane", "phantom", 3]}
    hidden = "(a path outside the project)"
    assert provenance.without_paths(config) == {"data": hidden, "in": ["x/y", hidden, hidden, "phantom", 3]}
    assert provenance.display_path(Path("/Users/jane/a.csv")) == "a.csv"


def test_costs_add_up_over_the_jobs_of_the_run(tmp_path: Path) -> None:
    header = "s\th:m:s\tmax_rss\tcpu_time\n"
    runs = tmp_path
    (runs / "a.tsv").write_text(header + "10\t0:00:10\t500\t20\n30\t0:00:30\t700\t60\n")
    (runs / "b.tsv").write_text(header + "0.2\t0:00:00\t-\t-\n")
    (runs / "ef.tsv").write_text(header + "1\t0:00:01\t1\t1\n")
    (runs / "earlier.tsv").write_text(header + "5000\t1:23:20\t9000\t9000\n")
    names = {"a": "train", "ef": "train_ef", "b": "train", "lost": "train", "never": "never_ran"}
    jobs = pd.DataFrame(
        [(rule, str(runs / f"{name}.tsv")) for name, rule in names.items()], columns=["rule", "benchmark"]
    )
    costs = provenance.costs(jobs, ["never_ran", "train", "train_ef", "other"]).set_index("rule")
    assert costs.index.to_list() == ["train", "train_ef"]
    row = costs.iloc[0]
    assert (row["jobs"], row["seconds"], row["longest_seconds"], row["peak_mib"]) == (3, 40.2, 30, 700)
    assert row["cores"] == pytest.approx(80 / 40.2)
    (runs / "a.tsv").write_text("nonsense")
    with pytest.raises(InputError, match="no readable benchmark"):
        provenance.costs(jobs, ["train"])


@pytest.mark.parametrize(("seconds", "text"), [(4.23, "4.2 s"), (59.97, "1 min 00 s"), (3725, "1 h 02 min")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_versions_are_those_of_direct_dependencies(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    direct = "\\\n    --hash=sha256:00\n    # via\n    #   reprise (pyproject.toml)\n    #   scipy\n"
    lock.write_text(
        f"numpy==9.9.9 ; python_full_version >= '3.99' {direct}numpy=={np.__version__} {direct}"
        "gone==1.2\n    # via reprise (pyproject.toml)\nother==3\n    # via numpy\n"
    )
    table = provenance.software(lock).set_index("software")
    assert table.loc["numpy", "locked"] == table.loc["numpy", "found"] == np.__version__
    assert table.loc["gone", "locked"] == "1.2"
    assert "other" not in table.index


def test_a_tree_with_changes_is_not_called_clean(tmp_path: Path) -> None:
    assert provenance.code(tmp_path) == [("Commit", "unknown: not run from a Git clone")]
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x.invalid"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    assert "clean" in provenance.code(tmp_path)[1][1]
    (tmp_path / "new").touch()
    assert provenance.code(tmp_path)[1][1] == "1 changed or untracked files"


@st.composite
def rule_graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    names = [f"rule_{place}" for place in range(draw(st.integers(1, 9)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:place]), unique=True)) if place else []
        for place, name in enumerate(names)
    }


def reachable(needs: dict[str, list[str]], rule: str) -> set[str]:
    return set(needs[rule]).union(*(reachable(needs, one) for one in needs[rule]))


@given(rule_graphs())
def test_a_graph_without_shortcuts_implies_the_same_and_its_layers_go_down(needs: dict[str, list[str]]) -> None:
    reduced = without_shortcuts(needs)
    for rule in needs:
        assert reachable(reduced, rule) == reachable(needs, rule)
    level = {rule: depth for depth, row in enumerate(layers(needs)) for rule in row}
    assert level.keys() == needs.keys()
    assert all(level[needed] < level[rule] for rule in needs for needed in needs[rule])


@given(rule_graphs())
def test_no_two_boxes_of_a_drawing_overlap(needs: dict[str, list[str]]) -> None:
    drawing = ElementTree.fromstring(draw_rules(needs, "Rules"))
    boxes = [
        tuple(float(rect.get(side, "")) for side in ("x", "y", "width", "height"))
        for rect in drawing.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == len(needs)
    for place, (x, y, width, height) in enumerate(boxes):
        assert x >= 0
        assert x + width <= float(drawing.get("width", ""))
        assert y + height <= float(drawing.get("height", ""))
        assert all(y != other[1] or x + width <= other[0] or other[0] + other[2] <= x for other in boxes[:place])


def test_a_circle_of_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule graph"):
        without_shortcuts({"a": ["b"], "b": ["a"]})


WORKFLOW = """
rule all:
    input: "report.html"
rule report:
    input: expand("{x}.txt", x=config["letters"])
    output: "report.html"
    benchmark: "benchmarks/report.tsv"
    shell: ""
rule make:
    output: "{x}.txt"
    benchmark: "benchmarks/make/{x}.tsv"
    shell: ""
rule other:
    output: "other.txt"
    benchmark: "benchmarks/other.tsv"
    shell: ""
"""


def ask_snakemake(
    folder: Path, run_step, target: str, before: str = "", **config: list[str]
) -> subprocess.CompletedProcess[str]:
    """Run the step that asks for the rules and jobs of a small workflow."""
    (folder / "Snakefile").write_text(before + WORKFLOW)
    settings = json.dumps({"config": config, "code": "0123"})
    options = ["--snakefile", "Snakefile", "--settings", settings, "--target", target]
    return run_step("report/dag.py", *options, "--rules", "rules.csv", "--jobs", "jobs.csv", cwd=folder)


def test_snakemake_tells_which_rule_needs_which_and_which_jobs_there_are(tmp_path: Path, run_step) -> None:
    for letters in (["b", "a"], ["a"]):
        done = ask_snakemake(tmp_path, run_step, "all", letters=letters)
        assert done.returncode == 0, done.stderr
        assert read_rules(tmp_path / "rules.csv") == {"all": ["report"], "make": [], "report": ["make"]}
        assert read_jobs(tmp_path / "jobs.csv").to_numpy().tolist() == [
            *(["make", f"benchmarks/make/{letter}.tsv"] for letter in sorted(letters)),
            ["report", "benchmarks/report.tsv"],
        ]


def test_a_workflow_that_cannot_be_planned_is_one_message(tmp_path: Path, run_step) -> None:
    done = ask_snakemake(tmp_path, run_step, "missing.html", letters=["a"])
    assert done.returncode == 2
    assert "missing.html" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.csv"))


def test_a_file_that_a_running_job_replaces_while_it_is_looked_at_is_looked_at_again(tmp_path: Path, run_step) -> None:
    assert OVERTAKEN in inspect.getsource(snakemake.io)
    overtaken = f"""
from snakemake.exceptions import WorkflowError
with open("times", "a+") as times:
    times.write("x")
    times.seek(0)
    if len(times.read()) < 3:
        raise WorkflowError("b.txt existed before. It could be that {OVERTAKEN}.")
"""
    done = ask_snakemake(tmp_path, run_step, "all", before=overtaken, letters=["a"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "times").read_text() == "xxx" and list(read_rules(tmp_path / "rules.csv")) == [
        "all",
        "make",
        "report",
    ]
    done = ask_snakemake(tmp_path, run_step, "all", before=overtaken.replace("< 3", "< 99"), letters=["a"])
    assert done.returncode == 2 and done.stderr.count(OVERTAKEN) == 1 and "Traceback" not in done.stderr
