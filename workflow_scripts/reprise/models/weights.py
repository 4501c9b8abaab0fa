"""Files of trained weights. One safetensors file holds the arrays and all else that prediction needs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from reprise.models.initial import UNREADABLE, first_line, read_state_dict
from reprise.step.errors import InputError

INFO = "model"
LONGEST = 200  # characters of PyTorch's message about names that do not fit
NEEDED = {"kind": str, "network": str, "width": int | float, "normalisation": dict | str, "settings": dict}
WRAPPERS = ("_orig_mod.", "module.")  # of torch.compile and of data-parallel training


def save_model(path: str | Path, model: nn.Module, info: Mapping[str, Any]) -> None:
    """Write a network's weights with `info`, which has `network` and `width` to rebuild the network.

    `kind` says what the network is for. Prediction also needs `normalisation`, `settings`, and what the kind of network
    needs besides. The same weights and info give the same bytes.
    """
    state = {_bare(name): tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {INFO: json.dumps(info, sort_keys=True)}
    Path(path).write_bytes(safetensors.torch.save(state, metadata))


def load_model(
    path: str | Path, device: torch.device, kind: str, build: Callable[[str, float], nn.Module]
) -> tuple[nn.Module, dict[str, Any]]:
    """Rebuild a network from a file of `save_model`, in evaluation mode on the device. Also returns its info.

    Args:
        path: the file.
        device: where the network goes.
        kind: what the network must be for.
        build: makes a network of this kind from its name and width.

    Raises:
        InputError: the file is damaged or not of `save_model`, holds a network of another kind or arrays that
            do not fit the network it names, or has values that are not finite.
    """
    info = read_info(path)
    if info["kind"] != kind:
        raise InputError(f"{path}: expected weights of kind {kind}, found {info['kind']}")
    state = read_state_dict(Path(path))
    with torch.random.fork_rng(devices=[]):
        model = build(info["network"], info["width"])
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        found = shorten(str(error).splitlines()[1], LONGEST)
        raise InputError(f"{path}: weights of another network than {info['network']}: {found}") from error
    return channels_last(model.to(device)).eval(), info


def channels_last(model: nn.Module) -> nn.Module:
    """The network with the arrays of its convolutions in the order that is fastest: channels last."""
    in_3d = any(parameter.dim() == 5 for parameter in model.parameters())
    return model.to(memory_format=torch.channels_last_3d if in_3d else torch.channels_last)


def read_info(path: str | Path) -> dict[str, Any]:
    """The info of a file of `save_model`.

    Raises:
        InputError: the file is damaged or not of `save_model`.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            info = json.loads((file.metadata() or {}).get(INFO, "{}"))
    except UNREADABLE as error:
        raise InputError(f"{path}: not a readable safetensors file ({first_line(error)})") from error
    found = info if isinstance(info, dict) else {}
    missing = [name for name, kind in NEEDED.items() if not isinstance(found.get(name), kind)]
    if missing:
        raise InputError(f"{path}: not weights of this pipeline: no {', '.join(missing)} in its header")
    return found


def _bare(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    return name
