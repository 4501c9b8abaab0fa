"""What the report says of the study in sentences and tables: data, networks, results, the two protocols."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reprise.report.page_tables import number
from reprise.report.section import value_text

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
    "loss": "Cross-entropy per pixel",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "r2_pearson": "R², squared correlation",
    **{f"auc_{threshold}": f"AUC, EF above {threshold} %" for threshold in (35, 40, 45, 50)},
}
PARTS = {
    "ef": "EF",
    "mask_ef": "EF from masks alone",
    "baseline": "EF, always the mean of the training videos",
    "val": "validation",
    "one": "one random clip",
    "first": "first clip",
    "all": "all clips",
    "beats": "beat by beat",
}
SPLITS = {"train": "training", "val": "validation", "test": "testing"}
PROTOCOLS = (
    "The published protocol does what the code behind the paper does, with its habits. The last tracing in the file is "
    "called large, the first is called small. All tracings count. EF weights are chosen on one random clip of each "
    "validation video. The trimmed range that finds systoles is computed with an exponent. Beats that come too late "
    "for a clip are dropped. Intervals contain 90 % of bootstrap resamples of single images or videos.\n\n"
    "The sound protocol calls the frame with the larger area ED. It leaves out videos with a malformed tracing. It "
    "chooses EF weights on fixed, evenly spaced clips. It computes the trimmed range with percentiles. Late beats take "
    "the last clip, and no clip counts twice. Intervals contain 95 % of bootstrap resamples of videos, where the "
    "images of a video stay together. Both protocols use the same training, and neither uses the test split for a "
    "choice."
)
TABLES = {
    "protocols": (
        "All measures by both protocols",
        "Our values with their intervals in brackets: 90 % under the published protocol, 95 % under the sound one. "
        "Intervals are bootstrap intervals, for AUC DeLong's. MAE and RMSE are in EF points. R² is 1 \N{MINUS SIGN} "
        "SSE/SST, unless it is called squared correlation. Where a row has two n, the published protocol counts "
        "images, and the sound one counts videos without a malformed tracing.",
    ),
    "quirks": (
        "What each published habit is worth",
        "Each row repairs one habit and keeps the others. It shows the value with the habit (published), the value "
        "without it (sound), and the difference.",
    ),
    "findings": (
        "What the check of the raw files found",
        "A note changes nothing. Excluded files and videos are not used.",
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
        "Phantom data: synthetic echo videos of beating left ventricles with known volumes. This pipeline made them in "
        "the format of EchoNet-Dynamic. The tracings are the true outlines; no person drew them. There is no data of "
        "patients."
        if data == "phantom"
        else "Data: a folder in the format of EchoNet-Dynamic."
    )
    return f"{origin} Videos with tracings: {splits}; {number(cases['frames'].sum(), 0)} frames altogether."


def _networks(settings: Mapping[str, Any]) -> str:
    segmentation, ef, models = settings["segmentation"], settings["ef"], settings["models"]
    smaller = f" Frames are made {ef['downsample']} times smaller." if ef["downsample"] != 1 else ""
    clips = f"clips of {ef['frames']} frames, {_every(ef['period'])} frame of the video"
    return (
        f"The left ventricle is segmented by {_named(models['segmentation'], segmentation)}. EF is predicted by "
        f"{_named(models['ef'], ef)}. It sees {clips}.{smaller}"
    )


def _named(networks: Sequence[str], recipe: Mapping[str, Any]) -> str:
    """Networks and how they are trained, in words."""
    width = "" if recipe["width"] == 1 else f" with {recipe['width']:g} of its channels"
    return (
        f"{' and '.join(networks)}{width}, trained from {WEIGHTS[recipe['weights']]}; epochs: {recipe['epochs']}, "
        f"batch size: {recipe['batch_size']}"
    )


def _every(period: int) -> str:
    return {1: "every", 2: "every second", 3: "every third"}.get(period, f"every {period}th")


def _results(models: Mapping[str, Sequence[str]], metrics: pd.DataFrame) -> str:
    """The main figures of the sound protocol, of the first network of each task."""
    sound = metrics[(metrics["protocol"] == "sound") & metrics["value"].notna()].set_index("quantity")
    segmentation, ef = models["segmentation"][0], models["ef"][0]
    of_ef = {
        "from all clips": f"ef/{ef}/test/all/mae",
        "from the first clip": f"ef/{ef}/test/first/mae",
        "beat by beat": f"ef/{ef}/test/beats/mae",
        "from the masks alone": f"mask_ef/{segmentation}/test/mae",
        "if each video gets the mean of the training videos": "baseline/test/mae",
    }
    dice = f"segmentation/{segmentation}/test/dice_overall"
    parts = [f"The Dice of the two traced frames is {value_text(sound.loc[dice])}."] if dice in sound.index else []
    errors = [f"{value_text(sound.loc[quantity])} {how}" for how, quantity in of_ef.items() if quantity in sound.index]
    parts += [f"The mean absolute error of EF, in EF points, is {', '.join(errors)}."] if errors else []
    return " ".join(["Results of the sound protocol on the test split, with 95 % intervals.", *parts]) if parts else ""
