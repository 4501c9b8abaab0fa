"""The study's measures with their intervals: of whole volumes of subjects, and of crops as published."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from iseg.analysis.protocols import CLASSES, PUBLISHED, TISSUES
from iseg.analysis.soft_dice import dice_table, mean_dice
from reprise.evaluation.bland_altman import agreement_statistics, agreement_terms
from reprise.evaluation.bootstrap import estimates, mean_terms, means_from_sums
from reprise.evaluation.estimates import Estimate, Row, Sampling, metric, without_interval

LEVEL = 0.95
# Measures of a tissue by their names here and in the table of scores, and their units.
AVERAGED = {"dice": ("dice", "1"), "asd": ("asd_mm", "mm"), "hd95": ("hd95_mm", "mm")}
ANCHOR = 9  # the subject on which others report whole volumes


def subject_values(volumes: pd.DataFrame) -> pd.DataFrame:
    """Measures by name, one row per volume: dice, asd and hd95, each also with a tissue behind it, such as dice_csf.

    The one without a tissue is the mean over tissues; it is missing (NaN) where a tissue has none.
    """
    columns: dict[str, Any] = {}
    for name, (column, _) in AVERAGED.items():
        own = volumes[[f"{tissue}_{column}" for tissue in TISSUES]]
        columns[name] = own.mean(axis=1, skipna=False)
        columns |= {f"{name}_{tissue}": own[f"{tissue}_{column}"] for tissue in TISSUES}
    return pd.DataFrame(columns, index=volumes.index)


def volume_rows(volumes: pd.DataFrame, sampling: Sampling) -> Iterator[Row]:
    """Measures of whole volumes by network: of the sound protocol with agreement of volumes, and of published ones.

    Subjects are resampled. A single subject has no interval; fewer than three have no agreement.

    Args:
        volumes: by `read_volume_scores`, with network and protocol.
        sampling: of the intervals.
    """
    for (network, protocol), own in volumes.groupby(["network", "protocol"], sort=False):
        sound = protocol == "sound"
        group, where = ("sound", "subjects") if sound else ("published", f"{PUBLISHED[str(protocol)]}/volumes")
        found = _estimates(subject_values(own), _volumes_ml(own) if sound and len(own) > 2 else {}, sampling)
        if sound:
            alone = subject_values(own[own["subject"] == ANCHOR]).filter(like="dice").to_dict("records")
            found |= {f"{name}_{ANCHOR}": without_interval(dice, 1) for row in alone for name, dice in row.items()}
        for name, estimate in found.items():
            if np.isfinite(estimate.value):
                yield metric(group, f"{network}/{where}/{name}", unit_of(name), estimate, LEVEL)
        empty = own[[f"{tissue}_empty" for tissue in TISSUES]]
        count = without_interval(int(empty.isin(["prediction", "reference"]).sum().sum()), empty.size)
        yield metric(group, f"{network}/{where}/one_empty", "masks", count, LEVEL)


def _volumes_ml(volumes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Volumes of the tissues, found and true, in the columns volume_csf and so on."""
    return {
        prefix: volumes[[f"{tissue}_{prefix}volume_ml" for tissue in TISSUES]].set_axis(
            [f"volume_{tissue}" for tissue in TISSUES], axis=1
        )
        for prefix in ("", "true_")
    }


def _estimates(values: pd.DataFrame, sizes: Mapping[str, pd.DataFrame], sampling: Sampling) -> dict[str, Estimate]:
    names, terms = [str(name) for name in values], mean_terms(values)
    quantities = [str(name) for name in sizes[""]] if sizes else []
    if sizes:
        terms = terms.join(agreement_terms(sizes[""], sizes["true_"]))

    def statistics(sums: np.ndarray) -> dict[str, np.ndarray]:
        means = means_from_sums(names, sums[..., : 2 * len(names)])
        return means | (agreement_statistics(quantities, sums[..., 2 * len(names) :]) if quantities else {})

    return estimates(terms, statistics, sampling, LEVEL)


def unit_of(measure: str) -> str:
    """The unit of a measure by its name."""
    if measure.startswith("volume_"):
        return "1" if measure.endswith("_r") else "ml"
    return AVERAGED[measure.partition("_")[0]][1]


def crop_rows(sums: pd.DataFrame, dice: Mapping[str, str]) -> Iterator[Row]:
    """What the published code prints of validation crops, for each network and class; there are no intervals.

    Args:
        sums: with network and protocol.
        dice: kind of the denominator by name of the published protocol, see `dice_table`.
    """
    for (network, protocol), own in sums.groupby(["network", "protocol"], sort=False):
        if protocol not in PUBLISHED:
            continue
        name, crops = PUBLISHED[protocol], printed_sums(own)
        table, count = dice_table(crops, dice[name], "batch"), crops["number"].nunique()
        values = {f"dice_{kind}": float(table[kind].mean()) for kind in CLASSES}
        values = {"dice": mean_dice(table, list(CLASSES)), **values, "tissue_dice": mean_dice(table, list(TISSUES))}
        for measure, value in values.items():
            yield metric("published", f"{network}/{name}/crops/{measure}", "1", without_interval(value, count), LEVEL)


def printed_sums(sums: pd.DataFrame) -> pd.DataFrame:
    """The sums of crops of sigmoids, which the published code scores."""
    return sums[(sums["unit"] == "crop") & (sums["activation"] == "sigmoid")]


def data_rows(cases: pd.DataFrame) -> Iterator[Row]:
    """The number of subjects with labels and of those without."""
    labelled = int(cases["labelled"].sum())
    for protocol in ("published", "sound"):
        yield metric(protocol, "data/subjects", "subjects", without_interval(labelled, labelled), LEVEL)
        unlabelled = len(cases) - labelled
        yield metric(protocol, "data/unlabelled", "subjects", without_interval(unlabelled, unlabelled), LEVEL)
