"""The steps of training: the optimiser's own, timed alone, compiled or not."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from project import ROOT, environment
from reprise.training.compiled import compile_mode
from reprise.training.optimiser import optimiser_of, take_step
from reprise.training.sampler import steps_in_all
from reprise.training.timing import timed_steps
from test_training import SETTINGS, X, Y, network, task, train


@pytest.mark.parametrize("name", ["sgd", "nesterov", "rmsprop", "adam", "adamw"])
def test_a_step_is_the_optimisers_own(name: str) -> None:
    ours, plain = network(), network()
    optimisers = [optimiser_of(model, name, 0.05, 0.9, 1e-4) for model in (ours, plain)]
    for _ in range(3):
        for model, optimiser in zip((ours, plain), optimisers, strict=True):
            torch.manual_seed(0)
            optimiser.zero_grad()
            nn.functional.mse_loss(model(X), Y).backward()
        take_step(optimisers[0])
        optimisers[1].step()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), plain.parameters(), strict=True))


def test_timed_steps_are_those_of_training(tmp_path: Path) -> None:
    loads: list[list[int]] = []
    work = task()

    def load(samples: np.ndarray, epoch: int) -> Any:
        loads.append([epoch, *samples])
        return work.load(samples, epoch)

    settings = SETTINGS | {"epochs": 2, "decay": {"every_epochs": None, "factor": 1}}
    train(tmp_path, work._replace(load=load), settings)
    trained, model = loads.copy(), network()
    loads.clear()
    times = timed_steps(model, work._replace(load=load), settings, warm_up=5, count=6)
    assert loads == trained, "as many batches as two epochs have, the last one for the steps on a batch at hand"
    assert int(model.get_buffer("1.num_batches_tracked")) == 5 + 6 + 6
    assert times.seconds > 0 and 0 <= times.data < 1 and times.peak_mb > 1


@pytest.mark.parametrize(
    ("wish", "device", "mode", "epochs", "said"),
    [
        ({}, "cpu", "default", 50, ""),
        ({"compile": "off"}, "cuda", "default", 50, ""),
        ({}, "cuda", None, 50, ""),
        ({}, "cuda", "default", 49, ""),
        ({"deterministic": "yes"}, "cuda", "default", 50, "deterministic: true asks for the same bits each time"),
        ({"processes": 2}, "cuda", "default", 50, "several processes share each batch"),
        ({}, "cuda", "default", 50, "PyTorch's compiler does not work here"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, for which the compiler works")
def test_one_line_says_why_a_network_that_would_gain_is_not_compiled(
    wish: dict[str, Any], device: str, mode: str | None, epochs: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    args = argparse.Namespace(**{"compile": "auto", "deterministic": "no", "processes": 1} | wish)
    steps = steps_in_all({"epochs": epochs, "batch_size": 5}, samples=204)
    assert compile_mode(args, torch.device(device), mode, steps) is None
    lines = capfd.readouterr().err.splitlines()
    assert [line.startswith(f"the network is not compiled: {said}") for line in lines] == ([True] if said else [])


@pytest.mark.skipif(not shutil.which("g++"), reason="PyTorch's compiler needs g++ for a CPU")
def test_compiled_run_that_is_killed_goes_on_without_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    whole = train(tmp_path / "whole")
    with pytest.raises(SystemExit):
        train(tmp_path / "killed", task(4), every="1 steps", compile_mode="default")
    assert any((tmp_path / "compiled").rglob("*.so")), "it was compiled"
    ended = train(tmp_path / "killed")
    np.testing.assert_allclose(ended[1], whole[1], rtol=1e-5)
    assert ended[0]["best"].weights.keys() == network().state_dict().keys()


def test_training_does_not_import_pytorchs_compiler(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path[:0] = {[str(path) for path in (Path(__file__).parent, ROOT / "tests/helpers", ROOT / "workflow_scripts")]!r}
from pathlib import Path
import test_training
test_training.train(Path({str(tmp_path)!r}), every="1 steps")
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
