"""The cached probabilities of trained networks, and the classes that follow from them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from acdc.analysis.votes import VOTES
from acdc.analysis.weightings import CLASSES, weighted_sum
from acdc.data.conversion import slices_of, structures_of
from reprise.data.store import Store, open_store
from reprise.evaluation.runs import run_of
from reprise.step.errors import InputError

GRID = ["case", "slices", "height", "width"]
SPACING = ["slice_mm", "row_mm", "column_mm"]
ROUNDED = 1e-3  # a probability below 0 by less is 0, rounded
PIECE = 2**20  # voxels whose probabilities are looked at together

Case = Mapping[Any, Any]


class Part(NamedTuple):
    """A probability map of a run, such as `plain` or `flips`, and its weight."""

    run: str
    array: str = "plain"
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The run, and which of its maps it is if it is not the plain one."""
        return self.run if self.array == "plain" else f"{self.run}/{self.array}"


class Method(NamedTuple):
    """One network or one ensemble: what it is made of, and how its parts are joined."""

    name: str
    parts: tuple[Part, ...]
    rule: str = "mean"  # or a key of VOTES


class Cached(NamedTuple):
    """What networks found in the validation and test cases, and what is true there."""

    members: dict[str, Store]  # stores of probabilities by run; the first run of a network has the network's name
    cases: pd.DataFrame  # case, patient, phase, split, offset, slices, height, width, slice_mm, row_mm, column_mm, row
    labels: dict[str, np.ndarray]  # true classes (N, H, W) of each case
    structures: list[str]  # what is scored

    def of(self, split: str) -> Iterator[dict[Any, Any]]:
        """The cases of a split."""
        yield from self.cases[self.cases["split"] == split].to_dict("records")


def read_cached(paths: Sequence[Path], store: Store) -> Cached:
    """The sound probabilities with the cases of the store; `paths` are RUN/PROTOCOL/probabilities of all protocols.

    Raises:
        InputError: see `read_members`, or there are none, or a split has no case.
    """
    members = read_members(paths, "sound", store.cases)
    if not members:
        raise InputError("probabilities: expected a network of the sound protocol, found none")
    listed = next(iter(members.values())).cases[["case", "split", "offset"]]
    own = store.cases.assign(row=range(len(store.cases)))[["patient", "phase", *GRID, *SPACING, "row"]]
    cases = listed.merge(own, on="case")
    for split in ("val", "test"):
        if split not in set(cases["split"]):
            raise InputError(f"probabilities: expected cases of the split {split}, found none")
    labels = {case["case"]: slices_of(store.arrays["labels"], case) for case in store.cases.to_dict("records")}
    return Cached(members, cases, labels, structures_of(store.cases))


def read_members(paths: Sequence[Path], protocol: str, cases: pd.DataFrame) -> dict[str, Store]:
    """The stores of probabilities of a protocol, by run; the first run of a network has the network's name.

    Args:
        paths: RUN/PROTOCOL/probabilities, of all protocols, in the order of the runs.
        protocol: which of them to read.
        cases: the stacks or slices that may be in the stores, with their sizes.

    Raises:
        InputError: a store is damaged or not of these cases, or two stores do not have the same cases.
    """
    first: dict[str, str] = {}
    stores: dict[str, Store] = {}
    for path in paths:
        run = run_of(path, "protocol")
        if run.protocol == protocol:
            is_first = first.setdefault(run.network, run.run) == run.run
            stores[run.network if is_first else run.run] = _read(path, cases)
    for name, store in stores.items():
        reference = next(iter(stores))
        if not store.cases[[*GRID, "offset", "split"]].equals(stores[reference].cases[[*GRID, "offset", "split"]]):
            raise InputError(f"probabilities of {name}, {protocol}: expected the cases of {reference}, found others")
    return stores


def _read(path: Path, cases: pd.DataFrame) -> Store:
    store = open_store(path)
    missing = [name for name in [*GRID, "offset", "split"] if name not in store.cases]
    if missing:
        raise InputError(f"{path}: expected the column {missing[0]} in its cases, found none")
    known = set(cases[GRID].itertuples(index=False, name=None))
    for case in store.cases[GRID].itertuples(index=False, name=None):
        if case not in known:
            raise InputError(f"{path}: {case[0]}: not in the store, or of another size there")
    sizes = store.cases["slices"] * store.cases["height"] * store.cases["width"]
    if list(store.cases["offset"]) != list(sizes.cumsum() - sizes):
        raise InputError(f"{path}: expected offsets of cases that lie one after the other")
    for name, array in store.arrays.items():
        if array.shape != (sizes.sum(), CLASSES) or array.dtype != np.float16:
            found = f"{array.shape} {array.dtype}"
            raise InputError(
                f"{path}: {name}: expected ({sizes.sum()}, {CLASSES}) float16 for its cases, found {found}"
            )
        for first in range(0, len(array), PIECE):
            piece = array[first : first + PIECE].astype(np.float32)
            if not (piece.min() >= -ROUNDED and piece.max() <= 1):  # also where one of them is no number
                raise InputError(f"{path}: {name}: expected probabilities from 0 to 1")
    return store


def maps_of(members: Mapping[str, Store], parts: Sequence[Part], case: Case) -> np.ndarray:
    """The probabilities (M, N, H, W, C) float16 of a case by each part; `case` has its size and its offset.

    Raises:
        InputError: a run has no such map.
    """
    return np.stack([_map_of(members, part, case) for part in parts])


def _map_of(members: Mapping[str, Store], part: Part, case: Case) -> np.ndarray:
    if part.array not in members[part.run].arrays:
        raise InputError(f"probabilities of {part.run}: expected the array {part.array}, found none")
    shape = (int(case["slices"]), int(case["height"]), int(case["width"]), CLASSES)
    first = int(case["offset"])
    return members[part.run].arrays[part.array][first : first + shape[0] * shape[1] * shape[2]].reshape(shape)


def probabilities(members: Mapping[str, Store], method: Method, case: Case, box: tuple[slice, ...]) -> np.ndarray:
    """The weighted mean (N, H, W, C) float64 of the parts' probabilities in a box; they add up to 1."""
    maps = maps_of(members, method.parts, case)[(slice(None), *box)]
    total = weighted_sum(maps, [part.weight for part in method.parts])
    return total / total.sum(axis=-1, keepdims=True)


def classes_of(members: Mapping[str, Store], method: Method, case: Case) -> np.ndarray:
    """The classes (N, H, W) uint8 that a method finds in a case; the lowest class wins a tie."""
    maps = maps_of(members, method.parts, case)
    if method.rule in VOTES:
        return VOTES[method.rule](maps)
    return weighted_sum(maps, [part.weight for part in method.parts]).argmax(axis=-1).astype(np.uint8)


def units_of(cached: Cached, parts: Sequence[Part], split: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each case of a split the probabilities (M, V, C) by each part, and its true classes (V,)."""
    for case in cached.of(split):
        yield maps_of(cached.members, parts, case).reshape(len(parts), -1, CLASSES), cached.labels[case["case"]].ravel()
