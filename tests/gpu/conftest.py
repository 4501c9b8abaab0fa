"""Fixtures of the tests that need a GPU. They need none of the libraries that read files, and neither Snakemake nor R.

`REPRISE_GPU_TESTS_ON=cpu` runs on the CPU what can run there. It is for those who change these tests without a GPU.
"""

import os
from collections.abc import Iterator

import pytest
import torch

# PyTorch reads this when it first multiplies matrices on a GPU; deterministic algorithms need it.
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
ON = os.environ.get("REPRISE_GPU_TESTS_ON", "cuda")


@pytest.fixture(autouse=True)
def first_way_of_cudnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the first way that cuDNN proposes for a convolution: trying ten of them takes longer than these tests."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark_limit", 1)


@pytest.fixture
def device() -> torch.device:
    """The device under test."""
    if ON == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU: PyTorch finds none here")
    return torch.device(ON)


@pytest.fixture
def gpu(device: torch.device) -> torch.device:
    """The same, for tests that only mean something on a GPU."""
    if device.type != "cuda":
        pytest.skip("this says nothing about a CPU")
    return device


@pytest.fixture
def without_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full precision on the GPU."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture
def same_bits() -> Iterator[None]:
    """Deterministic algorithms only."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
