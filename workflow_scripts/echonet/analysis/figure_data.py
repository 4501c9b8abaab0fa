"""Data for figures: test cases, masks, and the choice of cases to show."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from echonet.analysis.results import AREAS, read_masks
from reprise.data.store import Store
from reprise.plots.style import BLUE, VERMILLION
from reprise.step.tables import read_table

DIASTOLE, SYSTOLE = BLUE, VERMILLION  # colours


class Segmented(NamedTuple):
    """A network's masks of all frames: areas (case, frame, area in px), and the packed mask of each row."""

    areas: pd.DataFrame
    masks: np.ndarray


def scored_cases(store: Store) -> pd.DataFrame:
    """The test cases with tracings, by case; only these are scored."""
    cases = store.cases
    return cases[(cases["split"] == "test") & (cases["traced"] >= 0)].set_index("case", drop=False)


def read_segmented(areas: Path, masks: Path) -> Segmented:
    """A network's areas and masks.

    Raises:
        InputError: a file is unreadable, or the files do not have the same number of frames.
    """
    table = read_table(areas, AREAS)
    return Segmented(table, read_masks(masks, table))


def masks_of(segmented: Segmented, rows: Sequence[int] | np.ndarray, width: int) -> np.ndarray:
    """Masks (n, H, W) bool at `rows` of the areas."""
    return np.unpackbits(np.asarray(segmented.masks[rows]), axis=-1, count=width).astype(bool)


def evenly_over(values: pd.Series, count: int) -> list[str]:
    """Labels of at most `count` entries spread evenly over the range of `values`, in rising order of value.

    For each of `count` equidistant values from the lowest to the highest, the nearest entry that is still left is
    chosen, and if two are equally near, the first by label. So no hand picks them.
    """
    left = values.dropna().sort_index()
    chosen = []
    for target in np.linspace(left.min(), left.max(), min(count, len(left))) if len(left) else []:
        nearest = (left - target).abs().idxmin()
        chosen.append(nearest)
        left = left.drop(nearest)
    return list(values[chosen].sort_values(kind="stable").index)
