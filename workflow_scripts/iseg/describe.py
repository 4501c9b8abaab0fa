"""Write the study's section of the report: its summary, figures and tables with their captions."""

import argparse
from pathlib import Path

from iseg.analysis.protocols import TISSUES
from iseg.analysis.section import (
    FIGURES,
    PARTS,
    TEMPLATE,
    by_tissue,
    family,
    found_volumes,
    of_no_tissue,
    summary,
    two_unets,
)
from reprise.data.store import open_store
from reprise.report.measures_table import METRICS, side_by_side, value_texts
from reprise.report.published import read_measures
from reprise.report.scoreboard import PROTOCOLS
from reprise.report.section import figure_numbers, section, section_parser, table_files, write_section
from reprise.step.command import run
from reprise.step.files import outputs
from reprise.step.tables import read_table

TABLES = ("tissues", "family", "unlabelled")
COSTS = {"network": str, "parameters": int, "trained": int} | dict.fromkeys(
    ("multiply_adds", "step_ms", "peak_mb", "volume_s"), float
)
VOLUMES = {"case": str} | {f"{name}_ml": float for name in TISSUES}
SCORES = {"network": str, "protocol": str, "subject": int, "tissue": str, "dice": float}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = section_parser(__doc__)
    for table in ("costs", "scores"):
        parser.add_argument(f"--{table}", type=Path, required=True, help=f"{table}.csv")
    parser.add_argument("--test-volumes", type=Path, required=True, help="test_volumes.csv of the first network")
    parser.add_argument("--picture", type=Path, required=True, help="WebP that stands for the study")
    parser.add_argument("--overlay", type=Path, required=True, help="PNG of the tissues on it")
    for table in TABLES:
        parser.add_argument(f"--{table}", type=Path, required=True, help="CSV to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the tables of measures, tissues and networks, and the section."""
    settings, measures = args.settings, read_measures(args.settings)
    metrics, cases = read_table(args.metrics, METRICS), open_store(args.store).cases
    texts = {protocol: value_texts(metrics, protocol, measures) for protocol in PROTOCOLS}
    numbers, files = figure_numbers(args.figures, FIGURES)
    tables = {name: getattr(args, name) for name in ("protocols", *TABLES)}
    files |= table_files(**tables, quirks=args.quirks, findings=args.findings)
    models = settings["models"]
    networks = [*models["networks"], *models["baselines"]]
    values = settings | summary(cases, models, texts)
    values |= {"figures": numbers, "two_unets": two_unets(read_table(args.scores, SCORES))}
    picture = {"image": str(args.picture), "overlay": str(args.overlay)}
    headline = texts["sound"].get(f"{networks[0]}/subjects/dice", "not run")
    described = section(TEMPLATE, values, files, picture, headline)
    wide = metrics[of_no_tissue(metrics["quantity"])]
    with outputs(args.section, *tables.values()) as (section_file, *table_paths):
        written = (
            side_by_side(wide, measures, PARTS),
            by_tissue(networks, texts["sound"]),
            family(read_table(args.costs, COSTS), texts["sound"]),
            found_volumes(read_table(args.test_volumes, VOLUMES)),
        )
        for table, path in zip(written, table_paths, strict=True):
            table.to_csv(path, index=False)
        write_section(section_file, "iseg", described)


if __name__ == "__main__":
    run(main, arguments())
