"""What each habit of the published code is worth, on our own results."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from acdc.analysis.heart_measures import FOREGROUND, best_searched, counts_of
from acdc.analysis.pixel_measures import SURE, heart_f1, mean_iou, running
from acdc.analysis.weightings import CLASSES
from reprise.data.store import Store
from reprise.evaluation.estimates import Row, quirk
from reprise.evaluation.mask_scores import class_dice, confusions

SMOOTHED = 5  # the number of the augmentation that smooths


def pixel_quirks(slices: pd.DataFrame, networks: list[str]) -> Iterator[Row]:
    """Habits of measuring on published slices: other numbers from the same classes of the same pixels.

    Args:
        slices: one row per method and test slice, see `search_weights`.
        networks: the single networks among the methods.
    """
    best = best_searched(slices, networks)
    own = slices[slices["method"] == best]
    counts = counts_of(own)
    pooled = counts.sum(axis=0)
    iou = float(mean_iou(pooled))
    note = "The mean over slices of the IoU of all slices so far: it depends on their order. Set against it: one IoU."
    yield quirk("Mean of a running IoU", f"{best}/iou", "1", [running(mean_iou, counts), iou], note)
    kept = float(mean_iou(counts[own["augmented"] == 0].sum(axis=0)))
    note = f"{int((own['augmented'] > 0).sum())} of {len(own)} test slices are turned, flipped or smoothed copies."
    yield quirk("Augmented test slices", f"{best}/iou", "1", [iou, kept], note)
    searched = float(mean_iou(counts[own["searched"] == 1].sum(axis=0)))
    note = f"{int(own['searched'].sum())} of {len(own)} test slices, drawn at random, are scored."
    yield quirk("Part of the test slices", f"{best}/iou", "1", [searched, iou], note)
    note = "The background is nearly always right and counts as much as each structure."
    yield quirk("Background in the IoU", f"{best}/iou", "1", [iou, float(mean_iou(pooled, FOREGROUND))], note)
    note = (
        "Keras counts a class only where it has more than half the probability. Set against it: the largest one wins."
    )
    yield quirk("Threshold, not the largest probability", f"{best}/iou", "1", [_sure_iou(own, pooled), iou], note)
    binary = float(heart_f1(pooled))
    note = "The mean over slices of the F1 of all slices so far. Set against it: one F1."
    yield quirk("Mean of a running F1", f"{best}/f1", "1", [running(heart_f1, counts), binary], note)
    note = "Labels count as heart or not, whichever structure they name. Set against it: the mean over structures."
    values = [binary, _structure_dice(pooled)]
    yield quirk("F1 of heart or background", f"{best}/f1", "1", values, note)


def search_quirk(slices: pd.DataFrame, networks: list[str], draws: int) -> Iterator[Row]:
    """The optimism of weights that are searched and scored on the same slices; no row if all slices are searched."""
    best = best_searched(slices, networks)
    gains = []
    for chosen in (1, 0):
        part = slices[slices["searched"] == chosen]
        if part.empty:
            return
        found, alone = (
            float(mean_iou(counts_of(part[part["method"] == name]).sum(axis=0))) for name in ("random_search", best)
        )
        gains.append(found - alone)
    note = (
        f"Gain of the best of {draws} weightings over {best}, on the slices on which both were chosen; set against it: "
        "the gain of the same weights over the same network on the other slices. The difference is the optimism."
    )
    yield quirk("Weights searched on the test slices", "random_search/iou_gain", "1", gains, note)


def split_quirk(slices: pd.DataFrame, history: pd.DataFrame, networks: list[str]) -> Iterator[Row]:
    """The IoU of validation slices whose neighbours and copies are trained on, against that of other patients."""
    for network in networks:
        trained = history[history["network"] == network].sort_values("epoch")
        own = slices[(slices["method"] == network) & (slices["augmented"] == 0)]
        if trained.empty:
            continue
        counts = counts_of(own).sum(axis=0)
        note = (
            "Validation slices are drawn after the augmentation, so that neighbours and copies of them are trained on. "
            "Set against the last epoch's value, which is a mean over batches: test slices of other patients, without "
            "copies, with the same threshold."
        )
        values = [float(trained["val_iou"].iloc[-1]), _sure_iou(own, counts)]
        yield quirk("Split by slice, after augmentation", f"{network}/iou", "1", values, note)


def grid_quirks(habits: pd.DataFrame, best: str) -> Iterator[Row]:
    """Habits of the published grid, as means over test cases and structures; see `grid_rows`."""
    means = habits[["label_linear", "label_nearest", "native", "grid", "kept"]].mean()
    note = (
        "True labels brought to the published grid and back to their own, against themselves. Between labels 1 and 3, "
        "linear labels name a wall (2) that is not there. Set against it: the label of the nearest voxel."
    )
    values = [means["label_linear"], means["label_nearest"]]
    yield quirk("Labels interpolated linearly", "labels/dice", "1", values, note)
    note = (
        "The same segmentations by the sound protocol's best network, scored on the published grid after they and the "
        "reference were resized as published labels are. Set against it: each stack's own grid."
    )
    yield quirk("Scores on the published grid", f"{best}/dice", "1", [means["grid"], means["native"]], note)
    note = "Every second slice of the published grid, against all of them."
    yield quirk("Slices left out", f"{best}/dice", "1", [means["kept"], means["grid"]], note)


def smoothing_quirk(published: Store) -> Iterator[Row]:
    """What the augmentation that smooths leaves of labels: Dice of smoothed slices against those they were made of."""
    cases = published.cases.assign(row=range(len(published.cases)))
    plain = {_slice_of(case): case["row"] for case in cases[cases["augmented"] == 0].to_dict("records")}
    counts = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    labels = published.arrays["labels"]
    for case in cases[cases["augmented"] == SMOOTHED].to_dict("records"):
        counts += confusions(labels[plain[_slice_of(case)]], labels[case["row"]], CLASSES)
    if counts[1:].any():
        note = "The augmentation that is called noise smooths, labels too, which are then rounded."
        yield quirk("Labels smoothed", "labels/dice", "1", [_structure_dice(counts), 1.0], note)


def empty_quirk(scores: pd.DataFrame, best: str) -> Iterator[Row]:
    """The official script's distance where one mask is empty; no row if this did not happen."""
    own = scores[(scores["method"] == best) & (scores["split"] == "test")]
    distance = own["hausdorff_mm"]
    if distance.isna().any():
        note = (
            f"In {int(distance.isna().sum())} of {len(own)} cases and structures only one of two masks is empty. "
            "A script that is widely used counts them as 1 mm. Set against it: they have no distance, and Dice 0."
        )
        values = [float(distance.fillna(1).mean()), float(distance.mean())]
        yield quirk("An empty mask 1 mm away", f"{best}/hd", "mm", values, note)


def _structure_dice(counts: np.ndarray) -> float:
    """The mean Dice of the structures that have a label, from numbers of pixels (C, C) by true and found class."""
    there = counts.sum(axis=1)[list(FOREGROUND)] > 0
    return float(class_dice(counts, list(FOREGROUND))[there].mean())


def _sure_iou(slices: pd.DataFrame, counts: np.ndarray) -> float:
    """The IoU in which a pixel has a class only if that class has more than half the probability."""
    sure = slices[SURE].to_numpy().sum(axis=0).reshape(CLASSES, CLASSES)
    shared = np.diagonal(sure)
    union = counts.sum(axis=1) + sure.sum(axis=0) - shared
    return float((shared[union > 0] / union[union > 0]).mean())


def _slice_of(case: Any) -> tuple[Any, ...]:
    return case["patient"], case["phase"], case["slice"]
