"""Figures: what is drawn is what the tables say, the same bytes each time, and awkward data is no obstacle."""

import json
import re
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Rectangle

from echonet import figure_data
from reprise.files import outputs
from reprise.metrics.roc import auc
from reprise.plots.regression import agreement, draw_agreement, draw_error_by_beats, draw_scatter
from reprise.plots.roc import draw_roc, roc_points
from reprise.plots.segmentation import dice, dice_bins, draw_areas, draw_dice, draw_examples
from reprise.plots.style import save_figure
from reprise.plots.training import draw_training
from reprise.store import write_store

FRAMES, SIZE, FPS = 40, 32, 25
RUNS = {"segmentation": "deeplabv3_resnet50-seed0", "ef": "r2plus1d_18-seed0"}


def make_study(folder: Path, n: int, size: int = SIZE, frames: int = FRAMES) -> Path:
    """Write what the figures read, as the pipeline leaves it, for `n` test videos and one of the train split."""
    rng = np.random.default_rng(0)
    names = ["train", *(f"0X{i:X}E5" for i in range(n))]
    ef = np.round(np.clip(rng.normal(55, 13, n + 1), 8, 85), 3)
    time = np.arange(frames)
    y, x = np.mgrid[:size, :size] / size
    radius = 0.28 * (1 - ef[:, None] / 300 * (1 - np.cos(2 * np.pi * time / 20 + 0.4)))
    masks = ((x - 0.5) / 0.6) ** 2 + (y - 0.5) ** 2 < radius[..., None, None] ** 2
    videos = (rng.integers(40, 160, (n + 1, frames, size, size, 1)) * (1 - 0.7 * masks[..., None])).astype(np.uint8)
    ed, es = np.full(n + 1, 18), np.full(n + 1, 29)
    pick = lambda array: np.stack([array[np.arange(n + 1), ed], array[np.arange(n + 1), es]], axis=1)
    cases = pd.DataFrame(
        {
            "case": names, "patient": names, "split": ["train", *["test"] * n], "offset": np.arange(n + 1) * frames,
            "frames": frames, "fps": FPS, "ef": ef, "traced": range(n + 1), "ed_frame": ed, "es_frame": es,
        }
    )  # fmt: skip
    arrays = {"frames": videos.reshape(-1, size, size, 1), "traced_frames": pick(videos)}
    write_store(folder / "store", cases, arrays | {"traced_masks": pick(masks).astype(np.uint8)})
    _write_segmentation(folder / "segmentation" / RUNS["segmentation"], names[1:], masks[1:], pick(masks)[1:], rng)
    for protocol in ("published", "sound"):
        _write_ef(folder / "ef" / RUNS["ef"] / protocol, names[1:], ef[1:], rng)
    _write_logs(folder)
    return folder


def _write_segmentation(folder: Path, names: list[str], human: np.ndarray, traced: np.ndarray, rng) -> None:
    folder.mkdir(parents=True)
    shift = rng.integers(0, 3, len(names))
    masks = np.stack([np.roll(video, by, axis=2) for video, by in zip(human, shift, strict=True)])
    n, frames = masks.shape[:2]
    np.save(folder / "masks.npy", np.packbits(masks.reshape(-1, *masks.shape[2:]), axis=-1))
    areas = pd.DataFrame(
        {"case": np.repeat(names, frames), "frame": np.tile(np.arange(frames), n), "area": masks.sum((2, 3)).ravel()}
    )
    areas.to_csv(folder / "areas.csv", index=False)
    size = areas.set_axis(["Filename", "Frame", "Size"], axis=1).assign(HumanLarge=0, HumanSmall=0)
    size["Filename"] += ".avi"
    size.assign(ComputerSmall=size["Frame"].isin([8, 28]).astype(int)).to_csv(folder / "size.csv", index=False)
    size.assign(ComputerSmall=(size["Frame"] == 28).astype(int)).to_csv(folder / "size_sound.csv", index=False)
    rows = []
    for name, by, both in zip(names, shift, traced, strict=True):
        for image, mask in zip(("large", "small"), both, strict=True):
            other = np.roll(mask, by, axis=1)
            counts = int((mask & other).sum()), int((mask | other).sum())
            rows.append((name, "test", image, *counts, int(name != "0X2E5"), 1))
    rows.append(("train", "val", "large", 0, 10, 1, 1))
    columns = ["case", "split", "image", "intersection", "union", "tracing_ok", "order_ok"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "overlap.csv", index=False)


def _write_ef(folder: Path, names: list[str], ef: np.ndarray, rng) -> None:
    folder.mkdir(parents=True)
    clips = ef[:, None] + rng.normal(0, 5, (len(ef), 3)).round(2)
    lines = [f"{name}.avi,{k},{value:.4f}" for name, row in zip(names, clips, strict=True) for k, value in enumerate(row)]
    (folder / "test_predictions.csv").write_text("\n".join(lines) + "\n")
    beats = rng.integers(0, 5, len(ef))
    by_beats = np.where(beats > 0, clips.mean(axis=1), np.nan)
    table = {"case": names, "ef": ef, "first_clip": clips[:, 0], "beat_by_beat": by_beats, "beats": beats}
    pd.DataFrame(table).to_csv(folder / "beats.csv", index=False)
    count = [(k, run, round(4 + 0.6 / k + rng.normal(0, 0.1), 4)) for k in range(1, 6) for run in range(1, 21)]
    pd.DataFrame(count, columns=["beats", "run", "mae"]).to_csv(folder / "beat_count.csv", index=False)


def _write_logs(folder: Path) -> None:
    epoch = np.arange(1, 11)
    falling = np.round(0.3 * np.exp(-epoch / 3) + 0.03 + 0.001 * epoch, 5)
    dices = {f"val_dice_{name}": 1 - falling for name in ("overall", "large", "small")}
    segmentation = {"epoch": epoch, "train_loss": falling * 0.9, "val_loss": falling, **dices, "lr": 1e-5}
    losses = {f"val_loss_{name}": 400 * falling + k for k, name in enumerate(("published", "sound"))}
    scores = {f"val_r2_{name}": 0.9 - 2 * falling for name in ("published", "sound")}
    ef = {"epoch": epoch, "train_loss": 300 * falling, **losses, **scores, "lr": 1e-4}
    for task, columns in (("segmentation", segmentation), ("ef", ef)):
        pd.DataFrame(columns).to_csv(folder / task / RUNS[task] / "log.csv", index=False)
