"""Write the study's section of the report: its summary, figures, videos and tables with their captions."""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from echonet.analysis.captions import PARTS_OF_FIGURES
from echonet.analysis.section_text import MEASURES, PARTS, PROTOCOLS, TABLES, TITLE, summary
from reprise.data.store import open_store
from reprise.report.section import METRICS, Block, part_blocks, side_by_side, table_blocks
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs
from reprise.step.tables import read_table

VIDEOS = {"case": str, "ef": float, "frames": int, "fps": float, "systoles": int}


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="data, models, segmentation, ef")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv")
    parser.add_argument("--quirks", type=Path, required=True, help="quirks.csv")
    parser.add_argument("--findings", type=Path, required=True, help="findings.csv")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="SVGs, each with its CSV beside it")
    parser.add_argument("--videos", type=Path, required=True, help="folder of overlay videos with videos.csv")
    parser.add_argument("--protocols", type=Path, required=True, help="CSV to write: measures, protocols side by side")
    parser.add_argument("--section", type=Path, required=True, help="JSON to write")
    return parser


def main(args: argparse.Namespace) -> None:
    metrics = read_table(args.metrics, METRICS)
    cases = open_store(args.store).cases
    tables = {"protocols": args.protocols, "quirks": args.quirks, "findings": args.findings}
    videos = read_table(args.videos / "videos.csv", VIDEOS)
    section = {
        "study": "echonet",
        "title": TITLE,
        "picture": _picture(args.videos, videos),
        "summary": summary(args.settings, cases, metrics),
        "blocks": [
            {"kind": "text", "title": "The two protocols", "text": PROTOCOLS},
            *part_blocks(args.figures, PARTS_OF_FIGURES, {"Beats": [_videos(args.videos, videos)]}),
            *table_blocks(TABLES, tables),
        ],
    }
    with outputs(args.section, args.protocols) as (section_file, protocols_file):
        side_by_side(metrics, MEASURES, PARTS).to_csv(protocols_file, index=False)
        section_file.write_text(json.dumps(section, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _picture(folder: Path, videos: pd.DataFrame) -> dict[str, str]:
    """The picture that stands for the study: of the video with the middle EF."""
    row = videos.sort_values("ef").iloc[len(videos) // 2]
    alt = f"Echo image of {row['case']} at end-diastole with the network's left ventricle in blue."
    return {"image": str(folder / f"{row['case']}.webp"), "alt": alt}


def _videos(folder: Path, videos: pd.DataFrame) -> Block:
    many = "One test video, chosen" if len(videos) == 1 else f"{len(videos)} test videos, chosen evenly"
    return {
        "kind": "videos",
        "title": "Overlay videos",
        "caption": (
            f"{many} over the range of measured EF. Left: the video. Right: the same video with the network's left "
            "ventricle in blue. Below: the area of the ventricle, with a marker for the current frame. Solid lines are "
            "end-systoles that the sound rule found from the area. Dashed lines are the frames that were traced as "
            "end-systole (orange) and end-diastole (green)."
        ),
        "videos": [_video(folder, row) for row in videos.itertuples()],
    }


def _video(folder: Path, row: Any) -> dict[str, str]:
    shown = f"measured EF {row.ef:.0f} %, {row.frames / row.fps:.1f} s, {row.systoles} end-systoles found"
    alt = f"Echo video {row.case} beside itself with the left ventricle marked, above the curve of its area: {shown}."
    return {"mp4": str(folder / f"{row.case}.mp4"), "alt": alt, "caption": f"{row.case}: {shown}."}


if __name__ == "__main__":
    run(main, arguments())
