"""A step fails while a finished report exists: the same command, typed again, mends everything."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dry_runs import why
from faults import ECHO, LESIONS, arm, edit, outcome
from finished_run import REPORT, Finished, copy_run, finished_copy, run
from project import configure, environment, type_command
from small_disk import small_disk

COMMAND = f"snakemake {REPORT}"
OUTPUTS = "results/mslesion/metrics.csv results/mslesion/quirks.csv results/mslesion/lesions.csv"
# Failures, as shell commands in place of the step. $PPID is Snakemake.
WAYS = {
    "program not found": "exec no_such_program",
    "status 1": "exit 1",
    "error after all is written": '{python} "$@"; exit 1',
    "one output deleted before the end": f'{{python}} "$@"; rm {OUTPUTS.split()[1]}; exit 0',
    "out of memory": "ulimit -v 80000",
    "step killed": "kill -KILL $$",
    "step told to end": "kill -TERM $$",
    "Snakemake killed, step goes on": "kill -KILL $PPID; sleep 0.2",
    "Snakemake killed once all is written": '{python} "$@"; kill -KILL $PPID',
    "both killed": "kill -KILL $PPID $$",
    "Snakemake told to end": "kill -TERM $PPID; sleep 1; exit 1",
    "Snakemake interrupted": "kill -INT $PPID; sleep 1; kill -INT $$",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The finished run of two studies alone: planning takes half the time, and no test is about the others."""
    found = finished_copy(tmp_path_factory, "failures")
    configure(found.folder, studies=["echonet", "mslesion"])
    run(COMMAND, found.folder)
    return found


@pytest.fixture(scope="module")
def expected(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the edit without a failure."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    copy_run(finished.folder, folder)
    edit(folder)
    run(COMMAND, folder)
    assert outcome(folder) != outcome(finished.folder)
    return outcome(folder)


@pytest.fixture
def project(finished: Finished, tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished run with an edit: a step in the middle of each study is stale."""
    folder = tmp_path / "project"
    copy_run(finished.folder, folder)
    edit(folder)
    yield folder
    shutil.rmtree(folder)


def assert_mended(folder: Path, expected: dict[str, bytes], before: tuple[str, ...] = ()) -> None:
    """The same command gives the results of a run without a failure."""
    run(COMMAND, folder, before)
    found = outcome(folder)
    assert {name for name in expected.keys() | found.keys() if found.get(name) != expected.get(name)} == set()
    assert list((folder / "results").rglob(".*.part")) == []
    assert why(folder) == ["nothing would run"]


@pytest.mark.parametrize("way", WAYS)
def test_failure_is_not_forgotten(way: str, project: Path, tmp_path: Path, expected: dict[str, bytes]) -> None:
    fault = arm(tmp_path / "fault", (LESIONS,), WAYS[way].replace("{python}", shutil.which("python") or ""))
    failed = type_command(COMMAND, project, fault.before)
    assert failed.returncode != 0, failed.stdout[-3000:]
    assert (project / REPORT).exists()
    told = why(project)
    assert [line for line in told if line.startswith("mslesion score <- ")], told
    assert [line for line in told if line.startswith("report page <- ")], told
    fault.armed.unlink()
    assert_mended(project, expected)


@pytest.mark.parametrize("options", ["--keep-going", "--retries 1", "--keep-incomplete"])
def test_two_jobs_fail_at_once(options: str, project: Path, tmp_path: Path, expected: dict[str, bytes]) -> None:
    fault = arm(tmp_path / "fault", (LESIONS, ECHO), "sleep 1; exit 1")
    failed = type_command(f"{COMMAND} {options} --cores 2", project, fault.before)
    assert failed.returncode != 0
    named = [line.split(" <- ")[0] for line in why(project)]
    assert {"mslesion score", "echonet score", "report page"} <= set(named)
    fault.armed.unlink()
    assert_mended(project, expected)


def test_failure_of_an_edit_that_is_taken_back(finished: Finished, project: Path, tmp_path: Path) -> None:
    fault = arm(tmp_path / "fault", (LESIONS, ECHO), "exit 1")
    assert type_command(f"{COMMAND} -k", project, fault.before).returncode != 0
    for study in ("echonet", "mslesion"):
        shutil.copy2(finished.folder / f"config/{study}.yaml", project / "config")
    assert "mslesion score" in {line.split(" <- ")[0] for line in why(project)}
    fault.armed.unlink()
    assert_mended(project, outcome(finished.folder))


def test_full_disk(project: Path, tmp_path: Path, expected: dict[str, bytes]) -> None:
    results = project / "results"
    used = sum(file.stat().st_size for file in results.rglob("*") if file.is_file())
    filler = results / "filler"
    fault = arm(tmp_path / "fault", (LESIONS,), f"cat /dev/zero >{filler} 2>/dev/null")
    with small_disk(results, used + 20 * 2**20) as inside:
        failed = type_command(COMMAND, project, (*inside, *fault.before))
        assert failed.returncode != 0
        assert "the disk is full; nothing was written" in failed.stdout
        run(f"rm {filler}", project, inside)
        fault.armed.unlink()
        again = run(COMMAND, project, inside)
        assert "mslesion_score" in again
        run(f"cp -a {results}/. {tmp_path}/from_disk", project, inside)
    shutil.rmtree(results)
    (tmp_path / "from_disk").rename(results)
    assert_mended(project, expected)


def test_bad_input_is_mended(finished: Finished, project: Path) -> None:
    published = project / "config/published.yaml"
    text = published.read_text()
    published.write_text(text.replace("studies:", "studies: ["))
    assert type_command(COMMAND, project).returncode != 0
    published.write_text(text.replace("studies:", "study:"))
    assert type_command(COMMAND, project).returncode != 0
    published.write_text(text)
    run(COMMAND, project)
    assert why(project) == ["nothing would run"]


def test_step_ends_with_its_snakemake_and_the_next_one_waits(
    project: Path, tmp_path: Path, expected: dict[str, bytes]
) -> None:
    """The next command waits for a step that ends slowly, and then makes its results again."""
    marks = tmp_path / "marks"
    marks.mkdir()
    script = project / "workflow_scripts/mslesion/score.py"
    code = script.read_text()
    waiting = f"""
def wait_for_the_end(_: argparse.Namespace) -> None:
    import signal, time
    from pathlib import Path
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    Path("{marks}/begun").touch()
    while not told:
        time.sleep(0.05)
    time.sleep(3)
    Path("{marks}/ended").touch()


"""
    changed = code.replace(
        'if __name__ == "__main__":\n    run(main', waiting + 'if __name__ == "__main__":\n    run(wait_for_the_end'
    )
    assert changed != code
    script.write_text(changed)
    first = subprocess.Popen(
        COMMAND.split(), cwd=project, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 600
    while not (marks / "begun").exists():
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.1)
    script.write_text(code)
    first.kill()
    first.wait()
    run(COMMAND, project)
    assert (marks / "ended").exists()
    assert_mended(project, expected)


def test_code_edited_while_jobs_wait(project: Path, tmp_path: Path, expected: dict[str, bytes]) -> None:
    """A step loads an edit that was not in Snakemake's plan; the edit is undone before the step ends."""
    script = project / "workflow_scripts/mslesion/score.py"
    code = script.read_text()
    edited = tmp_path / "edited.py"
    edited.write_text(
        code.replace(
            "def main(args: argparse.Namespace) -> None:\n",
            "def main(args: argparse.Namespace) -> None:\n    print(args)\n",
        )
    )
    assert edited.read_text() != code
    fault = arm(
        tmp_path / "fault",
        (LESIONS,),
        f'cp {edited} "$1"; {shutil.which("python")} "$@"; status=$?; cp {tmp_path}/code.py "$1"; exit $status',
    )
    (tmp_path / "code.py").write_text(code)
    run(COMMAND, project, fault.before)
    fault.armed.unlink()
    assert why(project)[0] == "mslesion score <- its step loaded other code than there is now"
    assert_mended(project, expected)


@pytest.mark.parametrize(
    ("name", "remade"),
    [
        ("results/scoreboard.csv", "report scoreboard"),
        ("results/mslesion/metrics.csv", "mslesion score"),
        ("results/echonet/figures", "echonet plot"),
        ("results/echonet/store", "echonet convert"),
    ],
)
@pytest.mark.parametrize("damage", ["deleted", "cut"])
def test_results_that_are_deleted_or_cut(name: str, remade: str, damage: str, finished: Finished) -> None:
    """`make why` names each damaged result with its step, and nothing once the result is restored."""
    place = finished.folder / name
    file = (
        next(path for path in sorted(place.rglob("*")) if path.is_file() and path.stat().st_size)
        if place.is_dir()
        else place
    )
    content, stat = file.read_bytes(), file.stat()
    if damage == "deleted":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2])
    told = why(finished.folder)
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert [line for line in told if line.startswith(f"{remade.split(' roc', maxsplit=1)[0]}") and file.name in line], (
        told
    )
    assert why(finished.folder) == ["nothing would run"]


def test_a_copy_with_new_times_is_accepted_by_touch(finished: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    subprocess.run(["cp", "-r", finished.folder, folder], check=True)
    before = outcome(folder)
    run(f"snakemake --touch {REPORT}", folder)
    assert why(folder) == ["nothing would run"] and outcome(folder) == before
    shutil.rmtree(folder)
