"""What `make report` shows: on a terminal, in a pipe, at failures and when it is stopped; and what its log keeps."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import ROOT, copy_project, environment, type_command
from pseudo_terminal import seen, type_on_terminal

RUN = f"python {ROOT}/workflow_scripts/terminal/run.py page.txt --cores 2"
WORKFLOW = """
rule lungs_train:
    output: "{run}/fold{fold}.txt"
    log: "logs/{run}-{fold}.log"
    retries: 1
    shell: "exec sh train.sh {wildcards.fold} {output}"

rule report_page:
    input: "unet_2d-seed0/fold1.txt", "unet_2d-seed0/fold2.txt"
    output: "page.txt"
    log: "logs/page.log"
    shell: "exec sh page.sh {output} {log}"
"""
TRAIN = """
echo "terms: CC BY, $1" >&2
while test -e wait; do sleep 0.1; done
test $1 = 1 || test -e tried || { touch tried; exit 1; }
touch $2
"""
PAGE = """
test -e good || { echo 'error: labels.csv, row 3: expected a number' | tee $2 >&2; exit 2; }
touch $1
"""
TRAINED = [f"lungs: train, unet_2d, seed 0, fold {fold}" for fold in (1, 2)]
SECONDS = re.compile(r"(\d+ h )?(\d+ min )?[\d.]+ s\b")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A workflow with a step that fails, and one that succeeds when it is tried again."""
    for name, text in (("Snakefile", WORKFLOW), ("train.sh", TRAIN), ("page.sh", PAGE)):
        (tmp_path / name).write_text(text)
    return tmp_path


def log_of(folder: Path) -> Path:
    """The newest log of all that Snakemake printed."""
    return max((folder / ".snakemake/log").glob("*.report.log"))


def without_seconds(text: str) -> list[str]:
    return [SECONDS.sub("N s", line) for line in text.splitlines()]


def test_pipe_gets_plain_lines_and_the_failed_step_last(project: Path) -> None:
    failed = type_command(RUN, project)
    assert failed.returncode == 1
    assert not re.search(r"[^ -~\n]", failed.stdout), "neither control characters nor the blocks of a bar"
    first, *lines = without_seconds(failed.stdout)
    log = log_of(project)
    assert first == f"all that Snakemake prints: {log.relative_to(project)}"
    assert {f"{TRAINED[0]} (N s)", f"{TRAINED[1]} failed (N s)", f"{TRAINED[1]} (N s)", "terms: CC BY, 1"} <= {*lines}
    assert len([line for line in lines if "labels.csv" in line]) == 1
    assert lines[-5:] == [
        "report: page failed (N s)",
        "page.txt: 2 of 3 steps done in N s; the same command goes on from there",
        f"  all that Snakemake printed: {log.relative_to(project)}",
        "report: page: labels.csv, row 3: expected a number",
        "  log: logs/page.log",
    ]
    kept, own = log.read_text(), max((project / ".snakemake/log").glob("*.snakemake.log")).read_text()
    assert {*own.splitlines()} <= {*kept.splitlines()} and len(own.splitlines()) > 60
    assert "terms: CC BY, 2" in kept, "what steps print too"
    (project / "good").touch()
    mended = type_command(RUN, project)
    assert mended.returncode == 0
    assert without_seconds(mended.stdout)[1:] == ["report: page (N s)", "page.txt: 1 step in N s"]
    status, nothing = type_on_terminal(RUN, project, 80, NO_COLOR="1")
    assert status == 0 and "\x1b" not in nothing
    assert nothing.splitlines()[1:] == ["page.txt: nothing to do"]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_terminal_has_lines_above_a_bar_and_in_the_end_lines_alone(project: Path, columns: int) -> None:
    (project / "good").touch()
    status, written = type_on_terminal(RUN, project, columns)
    assert status == 0
    assert "planning" in written
    assert re.search(r"\r2/3 \|█+\S? +\| ([\d.]+ s|perhaps .* left)", written)
    assert any(re.search(rf"\rnow {words}"[: columns - 1], written) for words in TRAINED), "what runs now"
    text = SECONDS.sub("N s", "".join(as_typed(seen(written, columns), columns)))
    first, *lines = text.splitlines()
    assert first == f"all that Snakemake prints: {log_of(project).relative_to(project)}"
    assert sorted(lines) == sorted(
        [
            "terms: CC BY, 1",
            *["terms: CC BY, 2"] * 2,
            f"{TRAINED[1]} failed (N s)",
            *(f"{trained} (N s)" for trained in TRAINED),
            "report: page (N s)",
            "page.txt: 3 steps in N s",
        ]
    )


def as_typed(rows: list[str], columns: int) -> Iterator[str]:
    """The lines that the rows of a terminal show; a full row goes on in the next."""
    assert rows.pop() == ""
    for row in rows:
        assert 0 < len(row) <= columns
        yield row if len(row) == columns else f"{row}\n"


def test_stopped_run_waits_for_its_steps_as_snakemake_does(project: Path) -> None:
    (project / "wait").touch()
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = subprocess.Popen(RUN.split(), cwd=project, env=environment(), **pipes)
    assert running.stdout is not None
    while not running.stdout.readline().startswith("terms"):
        assert running.poll() is None
    os.kill(running.pid, signal.SIGTERM)
    while not running.stdout.readline().startswith("stopping as asked, when the steps that run have ended"):
        assert running.poll() is None
    (project / "wait").unlink()
    told = without_seconds(running.communicate()[0])
    assert running.returncode == 1
    assert f"{TRAINED[0]} (N s)" in told and not [line for line in told if line.startswith("report: page")]


def test_a_killed_program_is_told_with_the_log_that_says_most(project: Path) -> None:
    log = project / "logs/page.log"
    log.parent.mkdir()
    log.write_text("error: of an earlier run\n")
    (project / "page.sh").write_text("kill -KILL $$")
    failed = type_command(RUN, project)
    assert failed.returncode == 1
    kept = log_of(project).relative_to(project)
    assert failed.stdout.splitlines()[-2:] == ["report: page: killed by SIGKILL", f"  log: {kept}"]
    (project / "page.sh").write_text("echo epoch 1 >$2; kill -KILL $$")
    assert type_command(RUN, project).stdout.splitlines()[-1] == "  log: logs/page.log"


def test_make_report_tells_an_error_before_the_first_step_as_snakemake_does(tmp_path: Path) -> None:
    copy_project(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("schedule: demo", "schedule: quick"))
    apart = "env --unset=MAKEFLAGS --unset=MAKELEVEL"  # these tests may run below another make
    failed = type_command(f"{apart} make -o .venv/ready report", tmp_path)
    assert failed.returncode == 2, "that of make itself"
    first, *told, last = failed.stdout.splitlines()
    assert first.startswith("all that Snakemake prints: .snakemake/log/") and last.startswith("make: ***")
    assert told == type_command("snakemake results/report.html", tmp_path).stdout.splitlines()[-2:]
    assert told[-1] == "  config.yaml: schedule: found 'quick', expected demo or published"
    assert {*told} <= {*log_of(tmp_path).read_text().splitlines()}
    shutil.rmtree(tmp_path / ".snakemake")
