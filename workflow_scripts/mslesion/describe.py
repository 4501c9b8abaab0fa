"""Write the study's section of the report: its summary, figures, slice browser and tables with their captions."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mslesion.analysis.captions import MARKS, PARTS_OF_FIGURES, pixels
from mslesion.analysis.section_text import (
    MEASURES,
    PROTOCOLS,
    TABLES,
    TITLE,
    by_fold,
    part_names,
    per_fold,
    sound_headline,
    summary,
)
from reprise.data.store import open_store
from reprise.evaluation.runs import run_label
from reprise.plots.confusion_map import KINDS
from reprise.report.page_tables import number
from reprise.report.section import METRICS, Block, part_blocks, side_by_side, table_blocks
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs
from reprise.step.tables import read_table

SLICES = {
    **{"run": str, "protocol": str, "fold": int, "case": str, "dice": float, "slice": int, "of": int},
    **{"image": str, "overlay": str, "width": int, "height": int},
    **{"true_positives": int, "false_positives": int, "false_negatives": int},
}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="data, models, folds, training, baselines")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv")
    parser.add_argument("--quirks", type=Path, required=True, help="quirks.csv")
    parser.add_argument("--findings", type=Path, required=True, help="findings.csv")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="SVGs, each with its CSV beside it")
    parser.add_argument("--slices", type=Path, required=True, help="folder of rendered slices with slices.csv")
    parser.add_argument("--protocols", type=Path, required=True, help="CSV to write: measures, protocols side by side")
    parser.add_argument("--by-fold", type=Path, required=True, help="CSV to write: measures of each fold")
    parser.add_argument("--section", type=Path, required=True, help="JSON to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the two tables of measures and the section."""
    metrics = read_table(args.metrics, METRICS)
    cases = open_store(args.store).cases
    tables = {"protocols": args.protocols, "by_fold": args.by_fold, "quirks": args.quirks, "findings": args.findings}
    slices = browser(args.slices)
    protocols = {"kind": "text", "title": "The two protocols", "text": PROTOCOLS}
    besides = {"Protocols and training": [protocols], "Slices": [slices]}
    section = {
        "study": "mslesion",
        "title": TITLE,
        "picture": picture(slices),
        "sound_headline": sound_headline(args.settings["models"], metrics),
        "summary": summary(args.settings, cases, metrics),
        "blocks": [*part_blocks(args.figures, PARTS_OF_FIGURES, besides), *table_blocks(TABLES, tables)],
    }
    whole = metrics[~per_fold(metrics["quantity"]) & ~metrics["quantity"].str.startswith("data/")]
    with outputs(args.section, args.protocols, args.by_fold) as (section_file, protocols_file, by_fold_file):
        side_by_side(whole, MEASURES, part_names(whole["quantity"])).to_csv(protocols_file, index=False)
        by_fold(metrics).to_csv(by_fold_file, index=False)
        section_file.write_text(json.dumps(section, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def picture(slices: Block) -> dict[str, str]:
    """The picture that stands for the study: the slice at which the browser opens."""
    shown = slices["slices"][slices["start"]]
    return {"image": shown["image"], "overlay": shown["overlay"], "alt": f"{shown['alt']} {shown['marks']}"}


def browser(folder: Path) -> Block:
    """The block that steps through the slices of one scan; it opens at the one with most pixels told."""
    table = read_table(folder / "slices.csv", SLICES)
    first = table.iloc[0]
    told = table[["true_positives", "false_positives", "false_negatives"]].sum(axis=1)
    apart = table["slice"].diff().max() if len(table) > 1 else 1
    every = "every slice" if apart == 1 else f"one slice in {number(apart, 0)}"
    return {
        "kind": "slices",
        "title": "One scan, slice by slice",
        "caption": (
            f"{first['case']}, the scan with the median Dice ({number(first['dice'], 2)} against the reference), "
            f"segmented in fold {first['fold']} by {run_label(first['run'])} ({first['protocol']} protocol). Shown: "
            f"{every} from the first to the last with a lesion in either mask. {MARKS}. The patient's right is on the "
            "left."
        ),
        "key": [{"overlay": str(folder / f"key-{code}.png"), "label": kind.label} for code, kind in KINDS.items()],
        "slices": list(_slices(folder, table.itertuples())),
        "start": int(told.to_numpy().argmax()),
    }


def _slices(folder: Path, rows: Any) -> Iterator[dict[str, Any]]:
    for row in rows:
        place = f"Slice {row.slice} of {row.of}"
        yield {
            "image": str(folder / row.image),
            "overlay": str(folder / row.overlay),
            "width": row.width,
            "height": row.height,
            "alt": f"{place}, FLAIR.",
            "marks": f"Marked on it: {pixels(row)}.",
            "caption": f"{place}: {pixels(row)}.",
        }


if __name__ == "__main__":
    run(main, arguments())
