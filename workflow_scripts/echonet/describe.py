"""Write the study's section of the report: its summary, figures, videos and tables with their captions."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from echonet.captions import FIGURES
from echonet.section_text import MEASURES, PARTS, PROTOCOLS, TABLES, TITLE, summary
from reprise.command import json_object, run, step_parser
from reprise.files import outputs
from reprise.report.section import METRICS, Block, figure_blocks, side_by_side, table_blocks
from reprise.store import open_store
from reprise.tables import read_table

VIDEOS = {"case": str, "ef": float, "frames": int, "fps": float, "systoles": int}
VIDEOS_AFTER = "areas"


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
    section = {
        "study": "echonet",
        "title": TITLE,
        "summary": summary(args.settings, cases, metrics),
        "blocks": [*_figures_and_videos(args.figures, args.videos), _protocols(), *table_blocks(TABLES, tables)],
    }
    with outputs(args.section, args.protocols) as (section_file, protocols_file):
        side_by_side(metrics, MEASURES, PARTS).to_csv(protocols_file, index=False)
        section_file.write_text(json.dumps(section, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _figures_and_videos(figures: list[Path], videos: Path) -> Iterator[Block]:
    """Blocks of all figures in the order of the story, the videos after the area curves."""
    drawn = figure_blocks(figures, FIGURES)
    for name in FIGURES:
        if name in drawn:
            yield drawn[name]
        if name == VIDEOS_AFTER:
            yield _videos(videos)


def _videos(folder: Path) -> Block:
    rows = list(read_table(folder / "videos.csv", VIDEOS).itertuples())
    return {
        "kind": "videos",
        "title": "Overlay videos",
        "caption": (
            f"{len(rows)} test videos, chosen evenly over the range of measured EF. Left: the video; right: with the "
            "network's left ventricle (blue). Below: its area, with a marker that moves in step. Solid lines: "
            "end-systoles computed from the area by the sound rule. Dashed: the frames traced as end-systole (orange) "
            "and end-diastole (green)."
        ),
        "videos": [_video(folder, row) for row in rows],
    }


def _video(folder: Path, row: Any) -> dict[str, str]:
    shown = f"measured EF {row.ef:.0f} %, {row.frames / row.fps:.1f} s, {row.systoles} end-systoles found"
    alt = f"Echo video {row.case} beside itself with the left ventricle marked, above the curve of its area: {shown}."
    return {"mp4": str(folder / f"{row.case}.mp4"), "alt": alt, "caption": f"{row.case}: {shown}."}


def _protocols() -> Block:
    return {"kind": "text", "title": "The two protocols", "text": PROTOCOLS}


if __name__ == "__main__":
    run(main, arguments())
