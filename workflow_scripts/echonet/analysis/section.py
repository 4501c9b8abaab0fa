"""The numbers for the study's section of the report; its words are in section.md.j2."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reprise.evaluation.regression import mae
from reprise.report.page_tables import number

TEMPLATE = Path(__file__).with_name("section.md.j2")
# Parts of quantities as tables name them.
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
Numbers = dict[str, Any]


def summary(models: Mapping[str, list[str]], cases: pd.DataFrame, sound: Mapping[str, str]) -> Numbers:
    """Numbers of the paragraphs that open the section.

    Args:
        models: networks by task.
        cases: the store's.
        sound: the sound protocol's values as text, by quantity.

    Returns: videos with tracings by split, frames of all videos, and what the first network of each task reached.
    """
    videos = cases[cases["traced"] >= 0]["split"].value_counts()
    segmentation, ef = models["segmentation"][0], models["ef"][0]
    errors = {clips: sound.get(f"ef/{ef}/test/{clips}/mae") for clips in ("all", "first", "beats")}
    errors |= {"masks": sound.get(f"mask_ef/{segmentation}/test/mae"), "baseline": sound.get("baseline/test/mae")}
    return {
        "videos_of": {split: videos.get(split, 0) for split in ("train", "val", "test")},
        "frames": cases["frames"].sum(),
        "dice": sound.get(f"segmentation/{segmentation}/test/dice_overall"),
        "errors": {source: error for source, error in errors.items() if error},
    }


def _training(loss: str, score: str) -> Callable[[pd.DataFrame], Numbers]:
    def numbers(table: pd.DataFrame) -> Numbers:
        best = [(run, part.sort_values(loss, kind="stable").iloc[0]) for run, part in table.groupby("run", sort=False)]
        return {
            "last_epochs": sorted(set(table.groupby("run")["epoch"].max())),
            "best": [{"name": run, "epoch": row["epoch"], "score": row[score]} for run, row in best],
        }

    return numbers


def _dice(table: pd.DataFrame) -> Numbers:
    return {
        "videos": table["case"].nunique(),
        "malformed": table.loc[~table["tracing_ok"], "case"].nunique(),
        "medians": [
            {"name": run, **part.groupby("image")["dice"].median()[["large", "small"]]}
            for run, part in table.groupby("run", sort=False)
        ],
    }


def _examples(table: pd.DataFrame) -> Numbers:
    return {"of": table["of"].iloc[0], "videos": table[["place", "large", "small"]].to_dict("records")}


def _areas(table: pd.DataFrame) -> list[Numbers]:
    systoles = {"published": "systole_published", "sound": "systole_sound"}
    return [
        {"title": part["title"].iloc[0], **{rule: part[column].sum() for rule, column in systoles.items()}}
        for _, part in table.groupby("case", sort=False)
    ]


def _scatter(table: pd.DataFrame) -> Numbers:
    known = table.dropna(subset=["truth", "prediction"])
    errors = [
        {"name": name, "mae": mae(part["truth"], part["prediction"])}
        for name, part in known.groupby("panel", sort=False)
    ]
    return {"clips": table["clips"].iloc[0], "videos": _videos(known), "panels": errors}


def _bland_altman(table: pd.DataFrame) -> Numbers:
    limits = table.drop_duplicates("panel").rename(columns={"panel": "name"})
    panels = limits[["name", "bias", "lower_limit", "upper_limit"]].to_dict("records")
    return {"clips": table["clips"].iloc[0], "videos": _videos(table), "panels": panels}


def _roc(table: pd.DataFrame) -> Numbers:
    curves = table.drop_duplicates(["panel", "threshold"])
    first = curves[curves["panel"] == curves["panel"].iloc[0]]
    areas = curves.assign(auc=[number(area, 3) for area in curves["auc"]])
    return {
        "clips": table["clips"].iloc[0],
        "videos": first["positives"].iloc[0] + first["negatives"].iloc[0],
        "reduced": first[["threshold", "positives"]].to_numpy().tolist(),
        "panels": [
            {"name": name, "areas": list(zip(part["threshold"], part["auc"], strict=True))}
            for name, part in areas.groupby("panel", sort=False)
        ],
    }


def _beats(table: pd.DataFrame) -> Numbers:
    draws = table[table["part"] == "experiment"]
    rows = []
    for (run, protocol), part in draws.groupby(["run", "protocol"], sort=False):
        medians = part.groupby("beats")["absolute_error"].median()
        ends = {"first": medians.iloc[0], "last": medians.iloc[-1], "beats": len(medians)}
        rows.append({"run": run, "protocol": protocol, **ends})
    most = int(draws.groupby(["run", "protocol", "beats"]).size().max()) if len(draws) else 0
    return {"draws": most, "medians": rows}


def _videos(table: pd.DataFrame) -> tuple[int, int]:
    """The least and the most test videos of a panel."""
    counts = [len(part) for _, part in table.groupby("panel", sort=False)]
    return min(counts), max(counts)


# What each caption and alternative text names, from the figure's CSV.
FIGURES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "training_segmentation": _training("val_loss", "val_dice_overall"),
    "training_ef": _training("val_loss_sound", "val_r2_sound"),
    "dice": _dice,
    "examples": _examples,
    "areas": _areas,
    "scatter": _scatter,
    "bland_altman": _bland_altman,
    "roc": _roc,
    "beats": _beats,
}
