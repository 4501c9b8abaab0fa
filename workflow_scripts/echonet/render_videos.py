"""Render overlay videos of a few test cases, spread evenly over the range of measured EF."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from echonet.figure_data import Segmented, evenly_over, frames_of, masks_of, read_cases, read_segmented, read_systoles
from reprise.command import json_object, progress, run, step_parser
from reprise.files import outputs
from reprise.plots.overlay import write_overlay_video
from reprise.store import Store, open_store

INDEX = "videos.csv"


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="store with the videos")
    parser.add_argument("--areas", type=Path, required=True, help="areas.csv, a row a frame")
    parser.add_argument("--masks", type=Path, required=True, help="masks.npy")
    parser.add_argument("--size", type=Path, required=True, help="table with the systoles to show")
    parser.add_argument("--settings", type=json_object, required=True, help="cases: how many")
    parser.add_argument("--output", type=Path, required=True, help="folder to write: MP4, AVI and videos.csv")
    return parser


def main(args: argparse.Namespace) -> None:
    store, cases = open_store(args.store), read_cases(args.store)
    segmented, systoles = read_segmented(args.areas, args.masks), read_systoles(args.size)
    chosen = evenly_over(cases["ef"][cases.index.isin(segmented.areas["case"])], args.settings["cases"])
    with outputs(args.output) as (folder,):
        folder.mkdir()
        rows = []
        for name, case in progress(list(cases.loc[chosen].iterrows()), "rendering videos"):
            found = systoles.get(str(name), [])
            _render(folder / str(name), store, case, segmented, found)
            rows.append({"case": name, **case[["ef", "frames", "fps"]], "systoles": len(found)})
        pd.DataFrame(rows).to_csv(folder / INDEX, index=False)


def _render(stem: Path, store: Store, case: pd.Series, segmented: Segmented, systoles: Sequence[int]) -> None:
    """Write one case's MP4 and AVI."""
    areas = segmented.areas[segmented.areas["case"] == case.name]
    frames = frames_of(store, case)
    masks = masks_of(segmented, areas.index.to_numpy(), frames.shape[2])
    title = f"{case.name} · measured EF {case['ef']:.0f} % · {case['fps']:g} frames/s"
    human = int(case["ed_frame"]), int(case["es_frame"])
    write_overlay_video(
        f"{stem}.mp4",
        f"{stem}.avi",
        frames,
        masks,
        areas["area"].to_numpy(),
        systoles,
        float(case["fps"]),
        human,
        title,
    )


if __name__ == "__main__":
    run(main, arguments())
