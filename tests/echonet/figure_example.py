"""A small tree of the study's results, made up, for the steps that draw and describe them."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd

from reprise.data.store import write_store

FIGURES = [
    *("training_segmentation", "training_ef", "dice", "examples"),
    *("areas", "scatter", "bland_altman", "roc", "beats"),
]
STEPS = {"training_segmentation": "training", "training_ef": "training"}
FRAMES, SIZE, FPS = 40, 32, 25
BEAT_FILES = {"beats": "beats.csv", "beat-count": "beat_count.csv"}
TRACED = [18, 29]  # ED and ES
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
    cases = pd.DataFrame(
        {
            "case": names, "patient": names, "split": ["train", *["test"] * n], "offset": np.arange(n + 1) * frames,
            "frames": frames, "fps": FPS, "ef": ef, "traced": range(n + 1),
            "ed_frame": TRACED[0], "es_frame": TRACED[1],
        }
    )  # fmt: skip
    arrays = {"frames": videos.reshape(-1, size, size, 1), "traced_frames": videos[:, TRACED]}
    write_store(folder / "store", cases, arrays | {"traced_masks": masks[:, TRACED].astype(np.uint8)})
    _write_segmentation(folder / "segmentation" / RUNS["segmentation"], names[1:], masks[1:], masks[1:, TRACED], rng)
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
    lines = [
        f"{name}.avi,{k},{value:.4f}" for name, row in zip(names, clips, strict=True) for k, value in enumerate(row)
    ]
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


def write_measures(folder: Path) -> None:
    """The tables of measures, habits and findings that the section shows."""
    network, ef = (RUNS[task].removesuffix("-seed0") for task in ("segmentation", "ef"))
    rows = [
        (protocol, quantity, unit, value, value - 0.5, value + 0.5, level, 12)
        for protocol, level in (("published", 0.9), ("sound", 0.95))
        for quantity, unit, value in (
            (f"segmentation/{network}/test/dice_overall", "1", 0.9),
            (f"ef/{ef}/test/all/mae", "EF points", 4.25),
            ("baseline/test/mae", "EF points", 9.5),
        )
    ]
    columns = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "metrics.csv", index=False)
    (folder / "quirks.csv").write_text("quirk,quantity,unit,published,sound,difference,note\n")
    (folder / "findings.csv").write_text("severity,file,where,finding\n")


def step_arguments(study: Path, figure: Path) -> dict[str, list[object]]:
    """What each step is called with, by the figure's name."""
    segmentation = study / "segmentation" / RUNS["segmentation"]
    protocols = [study / "ef" / RUNS["ef"] / protocol for protocol in ("published", "sound")]
    store = ["--store", study / "store"]
    masks = ["--areas", segmentation / "areas.csv", "--masks", segmentation / "masks.npy"]
    sizes = ["--size", segmentation / "size.csv", "--size-sound", segmentation / "size_sound.csv"]
    ef = [*store, "--predictions", *(folder / "test_predictions.csv" for folder in protocols)]
    beats = [[f"--{name}", *(folder / file for folder in protocols)] for name, file in BEAT_FILES.items()]
    arguments = {
        "training_segmentation": ["--history", segmentation / "log.csv"],
        "training_ef": ["--history", study / "ef" / RUNS["ef"] / "log.csv"],
        "dice": ["--overlap", segmentation / "overlap.csv"],
        "examples": [*store, *masks, "--overlap", segmentation / "overlap.csv"],
        "areas": [*store, *masks[:2], *sizes, "--settings", '{"cases": 3}'],
        "scatter": ef,
        "bland_altman": ef,
        "roc": ef,
        "beats": [*beats[0], *beats[1]],
    }
    return {
        name: [*args, "--figure", figure / f"{name}.svg", "--table", figure / f"{name}.csv"]
        for name, args in arguments.items()
    }


def draw_by_step(study: Path, folder: Path, name: str) -> Path:
    """Draw one figure by its step, in this process; return its SVG."""
    step = importlib.import_module(f"echonet.plot_{STEPS.get(name, name)}")
    parser = getattr(step, "arguments", None) or (lambda: step.ef_parser(step.__doc__))
    step.main(parser().parse_args([str(part) for part in step_arguments(study, folder)[name]]))
    return folder / f"{name}.svg"
