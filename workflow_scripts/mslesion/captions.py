"""What the report says below each of the study's figures, and to those who cannot see it."""

from typing import Any

import pandas as pd

from reprise.plots.steps import run_label
from reprise.plots.style import groups
from reprise.report.section import Describe, Words
from reprise.report.tables import number

MARKS = "True positives are filled (blue), false positives hatched (red), false negatives outlined only (yellow)"
REFERENCE = "the reference (the first rater's masks, where there are two)"
SIZES = {
    "load": ("Lesion load", "Volume of all lesions of a scan in ml", "ml", 2),
    "count": (
        "Lesion count",
        "Number of lesions of a scan, voxels that touch by a face, an edge or a corner being one lesion,",
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
        f"{' or '.join(map(str, last))} epochs. A line is a fold; its symbol marks the epoch whose weights were kept. "
        "Under the published protocol the scored fold itself is shown and chooses the epoch, by the Dice of all its "
        "pixels together, of slices with a lesion only; under the sound one another fold is shown and chooses, by the "
        "mean Dice of its volumes, the scored fold being left out. So curves of the two protocols do not compare. "
        "Loss: one minus a soft Dice; in the training of U-Nets, cross-entropy is added.",
        f"Curves of loss, accuracy, Dice, sensitivity and specificity by epoch, a line a fold. {'; '.join(each)}.",
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
    unseen = ", each segmented by the training that did not see its patient" * (first["protocol"] == "sound")
    return Words(
        "Lesions found, missed and made up",
        f"FLAIR slices of {len(table)} of {number(first['of'], 0)} scans, by {run_label(first['run'])}, "
        f"{first['protocol']} protocol{unseen}. {MARKS}. Nobody chose them: the scans stand at even places of the "
        "ranking by Dice, lowest first; of each the slice is shown that has most lesion in either mask. Dice is of the "
        f"whole scan, against {REFERENCE}. The patient's right is on the left.",
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
    bar = " The last row sets the second rater against the first: what two people differ by." * int(raters)
    return Words(
        f"{title} against the reference",
        f"{what} as predicted, against {REFERENCE}; a point a scan. Left: the line is identity; right: "
        "difference against mean (Bland-Altman), solid the bias, dashed the limits of agreement (bias ± 1.96 standard "
        f"deviations).{bar} Scans of one patient resemble one another, so these scans say less than as many "
        "patients would. Under the published protocol other time points of the same patient were trained on.",
        f"Scatter and Bland-Altman plots. {'; '.join(each)}.",
    )


# In the order of the report: its parts, and the figures of each.
PARTS_OF_FIGURES: dict[str, dict[str, Describe]] = {
    "Protocols and training": {"training": describe_training},
    "Lesion load and lesion count": {"load": describe_load, "count": describe_count},
    "Slices": {"examples": describe_examples},
}
