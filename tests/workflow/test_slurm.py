"""The whole workflow on a real Slurm of two nodes with GPUs, by the command that a user types."""

import random
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import slurm
from dry_runs import why
from faults import ECHO, LESIONS, arm, edit, outcome
from finished_run import copy_run
from named_files import COMMAND as PREDICT
from named_files import make_project
from persons import written_with_a_name
from project import environment, type_command
from slurm_faults import COMMAND, MEMORY, NODE, small_project, survive
from workflow_rules import job_rules


@dataclass(frozen=True)
class Runs:
    """Two runs of the command: their folder, their output, and Slurm's records of the jobs."""

    folder: Path
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    jobs: list[dict[str, str]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    if obstacle := slurm.obstacle():
        pytest.skip(obstacle)
    with slurm.two_nodes(**NODE) as started:
        yield started


@pytest.fixture(scope="module")
def runs(cluster: slurm.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("project")
    small_project(folder)
    first, second = (type_command(COMMAND, folder, cluster.inside) for _ in range(2))
    return Runs(folder, first, second, records(cluster))


def test_run_ends_with_report_and_scoreboard(runs: Runs) -> None:
    assert runs.first.returncode == 0, runs.first.stdout[-8000:]
    for name in ("report.html", "scoreboard.csv"):
        assert (runs.folder / "results" / name).stat().st_size > 0


def test_jobs_ran_on_both_nodes_and_all_ended_well(runs: Runs) -> None:
    assert {job["NodeList"] for job in runs.jobs} == {"n1", "n2"}
    assert {job["JobState"] for job in runs.jobs} == {"COMPLETED"}


def test_jobs_ask_for_what_their_rule_declares_and_say_which_they_are(runs: Runs) -> None:
    rules = {f"rule_{rule.name}": rule for rule in job_rules()}
    asked = {}
    for job in runs.jobs:
        name, _, wildcards = job["Comment"].partition("_wildcards_")
        resources = rules[name].resources
        gpus = resources["gpu"].value if "gpu" in resources else 0
        memory = resources["mem_mb"].evaluate({}, attempt=1).value
        declared = (f"{memory}M", resources["runtime"].value, gpus)
        asked[name] = (job["MinMemoryNode"], minutes(job["TimeLimit"]), int(job.get("TresPerJob", ":0").split(":")[-1]))
        assert asked[name] == declared, name
        assert bool(wildcards) == bool(rules[name].wildcard_names)
    assert asked["rule_echonet_train_ef"] == ("32000M", 2 * 24 * 60, 1)
    assert asked["rule_mslesion_train"] == ("16000M", 2 * 24 * 60, 1)
    assert len(asked) > 10


def minutes(limit: str) -> int:
    """A time limit as Slurm prints it, days-hours:minutes:seconds."""
    days, _, clock = limit.rpartition("-")
    hours, least, _ = clock.split(":")
    return (int(days or 0) * 24 + int(hours)) * 60 + int(least)


def test_second_run_has_nothing_to_do(runs: Runs) -> None:
    assert runs.second.returncode == 0
    assert "Nothing to be done" in runs.second.stdout


def test_faults_change_nothing(runs: Runs, cluster: slurm.Cluster, tmp_path: Path) -> None:
    faults = [MEMORY, "Snakemake killed", "scancel of the job", "requeue", "slurmd killed"]
    run = survive(tmp_path / "faulty", cluster, runs.folder, random.SystemRandom().randrange(10**6), faults)
    assert "cancelling jobs that an earlier Snakemake left in the queue" in run.typed()


def test_jobs_that_slurm_ends_are_not_forgotten(runs: Runs, cluster: slurm.Cluster, tmp_path: Path) -> None:
    """One job is cancelled and one runs out of time while a finished report exists; then the command is typed again."""
    folder = tmp_path / "project"
    copy_run(runs.folder, folder)
    edit(folder)
    stuck = arm(tmp_path / "fault", (LESIONS, ECHO), "trap '' TERM; sleep 300")
    words = [*stuck.before, *cluster.inside, *COMMAND.split(), "--retries=0", "--keep-going"]
    # Without Slurm's early TERM, which ends a job that has only begun before its time is up.
    words += ["--set-resources", "mslesion_score:runtime=1", "mslesion_score:slurm_extra="]
    with (tmp_path / "typed.log").open("w") as log:
        command = subprocess.Popen(words, cwd=folder, env=environment(), stdout=log, stderr=subprocess.STDOUT)
    while not (job := running(cluster, "rule_echonet_score")):
        assert command.poll() is None, (tmp_path / "typed.log").read_text()[-3000:]
        time.sleep(0.5)
    cluster.run("scancel", job)
    assert command.wait() != 0
    states = [job["JobState"] for job in records(cluster) if Path(job["WorkDir"]) == folder]
    assert {"TIMEOUT", "CANCELLED"} <= set(states), states
    named = {line.split(" <- ")[0] for line in why(folder)}
    assert {"mslesion score", "echonet score", "report page"} <= named
    stuck.armed.unlink()
    again = type_command(COMMAND, folder, cluster.inside)
    assert again.returncode == 0, again.stdout[-3000:]
    undisturbed = tmp_path / "undisturbed"
    copy_run(runs.folder, undisturbed)
    edit(undisturbed)
    assert type_command("snakemake results/report.html", undisturbed, cluster.inside).returncode == 0
    assert outcome(folder) == outcome(undisturbed)


def test_slurm_keeps_no_name_of_a_person(cluster: slurm.Cluster, tmp_path: Path) -> None:
    make_project(tmp_path / "project")
    before = {job["JobId"] for job in records(cluster)}
    done = type_command(f"{PREDICT} --profile slurm", tmp_path / "project", cluster.inside)
    assert done.returncode == 0, done.stdout[-5000:]
    jobs = [job["JobId"] for job in records(cluster) if job["JobId"] not in before]
    kept = [cluster.run("scontrol", "show", "job", "--details", job) for job in jobs]
    kept += [cluster.run("scontrol", "write", "batch_script", job, "-") for job in jobs]
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "kept.txt").write_text("\n".join([*kept, done.stdout]))
    assert len(jobs) == 5 and "seed=1" in kept[-1] and written_with_a_name(shown) == []


def records(cluster: slurm.Cluster) -> list[dict[str, str]]:
    """What Slurm shows of each job."""
    lines = cluster.run("scontrol", "show", "job", "--oneliner").splitlines()
    return [found for line in lines if (found := dict(re.findall(r"(\w+)=(\S*)", line)))]


def running(cluster: slurm.Cluster, rule: str) -> str:
    """The number of the job of a rule that runs; empty if none does."""
    listing = cluster.run("squeue", "--states=RUNNING", "--noheader", "--format=%i|%k").splitlines()
    return next((line.partition("|")[0] for line in listing if line.partition("|")[2] == rule), "")


def test_cluster_ends_with_its_test_even_when_that_is_interrupted() -> None:
    if obstacle := slurm.obstacle():
        pytest.skip(obstacle)
    before = daemons()
    with pytest.raises(KeyboardInterrupt), slurm.two_nodes(1, 1000, 1):
        assert daemons() > before
        raise KeyboardInterrupt
    assert daemons() == before


def daemons() -> set[str]:
    """Process numbers of all daemons of Slurm and of its authentication."""
    names = {"munged", "slurmctld", "slurmd"}
    return {path.parent.name for path in Path("/proc").glob("[0-9]*/comm") if path.read_text().strip() in names}
