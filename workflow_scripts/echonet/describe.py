"""Write the study's section of the report: its summary, figures, videos and tables with their captions."""

import argparse
from pathlib import Path

from echonet.analysis.section import FIGURES, PARTS, TEMPLATE, summary
from reprise.data.store import open_store
from reprise.report.measures_table import METRICS, side_by_side, value_texts
from reprise.report.published import read_measures
from reprise.report.section import figure_numbers, section, section_parser, table_files, write_section
from reprise.step.command import run
from reprise.step.files import outputs
from reprise.step.tables import read_table

VIDEOS = {"case": str, "ef": float, "frames": int, "fps": float, "systoles": int}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = section_parser(__doc__)
    parser.add_argument("--videos", type=Path, required=True, help="folder of overlay videos with videos.csv")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the table of measures and the section."""
    measures = read_measures(args.settings)
    metrics, videos = read_table(args.metrics, METRICS), read_table(args.videos / "videos.csv", VIDEOS)
    numbers, files = figure_numbers(args.figures, FIGURES)
    files |= table_files(protocols=args.protocols, quirks=args.quirks, findings=args.findings)
    shown = [{"mp4": str(args.videos / f"{case}.mp4")} for case in videos["case"]]
    files["videos"] = {"kind": "videos", "videos": shown}
    middle = videos.sort_values("ef")["case"].iloc[len(videos) // 2]  # the picture is of the video with the middle EF
    sound = value_texts(metrics, "sound", measures)
    values = args.settings | summary(args.settings["models"], open_store(args.store).cases, sound)
    values |= {"figures": numbers, "videos": videos.to_dict("records"), "picture": middle}
    described = section(TEMPLATE, values, files, {"image": str(args.videos / f"{middle}.webp")})
    with outputs(args.section, args.protocols) as (section_file, protocols_file):
        side_by_side(metrics, measures, PARTS).to_csv(protocols_file, index=False)
        write_section(section_file, "echonet", described)


if __name__ == "__main__":
    run(main, arguments())
