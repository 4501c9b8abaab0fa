"""The steps from the published headline to the sound figure: each gives up one habit of the published code."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import pandas as pd

from mslesion.analysis.measures import best_so_far
from mslesion.analysis.protocols import CHOSEN_BY, PROTOCOLS
from mslesion.analysis.results import COUNTS, Results
from reprise.evaluation.confusion import rates
from reprise.evaluation.estimates import Row, quirk
from reprise.report.page_tables import number

NAMES = {"published": "published", "by_patient": "published with patients left out", "sound": "sound"}


class Link(NamedTuple):
    """A habit, the Dice after it is given up, and a note."""

    name: str
    dice: float
    note: str


def chain(network: str, results: Results) -> Iterator[Row]:
    """The rows of a network that was trained by both protocols; no rows if it was not.

    Each row of `NETWORK/dice` gives up one more habit, so its Dice without the habit is the next row's Dice with the
    next habit. `NETWORK/mean_fold/dice` is not part of the chain.
    """
    volumes, history = (_of(table, network) for table in results)
    if any(volumes[protocol].empty for protocol in ("published", "sound")):
        return
    kept = _best(history["published"])
    best = kept["val_dice"]
    links = [Link("", float(best.max()), ""), *_links(history, volumes)]
    for before, after in pairwise(links):
        yield quirk(after.name, f"{network}/dice", "1", [before.dice, after.dice], after.note)
    ends = history["published"].sort_values("epoch").groupby("fold")["val_dice"].last()
    note = (
        "Beside the chain, whose weights are those of the best epochs: the mean over folds after the last epoch, "
        "which nothing chose. The chain's last row gives the same habit up with the others."
    )
    values = [float(best.mean()), float(ends.mean())]
    yield quirk("Best epoch by the scored fold, not the last", f"{network}/mean_fold/dice", "1", values, note)
    note = "The code divides the false positives by all pixels. A specificity divides them by those without a lesion."
    row = kept.loc[best == best.max()].iloc[0]
    values = [float(row[f"val_{name}"]) for name in ("printed_specificity", "specificity")]
    yield quirk("Specificity of all pixels", f"{network}/best_fold/specificity", "1", values, note)


def _of(table: pd.DataFrame, network: str) -> dict[str, pd.DataFrame]:
    own = table[table["network"] == network]
    return {protocol: own[own["protocol"] == protocol] for protocol in PROTOCOLS}


def _best(history: pd.DataFrame) -> pd.DataFrame:
    """The row of each fold's best epoch by the Dice of pooled pixels."""
    return best_so_far(history, int(history["epoch"].max()))


def _links(history: dict[str, pd.DataFrame], volumes: dict[str, pd.DataFrame]) -> Iterator[Link]:
    """One link per habit, in the order in which they are given up."""
    best = _best(history["published"])["val_dice"]
    note = f"The best Dice of the {len(best)} folds runs from {best.min():.3f} to {best.max():.3f}."
    yield Link("Best fold, not the mean over folds", float(best.mean()), note)
    leaking = _leaking(volumes["published"])
    control = leaking > 0 and not volumes["by_patient"].empty
    if control:
        by_patient = float(_best(history["by_patient"])["val_dice"].mean())
        note = f"{_split_note(leaking, volumes['published'])} Set against it: the same, with patients left out."
        yield Link("Split by time point, not by patient", by_patient, note)
    yield from _counting(volumes["by_patient" if control else "published"])
    trained = "Slices and epoch as published" if control else "Slices, epoch and split as published"
    note = _training_note(history) + ("" if control else f" {_split_note(leaking, volumes['published'])}")
    yield Link(trained, float(volumes["sound"]["dice"].mean()), note)


def _counting(published: pd.DataFrame) -> Iterator[Link]:
    """The habits of counting: the same masks, scored in another way."""
    first = published[published["rater"] == 1]
    note = (
        "The published list joins slices of different scans at their ends and across slices without a lesion, never "
        "scores its own first and last slice, and resizes slices and masks to the network's size. Scored here: the "
        "same weights, every slice with a lesion, between its true neighbours. The network's output is resized to the "
        "grid of the scan."
    )
    yield Link("Neighbours in a list, not in the scan", _pooled(first, "lesion_slices"), note)
    yield Link("Only slices with a lesion scored", _pooled(first, "all"), _lesion_only_note(first))
    note = "Pooled over a fold, large lesion loads decide. Here each scan counts once, whatever its load and its fold."
    yield Link("Pixels pooled, not a Dice for each scan", float(first["dice"].mean()), note)
    if published["rater"].nunique() > 1:
        by_rater = ", ".join(
            f"{dice:.3f} against rater {key}" for key, dice in published.groupby("rater")["dice"].mean().items()
        )
        note = f"Networks are trained on rater 1's masks. The Dice is {by_rater}."
        yield Link("One rater, not both", float(published["dice"].mean()), note)


def _pooled(volumes: pd.DataFrame, slices: str) -> float:
    """The mean over folds of the Dice of all pixels of a fold together."""
    counts = volumes.groupby("fold")[[f"{count}_{slices}" for count in COUNTS]].sum()
    return float(rates(counts)["dice"].mean())


def _lesion_only_note(volumes: pd.DataFrame) -> str:
    pixels = [
        volumes[[f"{count}_{slices}" for count in COUNTS]].to_numpy().sum() for slices in ("lesion_slices", "all")
    ]
    false = int((volumes["fp_all"] - volumes["fp_lesion_slices"]).sum())
    return (
        f"Which slices have a lesion is known from the reference only; {100 * pixels[0] / pixels[1]:.0f} % of all "
        f"pixels are in them. The others can only add false positives: {number(false, 0)} pixels."
    )


def _leaking(volumes: pd.DataFrame) -> int:
    """The number of patients that are in more than one fold."""
    return int((volumes.groupby("patient")["fold"].nunique() > 1).sum())


def _split_note(leaking: int, volumes: pd.DataFrame) -> str:
    if not leaking:
        return "Here no patient is in two folds, so the split itself is worth nothing."
    return (
        f"Time points of {leaking} of {volumes['patient'].nunique()} patients are spread over folds, and so are in "
        "training and in the scored fold. The authors' description draws the same scans in all their folders, but says "
        "in words that each fold's folders are of different patients. So their own split may not have this habit."
    )


def _training_note(history: dict[str, pd.DataFrame]) -> str:
    epochs = {
        NAMES[protocol]: table.loc[table.groupby("fold")[CHOSEN_BY[protocol]].idxmin(), "epoch"]
        for protocol, table in history.items()
        if len(table)
    }
    which = "; ".join(f"{', '.join(map(str, found))} {protocol}" for protocol, found in epochs.items())
    return (
        "Other weights: the sound ones are trained on all slices, whole and between true neighbours, and on a fold "
        "fewer, which chooses the epoch instead of the scored one. "
        f"Epochs kept, fold by fold: {which}."
    )
