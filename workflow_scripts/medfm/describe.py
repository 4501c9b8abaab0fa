"""Write the study's section of the report: its summary, figures and tables with their captions."""

import argparse
from pathlib import Path

import cv2
import numpy as np

from medfm.analysis.gallery import gallery_block, gallery_numbers
from medfm.analysis.protocols import of_task, truth_of
from medfm.analysis.section import (
    FIGURES,
    PARTS,
    TEMPLATE,
    by_finding,
    by_shots,
    habits_of_lists,
    in_table_of_measures,
    leak_table,
    summary,
)
from reprise.data.store import Store, open_store
from reprise.plots.slice_pictures import encoded
from reprise.report.measures_table import METRICS, side_by_side, value_texts
from reprise.report.published import read_measures
from reprise.report.scoreboard import PROTOCOLS
from reprise.report.section import figure_numbers, section, section_parser, table_files, write_section
from reprise.step.command import run
from reprise.step.files import outputs
from reprise.step.tables import read_table, read_text_table

TABLES = ("by_finding", "by_shots", "leak_table")
TEXTS = ("network", "protocol", "task")
BOUNDS = [f"{name}{end}" for name in ("ap", "auc") for end in ("", "_low", "_high")]
FINDINGS: dict[str, type] = dict.fromkeys((*TEXTS, "finding"), str) | {"images": int, "positives": int}
FINDINGS |= dict.fromkeys((*BOUNDS, "ece"), float)
SPREAD: dict[str, type] = dict.fromkeys((*TEXTS, "method", "measure"), str) | {"shots": int, "runs": int}
SPREAD |= {"mean": float, "sd": float}
PICTURE_PX, QUALITY = 192, 80  # of the picture that stands for the study; of WebP


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = section_parser(__doc__)
    for table in ("per-finding", "few-shot", "leaks", "twins"):
        parser.add_argument(f"--{table}", type=Path, required=True, help=f"{table.replace('-', '_')}.csv")
    parser.add_argument("--maps", type=Path, required=True, help="folder of heat maps of the first network")
    parser.add_argument("--picture", type=Path, required=True, help="WebP to write: what stands for the study")
    for table in TABLES:
        parser.add_argument(f"--{table.replace('_', '-')}", type=Path, required=True, help="CSV to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the tables of measures, findings, shots and leaks, a picture, and the section."""
    settings, measures, store = args.settings, read_measures(args.settings), open_store(args.store)
    metrics = read_table(args.metrics, METRICS)
    texts = {protocol: value_texts(metrics, protocol, measures) for protocol in PROTOCOLS}
    numbers, files = figure_numbers(args.figures, FIGURES)
    tables = {name: getattr(args, name) for name in ("protocols", *TABLES)}
    files |= table_files(**tables, quirks=args.quirks, twins=args.twins, findings_table=args.findings)
    files |= {"maps": gallery_block(args.maps)}
    per_finding, leaks = read_table(args.per_finding, FINDINGS), read_text_table(args.leaks)
    values = settings | summary(store.cases, settings["models"], texts) | {"figures": numbers}
    values |= {"maps": gallery_numbers(args.maps)} | habits_of_lists(leaks, per_finding)
    described = section(TEMPLATE, values, files, {"image": str(args.picture)})
    written = (
        side_by_side(metrics[in_table_of_measures(metrics["quantity"])], measures, PARTS),
        by_finding(per_finding),
        by_shots(read_table(args.few_shot, SPREAD)),
        leak_table(leaks),
    )
    with outputs(args.section, args.picture, *tables.values()) as (section_file, picture, *table_paths):
        for table, path in zip(written, table_paths, strict=True):
            table.to_csv(path, index=False)
        picture.write_bytes(encoded(".webp", shown_image(store), cv2.IMWRITE_WEBP_QUALITY, QUALITY))
        write_section(section_file, "medfm", described)


def shown_image(store: Store) -> np.ndarray:
    """The picture (S, S, 3) BGR that stands for the study: the first image of endoscopy with the most findings."""
    images = of_task(store.cases, "endo")
    images = images[images["labelled"] == 1]
    row = int(images["row"].iloc[int(truth_of(images).sum(axis=1).argmax())])
    return cv2.resize(store.arrays["endo"][row], (PICTURE_PX, PICTURE_PX), interpolation=cv2.INTER_AREA)[..., ::-1]


if __name__ == "__main__":
    run(main, arguments())
