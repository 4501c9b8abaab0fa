"""What each habit of the published protocols is worth, on our own results.

For each published protocol there is a chain of rows that leads from what the code prints to the sound Dice of all
subjects. Each row gives up one more habit, so its Dice without the habit is the next row's Dice with the next habit.
The chain is that of the network with the highest printed Dice. The rows of `beside_rows` are not part of a chain.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from iseg.analysis.protocols import CLASSES, PUBLISHED, TISSUES
from iseg.analysis.results import Results
from iseg.analysis.soft_dice import dice_table, mean_dice, without_absent
from iseg.analysis.subject_measures import printed_sums, subject_values
from iseg.analysis.volume_scores import BOXES
from reprise.evaluation.estimates import Row, quirk

ALL, BRAIN = list(CLASSES), list(TISSUES)


class Link(NamedTuple):
    """A habit, the Dice after it is given up, and a note."""

    name: str
    dice: float
    note: str


def habit_rows(results: Results, settings: dict[str, Any]) -> Iterator[Row]:
    """All rows of the table of habits: a chain for each published protocol, then the other rows.

    Args:
        results: of all protocols.
        settings: `thesis` and `master` with `dice`, and `master` also with crop, crops and batch_size.
    """
    for protocol, name in PUBLISHED.items():
        best = best_printed(results.sums, protocol, settings[name]["dice"])
        own = results._replace(**{part: table[table["network"] == best] for part, table in results._asdict().items()})
        sums = own.sums[own.sums["protocol"] == protocol]
        printed = _printed(sums, settings[name]["dice"])
        links = [
            Link("", printed, ""),
            *_crop_links(sums, settings[name]["dice"]),
            *_volume_links(sums, settings[name]["dice"]),
            *_subject_links(own.volumes, protocol),
        ]
        for before, after in pairwise(links):
            yield quirk(after.name, f"{best}/{name}/dice", "1", [before.dice, after.dice], after.note)
        if protocol == "by_master":
            yield from beside_rows(own, settings[name])


def best_printed(sums: pd.DataFrame, protocol: str, kind: str) -> str:
    """The network with the highest Dice as a published protocol prints it; the first of equally good ones."""
    own = sums[sums["protocol"] == protocol].groupby("network", sort=False)
    printed = {str(network): _printed(table, kind) for network, table in own}
    return max(printed, key=lambda network: printed[network])


def _printed(sums: pd.DataFrame, kind: str) -> float:
    return mean_dice(dice_table(printed_sums(sums), kind, "batch"), ALL)


def _crop_links(sums: pd.DataFrame, kind: str) -> Iterator[Link]:
    """The habits of counting in crops; a row on batches only if a batch has more than one crop."""
    crops = printed_sums(sums)
    by_batch = without_absent(dice_table(crops, kind, "batch"), crops, "batch")
    absent, pairs = int(by_batch[ALL].isna().sum().sum()), by_batch[ALL].size
    note = (
        f"In {absent} of {pairs} batches and classes the truth has no such voxel, and scores 0 even if none is found."
    )
    yield Link("An absent class scores 0", mean_dice(by_batch, ALL), note)
    note = f"Air alone has {by_batch['air'].mean():.3f}, and is a quarter of the mean."
    yield Link("Air counted as a class", mean_dice(by_batch, BRAIN), note)
    largest = crops.groupby("batch")["number"].nunique().max()
    if largest > 1:
        by_crop = without_absent(dice_table(crops, kind, "number"), crops, "number")
        note = (
            f"The voxels of up to {largest} crops, drawn together at random, are counted as one. Here each crop counts."
        )
        yield Link("Crops of a batch pooled", mean_dice(by_crop, BRAIN), note)


def _volume_links(sums: pd.DataFrame, kind: str) -> Iterator[Link]:
    """From crops to whole volumes, then from sigmoids to softmax; all soft."""
    whole = sums[sums["unit"] == "volume"]
    dice = {}
    for activation in ("sigmoid", "softmax"):
        own = whole[whole["activation"] == activation]
        dice[activation] = mean_dice(without_absent(dice_table(own, kind, "of"), own, "of"), BRAIN)
    count = printed_sums(sums)["number"].nunique()
    note = (
        f"{plural(count, 'crop')} at random places with brain. Set against them: every voxel of the same "
        f"{plural(whole['of'].nunique(), 'subject')}, from overlapping windows."
    )
    yield Link("Crops, not whole volumes", dice["sigmoid"], note)
    note = "Each class has a sigmoid of its own, so that the four values of a voxel need not sum to 1."
    yield Link("Sigmoid, not softmax", dice["softmax"], note)


def _subject_links(volumes: pd.DataFrame, protocol: str) -> Iterator[Link]:
    """From soft values to classes, then to the sound protocol's weights, then to all subjects."""
    own, sound = (dice_by_subject(volumes, name) for name in (protocol, "sound"))
    note = "Values between 0 and 1 are summed as they are. Set against it: each voxel has its most probable class."
    yield Link("Soft Dice, not of classes", float(own.mean()), note)
    note = (
        "Set against it: the same subjects, each segmented by the sound protocol's network that did not learn from it."
    )
    yield Link("Training as published", float(sound[own.index].mean()), note)
    note = f"Set against it: all {len(sound)}. Their Dice runs from {sound.min():.3f} to {sound.max():.3f}."
    yield Link(f"Only {named_subjects(own.index.tolist())}", float(sound.mean()), note)


def dice_by_subject(volumes: pd.DataFrame, protocol: str) -> pd.Series:
    """The mean Dice of the tissues of each subject, by its number; of one protocol and network."""
    own = volumes[volumes["protocol"] == protocol].set_index("subject")
    return subject_values(own)["dice"]


def beside_rows(own: Results, master: dict[str, Any]) -> Iterator[Row]:
    """Habits of the protocol `master` that no chain has, for one network.

    Args:
        own: the results of the network.
        master: settings with dice, crops and batch_size.
    """
    network = own.volumes["network"].iloc[0]
    sums = own.sums[own.sums["protocol"] == "by_master"]
    note = (
        "The denominator sums the squares of the values. Set against it: the values, as the other published code does."
    )
    values = [_printed(sums, kind) for kind in ("squared", "linear")]
    yield quirk("Squares in the denominator", f"{network}/master/printed_dice", "1", values, note)
    yield from _curve_row(own.history, network, master)
    yield from _place_rows(own, network, master["crops"]["least"])
    validating, sound = (dice_by_subject(own.volumes, name) for name in ("by_master", "sound"))
    by_number = sound.sort_index().iloc[-len(validating) :]
    if set(by_number.index) != set(validating.index):
        note = f"In the order of numbers, not of names as text, {named_subjects(by_number.index.tolist())}."
        values = [float(sound[validating.index].mean()), float(by_number.mean())]
        yield quirk("Subjects in the order of their names", f"{network}/subjects/dice", "1", values, note)


def _curve_row(history: pd.DataFrame, network: str, master: dict[str, Any]) -> Iterator[Row]:
    """A class's validation curve as published, at the epoch that is kept."""
    train, val = (math.ceil(master["crops"][part] / master["batch_size"]) for part in ("train", "val"))
    kept = history.nsmallest(1, "val_loss")
    right = float(kept[[f"val_dice_{name}" for name in CLASSES]].to_numpy().mean())
    note = f"The sum over the validation batches ({val}) is divided by the number of training batches ({train})."
    values = [right * val / train, right]
    yield quirk("Validation curves divided by the training batches", f"{network}/master/curve_dice", "1", values, note)


def _place_rows(own: Results, network: str, least: float) -> Iterator[Row]:
    """Where crops lie, and how they are segmented, on the sound protocol's results of all subjects."""
    sound = own.volumes[own.volumes["protocol"] == "sound"]
    rich, every = sound[list(BOXES)].dropna().mean()
    if pd.notna(rich):
        note = (
            f"The same segmentations, in crops at regular places. Those with {100 * least:g} % or more of the brain "
            "are set against all that hold any of it."
        )
        yield quirk("Crops rich in brain", f"{network}/sound/crop_dice", "1", [float(rich), float(every)], note)
    crops = own.sums[(own.sums["protocol"] == "sound") & (own.sums["unit"] == "crop")]
    crops = crops[crops["activation"] == "argmax"].assign(crop=crops["of"] + "/" + crops["number"].astype(str))
    dice = mean_dice(without_absent(dice_table(crops, "linear", "crop"), crops, "crop"), BRAIN)
    note = (
        "Crops of all subjects, segmented alone. Each counts as much as another, however few voxels of a tissue it "
        "has. Set against them: whole volumes from overlapping windows."
    )
    values = [dice, float(dice_by_subject(sound, "sound").mean())]
    yield quirk("Crops, not whole volumes, of the sound networks", f"{network}/sound/dice", "1", values, note)


def plural(count: int, what: str) -> str:
    """A number with its noun, such as "1 subject" and "2 subjects"."""
    return f"{count} {what}{'s' * (count != 1)}"


def named_subjects(numbers: list[int]) -> str:
    """Subjects in words, such as "subjects 8 and 9 validate"."""
    if len(numbers) == 1:
        return f"subject {numbers[0]} validates"
    *first, last = map(str, sorted(numbers))
    return f"subjects {', '.join(first)} and {last} validate"
