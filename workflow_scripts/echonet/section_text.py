"""What the report says of the study in sentences and tables: data, networks, results, the two protocols."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reprise.report.section import value_text
from reprise.report.tables import number

TITLE = "EchoNet-Dynamic: left-ventricular segmentation and ejection fraction from echo videos"
WEIGHTS = {
    "random": "random weights",
    "imagenet_backbone": "a backbone trained on ImageNet (its head from random weights)",
    "coco": "weights trained on COCO",
    "kinetics400": "weights trained on Kinetics-400",
}
MEASURES = {
    "dice_overall": "Dice, ED and ES",
    "dice_large": "Dice, ED",
    "dice_small": "Dice, ES",
    "loss": "Cross-entropy a pixel",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "r2_pearson": "R², squared correlation",
    **{f"auc_{threshold}": f"AUC, EF above {threshold} %" for threshold in (35, 40, 45, 50)},
}
PARTS = {
    "ef": "EF",
    "mask_ef": "EF from masks alone",
    "baseline": "EF, mean of the training videos said of all",
    "val": "validation",
    "one": "one random clip",
    "first": "first clip",
    "all": "all clips",
    "beats": "beat by beat",
}
SPLITS = {"train": "training", "val": "validation", "test": "testing"}
PROTOCOLS = (
    "The published protocol does what the code behind the paper does, habits included: large and small are the last "
    "and the first tracing in the file, all tracings count, EF weights are chosen by one random clip of each "
    "validation video, systoles are found by a trimmed range whose places are taken by an exponent, beats too late for "
    "a clip are dropped, and intervals hold 90 % of bootstrap resamples of single images or videos.\n\n"
    "The sound protocol takes the larger area as ED, leaves out videos with a malformed tracing, chooses EF weights by "
    "fixed, evenly spaced clips, takes the trimmed range by percentile, gives late beats the last clip and counts no "
    "clip twice; its intervals hold 95 % of bootstrap resamples of videos, a video's images together. Both use one and "
    "the same training, and neither uses the test split for any choice."
)
TABLES = {
    "protocols": (
        "All measures by both protocols",
        "Ours, with its interval in brackets: 90 % under the published protocol, 95 % under the sound one; by "
        "bootstrap, for AUC by DeLong's method. MAE and RMSE in EF points; R² is 1 \N{MINUS SIGN} SSE/SST where it is "
        "not called squared correlation. Where there are two n, the published protocol counts images, and the sound "
        "one videos without a malformed tracing.",
    ),
    "quirks": (
        "What each published habit is worth",
        "Each row repairs one habit and leaves the rest: the value with the habit (published), without it (sound), and "
        "the difference.",
    ),
    "findings": (
        "What the check of the raw files found",
        "Notes change nothing; excluded files or videos take no part in the study.",
    ),
}


def summary(settings: Mapping[str, Any], cases: pd.DataFrame, metrics: pd.DataFrame) -> list[str]:
    """Paragraphs that open the section: data, networks, results.

    Args:
        settings: data ("phantom" or a folder), models (lists of networks: segmentation, ef), and the recipes
            segmentation and ef.
        cases: the store's.
        metrics: the study's measures.
    """
    paragraphs = [_data(settings["data"], cases), _networks(settings), _results(settings["models"], metrics)]
    return [text for text in paragraphs if text]


def _data(data: str, cases: pd.DataFrame) -> str:
    counts = cases[cases["traced"] >= 0]["split"].value_counts()
    splits = ", ".join(f"{number(counts.get(key, 0), 0)} for {name}" for key, name in SPLITS.items())
    origin = (
        "Phantom data: synthetic echo videos of beating left ventricles with known volumes, made by this pipeline in "
        "the format of EchoNet-Dynamic. The tracings are their true outlines, no reader's; no patient's data is "
        "among them."
        if data == "phantom"
        else "Data: a folder in the format of EchoNet-Dynamic."
    )
    return f"{origin} Videos with tracings: {splits}; {number(cases['frames'].sum(), 0)} frames in all."


def _networks(settings: Mapping[str, Any]) -> str:
    segmentation, ef, models = settings["segmentation"], settings["ef"], settings["models"]
    smaller = f", {ef['downsample']} times smaller" if ef["downsample"] != 1 else ""
    clips = f"clips of {ef['frames']} frames, every {_ordinal(ef['period'])} of the video{smaller}"
    return (
        f"The left ventricle is segmented by {_named(models['segmentation'], segmentation)}. EF is predicted from "
        f"{clips}, by {_named(models['ef'], ef)}."
    )


def _named(networks: Sequence[str], recipe: Mapping[str, Any]) -> str:
    """Networks and how they are trained, in words."""
    width = "" if recipe["width"] == 1 else f" with {recipe['width']:g} of its channels"
    return (
        f"{' and '.join(networks)}{width}, from {WEIGHTS[recipe['weights']]}, trained for {recipe['epochs']} epochs in "
        f"batches of {recipe['batch_size']}"
    )


def _ordinal(period: int) -> str:
    return {1: "one", 2: "second", 3: "third"}.get(period, f"{period}th")


def _results(models: Mapping[str, Sequence[str]], metrics: pd.DataFrame) -> str:
    """The main figures of the sound protocol, of the first network of each task."""
    sound = metrics[metrics["protocol"] == "sound"].set_index("quantity")
    segmentation, ef = models["segmentation"][0], models["ef"][0]
    of_ef = {
        "from all clips": f"ef/{ef}/test/all/mae",
        "from the first clip": f"ef/{ef}/test/first/mae",
        "beat by beat": f"ef/{ef}/test/beats/mae",
        "from the masks alone": f"mask_ef/{segmentation}/test/mae",
        "for saying the training videos' mean of all": "baseline/test/mae",
    }
    dice = f"segmentation/{segmentation}/test/dice_overall"
    parts = [f"Dice of the two traced frames is {value_text(sound.loc[dice])}."] if dice in sound.index else []
    errors = [f"{value_text(sound.loc[quantity])} {how}" for how, quantity in of_ef.items() if quantity in sound.index]
    parts += [f"The mean absolute error of EF, in EF points, is {', '.join(errors)}."] if errors else []
    return " ".join(["Test split, by the sound protocol, with 95 % intervals:", *parts]) if parts else ""
