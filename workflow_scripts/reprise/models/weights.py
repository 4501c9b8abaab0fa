"""Files of trained weights. One safetensors file holds the arrays and all else that prediction needs."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from reprise.engine.folders import one_line
from reprise.models.initial import read_state_dict, refuse_oversized
from reprise.step.command import reading
from reprise.step.errors import InputError

INFO = "model"
LARGEST_ARGUMENT = 4096  # of those that a network is made by
LONGEST = 200  # characters of PyTorch's message about names that do not fit
WRAPPERS = ("_orig_mod.", "module.")  # of torch.compile and of data-parallel training


def _count(most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and 1 <= value <= most


def _counts(most: int, lengths: tuple[int, ...]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) in lengths and all(map(_count(most), value))


def _numbers(value: Any) -> bool:
    """Whether this is a finite number, or one for each of one or three channels."""
    numbers = value if isinstance(value, list) and len(value) in (1, 3) else [value]
    return all(type(number) in (int, float) and math.isfinite(number) for number in numbers)


def _lengths(value: Any) -> bool:
    """Whether these are three lengths."""
    return isinstance(value, list) and len(value) == 3 and all(_numbers(each) and each > 0 for each in value)


def _arguments(value: Any) -> bool:
    """Whether these are small numbers by name, or lists of such, as a network is made by."""
    if not isinstance(value, dict):
        return False
    numbers = [each for part in value.values() for each in (part if isinstance(part, list) else [part])]
    return all(type(each) in (bool, int, float) and abs(each) <= LARGEST_ARGUMENT for each in numbers)


# What the info may hold, by dotted names, and what is a value that prediction can use. Work and memory grow with the
# counts, so they have limits.
USABLE: dict[str, Callable[[Any], bool]] = {
    "kind": lambda value: isinstance(value, str),
    "network": lambda value: isinstance(value, str),
    "task": lambda value: isinstance(value, str),
    "width": lambda value: type(value) in (int, float) and 0 < value <= 1,
    "normalisation": lambda value: isinstance(value, str | dict),
    "normalisation.mean": _numbers,
    "normalisation.std": _numbers,
    "settings": lambda value: isinstance(value, dict),
    "settings.precision": lambda value: value in ("fp32", "bf16"),
    "settings.downsample": _count(16),
    "settings.block": _counts(512, (3,)),
    "settings.crop": _counts(512, (3,)),
    "settings.arguments": _arguments,
    "settings.resize": lambda value: value is None or _count(4096)(value),
    "settings.overlap": lambda value: type(value) in (int, float) and 0 <= value < 1,
    "frames": _count(256),
    "period": _count(1000),
    "axes_stated": lambda value: type(value) is bool,
    "spacing_mm": _lengths,
    "size": lambda value: value is None or _count(4096)(value),
}
NEEDED = ("kind", "network", "width", "normalisation", "settings")
ABSENT = object()


def save_model(path: str | Path, model: nn.Module, info: Mapping[str, Any]) -> None:
    """Write a network's weights with `info`, which has `network` and `width` to rebuild the network.

    `kind` says what the network is for. Prediction also needs `normalisation`, `settings`, and what the kind of network
    needs besides. The same weights and info give the same bytes.
    """
    state = {_bare(name): tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {INFO: json.dumps(info, sort_keys=True)}
    Path(path).write_bytes(safetensors.torch.save(state, metadata))


def load_model(
    path: str | Path, device: torch.device, kind: str, build: Callable[[str, float], nn.Module], *needs: str
) -> tuple[nn.Module, dict[str, Any]]:
    """Rebuild a network from a file of `save_model`, in evaluation mode on the device. Also returns its info.

    Args:
        path: the file.
        device: where the network goes.
        kind: what the network must be for.
        build: makes a network of this kind from its name and width.
        needs: dotted names of what else prediction with this kind of network needs of the info, see `USABLE`.

    Raises:
        InputError: the file is damaged or not of `save_model`, holds a network of another kind or arrays that
            do not fit the network it names, or has values that are not finite.
    """
    info = read_info(path, *needs, kind=kind)
    state = read_state_dict(Path(path))
    with torch.random.fork_rng(devices=[]):
        model = build(info["network"], info["width"])
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        found = one_line(shorten(str(error).partition("\n")[2], LONGEST))
        raise InputError(f"{path}: weights of another network than {info['network']}: {found}") from error
    return channels_last(model.to(device)).eval(), info


def channels_last(model: nn.Module) -> nn.Module:
    """The network with the arrays of its convolutions in the order that is fastest: channels last."""
    in_3d = any(parameter.dim() == 5 for parameter in model.parameters())
    return model.to(memory_format=torch.channels_last_3d if in_3d else torch.channels_last)


def read_info(path: str | Path, *needs: str, kind: str | None = None) -> dict[str, Any]:
    """The info of a file of `save_model`, with all of `NEEDED` and of `needs`, and with usable values only.

    Raises:
        InputError: the file is damaged or not of `save_model`, is not of this kind, or its info lacks something.
    """
    with reading(path, "not a readable safetensors file"):
        refuse_oversized(Path(path))
        with safetensors.safe_open(path, "pt") as file:
            info = json.loads((file.metadata() or {}).get(INFO, "{}"))
        found = info if isinstance(info, dict) else {}
        values = {name: _value(found, name) for name in USABLE}
        wrong = [name for name, value in values.items() if value is not ABSENT and not USABLE[name](value)]
    for names in (NEEDED, needs):
        missing = [name for name in names if values[name] is ABSENT]
        if unusable := list(dict.fromkeys([*missing, *wrong])):
            raise InputError(f"{path}: not weights of this pipeline: no {', '.join(unusable)} in its header")
        if kind not in (None, found["kind"]):  # said first, as each kind has needs of its own
            raise InputError(f"{path}: expected weights of kind {kind}, found {found['kind']}")
    return found


def _value(info: Any, name: str) -> Any:
    """The value with a dotted name, ABSENT if there is none."""
    for part in name.split("."):
        if not isinstance(info, dict) or part not in info:
            return ABSENT
        info = info[part]
    return info


def _bare(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    return name
