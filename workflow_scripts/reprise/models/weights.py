"""Files of trained weights: one safetensors file holds the arrays and all that prediction needs beside them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from reprise.errors import InputError
from reprise.models.initial import UNREADABLE, first_line, read_state_dict
from reprise.models.segmentation import segmentation_network
from reprise.models.video import video_network

INFO = "model"
NEEDED = {"kind", "network", "width", "normalisation", "settings"}
BUILDERS = {"segmentation": segmentation_network, "ef": video_network}
MEMORY_FORMATS = {"segmentation": torch.channels_last, "ef": torch.channels_last_3d}
WRAPPERS = ("_orig_mod.", "module.")  # of torch.compile and of data-parallel training


def save_model(path: str | Path, model: nn.Module, info: Mapping[str, Any]) -> None:
    """Write a network's weights with `info`, whose `kind` (segmentation, ef), `network` and `width` rebuild it.

    Prediction also needs its `normalisation` and `settings`, and of an ef network `frames` and `period`. The same
    weights and info give the same bytes.
    """
    state = {_bare(name): tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {INFO: json.dumps(info, sort_keys=True)}
    Path(path).write_bytes(safetensors.torch.save(state, metadata))


def load_model(path: str | Path, device: torch.device, kind: str) -> tuple[nn.Module, dict[str, Any]]:
    """Rebuild a network from a file of `save_model`, in evaluation mode on the device; returns it with its info.

    Raises:
        InputError: the file is damaged or not of `save_model`, holds a network of another kind or arrays that
            do not fit the network it names, or has values that are not finite.
    """
    info = read_info(path)
    if info["kind"] != kind:
        raise InputError(f"{path}: expected weights of kind {kind}, found {info['kind']}")
    state = read_state_dict(Path(path))
    with torch.random.fork_rng(devices=[]):
        model = BUILDERS[kind](info["network"], info["width"])
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        found = str(error).splitlines()[1].strip()
        raise InputError(f"{path}: weights of another network than {info['network']}: {found}") from error
    return model.to(device).to(memory_format=MEMORY_FORMATS[kind]).eval(), info


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
    missing = sorted(NEEDED - info.keys())
    if missing or info["kind"] not in BUILDERS:
        raise InputError(f"{path}: not weights of this pipeline: no {', '.join(missing) or 'known kind'} in its header")
    return info


def _bare(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper)
    return name
