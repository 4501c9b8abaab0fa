"""Reads weights that others trained from a local file into a network. The network's last layer may differ."""

import zipfile
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from reprise.engine.folders import one_line
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import regular_size

UNREADABLE = "not a readable file of weights (damaged, or with more than arrays in it)"
LARGEST_BYTES = 2**29  # of a file of weights; torchvision's for video and segmentation take up to 250 MB
LARGEST_HEADER = 2**24  # bytes, of safetensors
TYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
TYPES |= {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


def _number(dtype: np.dtype, content: bytes) -> Any:
    """A NumPy number from its bytes. NumPy's own function would also make arrays of any size."""
    if not isinstance(content, bytes) or len(content) != dtype.itemsize:
        raise ValueError("no number")
    return np.frombuffer(content, dtype)[0]


# Some published checkpoints hold losses as NumPy numbers. Old files use an old name for the function that makes them.
NUMPY_NUMBERS: list[Any] = [
    np.dtype,
    np.dtypes.Float64DType,
    (_number, "numpy._core.multiarray.scalar"),
    (_number, "numpy.core.multiarray.scalar"),
]


def load_initial(model: nn.Module, path: Path | None, weights: str, width: float, backbone: str | None = None) -> None:
    """Fill a network with the weights of a file. A last layer of another size keeps its random values.

    Args:
        model: the network.
        path: state dict, see `read_state_dict`.
        weights: their name in the configuration, for messages.
        width: of the network. Weights that others trained need 1.
        backbone: name of the part that the weights of a classification network fill, or None for all parts.

    Raises:
        InputError: no file, weights for another width, or weights of another network.
    """
    if path is None:
        raise InputError(f"weights {weights}: expected a file (--initial), found none; weights/fetch.py gets one")
    if width != 1:
        raise InputError(f"weights {weights}: expected width 1, found {width}; use weights random with it")
    state = read_state_dict(path)
    if backbone is not None:
        state = {f"{backbone}.{name.removeprefix('features.')}": tensor for name, tensor in state.items()}
    part = {name for name in model.state_dict() if backbone is None or name.startswith(backbone)}
    fill(model, state, part, path, _last_layer(model))


def fill(
    model: nn.Module, state: Mapping[str, Tensor], part: Set[str], path: Path, optional: Set[str] = frozenset()
) -> None:
    """Fill a part of a network with the weights of a file, and all else that fits.

    Args:
        model: the network.
        state: arrays by name.
        part: the names of the network's arrays that belong to the part.
        path: of the file, for messages.
        optional: names of arrays that keep their values if the file does not fit them.

    Raises:
        InputError: the file lacks an array of the part that is not optional, or has it in another shape.
    """
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in state.items() if name in own and own[name].shape == tensor.shape}
    needed = {name for name in part - optional if not name.endswith("num_batches_tracked")}
    missing = needed - fitting.keys()
    if missing:
        raise InputError(
            f"{path}: weights of another network: {len(missing)} of {len(part)} arrays are missing "
            f"or of another shape, such as {min(missing)}"
        )
    model.load_state_dict(fitting, strict=False)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict in torch's format or in safetensors, also from a checkpoint with the key `state_dict`.

    The prefix `module.` of data-parallel training is removed.

    Raises:
        InputError: the file is missing, damaged, larger than any known weights, holds no state dict, or arrays that no
            network can take: sparse, quantised, without values, larger than what is stored, or not finite.
    """
    with reading(path, UNREADABLE):
        content = _load(path)
        state = content.get("state_dict", content) if isinstance(content, dict) else content
        if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
            raise InputError(f"{path}: expected a state dict (names and arrays), found something else")
        faults = {name: fault for name, tensor in state.items() if (fault := _fault(name, tensor))}
        if faults:
            name, fault = next(iter(faults.items()))
            raise InputError(f"{path}: {len(faults)} of its arrays {fault}, such as {one_line(str(name))}")
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def refuse_oversized(path: Path) -> None:
    """Refuse what is no regular file, and a file or header larger than those of weights.

    Raises:
        InputError: it is one of these.
        OSError: there is no such regular file.
    """
    size = regular_size(path)
    if size > LARGEST_BYTES:
        raise InputError(f"{path}: expected weights of at most {LARGEST_BYTES >> 20} MB, found {size >> 20} MB")
    with path.open("rb") as stream:
        start = stream.read(9)
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") > LARGEST_HEADER:
        raise InputError(f"{path}: not a readable file of weights (its header is too long)")


def _load(path: Path) -> Any:
    refuse_oversized(path)
    with path.open("rb") as stream:
        start = stream.read(9)
    if start[8:] == b"{":
        return safetensors.torch.load_file(path)
    if start[:4] == b"PK\3\4":
        _refuse_packed(path)
    with torch.serialization.safe_globals(NUMPY_NUMBERS):
        return torch.load(path, map_location="cpu", weights_only=True)


def _refuse_packed(path: Path) -> None:
    """PyTorch never compresses what it stores; a small file that is compressed could fill the memory."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise InputError(f"{path}: not a readable file of weights (its content is compressed)")


def _fault(name: object, tensor: Tensor) -> str:
    """Why no network can take an array, "" if one can."""
    if not isinstance(name, str):
        return "have no name"
    if tensor.layout != torch.strided or tensor.dtype not in TYPES or tensor.device.type != "cpu":
        return "are no plain numbers (sparse, quantised, or without values)"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return "state more values than the file holds"
    if tensor.numel() and not all(bound.isfinite() for bound in tensor.aminmax()):
        return "hold values that are not finite"
    return ""


def _last_layer(model: nn.Module) -> set[str]:
    """Names of the arrays of the layers with a single output. The weights of others need not fit these."""
    return {name for name, tensor in model.named_parameters() if tensor.shape[0] == 1}
