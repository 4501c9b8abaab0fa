"""The numbers for the study's section of the report, and its table of folds; its words are in section.md.j2."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mslesion.analysis.protocols import has_folds
from reprise.evaluation.runs import run_label
from reprise.report.published import Measure, measure_of
from reprise.report.section import panel_limits

TEMPLATE = Path(__file__).with_name("section.md.j2")
# Parts of quantities as tables name them.
PARTS = {
    "scans": "mean over scans",
    "best_fold": "best fold, pixels pooled",
    "mean_fold": "mean over folds, pixels pooled",
    "raters": "second rater against the first",
}
FOLD, EPOCH = re.compile(r"fold(\d+)"), re.compile(r"epoch(\d+)")
CHOSEN_DICE = {"published": "val_dice", "sound": "val_volume_dice"}  # by which each protocol chooses the epoch
Numbers = dict[str, Any]


def summary(
    models: Mapping[str, Sequence[str]], cases: pd.DataFrame, folds: int, texts: Mapping[str, Mapping[str, str]]
) -> Numbers:
    """Numbers of the paragraphs that open the section.

    Args:
        models: networks by task.
        cases: the store's.
        folds: of this run.
        texts: by protocol, the values as text, by quantity.
    """
    first, sound = models["lesions"][0], texts["sound"]
    networks = [
        {"name": PARTS.get(name, name), **{key: sound.get(f"{name}/scans/{key}") for key in ("dice", "ltpr", "lfpr")}}
        for name in [*models["lesions"], *models["baselines"], "raters"]
    ]
    return {
        "scans": len(cases),
        "patients": cases["patient"].nunique(),
        "slices": cases["slices"].sum(),
        "tree_folds": cases.loc[cases["fold"] > 0, "fold"].nunique(),
        "tree_folds_used": has_folds(cases, folds),
        "raters": 2 if "lesion_voxels_2" in cases else 1,
        **{name: texts["published"].get(f"{first}/{name}/dice") for name in ("best_fold", "mean_fold")},
        "sound": [network for network in networks if network["dice"]],
    }


def browser(table: pd.DataFrame) -> Numbers:
    """What the slice browser says, from slices.csv; `shown` is the slice with most marked pixels, where it opens."""
    rows = table.to_dict("records")
    marked = table[["true_positives", "false_positives", "false_negatives"]].sum(axis=1)
    start = int(marked.to_numpy().argmax())
    return {
        **table[["case", "dice", "fold", "protocol"]].iloc[0],
        "run": run_label(table["run"].iloc[0]),
        "step": int(table["slice"].diff().max()) if len(table) > 1 else 1,
        "slices": rows,
        "start": start,
        "shown": rows[start],
    }


def part_names(quantities: pd.Series) -> dict[str, str]:
    """Names for a reader of all parts of some quantities, epochs too."""
    parts = {part for quantity in quantities for part in str(quantity).split("/")[:-1]}
    return PARTS | {part: f"best up to epoch {found[1]}" for part in parts if (found := EPOCH.fullmatch(part))}


def per_fold(quantities: pd.Series) -> pd.Series:
    """Whether each quantity is of a single fold or of an earlier epoch."""
    return quantities.str.split("/").map(lambda parts: any(FOLD.fullmatch(p) or EPOCH.fullmatch(p) for p in parts[:-1]))


def by_fold(metrics: pd.DataFrame, measures: Mapping[str, Measure]) -> pd.DataFrame:
    """One row per network, protocol, way of counting, epoch and fold; one column per measure."""
    keys = ["network", "protocol", "counted", "epochs", "fold"]
    rows = []
    for row in metrics[per_fold(metrics["quantity"])].to_dict("records"):
        network, *parts, _ = row["quantity"].split("/")
        fold, epoch = (_first(pattern, parts) for pattern in (FOLD, EPOCH))
        fold = fold or PARTS[parts[0]].split(",")[0]
        counted = "by scan" if "scans" in parts else "pooled"
        labels = dict(zip(keys, (network, row["protocol"], counted, epoch or "all", fold), strict=True))
        rows.append({**labels, "measure": measure_of(measures, row["quantity"]).label, "value": row["value"]})
    if not rows:
        return pd.DataFrame(columns=keys)
    wide = pd.DataFrame(rows).pivot_table(index=keys, columns="measure", values="value", sort=False)
    return wide.round(6).reset_index().rename_axis(columns=None)


def _first(pattern: re.Pattern[str], parts: Sequence[str]) -> str:
    """The number in the first part that matches a pattern, or nothing."""
    return next((found[1] for part in parts if (found := pattern.fullmatch(part))), "")


def _training(table: pd.DataFrame) -> Numbers:
    kept = []
    for name, part in table[table["kept"] == 1].groupby("run", sort=False):
        dice, epoch = part[CHOSEN_DICE[part["protocol"].iloc[0]]], part["epoch"]
        extremes = {"lowest": dice.min(), "highest": dice.max(), "first": epoch.min(), "last": epoch.max()}
        kept.append({"name": name, **extremes})
    return {"last_epochs": sorted(set(table.groupby(["run", "fold"])["epoch"].max())), "kept": kept}


def _sizes(table: pd.DataFrame) -> Numbers:
    """Bias and limits of agreement of each panel, and whether a panel compares two raters."""
    return {"panels": panel_limits(table), "raters": (table["protocol"].fillna("") == "").any()}


def _examples(table: pd.DataFrame) -> Numbers:
    first = table.iloc[0]
    labels = {"of": first["of"], "run": run_label(first["run"]), "protocol": first["protocol"]}
    return labels | {"slices": table.to_dict("records")}


# What each caption and alternative text names, from the figure's CSV.
FIGURES: dict[str, Callable[[pd.DataFrame], Numbers]] = {
    "training": _training,
    "load": _sizes,
    "count": _sizes,
    "examples": _examples,
}
