"""Predict ejection fraction from clips of each video of a split: every clip, or those that the beats need."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from echonet.analysis.beats import clip_starts_for_beats
from reprise.data.store import open_store, store_identity
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs
from reprise.step.tables import read_table

SIZE = {"Filename": str, "Frame": int, "ComputerSmall": int}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, required=True, help="weights of an EF network")
    parser.add_argument("--split", required=True, choices=["train", "val", "test"])
    parser.add_argument("--clips", required=True, choices=["all", "beats"], help="every start, or the beats' only")
    parser.add_argument("--size", type=Path, nargs="?", help="systoles by the published rule; for --clips beats")
    parser.add_argument("--size-sound", type=Path, nargs="?", help="systoles by the corrected rule; likewise")
    parser.add_argument("--settings", type=json_object, required=True, help='{"lead_frames"}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--predictions", type=Path, required=True, help="table to write, no header: name, start, EF")
    return parser


def main(args: argparse.Namespace) -> None:
    """Predict video by video, then write all clips' predictions in the published form."""
    from echonet.learning.ef_prediction import predict_videos
    from echonet.learning.video_network import EF_INFO, video_network
    from reprise.inference.parts import Arrays, resumed
    from reprise.models.weights import load_model
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    model, info = load_model(args.weights, device, "ef", video_network, *EF_INFO)
    cases, arrays = open_store(args.store)
    videos = cases[(cases["split"] == args.split) & (cases["traced"] >= 0)].set_index("case")
    if videos.empty:
        raise InputError(f"{args.store}: no traced video in the {args.split} split")
    starts = clip_starts(videos["frames"], info, args)

    def predictions_of(todo: list[str]) -> Iterator[Arrays]:
        part = videos.loc[todo]
        wanted = [starts[case] for case in todo]
        found = predict_videos(model, info, arrays["frames"], part["offset"], part["frames"], wanted, device)
        for _, predictions in zip(progress(todo, "videos"), found, strict=True):
            yield {"predictions": predictions}

    asked = {case: of_video.tolist() for case, of_video in starts.items()}
    identity = [args.settings, file_sha256(args.weights), store_identity(args.store), asked]
    parts = resumed(args.checkpoints, identity, list(videos.index), predictions_of)
    tables = [rows(case, starts[case], part["predictions"]) for case, part in zip(videos.index, parts, strict=True)]
    with outputs(args.predictions) as (path,):
        pd.concat(tables).to_csv(path, index=False, header=False, float_format="%.4f")


def clip_starts(n_frames: pd.Series, info: dict[str, Any], args: argparse.Namespace) -> dict[str, np.ndarray]:
    """First frames of the clips to predict, by case.

    Args:
        n_frames: by case.
        info: of the weights, with `frames` and `period` of a clip.
        args: of the step.
    """
    from echonet.learning.clips import n_starts

    length, period = info["frames"], info["period"]
    videos = list(zip(n_frames.index, n_frames, strict=True))
    if args.clips == "all":
        return {case: np.arange(n_starts(frames, length, period)) for case, frames in videos}
    if not (args.size and args.size_sound):
        raise InputError("--clips beats: expected --size and --size-sound, which say where the beats are")
    systoles = read_systoles([args.size, args.size_sound], n_frames)
    lead = args.settings["lead_frames"]
    return {case: clip_starts_for_beats(systoles[case], frames, lead, length, period) for case, frames in videos}


def read_systoles(paths: list[Path], n_frames: pd.Series) -> dict[str, np.ndarray]:
    """Systoles of each case by any of several tables in the published form, which have a row for every frame.

    Raises:
        InputError: a table is damaged, or has other frames than a video.
    """
    systoles: dict[str, list[int]] = {case: [] for case in n_frames.index}
    for path in paths:
        size = read_table(path, SIZE)
        size["case"] = size["Filename"].str.removesuffix(".avi")
        found = size.groupby("case").size().reindex(n_frames.index, fill_value=0)
        wrong = found.index[found != n_frames]
        if len(wrong):
            case = wrong[0]
            raise InputError(
                f"{path}: expected a row for each of {case}'s {n_frames[case]} frames, found {found[case]}"
            )
        for case, frame in size.loc[size["ComputerSmall"] == 1, ["case", "Frame"]].itertuples(index=False):
            if case in systoles:
                systoles[case].append(frame)
    return {case: np.unique(frames).astype(np.int64) for case, frames in systoles.items()}


def rows(case: str, starts: np.ndarray, predictions: np.ndarray) -> pd.DataFrame:
    """A video's rows of the table: its file, the first frame of each clip, the prediction."""
    return pd.DataFrame({"file": f"{case}.avi", "start": starts, "prediction": predictions})


if __name__ == "__main__":
    run(main, arguments())
