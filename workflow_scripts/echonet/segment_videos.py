"""Segment every frame of the test videos: the ventricle's area in each, and its mask."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from reprise.data.store import open_store, store_identity
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, required=True, help="weights of a segmentation network")
    parser.add_argument("--settings", type=json_object, default={}, help="JSON: what results kept before must share")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--areas", type=Path, required=True, help="table to write: case, frame, area in px")
    parser.add_argument("--masks", type=Path, required=True, help="array to write: packed masks, a row a row of areas")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment video by video, then write all areas and masks."""
    from echonet.learning.segmentation_masks import segment_frames
    from echonet.learning.segmentation_network import MASK_INFO, segmentation_network
    from reprise.inference.parts import Arrays, resumed
    from reprise.models.weights import load_model
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    model, info = load_model(args.weights, device, "segmentation", segmentation_network, *MASK_INFO)
    cases, arrays = open_store(args.store)
    videos = cases[(cases["split"] == "test") & (cases["traced"] >= 0)].set_index("case")
    if videos.empty:
        raise InputError(f"{args.store}: no traced video in the test split")

    def masks_of(todo: list[str]) -> Iterator[Arrays]:
        for case in progress(todo, "videos"):
            first, count = videos.loc[case, ["offset", "frames"]].to_numpy(int)
            masks = segment_frames(model, info, arrays["frames"][first : first + count], device)
            yield {"masks": np.packbits(masks, axis=-1), "areas": masks.sum(axis=(1, 2))}

    identity = [args.settings, file_sha256(args.weights), store_identity(args.store)]
    parts = resumed(args.checkpoints, identity, list(videos.index), masks_of)
    with outputs(args.areas, args.masks) as (areas, masks):
        area_table(videos, [part["areas"] for part in parts]).to_csv(areas, index=False)
        with masks.open("wb") as stream:
            np.save(stream, np.concatenate([part["masks"] for part in parts]))


def area_table(videos: pd.DataFrame, areas: list[np.ndarray]) -> pd.DataFrame:
    """A row for each frame of each video: case, frame, area in px."""
    frames = [np.arange(len(curve)) for curve in areas]
    cases = videos.index.repeat([len(curve) for curve in areas])
    return pd.DataFrame({"case": cases, "frame": np.concatenate(frames), "area": np.concatenate(areas)})


if __name__ == "__main__":
    run(main, arguments())
