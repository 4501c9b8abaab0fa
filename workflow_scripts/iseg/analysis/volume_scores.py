"""Scores of predicted whole volumes: each voxel has its most probable class, and each tissue its Dice and distances."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from iseg.analysis.box_dice import box_dice
from iseg.analysis.protocols import CLASSES, TISSUES
from iseg.data.conversion import volume_of
from reprise.data.store import Store, open_store
from reprise.evaluation.mask_scores import confusions, mask_scores
from reprise.step.errors import InputError

COUNTS = [f"n{true}{found}" for true in range(len(CLASSES)) for found in range(len(CLASSES))]
BOXES = ("rich_boxes", "all_boxes")
# Measures of a tissue by their names in the table of scores, and what the library calls them.
MEASURES = {
    "dice": "dice",
    "asd_mm": "assd_mm",
    "hd95_mm": "hd95_mm",
    "empty": "empty",
    "volume_ml": "volume_ml",
    "true_volume_ml": "true_volume_ml",
}
ROW = ["case", "of", "fold", "split", "offset", "x", "y", "z"]


class Rule(NamedTuple):
    """Which crops the published code accepts: their sides, and the least share of the subject's labelled voxels."""

    crop: tuple[int, int, int]
    least: float


def read_volume_scores(path: Path, store: Store, rule: Rule) -> pd.DataFrame:
    """Scores of the volumes of one run and protocol, one row per volume.

    Columns: of, subject, fold, split, `COUNTS` (voxels by true and found class), `BOXES` (see `box_dice`), and for each
    tissue the keys of `MEASURES`, such as csf_dice.

    Args:
        path: of a store of predictions.
        store: of the study, with the truth.
        rule: of acceptance, for `BOXES`.

    Raises:
        InputError: a volume belongs to no labelled subject of the store, or has another grid or other classes.
    """
    found = open_store(path)
    if absent := [name for name in ROW if name not in found.cases] + [*({"labels"} - found.arrays.keys())]:
        raise InputError(f"{path}: expected {', '.join(ROW)} and labels, found no {absent[0]}")
    subjects = store.cases[store.cases["labelled"] == 1].set_index("case")
    rows = []
    for volume in found.cases.to_dict("records"):
        if volume["of"] not in subjects.index:
            raise InputError(f"{path}: {volume['case']}: {volume['of']} is no labelled subject of the store")
        subject = subjects.loc[volume["of"]].to_dict()
        ours, true = volume_of(found.arrays["labels"], volume), volume_of(store.arrays["labels"], subject)
        if ours.shape != true.shape or ours.max() >= len(CLASSES):
            raise InputError(
                f"{path}: {volume['case']}: expected classes below {len(CLASSES)} on the grid {true.shape}, found "
                f"classes up to {ours.max()} on {ours.shape}"
            )
        named = {"of": volume["of"], "subject": subject["subject"], "fold": volume["fold"], "split": volume["split"]}
        rows.append(named | _scores(ours, true, subject, rule))
    return pd.DataFrame(rows)


def _scores(found: np.ndarray, true: np.ndarray, subject: Mapping[Any, Any], rule: Rule) -> dict[str, Any]:
    spacing_mm = [float(subject[f"{axis}_mm"]) for axis in "xyz"]
    row = dict(zip(COUNTS, confusions(true, found, len(CLASSES)).ravel().tolist(), strict=True))
    row |= dict(zip(BOXES, box_dice(found, true, rule.crop, rule.least), strict=True))
    for tissue, label in TISSUES.items():
        scores = mask_scores(found == label, true == label, spacing_mm)
        row |= {f"{tissue}_{name}": scores[key] for name, key in MEASURES.items()}
    return row


def tissue_table(volumes: pd.DataFrame) -> pd.DataFrame:
    """The table of scores: a row per network, protocol, volume and tissue with the columns `MEASURES`."""
    keys = ["network", "protocol", "fold", "subject"]
    parts = []
    for place, tissue in enumerate(TISSUES):
        columns = {f"{tissue}_{name}": name for name in MEASURES}
        part = volumes[[*keys, *columns]].rename(columns=columns)
        part.insert(len(keys), "tissue", tissue)
        parts.append(part.assign(row=np.arange(len(part)), place=place))
    return pd.concat(parts).sort_values(["row", "place"]).drop(columns=["row", "place"])


def confusion_rows(volumes: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Voxels of all volumes by true and found class: 16 rows for each network and protocol."""
    for (network, protocol), own in volumes.groupby(["network", "protocol"], sort=False):
        for name, voxels in own[COUNTS].sum().items():
            true, found = (CLASSES[int(digit)] for digit in str(name)[1:])
            yield {"network": network, "protocol": protocol, "true": true, "found": found, "voxels": int(voxels)}
