"""Render overlay videos of a few test cases, spread evenly over the range of measured EF."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from echonet.analysis.figure_data import Segmented, evenly_over, masks_of, read_segmented, scored_cases
from echonet.analysis.overlay import enlarge, enlarge_mask, paint, write_overlay_video
from echonet.analysis.results import read_systoles
from reprise.data.store import Store, open_store
from reprise.plots.slice_pictures import encoded
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.files import outputs

INDEX = "videos.csv"
QUALITY = 85  # of the picture, as OpenCV counts


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--areas", type=Path, required=True, help="areas.csv: one row per frame")
    parser.add_argument("--masks", type=Path, required=True, help="masks.npy")
    parser.add_argument("--size", type=Path, required=True, help="table with the systoles to show")
    parser.add_argument("--settings", type=json_object, required=True, help="cases: how many, evenly over their EF")
    parser.add_argument("--output", type=Path, required=True, help="folder to write: MP4, AVI, WebP and videos.csv")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the videos and pictures of the chosen cases, and their table."""
    store = open_store(args.store)
    segmented, systoles = read_segmented(args.areas, args.masks), read_systoles(args.size)
    cases = scored_cases(store)
    chosen = evenly_over(cases["ef"][cases.index.isin(segmented.areas["case"])], args.settings["cases"])
    with outputs(args.output) as (folder,):
        folder.mkdir()
        rows = []
        for name, case in progress(list(cases.loc[chosen].iterrows()), "rendering videos"):
            found = systoles.get(str(name), [])
            _render(folder / str(name), store, case, segmented, found)
            rows.append({**case[["case", "ef", "frames", "fps"]], "systoles": len(found)})
        pd.DataFrame(rows).to_csv(folder / INDEX, index=False)


def _render(stem: Path, store: Store, case: pd.Series, segmented: Segmented, systoles: Sequence[int]) -> None:
    """Write the MP4 and AVI of a case, and a picture of its traced end-diastole with the network's mask."""
    areas = segmented.areas[segmented.areas["case"] == case["case"]]
    frames = np.asarray(store.arrays["frames"][case["offset"] : case["offset"] + case["frames"]])
    masks = masks_of(segmented, areas.index.to_numpy(), frames.shape[2])
    title = f"measured EF {case['ef']:.0f} % · {case['fps']:g} frames/s"  # no name: a page cannot take it out of a film
    human = int(case["ed_frame"]), int(case["es_frame"])
    curve, fps = areas["area"].to_numpy(), float(case["fps"])
    write_overlay_video(f"{stem}.mp4", f"{stem}.avi", frames, masks, curve, systoles, fps, human, title)
    picture = paint(enlarge(frames[human[0]]), enlarge_mask(masks[human[0]]))[..., ::-1]
    Path(f"{stem}.webp").write_bytes(encoded(".webp", picture, cv2.IMWRITE_WEBP_QUALITY, QUALITY))


if __name__ == "__main__":
    run(main, arguments())
