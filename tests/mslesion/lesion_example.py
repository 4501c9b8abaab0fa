"""A small tree of the lesion study's results, made up, for the steps that draw and describe them."""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from mslesion.analysis.lesions import lesion_measures
from mslesion.data.conversion import write_scan_mask
from project import ROOT
from reprise.data.nifti import plain_header
from reprise.data.store import write_store

SHAPE = (12, 30, 24)  # slices, height, width
FOLDS = 3
RUN, BASELINE = "fc_densenet67-seed0", "unet_2d-seed0"
TREE = {(RUN, "published"), (RUN, "sound"), (BASELINE, "sound")}
FIGURES = ["training", "load", "count", "examples"]
STEPS = {"load": "load", "count": "load"}


def scan(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head in the dark, and what two raters drew: boxes that grow with the scan's number."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    head = ((y - 15) / 13) ** 2 + ((x - 12) / 10) ** 2 + (0 * z) < 1
    image = np.where(head, 400 + 10 * y + 5 * x + z, 0).astype(np.int16)
    masks = [np.zeros(SHAPE, np.uint8) for _ in (1, 2)]
    for rater, mask in enumerate(masks):
        mask[3 : 8 + rater, 8:14, 6 : 9 + number] = 1
    return image, masks[0], masks[1]


def found(number: int) -> np.ndarray:
    """What a network found in scan `number`: shifted by it, and a box that is no lesion."""
    mask = np.roll(scan(number)[1], number, axis=1)
    mask[5:7, 20:24, 10:15] = 1
    return mask


def make_study(folder: Path) -> Path:
    """Write what the figures read, as the pipeline leaves it: three patients with two scans each."""
    names = [f"patient{patient}_{time}" for patient in (1, 2, 3) for time in (1, 2)]
    scans = [scan(number) for number in range(len(names))]
    voxels = int(np.prod(SHAPE))
    cases = pd.DataFrame(
        {
            "case": names, "patient": [name[:-2] for name in names], "timepoint": [int(name[-1]) for name in names],
            "offset": np.arange(len(names)) * voxels, "slices": SHAPE[0], "height": SHAPE[1], "width": SHAPE[2],
            "slice_mm": 3.0, "row_mm": 1.0, "column_mm": 1.0, "fold": 0, "lesion_voxels_1": 1, "lesion_voxels_2": 1,
        }
    )  # fmt: skip
    header = np.frombuffer(plain_header(SHAPE[::-1]).ljust(540, b"\0"), np.uint8)
    arrays = {
        name: np.concatenate([volumes[place].ravel() for volumes in scans])
        for place, name in enumerate(("flair", "mask1", "mask2"))
    }
    write_store(folder / "store", cases, arrays | {"headers": np.tile(header, (len(names), 1))})
    for run, protocol in sorted(TREE):
        _write_run(folder / run / protocol, cases, scans, header)
    _write_measures(folder)
    return folder


def _write_run(folder: Path, cases: pd.DataFrame, scans: list, header: np.ndarray) -> None:
    """Masks, measures and histories of folds of one patient each."""
    (folder / "masks").mkdir(parents=True)
    rows = []
    for number, case in cases.iterrows():
        write_scan_mask(folder / "masks" / f"{case['case']}.nii.gz", found(int(number)), header)
        for rater in (1, 2):
            measures = lesion_measures(found(int(number)), scans[int(number)][rater], 3.0)
            names = {**case[["case", "patient", "timepoint"]], "fold": int(number) // 2 + 1, "rater": rater}
            rows.append(names | measures)
    pd.DataFrame(rows).to_csv(folder / "volumes.csv", index=False)
    for fold in range(1, FOLDS + 1):
        _write_history(folder / f"fold{fold}")


def _write_history(folder: Path) -> None:
    folder.mkdir()
    epoch = np.arange(1, 9)
    error = np.round(0.2 + 0.7 * np.exp(-epoch / 3) + 0.004 * epoch + 0.01 * int(folder.name[-1]), 5)
    columns = {"train_loss": error * 0.9, "val_loss": error, "val_accuracy": 1 - error / 50, "val_dice": 1 - error}
    columns |= {"val_sensitivity": 1 - error / 2, "val_specificity": 1 - error / 100, "val_volume_dice": 0.9 - error}
    columns |= {"val_printed_specificity": 1 - error / 200}
    errors = {"val_error": error, "val_volume_error": 0.1 + np.roll(error, 2), "lr": 1e-4}
    pd.DataFrame({"epoch": epoch, **columns, **errors}).to_csv(folder / "log.csv", index=False)


def _write_measures(folder: Path) -> None:
    """The tables that scoring leaves: of lesions, measures, habits and findings."""
    tables = []
    for run, protocol in sorted(TREE):
        rows = pd.read_csv(folder / run / protocol / "volumes.csv")
        raters = [rows[rows["rater"] == rater].reset_index(drop=True) for rater in (1, 2)]
        columns = {f"{name}_{k}": raters[k - 1][name] for k in (1, 2) for name in ("true_load_ml", "true_lesions")}
        own = raters[0][["fold", "case", "patient", "timepoint", "load_ml", "lesions"]]
        tables.append(own.assign(network=run.partition("-")[0], protocol=protocol, **columns))
    pd.concat(tables).to_csv(folder / "lesions.csv", index=False)
    network = RUN.partition("-")[0]
    measures = [
        ("published", f"{network}/best_fold/dice", "1", 0.9, np.nan, np.nan, np.nan, 2),
        ("published", f"{network}/mean_fold/dice", "1", 0.85, np.nan, np.nan, np.nan, 6),
        ("published", f"{network}/fold1/dice", "1", 0.9, np.nan, np.nan, np.nan, 2),
        ("published", f"{network}/fold1/epoch1/dice", "1", 0.4, np.nan, np.nan, np.nan, 2),
        ("sound", f"{network}/scans/fold1/ltpr", "1", 0.7, np.nan, np.nan, np.nan, 2),
        ("sound", f"{network}/scans/dice", "1", 0.6, 0.5, 0.7, 0.95, 6),
        ("published", f"{network}/scans/dice", "1", 0.65, 0.55, 0.75, 0.95, 6),
        ("sound", "unet_2d/scans/dice", "1", 0.55, 0.45, 0.65, 0.95, 6),
        ("sound", "raters/scans/dice", "1", 0.8, 0.75, 0.85, 0.95, 6),
    ]
    columns = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
    pd.DataFrame(measures, columns=columns).to_csv(folder / "metrics.csv", index=False)
    (folder / "quirks.csv").write_text("quirk,quantity,unit,published,sound,difference,note\n")
    (folder / "findings.csv").write_text("severity,file,where,finding\n")


def segmented_options(study: Path) -> list[object]:
    """The options for the scans of the first run by the sound protocol."""
    run = study / RUN / "sound"
    return ["--store", study / "store", "--volumes", run / "volumes.csv", "--masks", run / "masks"]


def step_options(study: Path, name: str) -> list[object]:
    """What a figure's step is called with, but for its outputs."""
    if name == "training":
        return ["--history", *sorted(study.glob("*/*/*/log.csv"))]
    if name == "examples":
        return [*segmented_options(study), "--settings", '{"slices": 4}']
    return ["--lesions", study / "lesions.csv", "--size", {"load": "load_ml", "count": "lesions"}[name]]


def run_step(name: str, options: list[object]) -> None:
    """Run a step of the study in this process."""
    step = importlib.import_module(f"mslesion.{name}")
    step.main(step.arguments().parse_args([str(option) for option in options]))


def draw_by_step(study: Path, folder: Path, name: str) -> Path:
    """Draw one figure by its step; return its SVG."""
    options = [*step_options(study, name), "--figure", folder / f"{name}.svg", "--table", folder / f"{name}.csv"]
    run_step(f"plot_{STEPS.get(name, name)}", options)
    return folder / f"{name}.svg"


def render(study: Path, folder: Path) -> Path:
    """Render the slice browser's pictures by their step."""
    run_step("render_slices", [*segmented_options(study), "--settings", '{"slices": 40}', "--output", folder])
    return folder


def describe(study: Path, folder: Path, figures: list[Path], slices: Path) -> Path:
    """Describe the study by its step; return the section."""
    recipe = {"width": 0.5, "epochs": 8, "batch_size": 4}
    models = {"lesions": ["fc_densenet67"], "baselines": ["unet_2d"]}
    settings = {
        "data": "phantom",
        "models": models,
        "folds": FOLDS,
        "leak_control": True,
        "training": recipe,
        "baselines": {"unet_2d": recipe},
        "measures": yaml.safe_load((ROOT / "config" / "published.yaml").read_text())["measures"],
    }
    tables = [part for name in ("metrics", "quirks", "findings") for part in (f"--{name}", study / f"{name}.csv")]
    options = ["--store", study / "store", "--settings", json.dumps(settings), *tables, "--figures", *figures]
    outputs = ["--protocols", folder / "protocols.csv", "--by-fold", folder / "by_fold.csv"]
    run_step("describe", [*options, "--slices", slices, *outputs, "--section", folder / "section.json"])
    return folder / "section.json"
