"""Training on two processes: the same batches and curve as on one; also after one process was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from project import ROOT, environment
from reprise.step.errors import InputError
from reprise.training.processes import Processes, own_part
from training_step import results, small_store, start, train_command

TWO = ("--processes", "2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    small_store(folder)
    return folder


@given(st.lists(st.integers(0, 999), min_size=4, max_size=40), st.integers(1, 4))
def test_shares_make_up_the_batch_in_its_order(batch: list[int], size: int) -> None:
    parts = [own_part(np.array(batch), Processes(rank, size)) for rank in range(size)]
    assert np.concatenate(parts).tolist() == batch
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_more_processes_than_samples_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="a batch of 1 cannot be shared by 2 processes"):
        own_part(np.array([3]), Processes(0, 2))


def test_two_processes_give_the_curve_of_one(data: Path, tmp_path: Path) -> None:
    launchers = {"one": [], "two": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--"]}
    env = environment() | {"PYTHONPATH": f"{ROOT}/workflow_scripts:{ROOT}/tests/helpers", "OMP_NUM_THREADS": "1"}
    curves = {}
    for name, launcher in launchers.items():
        command = [sys.executable, *launcher, "tests/helpers/two_processes.py", str(data), str(tmp_path / name)]
        run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-3000:]
        curves[name] = json.loads(run.stdout)
    assert curves["one"]["train_loss"][-1] < 0.995 * curves["one"]["train_loss"][0]
    for column, values in curves["one"].items():
        assert curves["two"][column] == pytest.approx(values, rel=1e-5), column


def test_run_resumes_after_one_of_two_processes_is_killed(data: Path, tmp_path: Path) -> None:
    words = (*TWO, "--checkpoint-every", "1 steps")
    whole, killed = (train_command(data, tmp_path / name, *words, epochs=9) for name in "ab")
    assert start(whole).wait() == 0
    launcher = start(killed)
    wait_for(lambda: any((tmp_path / "b/checkpoints").glob("last-*.ckpt")), launcher)
    victim = max(psutil.Process(launcher.pid).children(), key=lambda child: child.environ().get("RANK", ""))
    os.kill(victim.pid, signal.SIGKILL)
    assert launcher.wait() != 0
    assert not (tmp_path / "b/log.csv").exists()
    assert start(killed).wait() == 0
    assert "going on from" in (tmp_path / "b/train.log").read_text()
    assert results(tmp_path / "b") == results(tmp_path / "a")


def wait_for(condition, process: subprocess.Popen[bytes]) -> None:
    """Wait until something holds while a process runs."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
