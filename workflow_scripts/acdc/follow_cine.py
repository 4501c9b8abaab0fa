"""Follow the heart of one test patient over its cycle: volumes in each frame, and a film with their curves."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd

from acdc.analysis.overlay_figure import heart_box
from acdc.analysis.protocols import PHASES
from acdc.analysis.shown import ENSEMBLE
from acdc.analysis.stack_measures import volumes_of
from acdc.analysis.stack_pictures import COLOURS, overlay
from acdc.data.conversion import cine_of, slices_of, structures_of
from reprise.data.store import Store, open_store
from reprise.evaluation.runs import run_of
from reprise.plots.confusion_map import as_grey
from reprise.plots.film import Curve, Mark, Plot, write_film
from reprise.plots.slice_pictures import encoded
from reprise.plots.steps import DECIMALS
from reprise.plots.style import GREEN, ORANGE
from reprise.step.command import progress, run, step_parser
from reprise.step.files import outputs
from reprise.step.tables import read_table

if TYPE_CHECKING:
    import torch

WEIGHTS = {"method": str, "member": str, "weight": float}
PHASE_COLOURS = {"ED": GREEN, "ES": ORANGE}
SHORT = {"rv": "RV", "myo": "myocardium", "lv": "LV"}
QUALITY = 85  # of the picture, as OpenCV counts


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="RUN/sound/weights.safetensors")
    parser.add_argument("--members", type=Path, required=True, help="weights.csv: the members of each ensemble")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--output", type=Path, required=True, help="folder to write: MP4, WebP, curve.csv, cine.csv")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment every frame by the ensemble; write the film, a picture of ED, the curves, and what they are of."""
    from reprise.step.device import pick_device

    store, device = open_store(args.store), pick_device(args.device)
    patient = chosen_patient(store.cases)
    frames, phases = frames_of(store, patient)
    spacing = (patient["slice_mm"].iloc[0], patient["row_mm"].iloc[0], patient["column_mm"].iloc[0])
    labels = segmented(args.weights, args.members, frames, spacing, device)
    volumes = volumes_of(labels, spacing)[[f"{name}_ml" for name in structures_of(store.cases)]]
    name, at = str(patient["patient"].iloc[0]), middle_slice(labels[phases["ED"]])
    box = (slice(None), at, *heart_box(labels[:, at]))
    pictures = [*pictures_of(as_grey(frames)[box], labels[box], spacing[1:])]
    still = pictures[phases["ED"]]
    with outputs(args.output) as (folder,):
        folder.mkdir()
        write_film(folder / f"{name}.mp4", None, pictures, plot_of(name, volumes, phases))
        right = still[:, still.shape[1] // 2 :, ::-1]
        (folder / f"{name}.webp").write_bytes(encoded(".webp", right, cv2.IMWRITE_WEBP_QUALITY, QUALITY))
        volumes.assign(frame=range(1, len(frames) + 1)).round(DECIMALS).to_csv(folder / "curve.csv", index=False)
        shown = {"patient": name, "slice": at + 1, "slices": frames.shape[1], "frames": len(frames)}
        shown |= {"cine": int(patient["cine_frames"].iloc[0] > 0)}
        shown |= {f"{phase.lower()}_frame": frame + 1 for phase, frame in phases.items()}
        pd.DataFrame([shown]).to_csv(folder / "cine.csv", index=False)


def chosen_patient(cases: pd.DataFrame) -> pd.DataFrame:
    """The two rows (ED, ES) of the test patient with the middle EF by the reference, of those with a cine if any."""
    tested = cases[cases["official"] == "testing"]
    tested = tested[tested["cine_frames"] > 0] if (tested["cine_frames"] > 0).any() else tested
    voxels = tested.pivot(index="patient", columns="phase", values="lv_voxels")
    ranked = (1 - voxels["ES"] / voxels["ED"].where(voxels["ED"] > 0)).sort_values(kind="stable")
    return tested[tested["patient"] == ranked.index[(len(ranked) - 1) // 2]]


def frames_of(store: Store, patient: pd.DataFrame) -> tuple[np.ndarray, dict[str, int]]:
    """All frames (T, N, H, W) of the patient's cine, or ED and ES without one, and which of them these two are."""
    both = dict(zip(patient["phase"], patient.to_dict("records"), strict=True))
    if both["ED"]["cine_frames"]:
        return cine_of(store.arrays["cine"], both["ED"]), {phase: int(both[phase]["frame"]) - 1 for phase in PHASES}
    return np.stack([slices_of(store.arrays["image"], both[phase]) for phase in PHASES]), {"ED": 0, "ES": 1}


def segmented(
    weights: list[Path], members: Path, frames: np.ndarray, spacing: tuple[float, ...], device: "torch.device"
) -> np.ndarray:
    """The labels (T, N, H, W) uint8 by the ensemble of the first runs in `weights`, with its shares in `members`."""
    from acdc.learning.prediction import load_heart_network, probabilities_of

    table = read_table(members, WEIGHTS)
    shares = table[table["method"] == ENSEMBLE].set_index("member")["weight"]
    first = {run_of(path, "protocol").network: path for path in reversed(weights)}
    networks = [(share, *load_heart_network(first[str(name)], device)) for name, share in shares.items() if share > 0]
    labels = np.empty(frames.shape, np.uint8)
    for number, frame in enumerate(progress(frames, "frames")):
        total = sum(share * probabilities_of(model, info, frame, spacing, device) for share, model, info in networks)
        labels[number] = total.argmax(axis=-1)  # type: ignore[union-attr]
    return labels


def middle_slice(labels: np.ndarray) -> int:
    """The middle one of the slices (N, H, W) with a label; of all slices if none has one."""
    used = np.flatnonzero(labels.any(axis=(1, 2)))
    return int(used[len(used) // 2]) if len(used) else len(labels) // 2


def pictures_of(grey: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float]) -> Iterator[np.ndarray]:
    """Yield each frame (h, w, 3) of one slice, beside itself with the structures in their colours."""
    for frame, own in zip(grey, labels, strict=True):
        plain, painted = (overlay(frame, shown, spacing_mm) for shown in (np.zeros_like(own), own))
        yield np.concatenate([plain, painted], axis=1)


def plot_of(name: str, volumes: pd.DataFrame, phases: dict[str, int]) -> Plot:
    """The curves of the volumes, with lines at the phases of the reference; a cycle is shown in one second."""
    curves = [
        Curve(volumes[f"{name}_ml"].to_numpy(), COLOURS[name], label)
        for name, label in SHORT.items()
        if f"{name}_ml" in volumes
    ]
    marks = [Mark(frame, PHASE_COLOURS[phase], phase, True) for phase, frame in phases.items()]
    return Plot(name, curves, marks, "volume (ml)", "share of the cycle", max(len(volumes), 2))


if __name__ == "__main__":
    run(main, arguments())
