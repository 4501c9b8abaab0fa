"""Predict imported clips without any tracing: masks, area curves, beats, EF per beat, overlay videos and a page.

Writes to the output folder: predictions.csv (one row per beat, and one per clip with beat `all` for its averages),
areas.csv (one row per frame), masks/<clip>.npz (array `masks`, (F, 112, 112) bool), videos/<clip>.mp4, and index.html.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from echonet.analysis.overlay import write_overlay_video
from echonet.data.avi import read_video
from reprise.report.own_files_page import Case, Media, write_own_files_page
from reprise.step.command import progress, run, say, step_parser
from reprise.step.files import outputs
from reprise.step.tables import read_table

if TYPE_CHECKING:
    from echonet.learning.own_clips import Prediction

TEXTS = {
    "title": "Ejection fraction of your clips",
    "kind": "clips",
    "warnings": [
        "The networks learnt from apical four-chamber views, and cannot tell whether a clip shows this view. Numbers "
        "of any other view, and of a clip in colour Doppler, mean nothing.",
        "The numbers can only be as good as the data that the networks learnt from. The networks of the demo have seen "
        "phantoms only.",
    ],
    "overview_caption": "Ejection fraction (EF, percent), averaged over each clip's beats: from the masks by the "
    "method of discs, and by the regression network",
}
BEATS = "Each beat: end-diastole (ED) and end-systole (ES) in seconds, and EF in percent"
FINDINGS = {"severity": str, "file": str, "finding": str}
EFS = ["ef_masks", "ef_regression"]
AREAS = ["clip", "frame", "time_s", "area_px"]
SHOWN = ["beat", "ed_s", "es_s", *EFS]
HEADINGS = {
    "ed_s": "ED (s)",
    "es_s": "ES (s)",
    "ef_masks": "EF by masks (%)",
    "ef_regression": "EF by regression (%)",
    "fps": "frames/s",
}


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of import_clips.py: Videos/*.avi, clips.csv")
    parser.add_argument("--findings", type=Path, required=True, help="CSV of import_clips.py's findings")
    parser.add_argument("--segmentation", type=Path, required=True, help="weights of a segmentation network")
    parser.add_argument("--ef", type=Path, required=True, help="weights of an EF network")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    return parser


class Predicted(NamedTuple):
    """The results of one clip: its beats, the area of each frame, and what the page shows."""

    beats: pd.DataFrame
    areas: pd.DataFrame
    case: Case


def main(args: argparse.Namespace) -> None:
    """Predict each clip, then write the tables and the page."""
    from echonet.learning.own_clips import predict_own_clip
    from echonet.learning.segmentation_network import MASK_INFO, segmentation_network
    from echonet.learning.video_network import EF_INFO, video_network
    from reprise.models.weights import load_model
    from reprise.step.device import pick_device

    clips = read_table(args.clips / "clips.csv", {"case": str, "frames": int, "fps": float})
    findings = read_table(args.findings, FINDINGS)
    device = pick_device(args.device)
    segmentation = load_model(args.segmentation, device, "segmentation", segmentation_network, *MASK_INFO)
    regression = load_model(args.ef, device, "ef", video_network, *EF_INFO)
    with outputs(args.output) as (folder,):
        for name in ("masks", "videos"):
            (folder / name).mkdir(parents=True)
        made = []
        for case, fps in progress(list(zip(clips["case"], clips["fps"], strict=True)), "clips"):
            frames = read_video(args.clips / "Videos" / f"{case}.avi").frames
            prediction = predict_own_clip(frames, fps, segmentation, regression, device)
            found = findings.loc[findings["file"] == case, "finding"].tolist()
            made.append(write_clip(folder, case, frames, fps, prediction, found))
        networks = {"segmentation": segmentation[1], "ef": regression[1]}
        write_tables(folder, made, clips, findings, networks)
    say(f"{len(clips)} clips, {sum(len(each.beats) - 1 for each in made)} beats: {args.output / 'index.html'}")


def write_clip(
    folder: Path, case: str, frames: np.ndarray, fps: float, prediction: "Prediction", found: list[str]
) -> Predicted:
    """Write the masks and the overlay video of a clip; `found` are its findings on import."""
    masks, areas, systoles, beats, notes = prediction
    np.savez_compressed(folder / "masks" / f"{case}.npz", masks=masks)
    video = folder / "videos" / f"{case}.mp4"
    average = beats.iloc[-1]
    efs = f"EF {percent(average['ef_regression'])} (regression), {percent(average['ef_masks'])} (masks)"
    write_overlay_video(video, None, frames, masks, areas, systoles.tolist(), fps, None, f"{case} · {efs}")
    facts = f"{len(frames)} frames, {fps:.4g} per second, {len(frames) / fps:.2g} s. {efs}."
    alt = f"The clip {case}, beside it with the left ventricle found in each frame, and below the area over time."
    curve = pd.DataFrame(
        {"clip": case, "frame": np.arange(len(areas)), "time_s": np.arange(len(areas)) / fps, "area_px": areas}
    )
    beats.insert(0, "clip", case)
    shown = Case(case, facts, [*found, *notes], [Media(video, alt)], {BEATS: for_readers(beats[SHOWN])})
    return Predicted(beats, curve, shown)


def write_tables(
    folder: Path,
    made: list[Predicted],
    clips: pd.DataFrame,
    findings: pd.DataFrame,
    networks: dict[str, dict[str, Any]],
) -> None:
    """Write predictions.csv, areas.csv and index.html."""
    from echonet.learning.own_clips import COLUMNS

    beats = pd.concat([each.beats for each in made] or [pd.DataFrame(columns=["clip", *COLUMNS], dtype=float)])
    beats.to_csv(folder / "predictions.csv", index=False, float_format="%.4f")
    areas = pd.concat([each.areas for each in made] or [pd.DataFrame(columns=AREAS)])
    areas.to_csv(folder / "areas.csv", index=False, float_format="%.4f")
    averages = beats[beats["beat"] == "all"].set_index("clip")
    overview = clips.set_index("case").assign(beats=[len(each.beats) - 1 for each in made]).join(averages[EFS])
    overview = for_readers(overview.rename_axis("clip").reset_index())
    keys = ["network", "width", "weights", "epoch", "protocol"]
    about = pd.DataFrame([{key: str(info.get(key, "")) for key in keys} for info in networks.values()])
    about.insert(0, "task", list(networks))
    about = about.rename(columns={"weights": "initial weights"})
    write_own_files_page(folder / "index.html", [each.case for each in made], overview, TEXTS, findings, about)


def for_readers(table: pd.DataFrame) -> pd.DataFrame:
    """A table with EF in whole percent, as clinicians write it, and with headings in words."""
    return table.assign(**{name: table[name].round().astype("Int64") for name in EFS}).rename(columns=HEADINGS)


def percent(ef: float) -> str:
    """An EF for a reader, such as `55 %`, or a dash if there is none."""
    return "–" if np.isnan(ef) else f"{ef:.0f} %"  # noqa: RUF001


if __name__ == "__main__":
    run(main, arguments())
