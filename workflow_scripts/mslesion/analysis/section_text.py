"""What the report says of the study in sentences and tables: data, networks, results, the two protocols."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reprise.report.page_tables import number
from reprise.report.section import value_text

TITLE = "MS lesions: segmentation of FLAIR brain MRI, cross-validated"
MEASURES = {
    "dice": "Dice",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "dice_loss": "Dice loss",
    "ppv": "Positive predictive value",
    "ltpr": "Lesions found (LTPR)",
    "lfpr": "Predicted lesions that are false (LFPR)",
    "volume_difference": "Volume difference",
    "load_correlation": "Correlation of lesion loads",
    "score": "Overall score",
}
PARTS = {
    "scans": "mean over scans",
    "best_fold": "best fold, pixels pooled",
    "mean_fold": "mean over folds, pixels pooled",
    "raters": "second rater against the first",
}
FOLD, EPOCH = re.compile(r"fold(\d+)"), re.compile(r"epoch(\d+)")
PROTOCOLS = (
    "The published protocol does what the code behind the paper does, with its habits. It trains on and scores only "
    "slices with a lesion in the reference. The neighbours of a slice are the next ones in that list, even if they "
    "belong to another scan. Slices are cut or padded to one size. The pixels of all scored slices are pooled. The "
    "scored fold itself chooses the epoch. Only the first rater counts. The authors do not say how they made their "
    "folds. In their description all five patients are in the training and the validation of each fold. So here the "
    "folds divide scans, not patients, and the network is trained on other time points of the scored patients.\n\n"
    "The sound protocol leaves whole patients out. It takes every slice of the volume with its true neighbours. "
    "Another fold chooses the epoch. Each scan is measured by itself, against every rater: Dice, the fraction of "
    "lesions found (LTPR), the fraction of predicted lesions that are false (LFPR), the difference of volumes, and the "
    "ISBI challenge's weighting of these (overall score). The challenge also scales its score with constants that are "
    "not public; ours is not scaled.\n\n"
    "What does not compare: the paper's 0.89 is the best of five folds at its best epoch, on slices with a known "
    "lesion. It is not a mean over folds and not a figure for a whole volume. On the challenge's hidden test set the "
    "best known Dice is about 0.69. So the published figure stands only beside our published protocol, and the figures "
    "from the hidden test set stand beside nothing of ours."
)
TABLES = {
    "protocols": (
        "All measures by both protocols",
        "Our values. A 95 % interval in brackets is a bootstrap interval over patients, where the scans of a patient "
        "stay together. Under the published protocol, pooled measures are those of the epoch kept. Means over scans "
        "are measured in the same way under both protocols, on all slices. n counts scans.",
    ),
    "by_fold": (
        "Each fold",
        "Pooled: accuracy, Dice, sensitivity and specificity of all scored pixels, as the published code prints them, "
        "at the best epoch so far. By scan: means over the scans of the fold, on all slices.",
    ),
    "quirks": (
        "What each published habit is worth",
        "The rows of a network's Dice form a chain that begins at the headline figure: each row gives up one more "
        "habit. It shows the value with the habit (published), the value without it (sound), and the difference.",
    ),
    "findings": (
        "What the check of the raw files found",
        "A note changes nothing. Excluded files and scans are not used.",
    ),
}


def summary(settings: Mapping[str, Any], cases: pd.DataFrame, metrics: pd.DataFrame) -> list[str]:
    """Paragraphs that open the section: data, networks, results.

    Args:
        settings: data ("phantom" or a folder), models (lists of networks: lesions, baselines), folds, leak_control, and
            the recipes training and, by network, baselines.
        cases: the store's.
        metrics: the study's measures.
    """
    return [_data(settings["data"], cases), _networks(settings), *_results(settings["models"], metrics)]


def sound_headline(models: Mapping[str, Sequence[str]], metrics: pd.DataFrame) -> dict[str, str]:
    """What the sound protocol gives in place of the headline figure, which only the published protocol measures."""
    sound = metrics[metrics["protocol"] == "sound"].set_index("quantity")
    name = f"{models['lesions'][0]}/scans/dice"
    value = value_text(sound.loc[name]) if name in sound.index else "not run"
    return {"value": value, "what": "Mean Dice over scans of unseen patients. Another quantity, so no verdict."}


def part_names(quantities: pd.Series) -> dict[str, str]:
    """Names for a reader of all parts of some quantities: folds and epochs too."""
    names = dict(PARTS)
    for part in {part for quantity in quantities for part in str(quantity).split("/")[:-1]}:
        if found := EPOCH.fullmatch(part):
            names[part] = f"best up to epoch {found[1]}"
    return names


def per_fold(quantities: pd.Series) -> pd.Series:
    """Whether each quantity is of a single fold or of an earlier epoch."""
    return quantities.str.split("/").map(lambda parts: any(FOLD.fullmatch(p) or EPOCH.fullmatch(p) for p in parts[:-1]))


def by_fold(metrics: pd.DataFrame) -> pd.DataFrame:
    """A row for each network, protocol, way of counting, epoch and fold; a column for each measure."""
    keys = ["network", "protocol", "counted", "epochs", "fold"]
    rows = []
    for row in metrics[per_fold(metrics["quantity"])].to_dict("records"):
        network, *parts, measure = row["quantity"].split("/")
        fold, epoch = (_first(pattern, parts) for pattern in (FOLD, EPOCH))
        fold = fold or PARTS[parts[0]].split(",")[0]
        how = "by scan" if "scans" in parts else "pooled"
        labels = dict(zip(keys, (network, row["protocol"], how, epoch or "all", fold), strict=True))
        rows.append({**labels, "measure": MEASURES.get(measure, measure), "value": row["value"]})
    if not rows:
        return pd.DataFrame(columns=keys)
    wide = pd.DataFrame(rows).pivot_table(index=keys, columns="measure", values="value", sort=False)
    return wide.round(6).reset_index().rename_axis(columns=None)


def _first(pattern: re.Pattern[str], parts: Sequence[str]) -> str:
    """The number in the first part that is of a pattern, or nothing."""
    return next((found[1] for part in parts if (found := pattern.fullmatch(part))), "")


def _data(data: str, cases: pd.DataFrame) -> str:
    origin = (
        "Phantom data: synthetic brains with lesions of known volume that grow from one time point to the next. This "
        "pipeline made them in the layout of the ISBI 2015 challenge. Two simulated raters differ slightly at the "
        "borders of lesions. There is no data of patients."
        if data == "phantom"
        else "Data: a folder of FLAIR volumes with lesion masks."
    )
    raters = 2 if "lesion_voxels_2" in cases else 1
    return (
        f"{origin} {number(len(cases), 0)} scans of {number(cases['patient'].nunique(), 0)} patients, "
        f"{number(cases['slices'].sum(), 0)} axial slices, {raters} rater{'s' if raters > 1 else ''}."
    )


def _networks(settings: Mapping[str, Any]) -> str:
    models, folds = settings["models"], settings["folds"]
    sentences = [
        f"Lesions are segmented by {_named(models['lesions'], settings['training'])}. It sees three neighbouring "
        f"slices. Each of {folds} folds has a training by both protocols."
    ]
    if settings["leak_control"]:
        sentences.append("Another training, for the table of habits, does as published but leaves whole patients out.")
    against = [_named([network], settings["baselines"][network]) for network in models["baselines"]]
    if against:
        sentences.append(
            f"For comparison, by the sound protocol only: {'. '.join(against)}. Their volumes are normalised as a "
            "whole, their images are augmented, and their loss is another one. So not only the networks differ."
        )
    return " ".join(sentences)


def _named(networks: Sequence[str], recipe: Mapping[str, Any]) -> str:
    """Networks and how they are trained, in words."""
    width = "" if recipe["width"] == 1 else f" with {recipe['width']:g} of its channels"
    blocks = " blocks" if "block" in recipe else ""
    return (
        f"{' and '.join(networks)}{width}, trained from random weights; epochs: {recipe['epochs']}, batch size: "
        f"{recipe['batch_size']}{blocks}"
    )


def _results(models: Mapping[str, Sequence[str]], metrics: pd.DataFrame) -> list[str]:
    """What both protocols say of the first network, and the sound one of all of them."""
    by_protocol = {name: rows.set_index("quantity") for name, rows in metrics.groupby("protocol")}
    first = models["lesions"][0]
    published = by_protocol.get("published", pd.DataFrame())
    sound = by_protocol.get("sound", pd.DataFrame())
    pooled = [f"{first}/best_fold/dice", f"{first}/mean_fold/dice"]
    paragraphs = []
    if set(pooled) <= set(published.index):
        best, mean = (value_text(published.loc[name]) for name in pooled)
        paragraphs.append(
            f"By the published protocol, {first} reaches a Dice of {best} on its best fold, {mean} on average over "
            "folds. Here pixels are pooled, only slices with a lesion count, and the scored fold chooses the epoch."
        )
    each = [_sound(name, sound) for name in [*models["lesions"], *models["baselines"], "raters"]]
    if any(each):
        paragraphs.append(
            "By the sound protocol, means over scans of unseen patients, with 95 % intervals: "
            f"{'; '.join(text for text in each if text)}."
        )
    return paragraphs


def _sound(network: str, sound: pd.DataFrame) -> str:
    """The main measures of one network, or nothing."""
    wanted = {"dice": "Dice {}", "ltpr": "{} of lesions found", "lfpr": "{} of predicted lesions false"}
    known = {f"{network}/scans/{name}": text for name, text in wanted.items()}
    parts = [text.format(value_text(sound.loc[name])) for name, text in known.items() if name in sound.index]
    return f"{PARTS.get(network, network)}: {', '.join(parts)}" if parts else ""
