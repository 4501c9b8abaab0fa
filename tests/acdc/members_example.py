"""A small store of hearts, published slices and the cached probabilities of three networks, made up."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reprise.data.nifti import plain_header
from reprise.data.store import write_store

NETWORKS = ("unet", "linknet", "fpn")
GROUPS = ("NOR", "DCM")
SHAPE = (6, 24, 28)  # slices, height, width
SPACING = {"slice_mm": 8.0, "row_mm": 2.0, "column_mm": 1.5}
GRID = {"size": 32, "slices": 10}
MODELS = {"segmentation": list(NETWORKS), "baselines": ["unet_2d"]}
SETTINGS: dict[str, Any] = {
    "models": MODELS, "seed": 3, "ensembles": {"draws": 200}, "search": {"draws": 64, "slices": 12, "seed": 2},
    "slices": GRID,
}  # fmt: skip
TABLES = ("weights", "scores", "calibration", "bins", "diversity", "search", "slices", "habits")


def heart(shape: tuple[int, ...], size: float, phase: str) -> np.ndarray:
    """Classes (N, H, W) of a left ventricle in its wall, and a right one beside it; none in the first slice."""
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    middle, unit = shape[1] / 2, shape[1] / 24 * size
    cavity = (4 if phase == "ED" else 2.6) * unit
    left = np.hypot(y - middle, x - middle - 2 * unit) + 0 * z
    classes = np.zeros(shape, np.uint8)
    classes[np.hypot(y - middle, x - middle + 7 * unit) + 0 * z < 0.9 * cavity] = 1
    classes[left < cavity + 2 * unit] = 2
    classes[left < cavity] = 3
    classes[0] = 0
    return classes


def probabilities(true: np.ndarray, error: float, random: np.random.Generator) -> np.ndarray:
    """Probabilities (..., 4) float16 around the true classes; the larger `error`, the more of them are wrong."""
    logits = 3.0 * (true[..., None] == np.arange(4)) + random.normal(0, 1 + error, (*true.shape, 4))
    powers = np.exp(logits)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float16)


def case_table() -> pd.DataFrame:
    """Two groups of three training and two testing patients, with both phases."""
    rows = [
        {"patient": f"patient{number:03}", "phase": phase, "official": official, "group": group}
        for official, first, count in (("training", 1, 3), ("testing", 101, 2))
        for place, group in enumerate(GROUPS)
        for number in range(first + place * count, first + (place + 1) * count)
        for phase in ("ED", "ES")
    ]
    voxels = int(np.prod(SHAPE))
    cases = pd.DataFrame(rows).assign(slices=SHAPE[0], height=SHAPE[1], width=SHAPE[2], **SPACING)
    cases.insert(0, "case", cases["patient"] + "-" + cases["phase"])
    return cases.assign(offset=np.arange(len(cases)) * voxels)


def make_members(folder: Path, seeds: int = 1) -> Path:
    """Write store, published_slices and RUN/PROTOCOL/probabilities below `folder`."""
    random = np.random.default_rng(0)
    cases = case_table()
    sizes = {patient: 0.8 + 0.05 * place for place, patient in enumerate(cases["patient"].unique())}
    labels = [heart(SHAPE, sizes[case.patient], case.phase) for case in cases.itertuples()]
    counts = {
        f"{name}_voxels": [int((one == k).sum()) for one in labels] for k, name in enumerate(("rv", "myo", "lv"), 1)
    }
    spacing = (SPACING["column_mm"], SPACING["row_mm"], SPACING["slice_mm"])
    header = np.frombuffer(plain_header(SHAPE[::-1], spacing).ljust(540, b"\0"), np.uint8)
    flat = np.concatenate([one.ravel() for one in labels])
    arrays = {"image": flat * 50, "labels": flat, "headers": np.tile(header, (len(cases), 1))}
    write_store(folder / "store", cases.assign(**counts), arrays)
    last = cases["patient"].map(dict.fromkeys(("patient003", "patient006"), "val"))
    split = last.fillna("train").mask(cases["official"] == "testing", "test")
    scored = cases.assign(split=split)[split != "train"]
    true = np.concatenate([labels[row].ravel() for row in scored.index])
    table = scored.assign(offset=np.arange(len(scored)) * int(np.prod(SHAPE))).drop(columns=["official", "group"])
    slices, published = _published(folder, cases, sizes)
    for place, network in enumerate(("unet_2d", *NETWORKS)):
        names = ["plain"] if network == "unet_2d" else ["plain", "flips", *(f"snapshot{n}" for n in (1, 2))]
        for seed in range(seeds):
            maps = {name: probabilities(true, 0.2 * place, random) for name in names}
            write_store(folder / f"{network}-seed{seed}" / "sound" / "probabilities", table, maps)
            if network != "unet_2d":
                maps = {"plain": probabilities(published, 0.2 * place, random)}
                write_store(folder / f"{network}-seed{seed}" / "published" / "probabilities", slices, maps)
    return folder


def _published(folder: Path, cases: pd.DataFrame, sizes: dict[str, float]) -> tuple[pd.DataFrame, np.ndarray]:
    """Write the store of published slices; the rows of its test slices, and their true classes, flat."""
    size, rows, labels = GRID["size"], [], []
    for copy in (0, 5):  # as they are, and smoothed
        for case in cases[cases["official"] == "testing"].to_dict("records"):
            whole = heart((GRID["slices"], size, size), sizes[case["patient"]], case["phase"])
            for number in range(1, GRID["slices"], 2):
                name = f"{case['case']}-{number}" + (f"-draw1-aug{copy}" if copy else "")
                named = {"case": name, "patient": case["patient"], "phase": case["phase"], "slice": number}
                rows.append(named | {"augmented": copy, "draw": int(copy > 0), "split": "test"})
                labels.append(np.roll(whole[number], copy // 5, axis=0))
    table, flat = pd.DataFrame(rows), np.stack(labels)
    write_store(folder / "published_slices", table, {"image": flat.astype(np.float32) / 3, "labels": flat})
    grid = {"slices": 1, "height": size, "width": size}
    return table.assign(**grid, offset=np.arange(len(table)) * size * size), flat.ravel()


def run_step(name: str, options: list[object]) -> None:
    """Run a step of the study in this process."""
    step = importlib.import_module(f"acdc.{name}")
    step.main(step.arguments().parse_args([str(option) for option in options]))


def combine(folder: Path, **settings: object) -> Path:
    """Run the steps `combine` and `search_weights` on what `make_members` wrote; the folder of their tables."""
    made, given = folder / "ensembles", {**SETTINGS, **settings}
    tables = {name: [f"--{name}", made / f"{name}.csv"] for name in TABLES}
    searched: list[object] = [*tables.pop("search"), *tables.pop("slices")]
    combined = [word for words in tables.values() for word in words]
    sound, published = (sorted(folder.glob(f"*-seed*/{name}/probabilities")) for name in ("sound", "published"))
    words = ["--store", folder / "store", "--probabilities", *sound, "--settings", json.dumps(given)]
    run_step("combine", [*words, *combined, "--masks", made / "masks"])
    search = {"models": given["models"], **SETTINGS["search"]}
    words = ["--published-slices", folder / "published_slices", "--probabilities", *published]
    run_step("search_weights", [*words, "--settings", json.dumps(search), *searched])
    return made


def score(folder: Path, made: Path, **settings: object) -> dict[str, pd.DataFrame]:
    """Run the step `score` on what `combine` wrote; its tables by name."""
    tables = {name: folder / f"{name}.csv" for name in ("metrics", "quirks", "patients")}
    given = {name: made / f"{name}.csv" for name in ("scores", "calibration", "slices", "habits")}
    words: list[object] = ["--store", folder / "store", "--published-slices", folder / "published_slices"]
    words += [word for name, path in (given | tables).items() for word in (f"--{name}", path)]
    logs = sorted(folder.glob("*-seed*/published/log.csv"))
    parts = {"models": MODELS, "resamples": 300, "seed": 3, "draws": 64} | settings
    run_step("score", [*words, "--history", *logs, "--settings", json.dumps(parts)])
    return {name: pd.read_csv(path) for name, path in tables.items()}
