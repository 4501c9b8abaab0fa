"""A tiny run of all studies and of all other targets; it is made once for all workers of the tests."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from configuration_changes import BRAINS, FINDINGS, HEARTS, MODELS, WEIGHTS
from project import TINY, configure, copy_project, overlaid, type_command
from traced import read_trace, tracing

REPORT = "results/report.html"
OWN = tuple(f"results/own_{kind}/predictions" for kind in ("clips", "volumes", "stacks", "brains", "images"))
TARGETS = (REPORT, *OWN, WEIGHTS)


class Finished(NamedTuple):
    """A folder with a complete run, and the files below workflow_scripts/ that each step used."""

    folder: Path
    used: dict[str, set[str]]


def finished_copy(factory: pytest.TempPathFactory, name: str) -> Finished:
    """A copy of the finished run, with its times; the first worker that asks makes the run."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    original, done = root / "finished", root / "finished.done"
    with (root / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(original, ignore_errors=True)
            make_run(original)
            done.touch()
    folder = factory.mktemp(name) / "project"
    copy_run(original, folder)
    return Finished(folder, read_trace(original / ".trace", original / "workflow_scripts"))


def copy_run(original: Path, folder: Path) -> None:
    """Copy a project with its results and their times, as `cp -a` does."""
    subprocess.run(["cp", "-a", original, folder], check=True)


def make_run(folder: Path) -> None:
    folder.mkdir()
    copy_project(folder, overlaid(TINY, {"mslesion": {"leak_control": False}}))
    configure(folder, models={"mslesion": MODELS, "acdc": HEARTS, "iseg": BRAINS, "medfm": FINDINGS})
    traced = tracing(folder / ".trace")
    run(f"snakemake {REPORT}", folder, traced)
    shutil.make_archive(f"{folder}/echo", "zip", folder / "results/echonet/phantom")
    configure(folder, data={"echonet": "file:echo.zip"})
    run("snakemake results/echonet/download.json", folder, traced)
    configure(folder, data={"echonet": "phantom"})
    for name, chosen in (("own", min), ("other", max)):
        (folder / name).mkdir()
        shutil.copy(chosen((folder / "results/echonet/phantom/Videos").iterdir()), folder / name)
        shutil.copy(chosen((folder / "results/mslesion/phantom").rglob("*_flair_pp.nii")), folder / name)
        for path in (folder / "results/iseg/phantom").rglob(f"subject-{chosen((1, 2))}-T*"):
            shutil.copy(path, folder / name)
        shutil.copy(chosen((folder / "results/medfm/phantom/MedFMC_train/chest/images").iterdir()), folder / name)
    torch.save({}, folder / "initial.pth")
    configure(folder, input="own", task="chest", weights={Path(WEIGHTS).stem: "initial.pth"})
    run(f"snakemake {' '.join(TARGETS)}", folder, traced)


def run(command: str, folder: Path, before: tuple[str, ...] = ()) -> str:
    """The output of a command that must end well."""
    done = type_command(command, folder, before)
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
