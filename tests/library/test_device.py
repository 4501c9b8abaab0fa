"""A GPU that this build of PyTorch cannot use is an error, and no slow training on the CPU that nobody notices."""

from pathlib import Path

import pytest
import torch

from reprise.step import device
from reprise.step.errors import InputError


@pytest.fixture
def built_without_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of device files with a GPU, and a PyTorch that says it was built without CUDA."""
    for name in ("null", "nvidiactl", "nvidia-uvm", "nvidia0", "nvidia1"):
        (tmp_path / name).touch()
    monkeypatch.setattr(device, "DEVICES", tmp_path)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize("wish", ["auto", "cuda"])
def test_a_gpu_that_the_build_cannot_use_is_one_line(built_without_cuda: Path, wish: str) -> None:
    with pytest.raises(InputError, match=r"nvidia0\), .* without CUDA; .*docs/cluster.md.*device: cpu$") as caught:
        device.pick_device(wish)
    assert "\n" not in str(caught.value)


def test_such_a_build_computes_on_the_cpu_where_that_is_meant(
    built_without_cuda: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device.pick_device("cpu").type == "cpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert device.pick_device("auto").type == "cpu", "the user hides the GPU"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (built_without_cuda / "nvidia0").unlink()
    (built_without_cuda / "nvidia1").unlink()
    assert device.pick_device("auto").type == "cpu", "nvidiactl alone is no GPU"
