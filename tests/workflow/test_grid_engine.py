"""The workflow on a real Grid Engine of one node with GPUs, by the command that a user types."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import grid_engine
from faults import at_work
from finished_run import copy_run, finished_copy
from project import configure, environment, overlaid, type_command
from workflow_rules import job_rules

COMMAND = "snakemake --profile sge results/report.html"
TRAINING, STEP = "echonet_train_ef", "echonet/train_ef.py"
# The node promises more memory than this machine has: rules ask for what a published run takes.
NODE = {"cpus": 4, "memory_mb": 256_000, "gpus": 2}
PERSON = "Roe_Richard"


@dataclass(frozen=True)
class Story:
    """A run in which a training is deleted by force, then Snakemake is killed and its command typed again."""

    folder: Path
    asked: list[str]  # what each job of the training asked for
    shown: str  # what Grid Engine shows and keeps of a training that runs
    typed: str  # all that the commands printed
    accounts: dict[str, dict[str, str]]  # what Grid Engine recorded of the last job of each rule


@pytest.fixture(scope="module")
def grid() -> Iterator[grid_engine.Grid]:
    if obstacle := grid_engine.obstacle():
        pytest.skip(obstacle)
    with grid_engine.one_node(**NODE) as started:
        yield started


@pytest.fixture(scope="module")
def story(grid: grid_engine.Grid, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = finished_copy(tmp_path_factory, "grid").folder
    small_project(folder)
    first = start(folder, grid)
    asked = [wait_for_training(grid, first, folder)]
    shown = asked[0] + kept(grid)
    grid.run("qdel", "-f", field(asked[0], "job_number"))
    asked.append(wait_for_training(grid, first, folder))
    os.kill(int(Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text()), signal.SIGKILL)
    first.wait()
    second = start(folder, grid)
    assert second.wait() == 0, typed(folder)[-5000:]
    return Story(folder, asked, shown, typed(folder), all_accounts(grid))


def small_project(folder: Path) -> None:
    """One study, in which a training and what follows it must run; it lasts until both faults can hit it."""
    settings = folder / "config/echonet.yaml"
    schedules = yaml.safe_load(settings.read_text())
    settings.write_text(yaml.safe_dump(overlaid(schedules, {"demo": {"ef": {"epochs": 60}}})))
    configure(folder, studies=["echonet"], checkpoint_every="1 steps")
    with (folder / "sge/profile.yaml").open("a") as profile:
        profile.write("\nseconds-between-status-checks: 1\nlatency-wait: 5\nset-threads: {echonet_score: 2}\n")


def start(folder: Path, grid: grid_engine.Grid) -> subprocess.Popen[str]:
    """Type the command; what it prints is appended to a file."""
    surroundings = environment() | {"PERSON": PERSON}
    with (folder / "typed.log").open("a") as log:
        words = [*grid.inside, *COMMAND.split()]
        return subprocess.Popen(words, cwd=folder, env=surroundings, stdout=log, stderr=subprocess.STDOUT, text=True)


def wait_for_training(grid: grid_engine.Grid, command: subprocess.Popen[str], folder: Path) -> str:
    """What `qstat` shows of a job of the training that runs, once it has written a checkpoint and is halted."""
    before = checkpoints(folder)
    while not (job := running(grid, TRAINING)) or checkpoints(folder) <= before:
        assert command.poll() is None, f"the command ended\n{typed(folder)[-5000:]}\n{grid.logs()}"
        time.sleep(0.1)
    processes = at_work(STEP, folder)
    assert processes, "the training had ended already"
    for process in processes:
        process.suspend()
    return grid.run("qstat", "-j", job)


def checkpoints(folder: Path) -> set[Path]:
    return set((folder / "results/checkpoints/echonet/ef").rglob("last-*"))


def running(grid: grid_engine.Grid, rule: str) -> str:
    """The number of the job of a rule that runs; empty if none does."""
    rows = ElementTree.fromstring(grid.run("qstat", "-xml")).iter("job_list")
    named = (row for row in rows if row.findtext("JB_name") == rule and row.findtext("state") == "r")
    return next((row.findtext("JB_job_number", "") for row in named), "")


def field(shown: str, name: str) -> str:
    """A line of what `qstat -j` shows, without its name."""
    return next(line.split(":", 1)[1].strip() for line in shown.splitlines() if line.startswith(f"{name}:"))


def kept(grid: grid_engine.Grid) -> str:
    """All that Grid Engine keeps in its files."""
    files = [path for part in ("execd", "spool") for path in (grid.folder / part).rglob("*") if path.is_file()]
    return "\n".join(path.read_text(errors="replace") for path in files)


def typed(folder: Path) -> str:
    return (folder / "typed.log").read_text()


def all_accounts(grid: grid_engine.Grid) -> dict[str, dict[str, str]]:
    """What Grid Engine recorded, once it has the last job: it writes its records some seconds after a job's end."""
    until = time.monotonic() + 300
    while "echonet_score" not in (found := accounts(grid)) and time.monotonic() < until:
        time.sleep(1)
    return found


def accounts(grid: grid_engine.Grid) -> dict[str, dict[str, str]]:
    """What Grid Engine recorded of the last job of each rule."""
    blocks = grid.run("qacct", "-j").split("=" * 62)
    tables = [dict(line.split(maxsplit=1) for line in block.splitlines() if " " in line) for block in blocks if block]
    return {table["jobname"].strip(): table for table in tables if "jobname" in table}


def test_killed_training_goes_on_and_its_result_is_the_same(
    story: Story, grid: grid_engine.Grid, tmp_path: Path
) -> None:
    assert "cancelling jobs that an earlier Snakemake left in the queue" in story.typed
    (log,) = (story.folder / "results/logs/echonet/train_ef").glob("*.log")
    assert "going on from epoch" in log.read_text()
    undisturbed = tmp_path / "project"
    copy_run(story.folder, undisturbed)
    for path in ("echonet/ef", "checkpoints/echonet/ef"):
        shutil.rmtree(undisturbed / "results" / path)
    wanted = results(story.folder)[0].relative_to(story.folder)
    again = type_command(f"snakemake {wanted}", undisturbed, grid.inside)
    assert again.returncode == 0, again.stdout[-3000:]
    assert "going on from epoch" not in (undisturbed / log.relative_to(story.folder)).read_text()
    pairs = zip(results(undisturbed), results(story.folder), strict=True)
    assert all(mine.read_bytes() == other.read_bytes() for mine, other in pairs)


def results(folder: Path) -> list[Path]:
    """Weights and history of the training."""
    found = [*(folder / "results/echonet/ef").rglob("*.safetensors"), *folder.glob("results/echonet/ef/*/log.csv")]
    assert len(found) > 1
    return sorted(found)


def test_jobs_ask_for_what_their_rule_declares_and_steps_of_seconds_are_not_sent(story: Story) -> None:
    rules = {rule.name: rule for rule in job_rules() if rule.name not in rule.workflow._localrules}
    sent = {TRAINING, "echonet_predict_ef", "echonet_beat_by_beat", "echonet_score"}
    assert story.accounts.keys() == sent <= rules.keys()
    for name, account in story.accounts.items():
        resources = rules[name].resources
        declared = {
            "h_rt": str(60 * resources["runtime"].value),
            "mem_free": f"{resources['mem_mb'].evaluate({}, attempt=1).value}M",
            "gpu": str(resources["gpu"].value) if "gpu" in resources else "0",
        }
        asked = dict(pair.split("=") for pair in re.findall(r"-l (\S+)", account["category"])[0].split(","))
        assert {"gpu": "0"} | asked == declared, name
        assert int(account["slots"]) == (2 if name == "echonet_score" else 1), name


def test_killed_job_is_sent_again_with_more_memory_once(story: Story) -> None:
    asked = [field(shown, "hard resource_list") for shown in story.asked]
    assert asked == [f"h_rt=172800,mem_free={memory}M,gpu=1" for memory in (32000, 64000)]
    assert field(story.asked[0], "job_name") == TRAINING


def test_grid_engine_keeps_no_variable_of_the_environment(story: Story) -> None:
    assert field(story.shown, "env_list") and PERSON not in story.shown


def test_second_run_has_nothing_to_do(story: Story, grid: grid_engine.Grid) -> None:
    again = type_command(COMMAND, story.folder, grid.inside)
    assert again.returncode == 0 and "Nothing to be done" in again.stdout
