"""The numbers for the study's section of the report, and its tables; its words are in section.md.j2."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from iseg.analysis.protocols import CLASSES, TISSUES
from iseg.analysis.shown import CLASS_NAMES, COLOUR_NAMES
from reprise.report.section import panel_limits

TEMPLATE = Path(__file__).with_name("section.md.j2")
# Parts of quantities as tables name them.
PARTS = {
    "thesis": "by thesis",
    "master": "by master",
    "crops": "crops",
    "volumes": "whole volumes",
    "subjects": "whole volumes of unseen subjects",
}
# By the beginning of a measure of one tissue: its column in the table of tissues.
OF_TISSUES = {"dice_{}": "Dice", "hd95_{}": "95 % Hausdorff distance (mm)", "asd_{}": "average surface distance (mm)"}
TWO_UNETS = ("unet3d", "cicek_unet3d")  # what the published code trains, and what the write-up describes
Numbers = dict[str, Any]


def summary(
    cases: pd.DataFrame, models: Mapping[str, Sequence[str]], texts: Mapping[str, Mapping[str, str]]
) -> Numbers:
    """Numbers of the paragraphs that open the section.

    Args:
        cases: the store's.
        models: networks by task.
        texts: by protocol, the values as text, by quantity.
    """
    networks = [*models["networks"], *models["baselines"]]
    published, sound = texts["published"], texts["sound"]
    found = [
        {"name": name, "dice": sound[f"{name}/subjects/dice"]} for name in networks if f"{name}/subjects/dice" in sound
    ]
    scored = {
        protocol: {
            measure.replace("/", "_"): published.get(f"{networks[0]}/{protocol}/{measure}")
            for measure in ("crops/dice", "crops/tissue_dice", "volumes/dice")
        }
        for protocol in ("thesis", "master")
    }
    shapes = cases[["x", "y", "z"]].drop_duplicates()
    return {
        "labelled": int((cases["labelled"] == 1).sum()),
        "unlabelled": int((cases["labelled"] == 0).sum()),
        "shape": "x".join(map(str, shapes.iloc[0])) if len(shapes) == 1 else "",
        "stated": bool(cases["stated"].all()),
        "sound_dice": found,
        "published": scored,
        "colours": {CLASS_NAMES[name]: COLOUR_NAMES[name] for name in TISSUES},
    }


def two_unets(scores: pd.DataFrame) -> Numbers | None:
    """What the two 3-D U-Nets differ by in mean Dice of the tissues, subject by subject; None if either did not run."""
    own = scores[(scores["protocol"] == "sound") & scores["network"].isin(TWO_UNETS)]
    wide = own.pivot_table(index="subject", columns="network", values="dice", aggfunc="mean")
    if not {*TWO_UNETS} <= {*wide.columns}:
        return None
    difference = wide[TWO_UNETS[0]] - wide[TWO_UNETS[1]]
    return {
        "mean": difference.mean(),
        "low": difference.min(),
        "high": difference.max(),
        "subjects": len(difference),
        "ahead": int((difference > 0).sum()),
    }


def of_no_tissue(quantities: pd.Series) -> pd.Series:
    """Whether a quantity stands in the table of all measures, and not in that of tissues."""
    measure = quantities.str.rpartition("/")[2]
    of_tissue = measure.isin([form.format(tissue) for form in OF_TISSUES for tissue in TISSUES])
    return ~(of_tissue & quantities.str.contains("/subjects/")) & ~quantities.str.startswith("data/")


def by_tissue(networks: Sequence[str], texts: Mapping[str, str]) -> pd.DataFrame:
    """One row per network and tissue: the sound protocol's measures with intervals, as text."""
    rows = [
        {"network": network, "tissue": CLASS_NAMES[tissue]}
        | {label: texts.get(f"{network}/subjects/{form.format(tissue)}", "") for form, label in OF_TISSUES.items()}
        for network in networks
        for tissue in TISSUES
    ]
    return pd.DataFrame(rows, columns=["network", "tissue", *OF_TISSUES.values()])


def family(costs: pd.DataFrame, texts: Mapping[str, str]) -> pd.DataFrame:
    """One row per network: size and costs, and Dice by the sound protocol if it was trained; those that were, first."""
    costs = costs.sort_values("trained", ascending=False, kind="stable")
    table = pd.DataFrame(
        {
            "network": costs["network"],
            "parameters": costs["parameters"],
            "multiply-adds of 64x64x64 (G)": (costs["multiply_adds"] / 1e9).round(2),
            "training step (ms)": costs["step_ms"].round(1),
            "peak memory (MB)": costs["peak_mb"].round(0),
            "whole volume (s)": costs["volume_s"].round(2),
        }
    )
    for label, measure in {
        "Dice": "dice",
        **{f"Dice, {CLASS_NAMES[name]}": f"dice_{name}" for name in TISSUES},
    }.items():
        values = [texts.get(f"{network}/subjects/{measure}", "") for network in table["network"]]
        table[label] = [value.partition(" ")[0] for value in values]  # intervals are in the table of tissues
    return table


def found_volumes(table: pd.DataFrame) -> pd.DataFrame:
    """The volumes of tissues found in the subjects without labels, in ml, as a reader sees them."""
    volumes = {f"{CLASS_NAMES[name]} (ml)": table[f"{name}_ml"].round(1) for name in TISSUES}
    return pd.DataFrame({"subject": table["case"], **volumes})


def _training(table: pd.DataFrame) -> Numbers:
    kept = table[table["kept"] == 1]
    return {"kept": kept[["protocol", "run", "epoch", "val_dice"]].to_dict("records")}


def _classes(table: pd.DataFrame) -> list[Numbers]:
    """Of each run the Dice of the tissues at the last epoch that is drawn, the mean over folds."""
    last = table.groupby("run", sort=False).tail(1)
    names = ("run", "epoch", "train_dice", "val_dice")
    return [{name: row[name] for name in names} for row in last.to_dict("records")]


def _folds(table: pd.DataFrame) -> list[Numbers]:
    kept = table[table["kept"] == 1]
    return [
        {
            "run": run,
            "lowest": part["val_argmax_dice"].min(),
            "highest": part["val_argmax_dice"].max(),
            "first": part["epoch"].min(),
            "last": part["epoch"].max(),
        }
        for run, part in kept.groupby("run", sort=False)
    ]


def _slices(table: pd.DataFrame) -> Numbers:
    subjects = table.drop_duplicates("subject")
    return {
        "of": int(table["of"].iloc[0]),
        "subjects": subjects[["subject", "dice", "truth"]].to_dict("records"),
        "planes": [f"{row.plane} slice {row.slice}" for row in table.itertuples()],
    }


def _maps(table: pd.DataFrame) -> Numbers:
    first = table.iloc[0]
    extremes = {"low": table["min"].min(), "high": table["max"].max()}
    return {"subject": first["subject"], "slice": int(first["slice"]), **extremes}


def _confusion(table: pd.DataFrame) -> list[Numbers]:
    """Of each network the share of true voxels of each class that was found, and the most frequent mistake."""
    found = []
    for network, part in table.groupby("network", sort=False):
        right = part[part["true"] == part["found"]].set_index("true")["share"].reindex(CLASSES)
        wrong = part[part["true"] != part["found"]]
        worst = wrong.sort_values("share", ascending=False, kind="stable").iloc[0]
        found.append(
            {
                "network": network,
                "right": [{"name": CLASS_NAMES[name], "share": 100 * right[name]} for name in CLASSES],
                "worst": {
                    "true": CLASS_NAMES[worst["true"]],
                    "found": CLASS_NAMES[worst["found"]],
                    "share": 100 * worst["share"],
                },
            }
        )
    return found


# What each caption and alternative text names, from the figure's CSV.
FIGURES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "training": _training,
    "classes": _classes,
    "folds": _folds,
    "slices": _slices,
    "maps": _maps,
    "confusion": _confusion,
    "volumes": panel_limits,
}
