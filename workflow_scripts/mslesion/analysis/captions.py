"""What the report says below each of the study's figures, and to those who cannot see it."""

from typing import Any

import pandas as pd

from reprise.evaluation.runs import run_label
from reprise.plots.style import groups
from reprise.report.page_tables import number
from reprise.report.section import Describe, Words

MARKS = "True positives are filled (blue), false positives are hatched (red), false negatives have an outline (yellow)"
REFERENCE = "the reference (the first rater's masks, where there are two)"
SIZES = {
    "load": ("Lesion load", "Volume of all lesions of a scan in ml", "ml", 2),
    "count": (
        "Lesion count",
        "Number of lesions of a scan (voxels that touch by a face, an edge or a corner are one lesion)",
        "lesions",
        1,
    ),
}


def describe_training(table: pd.DataFrame) -> Words:
    """From columns run, protocol, fold, epoch, kept, val_dice, val_volume_dice."""
    kept = table[table["kept"] == 1]
    each = []
    for name, part in groups(kept, "run"):
        column = "val_dice" if part["protocol"].iloc[0] == "published" else "val_volume_dice"
        low, high = (number(value, 3) for value in (part[column].min(), part[column].max()))
        epochs = f"{part['epoch'].min()} to {part['epoch'].max()}"
        each.append(f"{name}: Dice {low} to {high} at the epochs kept, {epochs}")
    last = sorted(set(table.groupby(["run", "fold"])["epoch"].max()))
    return Words(
        "Training of each fold",
        f"Epochs: {' or '.join(map(str, last))}. Each line is a fold. Its symbol marks the epoch whose weights were "
        "kept. Under the published protocol, the curves show the scored fold, and the same fold chooses the epoch: the "
        "one with the best Dice of all pixels of slices with a lesion. Under the sound protocol, they show another "
        "fold, which chooses the epoch with the best mean Dice of its volumes. So the curves of the two protocols do "
        "not compare. Loss: one minus a soft Dice. In the training of U-Nets, cross-entropy is added.",
        f"Loss, accuracy, Dice, sensitivity and specificity by epoch; each line is a fold. {'; '.join(each)}.",
    )


def describe_load(table: pd.DataFrame) -> Words:
    """From columns panel, truth, prediction, bias, lower_limit, upper_limit: volumes in ml."""
    return _comparison(table, "load")


def describe_count(table: pd.DataFrame) -> Words:
    """From the same columns as `describe_load`: numbers of lesions."""
    return _comparison(table, "count")


def describe_examples(table: pd.DataFrame) -> Words:
    """From columns of, run, protocol, case, dice, slice, true_positives, false_positives, false_negatives."""
    each = [
        f"{row.case}, slice {row.slice}: Dice of the scan {row.dice:.2f}, {pixels(row)}" for row in table.itertuples()
    ]
    first = table.iloc[0]
    sound = first["protocol"] == "sound"
    unseen = " Each was segmented by the training that did not see its patient." if sound else ""
    return Words(
        "Lesions found, missed and falsely predicted",
        f"FLAIR slices of {len(table)} of {number(first['of'], 0)} scans, by {run_label(first['run'])}, "
        f"{first['protocol']} protocol.{unseen} {MARKS}. The scans were not picked by hand: all were ranked by Dice, "
        "and these have evenly spaced ranks, lowest first. Each slice is the one with most lesion in either mask of "
        f"its scan. Dice is that of the whole scan, against {REFERENCE}. The patient's right is on the left.",
        f"Brain slices with marked pixels. {'; '.join(each)}.",
    )


def pixels(row: Any) -> str:
    """How many pixels of a slice are right, made up and missed."""
    parts = {"true positive": row.true_positives, "false positive": row.false_positives}
    counts = [f"{number(count, 0)} {name}" for name, count in (parts | {"false negative": row.false_negatives}).items()]
    return f"{', '.join(counts)} pixels"


def _comparison(table: pd.DataFrame, size: str) -> Words:
    title, what, unit, decimals = SIZES[size]
    each = []
    for name, part in groups(table, "panel"):
        bias, low, high = (number(part[column].iloc[0], decimals) for column in ("bias", "lower_limit", "upper_limit"))
        limits = "" if part["lower_limit"].isna().all() else f", limits of agreement {low} to {high}"
        each.append(f"{name}: bias {bias} {unit}{limits}, {number(len(part), 0)} scans")
    raters = (table["protocol"].fillna("") == "").any()
    bar = " The last row compares the second rater with the first: so much do two people differ." if raters else ""
    return Words(
        f"{title} against the reference",
        f"{what} as predicted, against {REFERENCE}. Each point is a scan. Left: on the line, both are equal. Right: "
        "difference against mean (Bland-Altman). The solid line is the bias, dashed lines are the limits of agreement "
        f"(bias ± 1.96 standard deviations).{bar} Scans of the same patient are alike, so they say less than as many "
        "scans of different patients. Under the published protocol, the network was trained on other time points of "
        "the same patient.",
        f"Scatter and Bland-Altman plots. {'; '.join(each)}.",
    )


# In the order of the report: its parts, and the figures of each.
PARTS_OF_FIGURES: dict[str, dict[str, Describe]] = {
    "Protocols and training": {"training": describe_training},
    "Lesion load and lesion count": {"load": describe_load, "count": describe_count},
    "Slices": {"examples": describe_examples},
}
