"""The whole workflow through a real Slurm of two nodes with GPUs, by the command that a user types."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import slurm
from project import TINY, copy_project, type_command

COMMAND = "snakemake --profile slurm results/report.html"
# The nodes promise more memory than this machine has: rules ask for what a published run takes.
NODE_CPUS, NODE_MEMORY_MB, NODE_GPUS = 2, 256_000, 2


@dataclass(frozen=True)
class Runs:
    """What two runs of the command left: their folder, what each printed, and Slurm's records of the jobs."""

    folder: Path
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    jobs: list[dict[str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    if obstacle := slurm.obstacle():
        pytest.skip(obstacle)
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder, TINY)
    with slurm.two_nodes(NODE_CPUS, NODE_MEMORY_MB, NODE_GPUS) as inside:
        first, second = type_command(COMMAND, folder, inside), type_command(COMMAND, folder, inside)
        records = type_command("scontrol show job --oneliner", folder, inside).stdout
    return Runs(folder, first, second, [dict(re.findall(r"(\w+)=(\S*)", line)) for line in records.splitlines()])


def test_run_ends_with_report_and_scoreboard(runs: Runs) -> None:
    assert runs.first.returncode == 0, runs.first.stdout[-8000:]
    for name in ("report.html", "scoreboard.csv"):
        assert (runs.folder / "results" / name).stat().st_size > 0


def test_jobs_ran_on_both_nodes_and_all_ended_well(runs: Runs) -> None:
    assert {job["NodeList"] for job in runs.jobs} == {"n1", "n2"}
    assert {job["JobState"] for job in runs.jobs} == {"COMPLETED"}


def test_jobs_that_compute_with_networks_were_given_a_gpu(runs: Runs) -> None:
    with_gpu = {job["Comment"] for job in runs.jobs if "gpu:1" in job.get("TresPerJob", "")}
    assert {"rule_echonet_train_segmentation", "rule_echonet_train_ef"} <= {
        comment.partition("_wildcards_")[0] for comment in with_gpu
    }
    assert len(with_gpu) < len(runs.jobs)


def test_second_run_has_nothing_to_do(runs: Runs) -> None:
    assert runs.second.returncode == 0
    assert "Nothing to be done" in runs.second.stdout


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
