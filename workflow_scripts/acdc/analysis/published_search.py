"""The published ensemble: random weights, searched and scored on the same test slices."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from acdc.analysis.members import Part, maps_of, read_members
from acdc.analysis.pixel_measures import COUNTS, SURE, mean_iou
from acdc.analysis.weightings import CLASSES, contest, scores, weighted_sum
from reprise.data.store import Store
from reprise.evaluation.mask_scores import confusions
from reprise.step.errors import InputError

LARGEST_PART = 0.4  # of the test slices are searched at most: as published, 300 of 750
PERCENT = 100  # weights have two decimals; as whole numbers they sum exactly


class Slices(NamedTuple):
    """The published test slices: their rows, probabilities (M, V, C) by each member, and true classes (V,)."""

    cases: list[dict[Any, Any]]
    maps: list[np.ndarray]
    true: list[np.ndarray]


def read_slices(paths: Sequence[Path], slices: Store, networks: Sequence[str]) -> Slices:
    """The published test slices; `paths` are RUN/PROTOCOL/probabilities of all protocols, `slices` the slices' store.

    Raises:
        InputError: see `read_members`, or a network has no published probabilities.
    """
    height, width = slices.arrays["labels"].shape[1:]
    members = read_members(paths, "published", slices.cases.assign(slices=1, height=height, width=width))
    for name in networks:
        if name not in members:
            raise InputError(f"probabilities of {name}: expected some of the published protocol, found none")
    listed = next(iter(members.values())).cases[["case", "slices", "height", "width", "offset"]]
    own = slices.cases.assign(row=range(len(slices.cases)))[["case", "patient", "augmented", "row"]]
    cases = listed.merge(own, on="case").to_dict("records")
    parts = [Part(name) for name in networks]
    maps = [maps_of(members, parts, case).reshape(len(parts), -1, CLASSES) for case in cases]
    return Slices(cases, maps, [slices.arrays["labels"][case["row"]].ravel() for case in cases])


def search_weights(
    slices: Slices, networks: Sequence[str], search: Mapping[str, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw weightings, choose the best on some test slices, and count pixels on all of them.

    Args:
        slices: of the test set, with the probabilities of the networks.
        networks: their names.
        search: draws, slices and seed.

    Returns: draw, the weight of each network, iou_searched, iou_rest; and method, case, patient, augmented, searched,
        `COUNTS`, `SURE`: one row per method and test slice.
    """
    random, count = np.random.default_rng(search["seed"]), len(slices.cases)
    searched = np.zeros(count, dtype=bool)
    searched[random.choice(count, searched_slices(count, search["slices"]), replace=False)] = True
    drawn = np.rint(PERCENT * random.uniform(size=(search["draws"], len(networks))).round(2))
    drawn[~drawn.any(axis=1)] = 1  # weights that are all 0 choose no class

    def both(counts: np.ndarray) -> np.ndarray:
        return np.stack([mean_iou(counts[:, part].sum(axis=1)) for part in (searched, ~searched)], axis=1)

    iou = scores(contest(zip(slices.maps, slices.true, strict=True)), drawn, both)
    table = pd.DataFrame(drawn / PERCENT, columns=list(networks)).assign(iou_searched=iou[:, 0], iou_rest=iou[:, 1])
    table.insert(0, "draw", np.arange(len(table)))
    methods = dict(zip(networks, np.eye(len(networks)), strict=True))
    methods |= {"equal": np.ones(len(networks)), "random_search": drawn[iou[:, 0].argmax()]}
    rows = [row for name, weights in methods.items() for row in _counted(slices, name, weights, searched)]
    return table, pd.DataFrame(rows)


def _counted(slices: Slices, method: str, weights: np.ndarray, searched: np.ndarray) -> Iterator[dict[str, Any]]:
    """The row of each slice."""
    for case, maps, true, chosen in zip(*slices, searched, strict=True):
        total = weighted_sum(maps, weights)
        found, sure = total.argmax(axis=-1), 2 * total.max(axis=-1) > total.sum(axis=-1)
        counts = [*confusions(true, found, CLASSES).ravel(), *confusions(true[sure], found[sure], CLASSES).ravel()]
        named = {key: case[key] for key in ("case", "patient", "augmented")}
        yield {"method": method} | named | {"searched": int(chosen)} | dict(zip(COUNTS + SURE, counts, strict=True))


def searched_slices(count: int, wanted: int) -> int:
    """How many of `count` test slices are searched: those wanted, at most two fifths, at least one."""
    return max(1, min(wanted, int(LARGEST_PART * count)))
