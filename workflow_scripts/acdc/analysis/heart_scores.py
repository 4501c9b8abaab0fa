"""Scores of the structures of a segmented stack on its own grid, see `mask_scores`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from acdc.analysis.protocols import STRUCTURES
from reprise.evaluation.mask_scores import mask_scores

KEYS = ("case", "patient", "phase")
SCORES = ["dice", "hausdorff_mm", "assd_mm", "empty", "volume_ml", "true_volume_ml"]


def structure_rows(
    found: np.ndarray, true: np.ndarray, case: Mapping[Any, Any], structures: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """One row per structure with the columns `KEYS`, `structure` and `SCORES`.

    Args:
        found: (N, H, W), predicted classes.
        true: (N, H, W), classes of the reference.
        case: the row of the store, with the spacing.
        structures: names of what is scored.
    """
    spacing_mm = [float(case[name]) for name in ("slice_mm", "row_mm", "column_mm")]
    for structure in structures:
        ours, reference = (classes == STRUCTURES[structure] for classes in (found, true))
        scores = mask_scores(ours, reference, spacing_mm)
        named = {key: case[key] for key in KEYS} | {"structure": structure}
        yield named | {name: scores[name] for name in SCORES}
