"""The numbers for the study's section of the report, and its tables; its words are in section.md.j2."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from acdc.analysis.protocols import PHASES, STRUCTURES, splits
from acdc.analysis.shown import ENSEMBLE, method_name
from acdc.data.conversion import structures_of
from reprise.report.section import panel_limits

TEMPLATE = Path(__file__).with_name("section.md.j2")
# Parts of quantities as tables name them.
PARTS = {
    "test": "test patients",
    "val": "validation patients",
    "searched": "slices searched",
    "rest": "slices not searched",
}
WEIGHTED = ("random_search", "simplex", "greedy")  # weights are fitted
DISTANCES = {"dice": "Dice", "hd": "Hausdorff distance (mm)", "assd": "mean surface distance (mm)"}
AGREEMENT = {"r": "correlation", "bias": "bias", "sd": "SD of differences"}
QUANTITIES = {
    "lv_ef": "EF of the LV (points)",
    "rv_ef": "EF of the RV (points)",
    "lv_edv": "volume of the LV at ED (ml)",
    "rv_edv": "volume of the RV at ED (ml)",
    "lv_mass": "mass of the LV (g)",
}
CALIBRATION = {"nll": "NLL", "brier": "Brier score", "ece": "ECE"}
NAMES = {"rv": "right ventricle", "myo": "myocardium", "lv": "left ventricle"}
Numbers = dict[str, Any]


def part_names(quantities: pd.Series) -> dict[str, str]:
    """Names for a reader of all parts of some quantities."""
    parts = {part for quantity in quantities for part in str(quantity).split("/")[:-1]}
    return {part: PARTS.get(part, method_name(part)) for part in parts}


def summary(cases: pd.DataFrame, every: int, models: Mapping[str, Sequence[str]], texts: Mapping[str, str]) -> Numbers:
    """Numbers of the paragraphs that open the section.

    Args:
        cases: the store's.
        every: of the training patients of a group, which ones validate.
        models: networks by task.
        texts: the sound protocol's values as text, by quantity.
    """
    by_split = cases.assign(split=splits(cases, every)).groupby("split")["patient"].nunique()
    methods = dict.fromkeys([*models["segmentation"], *models["baselines"]], False) | {"equal": True, ENSEMBLE: True}
    found = [
        {
            "name": method_name(method),
            "ensemble": ensemble,
            "dice": texts[f"{method}/test/dice"],
            "gain": texts.get(f"{method}/test/gain"),
        }
        for method, ensemble in methods.items()
        if f"{method}/test/dice" in texts
    ]
    return {
        "patients": {split: int(by_split.get(split, 0)) for split in ("train", "val", "test")},
        "all_slices": int(cases["slices"].sum()),
        "structures": [NAMES[name] for name in structures_of(cases)],
        "sound": found,
        "empty": {name: texts.get(f"{ENSEMBLE}/test/{name}", "0") for name in ("one_empty", "both_empty")},
    }


def searched(texts: Mapping[str, str]) -> Numbers:
    """What the published search of weights gives, from the published protocol's values as text, by quantity."""
    return {
        "iou": texts.get("random_search/searched/iou"),
        "gain": texts.get("random_search/searched/iou_gain"),
        "gain_elsewhere": texts.get("random_search/rest/iou_gain"),
    }


def wide_measures(quantities: pd.Series) -> pd.Series:
    """Whether a quantity stands in the table of all measures, and not in one of the other tables.

    Of the validation patients, only what ensembles are chosen by is shown.
    """
    measure = quantities.str.rpartition("/")[2]
    by_structure = measure.str.fullmatch(rf"({'|'.join(DISTANCES)})_({'|'.join(STRUCTURES)})_(ed|es)")
    clinical = measure.str.fullmatch(rf"({'|'.join(QUANTITIES)})_({'|'.join(AGREEMENT)})")
    chosen_by = ~quantities.str.contains("/val/") | measure.isin(["dice", "gain"])
    return ~by_structure & chosen_by & ~clinical & ~measure.isin(CALIBRATION) & ~quantities.str.startswith("data/")


def by_structure(methods: Sequence[str], structures: Sequence[str], texts: Mapping[str, str]) -> pd.DataFrame:
    """One row per method, structure and phase: Dice and distances of the test patients with intervals, as text."""
    rows = [
        {"method": method_name(method), "structure": NAMES[structure], "phase": phase}
        | {
            label: texts.get(f"{method}/test/{measure}_{structure}_{phase.lower()}", "")
            for measure, label in DISTANCES.items()
        }
        for method in methods
        for structure in structures
        for phase in PHASES
    ]
    return pd.DataFrame(rows)


def by_quantity(methods: Sequence[str], texts: Mapping[str, str]) -> pd.DataFrame:
    """One row per method and clinical quantity of the test patients: agreement with intervals, as text."""
    rows = [
        {"method": method_name(method), "quantity": QUANTITIES[name]}
        | {label: texts.get(f"{method}/test/{name}_{kind}", "") for kind, label in AGREEMENT.items()}
        for method in methods
        for name in QUANTITIES
        if f"{method}/test/{name}_bias" in texts
    ]
    return pd.DataFrame(rows, columns=["method", "quantity", *AGREEMENT.values()])


def calibrated(calibration: pd.DataFrame) -> pd.DataFrame:
    """One row per method and measure of calibration on test patients, before and after temperature scaling."""
    rows = [
        {"method": method_name(row["method"]), "measure": label, "before": row[name], "after": row[f"{name}_scaled"]}
        for row in calibration[calibration["split"] == "test"].to_dict("records")
        for name, label in CALIBRATION.items()
    ]
    return pd.DataFrame(rows, columns=["method", "measure", "before", "after"])


def of_ensembles(methods: Sequence[str], members: pd.DataFrame, texts: Mapping[str, str]) -> pd.DataFrame:
    """One row per method: the weights of its members, and Dice and gain on both splits with intervals, as text.

    Weights are in the order of the networks; methods without weights of their own have none.
    """
    rows = []
    for method in methods:
        weights = members.loc[members["method"] == method, "weight"] if method in WEIGHTED else ()
        row = {"method": method_name(method), "weights": " / ".join(f"{weight:.2f}" for weight in weights)}
        row |= {f"Dice, {split}": texts.get(f"{method}/{split}/dice", "") for split in ("test", "val")}
        rows.append(row | {f"gain, {split}": texts.get(f"{method}/{split}/gain", "") for split in ("test", "val")})
    return pd.DataFrame(rows)


def priced(costs: pd.DataFrame) -> pd.DataFrame:
    """The table of costs in units for a reader."""
    return pd.DataFrame(
        {
            "method": costs["method"].map(method_name),
            "run": costs["mode"],
            "parameters (M)": costs["parameters"] / 1e6,
            "multiply-adds a slice (G)": costs["multiply_adds"] / 1e9,
            "weights (MB)": costs["bytes"] / 1e6,
            "with optimiser (MB)": costs["bytes_with_optimiser"] / 1e6,
            "training (s)": costs["training_s"],
            "peak memory (MB)": costs["peak_mb"],
            "slice, p50 (ms)": costs["slice_ms_p50"],
            "slice, p95 (ms)": costs["slice_ms_p95"],
            "patient, p50 (ms)": costs["patient_ms_p50"],
            "patient, p95 (ms)": costs["patient_ms_p95"],
            "slices per s": costs["slices_per_s"],
            "Dice": costs["dice"],
            "gain": costs["gain"],
            "gain per ms": costs["gain_per_ms"],
        }
    )


def _training(table: pd.DataFrame) -> Numbers:
    kept = table[table["kept"] == 1]
    return {"kept": kept[["protocol", "run", "epoch", "val_dice"]].to_dict("records")}


def _examples(table: pd.DataFrame) -> Numbers:
    cases = table.drop_duplicates("case")
    return {
        "method": method_name(table["method"].iloc[0]),
        "of": int(table["of"].iloc[0]),
        "patients": int(table["rank"].nunique()),
        "cases": cases[["case", "dice"]].to_dict("records"),
    }


def _reliability(table: pd.DataFrame) -> Numbers:
    return {"methods": [method_name(name) for name in table["method"].unique()]}


def _pareto(table: pd.DataFrame) -> list[Numbers]:
    rows = table[table["mode"] != "parallel"]
    return [
        {"name": method_name(row["method"]), "ms": row["patient_ms_p50"], "dice": row["dice"]}
        for row in rows.to_dict("records")
    ]


# What each caption and alternative text names, from the figure's CSV.
FIGURES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "training": _training,
    "examples": _examples,
    "ef": panel_limits,
    "mass": panel_limits,
    "reliability": _reliability,
    "pareto": _pareto,
}
