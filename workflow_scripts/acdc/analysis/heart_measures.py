"""The study's measures with their intervals: of patients on their own grid, and of pixels as published."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from acdc.analysis.patients import CLINICAL, clinical_names, clinical_terms
from acdc.analysis.pixel_measures import COUNTS, heart_f1, mean_iou, running
from acdc.analysis.weightings import CLASSES
from reprise.evaluation.bland_altman import agreement_statistics
from reprise.evaluation.bootstrap import estimates, mean_terms, means_from_sums
from reprise.evaluation.estimates import Estimate, Row, Sampling, metric, without_interval

LEVEL = 0.95
CALIBRATION = {"nll": "nats", "brier": "1", "ece": "1"}
FOREGROUND = range(1, CLASSES)
PUBLISHED = {"unet", "linknet", "fpn"}  # members of the published ensembles
EMPTY = {"one_empty": ("prediction", "reference"), "both_empty": ("both",)}


def sound_rows(scores: pd.DataFrame, patients: pd.DataFrame, best: str, sampling: Sampling) -> Iterator[Row]:
    """Means of scores, agreement of clinical quantities, and the gain in Dice over the best network, by method.

    Patients are resampled, each with both phases. A gain is the mean over patients of the difference of Dice.

    Args:
        scores: by `patient_scores`.
        patients: by `patient_table`, with the same rows.
        best: the network that was best on validation patients.
        sampling: of the intervals.
    """
    for (method, split), own in scores.groupby(["method", "split"], sort=False):
        reference = scores[(scores["method"] == best) & (scores["split"] == split)].set_index("patient")["dice"]
        values = own.set_index("patient").drop(columns=["method", "split"])
        if method != best:
            values = values.assign(gain=values["dice"] - reference)
        clinical = patients.loc[own.index].set_index("patient")
        for name, estimate in _estimates(values, clinical, sampling).items():
            yield metric("sound", f"{method}/{split}/{name}", unit_of(name), estimate, LEVEL)


def _estimates(values: pd.DataFrame, clinical: pd.DataFrame, sampling: Sampling) -> dict[str, Estimate]:
    names, quantities = [str(name) for name in values], clinical_names(clinical)
    terms = mean_terms(values).join(clinical_terms(clinical))

    def statistics(sums: np.ndarray) -> dict[str, np.ndarray]:
        means = means_from_sums(names, sums[..., : 2 * len(names)])
        return means | agreement_statistics(quantities, sums[..., 2 * len(names) :])

    return estimates(terms, statistics, sampling, LEVEL)


def unit_of(measure: str) -> str:
    """The unit of a measure by its name."""
    quantity, _, kind = measure.rpartition("_")
    if quantity in CLINICAL:
        return "1" if kind == "r" else CLINICAL[quantity]
    return "mm" if measure.startswith(("hd_", "assd_")) else "1"


def empty_rows(scores: pd.DataFrame) -> Iterator[Row]:
    """How often one of two masks was empty, and how often both: of `n` masks of all cases and structures."""
    for (method, split), own in scores.groupby(["method", "split"], sort=False):
        for name, kinds in EMPTY.items():
            count = without_interval(int(own["empty"].isin(kinds).sum()), len(own))
            yield metric("sound", f"{method}/{split}/{name}", "masks", count, LEVEL)


def calibration_rows(calibration: pd.DataFrame, patients: Mapping[Any, int]) -> Iterator[Row]:
    """Calibration before a temperature; `patients` is their number by split."""
    for row in calibration.to_dict("records"):
        for name, unit in CALIBRATION.items():
            estimate = without_interval(row[name], patients[row["split"]])
            yield metric("sound", f"{row['method']}/{row['split']}/{name}", unit, estimate, LEVEL)


def counts_of(slices: pd.DataFrame) -> np.ndarray:
    """Numbers of pixels (S, C, C) of published test slices by true and found class."""
    return slices[COUNTS].to_numpy().reshape(-1, CLASSES, CLASSES)


def published_rows(slices: pd.DataFrame, networks: list[str], sampling: Sampling) -> Iterator[Row]:
    """What the published code prints for each network and ensemble, and its gain in IoU over the best network.

    The best network is the best on the slices that are searched. Intervals resample patients. An ensemble of other
    members than the published ones has them in its name, such as `equal:unet+fpn`, so that it does not stand beside
    published figures.

    Args:
        slices: one row per method and test slice, see `search_weights`.
        networks: the single networks among the methods.
        sampling: of the intervals.
    """
    best = best_searched(slices, networks)
    others = "" if set(networks) == PUBLISHED else f":{'+'.join(networks)}"
    for method, own in slices.groupby("method", sort=False):
        counts, named = counts_of(own), f"{method}{'' if method in networks else others}"
        for name, measure in (("running_iou", mean_iou), ("running_f1", heart_f1)):
            value = without_interval(running(measure, counts), len(own))
            yield metric("published", f"{named}/test/{name}", "1", value, LEVEL)
        reference = slices[slices["method"] == best].set_index(own.index)
        for part, chosen in {
            "test": own["searched"] >= 0,
            "searched": own["searched"] == 1,
            "rest": own["searched"] == 0,
        }.items():
            if not chosen.any():
                continue
            found = _pixel_estimates(own[chosen], reference[chosen], sampling)
            wanted = ["iou", *["foreground_iou"][part != "test" :], *["iou_gain"][method in networks :]]
            for name in wanted:
                yield metric("published", f"{named}/{part}/{name}", "1", found[name], LEVEL)


def best_searched(slices: pd.DataFrame, networks: list[str]) -> str:
    """The network with the best IoU on the slices that are searched; the first of equally good ones."""
    searched = slices[slices["searched"] == 1]
    iou = [float(mean_iou(counts_of(searched[searched["method"] == name]).sum(axis=0))) for name in networks]
    return networks[int(np.argmax(iou))]


def _pixel_estimates(own: pd.DataFrame, reference: pd.DataFrame, sampling: Sampling) -> dict[str, Estimate]:
    terms = own[COUNTS].join(reference[COUNTS].add_suffix("_best")).astype(float)

    def statistics(sums: np.ndarray) -> dict[str, np.ndarray]:
        counts, best = np.moveaxis(sums.reshape(*sums.shape[:-1], 2, CLASSES, CLASSES), -3, 0)
        iou = mean_iou(counts)
        return {"iou": iou, "foreground_iou": mean_iou(counts, FOREGROUND), "iou_gain": iou - mean_iou(best)}

    found = estimates(terms, statistics, sampling, LEVEL, own["patient"])
    return {name: estimate._replace(n=len(own)) for name, estimate in found.items()}


def data_rows(cases: pd.DataFrame, slices: int) -> Iterator[Row]:
    """The number of patients and of slices: the stacks' own ones, and those that the published protocol makes."""
    patients = int(cases["patient"].nunique())
    for protocol, count in (("published", slices), ("sound", int(cases["slices"].sum()))):
        yield metric(protocol, "data/patients", "patients", without_interval(patients, patients), LEVEL)
        yield metric(protocol, "data/slices", "slices", without_interval(count, count), LEVEL)
