"""Mean and standard deviation of each channel over the training videos' pixels, from one random clip per video."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reprise.data.store import open_store
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help='{"videos", "frames", "period", "seed"}')
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write: mean and std from 0 to 255")
    return parser


def main(args: argparse.Namespace) -> None:
    """Measure the traced videos of the train split, and write the result."""
    cases, arrays = open_store(args.store)
    train = cases[(cases["split"] == "train") & (cases["traced"] >= 0)]
    if train.empty:
        raise InputError(f"{args.store}: no traced video in the train split")
    measured = normalisation(arrays["frames"], train, args.settings)
    with outputs(args.output) as (path,):
        path.write_text(json.dumps(measured, indent=1) + "\n")


def normalisation(frames: np.ndarray, train: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """Statistics over `videos` random videos, one random clip per video, as published.

    A video shorter than the clip is continued in black. std is sqrt(E[x^2] - E[x]^2).
    """
    from echonet.learning.clips import clip_rows, n_starts

    length, period = settings["frames"], settings["period"]
    draw = np.random.default_rng(settings["seed"])
    chosen = train.iloc[draw.permutation(len(train))[: settings["videos"]]]
    starts = draw.integers(n_starts(chosen["frames"].to_numpy(), length, period))
    rows, valid = clip_rows(chosen["offset"], chosen["frames"], starts, length=length, period=period)
    sums = np.zeros((2, frames.shape[-1]))
    for clip_frames, ok in progress(list(zip(rows, valid, strict=True)), "clips"):
        pixels = frames[clip_frames[ok]].astype(np.float64)
        sums += pixels.sum(axis=(0, 1, 2)), np.square(pixels).sum(axis=(0, 1, 2))
    mean, square = sums / (rows.size * frames.shape[1] * frames.shape[2])
    std = np.sqrt(square - mean**2)
    if not (std > 0).all():
        raise InputError("the training videos are all of one colour; nothing can be learnt from them")
    return {"mean": mean.tolist(), "std": std.tolist(), "videos": len(chosen), "frames": length, "period": period}


if __name__ == "__main__":
    run(main, arguments())
