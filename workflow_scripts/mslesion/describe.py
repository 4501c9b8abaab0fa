"""Write the study's section of the report: its summary, figures, slice browser and tables with their captions."""

import argparse
from pathlib import Path

import pandas as pd

from mslesion.analysis.section import FIGURES, TEMPLATE, browser, by_fold, part_names, per_fold, summary
from reprise.data.store import open_store
from reprise.plots.confusion_map import COUNTS, KINDS
from reprise.report.measures_table import METRICS, side_by_side, value_texts
from reprise.report.published import read_measures
from reprise.report.scoreboard import PROTOCOLS
from reprise.report.section import Block, figure_numbers, section, section_parser, table_files, write_section
from reprise.step.command import run
from reprise.step.files import outputs
from reprise.step.tables import read_table

SLICES = {"run": str, "protocol": str, "fold": int, "case": str, "dice": float, "image": str, "overlay": str} | (
    dict.fromkeys(("slice", "of", "width", "height", *COUNTS), int)
)


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = section_parser(__doc__)
    parser.add_argument("--slices", type=Path, required=True, help="folder of rendered slices with slices.csv")
    parser.add_argument("--by-fold", type=Path, required=True, help="CSV to write: measures of each fold")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the two tables of measures and the section."""
    measures = read_measures(args.settings)
    metrics, slices = read_table(args.metrics, METRICS), read_table(args.slices / "slices.csv", SLICES)
    numbers, files = figure_numbers(args.figures, FIGURES)
    files |= table_files(protocols=args.protocols, by_fold=args.by_fold, quirks=args.quirks, findings=args.findings)
    shown = browser(slices)
    files["slices"] = slice_files(args.slices, slices, shown["start"])
    models, texts = args.settings["models"], {name: value_texts(metrics, name, measures) for name in PROTOCOLS}
    values = args.settings | summary(models, open_store(args.store).cases, args.settings["folds"], texts)
    values |= {"figures": numbers, "browser": shown}
    picture = {name: files["slices"]["slices"][shown["start"]][name] for name in ("image", "overlay")}
    headline = texts["sound"].get(f"{models['lesions'][0]}/scans/dice", "not run")
    described = section(TEMPLATE, values, files, picture, headline)
    whole = metrics[~per_fold(metrics["quantity"]) & ~metrics["quantity"].str.startswith("data/")]
    with outputs(args.section, args.protocols, args.by_fold) as (section_file, protocols_file, by_fold_file):
        side_by_side(whole, measures, part_names(whole["quantity"])).to_csv(protocols_file, index=False)
        by_fold(metrics, measures).to_csv(by_fold_file, index=False)
        write_section(section_file, "mslesion", described)


def slice_files(folder: Path, slices: pd.DataFrame, start: int) -> Block:
    """The files of the block that steps through the slices of one scan, and the slice at which it opens."""
    sizes = slices[["width", "height"]].to_dict("records")
    pictures = [{name: str(folder / row[name]) for name in ("image", "overlay")} for _, row in slices.iterrows()]
    return {
        "kind": "slices",
        "key": [{"overlay": str(folder / f"key-{code}.png"), "label": kind.label} for code, kind in KINDS.items()],
        "slices": [files | size for files, size in zip(pictures, sizes, strict=True)],
        "start": start,
    }


if __name__ == "__main__":
    run(main, arguments())
