"""Write the study's section of the report: its summary, figures, videos and tables with their captions."""

import argparse
from pathlib import Path

from echonet.analysis.section import FIGURES, PARTS, TEMPLATE, summary
from reprise.data.store import open_store
from reprise.report.measures_table import METRICS, side_by_side, value_texts
from reprise.report.published import read_published
from reprise.report.section import figure_numbers, section, write_section
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs
from reprise.step.tables import read_table

VIDEOS = {"case": str, "ef": float, "frames": int, "fps": float, "systoles": int}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="data, models, segmentation, ef")
    parser.add_argument("--published", type=Path, required=True, help="config/published.yaml: names of measures")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv")
    parser.add_argument("--quirks", type=Path, required=True, help="quirks.csv")
    parser.add_argument("--findings", type=Path, required=True, help="findings.csv")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="SVGs, each with its CSV beside it")
    parser.add_argument("--videos", type=Path, required=True, help="folder of overlay videos with videos.csv")
    parser.add_argument("--protocols", type=Path, required=True, help="CSV to write: measures, protocols side by side")
    parser.add_argument("--section", type=Path, required=True, help="JSON to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the table of measures and the section."""
    published = read_published(args.published)
    metrics, videos = read_table(args.metrics, METRICS), read_table(args.videos / "videos.csv", VIDEOS)
    numbers, files = figure_numbers(args.figures, FIGURES)
    tables = {"protocols": args.protocols, "quirks": args.quirks, "findings": args.findings}
    files |= {name: {"kind": "table", "csv": str(path)} for name, path in tables.items()}
    shown = [{"mp4": str(args.videos / f"{case}.mp4")} for case in videos["case"]]
    files["videos"] = {"kind": "videos", "videos": shown}
    middle = videos.sort_values("ef")["case"].iloc[len(videos) // 2]  # the picture is of the video with the middle EF
    sound = value_texts(metrics, "sound", published)
    values = {
        **args.settings,
        **summary(args.settings["models"], open_store(args.store).cases, sound),
        "figures": numbers,
        "videos": videos.to_dict("records"),
        "picture": middle,
    }
    described = section(TEMPLATE, values, files, {"image": str(args.videos / f"{middle}.webp")})
    with outputs(args.section, args.protocols) as (section_file, protocols_file):
        side_by_side(metrics, published, PARTS).to_csv(protocols_file, index=False)
        write_section(section_file, "echonet", described)


if __name__ == "__main__":
    run(main, arguments())
