"""Fixtures of several test files."""

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from project import environment

ROOT = Path(__file__).resolve().parent.parent

# A busy machine is no fault, and a failure is one of the change, not of this run's examples.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


# Files that take minutes. They start first, so that no worker waits for another one at the end. The house's own tests
# come before those of a new study, which use the cache of types that the former leave.
LONGEST = (
    "test_workflow.py",
    "test_slurm.py",
    "test_grid_engine.py",
    "test_house.py",
    "test_failed_steps.py",
    "test_staleness.py",
    "test_new_study.py",
    "test_real_patients.py",
    "test_real_hearts.py",
    "test_downloads.py",
    "test_processes.py",
)

# What `make test FAST=1` leaves out: whole runs, and files that take over five seconds of a processor. The rules of the
# house stay: their longest test, of types, takes seconds once mypy has its cache.
SLOW = (
    "gpu",
    "workflow",
    "acdc/test_acdc_figures.py",
    "acdc/test_acdc_format.py",
    "acdc/test_acdc_networks.py",
    "acdc/test_acdc_page.py",
    "acdc/test_acdc_phantom.py",
    "acdc/test_acdc_score.py",
    "acdc/test_acdc_training.py",
    "echonet/test_beat_by_beat.py",
    "echonet/test_echonet_figures.py",
    "echonet/test_echonet_networks.py",
    "echonet/test_echonet_phantom.py",
    "echonet/test_echonet_score.py",
    "echonet/test_echonet_store.py",
    "echonet/test_hostile_clips.py",
    "echonet/test_import_clips.py",
    "echonet/test_overlay.py",
    "iseg/test_iseg_figures.py",
    "iseg/test_iseg_networks.py",
    "iseg/test_iseg_own_brains.py",
    "iseg/test_iseg_section.py",
    "library/test_dataset_steps.py",
    "library/test_estimate.py",
    "library/test_fuzz.py",
    "library/test_page_reach.py",
    "library/test_predict_rules.py",
    "library/test_raw_files.py",
    "library/test_raw_sets.py",
    "library/test_report.py",
    "library/test_report_screen.py",
    "library/test_rules.py",
    "library/test_tracking.py",
    "library/test_training_steps.py",
    "library/test_web_file.py",
    "medfm/test_medfm_eda.py",
    "medfm/test_medfm_real_images.py",
    "medfm/test_medfm_score.py",
    "medfm/test_medfm_section.py",
    "mslesion/test_brain_phantom.py",
)
collect_ignore = SLOW if os.environ.get("FAST") else ()


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
