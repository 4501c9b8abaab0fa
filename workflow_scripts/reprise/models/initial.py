"""Reads weights that others trained from a local file into a network. The network's last layer may differ."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from reprise.step.errors import InputError

UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, safetensors.SafetensorError)
# Some published checkpoints hold losses as NumPy numbers. Old files use an old name for the function that makes them.
_scalar: Any = np.float64(0).__reduce__()[0]
NUMPY_NUMBERS: list[Any] = [np.dtype, np.dtypes.Float64DType, _scalar, (_scalar, "numpy.core.multiarray.scalar")]


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
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in state.items() if name in own and own[name].shape == tensor.shape}
    part = {name for name in own if backbone is None or name.startswith(backbone)}
    needed = {name for name in part - _last_layer(model) if not name.endswith("num_batches_tracked")}
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
        InputError: the file is missing, damaged, holds no state dict, or values that are not finite.
    """
    content = _load(path)
    state = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: expected a state dict (names and arrays), found something else")
    broken = sorted(name for name, tensor in state.items() if not tensor.isfinite().all())
    if broken:
        raise InputError(f"{path}: {len(broken)} arrays hold values that are not finite, such as {broken[0]}")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            in_safetensors = stream.read(9)[8:] == b"{"
        if in_safetensors:
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(NUMPY_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: not a readable file of weights (damaged, or with more than arrays in it)") from error
    except UNREADABLE as error:
        raise InputError(f"{path}: not a readable file of weights ({first_line(error)})") from error


def _last_layer(model: nn.Module) -> set[str]:
    """Names of the arrays of the layers with a single output. The weights of others need not fit these."""
    return {name for name, tensor in model.named_parameters() if tensor.shape[0] == 1}


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its type if it has none."""
    return (str(error) or type(error).__name__).splitlines()[0]
