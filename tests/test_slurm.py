"""The whole workflow through a real Slurm of two nodes with GPUs, by the command that a user types."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import slurm

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "snakemake --profile slurm results/report.html"
TINY = {
    "segmentation": {"epochs": 1},
    "ef": {"epochs": 1},
    "bootstrap": {"resamples": 100},
    "beats": {"runs": 5},
    "videos": {"cases": 1},
    "phantom": {"videos": 24, "split": [0.5, 0.25, 0.25]},
}
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
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    if obstacle := slurm.obstacle():
        pytest.skip(obstacle)
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    with slurm.two_nodes(NODE_CPUS, NODE_MEMORY_MB, NODE_GPUS) as inside:
        first, second = run(inside, COMMAND, folder), run(inside, COMMAND, folder)
        records = run(inside, "scontrol show job --oneliner", folder).stdout
    yield Runs(folder, first, second, [dict(re.findall(r"(\w+)=(\S*)", line)) for line in records.splitlines()])


def copy_project(folder: Path) -> None:
    """Copy what a clone would hold, what is not committed yet included, with the smallest demo."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    settings = folder / "config/echonet.yaml"
    schedules = yaml.safe_load(settings.read_text())
    for part, less in TINY.items():
        schedules["demo"][part] = schedules["demo"].get(part, {}) | less
    settings.write_text(yaml.safe_dump(schedules))


def run(inside: list[str], command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [*inside, *command.split()],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


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
