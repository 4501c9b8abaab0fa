"""How a new Snakemake treats others in the same folder, and how it reads the answers of schedulers."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from reprise.engine import grid_engine
from reprise.engine.orphans import wait_for_orphans
from reprise.engine.slurm import tell_ended_jobs
from reprise.engine.takeover import take_over
from reprise.step.errors import InputError

TAKE_OVER = """
import sys
from pathlib import Path
from reprise.engine.takeover import take_over
take_over(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """A process that takes a folder over and keeps it until its input ends."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": "/bin"}
    return subprocess.Popen([sys.executable, "-c", TAKE_OVER, str(folder)], text=True, env=environment, **pipes)


def test_second_is_told_of_the_first_and_a_killed_first_leaves_nothing(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    second = start(tmp_path)
    said = second.communicate("")[1]
    assert second.returncode == 1
    assert said.startswith("error: ") and said.count("\n") == 1 and f"process {first.pid} on " in said
    first.kill()
    first.wait()
    third = start(tmp_path)
    assert third.communicate("") == ("held\n", "")


def fake(folder: Path, name: str, script: str) -> None:
    """Put a program into a folder."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_only_jobs_of_this_folder_that_snakemake_sent_are_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, queue = tmp_path / "here", tmp_path / "queue"
    here.mkdir()
    rows = [f"1|rule_train|{here}", f"2|rule_train|{tmp_path}", f"3|(null)|{here}", f"4_1|rule_score|{here}"]
    queue.write_text("\n".join(rows) + "\n")
    fake(tmp_path, "squeue", f"cat {queue}")
    fake(tmp_path, "scancel", f'echo "$@" > {tmp_path}/cancelled; sed -i -e /train.$/d -e /score/d -e /^1/d {queue}')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    take_over(here)
    assert (tmp_path / "cancelled").read_text() == "1 4_1\n"
    assert capsys.readouterr().err.endswith("left in the queue: 1 4_1\n")


QSTAT = """
if [ "$1" = -j ]; then
    echo job_number: 4
    echo job_number: 1; echo script_file: {here}/.snakemake/tmp.a/snakejob.train.1.sh
    echo job_number: 2; echo script_file: {here}-other/.snakemake/tmp.b/snakejob.train.1.sh
    echo job_number: 3; echo script_file: STDIN
else
    cat {queue}
fi
"""
ROW = "<job_list><JB_job_number>{}</JB_job_number><state>{}</state></job_list>"


def test_only_jobs_of_this_folder_are_cancelled_in_grid_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here, queue = tmp_path / "here", tmp_path / "queue"
    here.mkdir()
    queue.write_text(f"<queue>{''.join(ROW.format(number, 'r') for number in (1, 2, 3, 4))}</queue>")
    fake(tmp_path, "qstat", QSTAT.format(here=here, queue=queue))
    fake(tmp_path, "qdel", f'echo "$@" >> {tmp_path}/cancelled; echo "<queue/>" > {queue}')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    take_over(here)
    assert (tmp_path / "cancelled").read_text() == "1\n"
    assert capsys.readouterr().err.endswith("left in the queue: 1\n")


@pytest.mark.parametrize(("program", "jobs"), [("squeue", "slurm_logs"), ("qstat", "sge")])
def test_a_scheduler_that_does_not_answer_counts_as_one_with_jobs_of_this_folder(
    program: str, jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only if jobs were sent from it: another program may have this name."""
    here = tmp_path / "here"
    (here / ".snakemake" / jobs).mkdir(parents=True)
    fake(tmp_path, program, "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    take_over(tmp_path / "new")
    with pytest.raises(SystemExit, match=f"^error: {here}: jobs were sent from here, .* remove .snakemake/{jobs} if"):
        take_over(here)


@pytest.mark.parametrize(
    ("queue", "lost"),
    [
        ("<queue/>", ["1", "2", "3"]),
        (f"<queue>{ROW.format(1, 'r')}{ROW.format(2, 'qw')}{ROW.format(3, 'Eqw')}</queue>", ["3"]),
        ("error: no answer", []),
    ],
)
def test_jobs_that_left_the_queue_without_a_word_have_failed(
    queue: str, lost: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once: a shared disk may show late how a job ended. A job that ended well has not failed."""
    fake(tmp_path, "qstat", f"echo '{queue}'")
    fake(tmp_path, "qdel", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(grid_engine, "_missed", {})
    (tmp_path / "4.finished").touch()
    jobs = [sent(tmp_path, number) for number in "1234"]
    for patience in (60, 0):
        asyncio.run(passed_on(jobs, patience))
        failed = sorted(path.stem for path in tmp_path.glob("*.failed"))
        assert failed == ([] if patience else lost)


def sent(folder: Path, number: str) -> SimpleNamespace:
    """A job as Snakemake's plugin describes it."""
    ends = {f"job{end}": str(folder / f"{number}.{end}") for end in ("finished", "failed")}
    return SimpleNamespace(external_jobid=number, aux=ends)


async def passed_on(jobs: list[SimpleNamespace], patience: float) -> None:
    """Let the plugin look at jobs once."""

    class Executor:
        workflow = SimpleNamespace(execution_settings=SimpleNamespace(latency_wait=patience))
        get_jobfinished_marker = get_jobfailed_marker = None

        async def check_active_jobs(self, active: list[SimpleNamespace]) -> AsyncIterator[SimpleNamespace]:
            for job in active:
                yield job

    grid_engine._tell_lost_jobs(Executor)
    assert [job async for job in Executor().check_active_jobs(jobs)] == jobs


@pytest.mark.parametrize(
    ("told", "in_queue", "understood"),
    [
        ("RUNNING", "RUNNING", "RUNNING"),
        ("CANCELLED by 1000", "", "CANCELLED"),
        ("PREEMPTED", "PREEMPTED", "CANCELLED"),
        ("PREEMPTED", "", "CANCELLED"),
        ("PREEMPTED", "COMPLETING", "PREEMPTED"),
        ("PREEMPTED", "PENDING", "PREEMPTED"),
    ],
)
def test_ended_jobs_are_not_taken_for_running(
    told: str, in_queue: str, understood: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*_: object) -> tuple[dict[str, str], float]:
        return {"7": told}, 0.5

    plugin = ModuleType("plugin")
    plugin.__dict__["query_job_status"] = ask
    monkeypatch.setitem(sys.modules, "snakemake_executor_plugin_slurm", plugin)
    fake(tmp_path, "squeue", f"echo {in_queue}")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    tell_ended_jobs()
    assert asyncio.run(plugin.query_job_status("squeue", None)) == ({"7": understood}, 0.5)


STEP = """
import argparse, os, signal, sys, time
from reprise.step.command import run, step_parser

def main(args):
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), os.write(1, b"ended\\n"), sys.exit(75)))
    print("begun", flush=True)
    time.sleep(60)

run(main, step_parser(""))
"""
SNAKEMAKE = """
import subprocess, sys
from reprise.engine.orphans import announce_snakemake
announce_snakemake()
subprocess.run([sys.executable, "-c", sys.argv[1]])
"""


def test_step_is_told_to_end_with_its_snakemake_and_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / ".snakemake").mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    snakemake = subprocess.Popen(
        [sys.executable, "-c", SNAKEMAKE, STEP], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    assert snakemake.stdout is not None and snakemake.stdout.readline() == "begun\n"
    with pytest.raises(InputError, match="steps of an earlier Snakemake are still at work"):
        wait_for_orphans(tmp_path, seconds=0)
    snakemake.kill()
    wait_for_orphans(tmp_path, seconds=300)
    assert snakemake.stdout.read() == "ended\n"


def test_step_of_a_snakemake_that_has_ended_does_nothing(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "REPRISE_SNAKEMAKE": str(ended.pid)}
    step = subprocess.run(
        [sys.executable, "-c", STEP], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert step.returncode == 2 and step.stdout == ""
    assert step.stderr == "error: the Snakemake that started this step has ended; type its command again\n"


def test_jobs_of_grid_engine_get_the_environment_by_a_file_that_only_its_user_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "environment"
    monkeypatch.setenv("WARD", "two words, a 'quote'\nand a line")
    for name in ("TMPDIR", "JOB_ID", "NSLOTS", "SGE_TASK_ID"):
        monkeypatch.setenv(name, "/of/the/login/node")
    monkeypatch.setenv("SGE_CELL", "-default-")
    grid_engine._keep_environment(file)
    assert file.stat().st_mode & 0o777 == 0o600
    shell = subprocess.run(
        ["env", "-i", "sh", "-c", f'. {file}; printf %s "$WARD$TMPDIR$JOB_ID$NSLOTS$SGE_TASK_ID$SGE_CELL"'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shell.stdout == os.environ["WARD"] + "-default-"
