"""What trained networks, and their ensemble, find in a stack or a cine; the page and the step use this alike."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from acdc.analysis.shown import method_name
from acdc.data.own_stacks import Stack
from acdc.learning.prediction import load_heart_network, probabilities_of
from reprise.step.errors import InputError
from reprise.step.files import file_sha256
from reprise.step.tables import read_table

ENSEMBLE = "ensemble"
METHODS = ("simplex", "equal")  # of the table of weights, the first that is there


class Network(NamedTuple):
    """A trained network, the info of its weights, its share in the ensemble, and the SHA-256 of its file."""

    model: nn.Module
    info: dict[str, Any]
    share: float
    digest: str


class Networks(NamedTuple):
    """Networks by name, in the order of their files, and how their shares in the ensemble were found."""

    members: dict[str, Network]
    method: str
    device: torch.device


def load_networks(paths: Sequence[Path], shares: Path | None, device: torch.device) -> Networks:
    """Load each network once.

    Args:
        paths: files of weights, each of another network.
        shares: table with the columns method, member and weight; None: all networks have equal shares.
        device: where the networks go.

    Raises:
        InputError: see `load_heart_network`; or two files are of one network, or the table lacks one.
    """
    loaded = [load_heart_network(path, device) for path in paths]
    names = [str(info["network"]) for _, info in loaded]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise InputError(f"expected weights of different networks, found two files of {min(doubled)}")
    method, found = _shares(shares, names) if shares else ("equal", dict.fromkeys(names, 1 / len(names)))
    members = {
        name: Network(*pair, found[name], file_sha256(path))
        for name, pair, path in zip(names, loaded, paths, strict=True)
    }
    return Networks(members, method, device)


def methods_of(networks: Networks) -> list[str]:
    """The networks, and the ensemble if there are several."""
    return [*networks.members, *([ENSEMBLE] if len(networks.members) > 1 else [])]


def labels_of(networks: Networks, stack: Stack) -> dict[str, np.ndarray]:
    """The labels (T, N, H, W) uint8 of a stack's frames by each of `methods_of`, on the stack's own grid.

    Raises:
        InputError: the slices are too large for a network's grid.
    """
    frames = [dict(_of_frame(networks, frame, stack.spacing_mm)) for frame in stack.frames]
    return {method: np.stack([frame[method] for frame in frames]) for method in methods_of(networks)}


def _of_frame(
    networks: Networks, frame: np.ndarray, spacing_mm: tuple[float, float, float]
) -> Iterator[tuple[str, np.ndarray]]:
    total: np.ndarray | float = 0.0
    for name, (model, info, share, _) in networks.members.items():
        probabilities = probabilities_of(model, info, frame, spacing_mm, networks.device)
        yield name, probabilities.argmax(axis=-1).astype(np.uint8)
        total = total + share * probabilities
    yield ENSEMBLE, np.asarray(total).argmax(axis=-1).astype(np.uint8)


def _shares(path: Path, names: Sequence[str]) -> tuple[str, Mapping[str, float]]:
    table = read_table(path, {"method": str, "member": str, "weight": float})
    for method in METHODS:
        rows = table[table["method"] == method].set_index("member")["weight"]
        if set(names) == set(rows.index) and len(rows) == len(names) and rows.ge(0).all() and rows.sum() > 0:
            return method, dict(rows)
    raise InputError(f"{path}: expected rows of {' or '.join(METHODS)} with a weight of each of {', '.join(names)}")


def network_table(networks: Networks) -> pd.DataFrame:
    """One row per network: what its weights say of themselves, and its share in the ensemble."""
    keys = ("width", "protocol", "epoch")
    shares = f"share in the ensemble ({method_name(networks.method)})"
    rows = [
        {
            "network": name,
            **{key: str(info.get(key, "")) for key in keys},
            shares: f"{share:.3g}",
            "SHA-256": digest[:12],
        }
        for name, (_, info, share, digest) in networks.members.items()
    ]
    return pd.DataFrame(rows)
