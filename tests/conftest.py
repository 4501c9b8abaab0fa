"""Fixtures of several test files."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from project import environment

ROOT = Path(__file__).resolve().parent.parent


# Files that take minutes. They start first, so that no worker waits for another one at the end.
LONGEST = (
    "test_workflow.py",
    "test_slurm.py",
    "test_failed_steps.py",
    "test_staleness.py",
    "test_real_patients.py",
    "test_real_hearts.py",
    "test_downloads.py",
    "test_processes.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real, openly licensed images."""
    folder = Path(os.environ.get("REPRISE_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real images: neither $REPRISE_REAL_DATA nor ../shared/data is a folder")
    return folder


@pytest.fixture(scope="session")
def run_step() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a step as a user would, by its path below workflow_scripts/, and capture what it prints."""

    def call(
        step: str, *args: str | Path, path: str | None = None, before: tuple[str, ...] = (), **options: object
    ) -> subprocess.CompletedProcess[str]:
        command = [*before, sys.executable, ROOT / "workflow_scripts" / step, *args]
        env = environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
        env |= {"PATH": path} if path else {}
        words = [str(part) for part in command]
        return subprocess.run(words, capture_output=True, text=True, env=env, check=False, **options)

    return call


@pytest.fixture
def no_warnings() -> Iterator[None]:
    """Make every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
