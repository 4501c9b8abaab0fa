"""A small tree of the heart study's results, made up, as the pipeline leaves it."""

from pathlib import Path

import numpy as np
import pandas as pd

from acdc.analysis.costs import MODES, Cost, row, together, with_gains
from acdc.data.conversion import write_labels
from reprise.data.nifti import plain_header
from reprise.data.store import write_store

SHAPE = (7, 40, 36)  # slices, height, width
FRAMES = 5
SPACING = (8.0, 1.5, 2.0)
NETWORKS, BASELINE = ("unet", "fpn"), "unet_2d"
METHODS = [*NETWORKS, BASELINE, "equal", "simplex", "majority", "flips:unet", "snapshots:unet"]
TRAINING = ["patient001", "patient002", "patient003"]
TESTING = ["patient101", "patient102", "patient103", "patient104"]
MASKED = ("unet", "equal", "simplex")


def heart(number: int, frame: int) -> np.ndarray:
    """The labels (N, H, W) of a heart, smallest in the middle frame; the last slice has none, the first has no RV."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    beat = 1 - 0.1 * number * np.sin(np.pi * frame / (FRAMES - 1)) / 2
    size = beat * (1 - 0.09 * z)
    distance = np.hypot(y - 20, (x - 20) * SPACING[2] / SPACING[1])
    labels = np.where(np.hypot(y - 20, (x - 9) * 1.3) < 7 * size, 1, 0)
    labels = np.where(distance < 9 + 0 * size, 2, labels)
    labels = np.where(distance < 7 * size, 3, labels).astype(np.uint8)
    labels[0][labels[0] == 1] = 0
    labels[-1] = 0
    return labels


def found(number: int, frame: int, method: str) -> np.ndarray:
    """What a method finds: the heart, moved by some rows."""
    return np.roll(heart(number, frame), METHODS.index(method) % 3, axis=1)


def make_study(folder: Path) -> Path:
    """Write what the figures read, as the pipeline leaves it."""
    cases, arrays = _store()
    write_store(folder / "store", cases, arrays)
    for network in NETWORKS:
        _write_history(folder / f"{network}-seed0" / "published")
    for network in (*NETWORKS, BASELINE):
        _write_history(folder / f"{network}-seed0" / "sound")
    (folder / "ensembles").mkdir()
    _write_scores(folder, cases, arrays)
    _write_tables(folder)
    _write_metrics(folder)
    (folder / "findings.csv").write_text("severity,file,where,finding\n")
    return folder


def _store() -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    voxels = int(np.prod(SHAPE))
    rows, images, labels, cines = [], [], [], []
    for place, patient in enumerate([*TRAINING, *TESTING]):
        cine = [_image(heart(place, frame)) for frame in range(FRAMES)]
        for phase, frame in (("ED", 1), ("ES", 3)):
            truth = heart(place, frame - 1)
            counts = {
                f"{name}_voxels": int((truth == label).sum()) for label, name in enumerate(("rv", "myo", "lv"), 1)
            }
            rows.append(
                {
                    "case": f"{patient}-{phase}", "patient": patient, "phase": phase, "frame": frame,
                    "official": "training" if patient in TRAINING else "testing", "group": "NOR",
                    "offset": len(images) * voxels, "first_slice": len(images) * SHAPE[0],
                    "slices": SHAPE[0], "height": SHAPE[1], "width": SHAPE[2],
                    "slice_mm": SPACING[0], "row_mm": SPACING[1], "column_mm": SPACING[2],
                    "orientation": "RAS", "sha256": "0" * 64, **counts,
                    "cine_offset": place * FRAMES * voxels, "cine_frames": FRAMES,
                }
            )  # fmt: skip
            images.append(cine[frame - 1].ravel())
            labels.append(truth.ravel())
        cines += [frame.ravel() for frame in cine]
    header = np.frombuffer(plain_header(SHAPE[::-1]).ljust(540, b"\0"), np.uint8)
    flat = {"image": images, "labels": labels, "cine": cines}
    arrays = {name: np.concatenate(parts) for name, parts in flat.items()}
    return pd.DataFrame(rows), arrays | {"headers": np.tile(header, (len(rows), 1))}


def _image(labels: np.ndarray) -> np.ndarray:
    texture = np.add.outer(np.arange(SHAPE[1]), np.arange(SHAPE[2])) % 17
    return (np.array([60, 190, 90, 210])[labels] + texture).astype(np.uint8)


def _write_history(folder: Path) -> None:
    folder.mkdir(parents=True)
    epoch = np.arange(1, 9)
    loss = np.round(0.1 + 0.8 * np.exp(-epoch / 3), 5)
    dice = np.round(0.9 - 0.02 * np.abs(epoch - 6), 5)  # highest at epoch 6 of 8
    columns = {"epoch": epoch, "train_loss": loss, "val_loss": loss * 1.1, "val_dice": dice}
    pd.DataFrame(columns).to_csv(folder / "log.csv", index=False)


def _write_scores(folder: Path, cases: pd.DataFrame, arrays: dict[str, np.ndarray]) -> None:
    rows, patients = [], []
    for method in METHODS:
        for patient in TESTING:
            place = len(TRAINING) + TESTING.index(patient)
            both = {phase: found(place, frame, method) for phase, frame in (("ED", 0), ("ES", 2))}
            true = {"ED": heart(place, 0), "ES": heart(place, 2)}
            for phase, labels in both.items():
                for label, structure in enumerate(("rv", "myo", "lv"), start=1):
                    masks = labels == label, true[phase] == label
                    dice = 2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum())
                    case = {"case": f"{patient}-{phase}", "patient": patient, "phase": phase, "structure": structure}
                    sizes = {"volume_ml": masks[0].sum() * 0.024, "true_volume_ml": masks[1].sum() * 0.024}
                    distances = {"hausdorff_mm": 3.0, "assd_mm": 1.0, "empty": "none"}
                    rows.append({"method": method, "split": "test", **case, "dice": dice, **distances, **sizes})
                if method in MASKED:
                    path = folder / "ensembles" / "masks" / method / f"{patient}-{phase}.nii.gz"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    row = cases.index[cases["case"] == f"{patient}-{phase}"][0]
                    write_labels(path, labels, arrays["headers"][row])
            reference = _clinical(true)
            error = (METHODS.index(method) + 1) * (place - 4)
            sizes = {name: value + error for name, value in _clinical(both).items()}
            sizes |= {f"true_{name}": value for name, value in reference.items()}
            patients.append({"method": method, "split": "test", "patient": patient, "group": "NOR", **sizes})
    pd.DataFrame(rows).to_csv(folder / "ensembles" / "scores.csv", index=False)
    pd.DataFrame(patients).to_csv(folder / "patients.csv", index=False)


def _clinical(both: dict[str, np.ndarray]) -> dict[str, float]:
    volumes = {phase: [(labels == label).sum() * 0.024 for label in (1, 2, 3)] for phase, labels in both.items()}
    ef = {
        f"{name}_ef": 100 * (1 - volumes["ES"][place] / volumes["ED"][place]) for name, place in (("rv", 0), ("lv", 2))
    }
    return ef | {"lv_edv": volumes["ED"][2], "lv_mass": 1.05 * volumes["ED"][1]}


def _write_tables(folder: Path) -> None:
    """The tables that combining, scoring and measuring leave."""
    members = {"equal": NETWORKS, "majority": NETWORKS, "flips:unet": ["unet/flips"]}
    members |= {"snapshots:unet": ["unet/snapshot1", "unet/snapshot2"]} | {
        name: [name] for name in (*NETWORKS, BASELINE)
    }
    weights = [(method, name, 1 / len(names)) for method, names in members.items() for name in names]
    weights += [("simplex", "unet", 0.75), ("simplex", "fpn", 0.25)]
    _csv(folder / "ensembles" / "weights.csv", ["method", "member", "weight"], weights)
    bins = [
        (method, scaled, number, 0.05 + number / 10, 0.04 + number / 10 - 0.01 * scaled, 0.1)
        for method in METHODS
        for scaled in (0, 1)
        for number in range(10)
    ]
    _csv(folder / "ensembles" / "bins.csv", ["method", "scaled", "bin", "confidence", "accuracy", "share"], bins)
    calibration = [(method, "test", 1.2, 0.1, 0.05, 0.02, 0.09, 0.04, 0.01) for method in METHODS]
    names = ["method", "split", "temperature", "nll", "brier", "ece", "nll_scaled", "brier_scaled", "ece_scaled"]
    _csv(folder / "ensembles" / "calibration.csv", names, calibration)
    diversity = [("unet", "fpn", 0.03, 0.02, 0.9)]
    _csv(folder / "ensembles" / "diversity.csv", ["first", "second", "disagreement", "double_fault", "q"], diversity)
    quirks = [("Weights searched on the test set", "random_search/searched/iou", "1", 0.82, 0.81, 0.01, "A note.")]
    names = ["quirk", "quantity", "unit", "published", "sound", "difference", "note"]
    _csv(folder / "quirks.csv", names, quirks)


def _write_metrics(folder: Path) -> None:
    """Measures by both protocols."""
    metrics = []
    for place, method in enumerate(METHODS):
        metrics.append(("sound", f"{method}/test/dice", "1", 0.8 + place / 100, 0.7, 0.9, 0.95, 4))
        metrics.append(("sound", f"{method}/val/dice", "1", 0.82 + place / 100, 0.7, 0.9, 0.95, 3))
        metrics.append(("sound", f"{method}/test/dice_lv_ed", "1", 0.9, 0.8, 0.95, 0.95, 4))
        metrics.append(("sound", f"{method}/test/hd_lv_ed", "mm", 5.0, 4.0, 6.0, 0.95, 4))
        metrics.append(("sound", f"{method}/test/assd_lv_ed", "mm", 1.0, 0.5, 1.5, 0.95, 4))
        metrics.append(("sound", f"{method}/test/lv_ef_bias", "EF points", -1.5, -3.0, 0.5, 0.95, 4))
        if method != "unet":
            metrics.append(("sound", f"{method}/test/gain", "1", place / 100, -0.01, 0.05, 0.95, 4))
            metrics.append(("sound", f"{method}/val/gain", "1", place / 90, -0.01, 0.05, 0.95, 3))
    for network in NETWORKS:
        metrics.append(("published", f"{network}/test/running_iou", "1", 0.83, np.nan, np.nan, np.nan, 30))
        metrics.append(("published", f"{network}/searched/iou", "1", 0.81, np.nan, np.nan, np.nan, 12))
    metrics.append(("published", "random_search/searched/iou", "1", 0.82, np.nan, np.nan, np.nan, 12))
    metrics.append(("published", "data/patients", "patients", 7, np.nan, np.nan, np.nan, 7))
    columns = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
    _csv(folder / "metrics.csv", columns, metrics)


def write_costs(folder: Path) -> None:
    """Costs of the single networks and of two ensembles, as measuring leaves them."""
    times = {"unet": 20.0, "fpn": 25.0, BASELINE: 30.0}
    costs = {
        name: Cost(10**6, 10**9, 4 * 10**6, 12 * 10**6, 60.0, 5.0, 14, *np.full((2, 3), ms))
        for name, ms in times.items()
    }
    rows = [row(name, "network", "alone", cost) for name, cost in costs.items()]
    for method in ("equal", "simplex"):
        both = {mode: together([costs["unet"], costs["fpn"]], mode, [True, True]) for mode in MODES}
        rows += [row(method, "ensemble", mode, cost) for mode, cost in both.items()]
    dice = {"unet": 0.8, "fpn": 0.81, BASELINE: 0.82, "equal": 0.83, "simplex": 0.84}
    with_gains(pd.DataFrame(rows), dice, "unet").to_csv(folder / "costs.csv", index=False)


def write_cine(folder: Path) -> None:
    """What following a cine leaves, with an empty film and picture."""
    (folder / "cine").mkdir()
    for ending in ("mp4", "webp"):
        (folder / "cine" / f"patient102.{ending}").touch()
    columns = ["patient", "slice", "slices", "frames", "ed_frame", "es_frame"]
    _csv(folder / "cine" / "cine.csv", columns, [("patient102", 4, SHAPE[0], FRAMES, 1, 3)])


def _csv(path: Path, columns: list[str], rows: list[tuple]) -> None:
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
