"""Write the study's section of the report: its summary, figures, film and tables with their captions."""

import argparse
from pathlib import Path

from acdc.analysis.combined import CALIBRATION
from acdc.analysis.section import (
    FIGURES,
    TEMPLATE,
    by_structure,
    of_ensembles,
    part_names,
    priced,
    searched,
    summary,
    wide_measures,
)
from acdc.analysis.shown import ENSEMBLE
from acdc.data.conversion import structures_of
from reprise.data.store import open_store
from reprise.report.measures_table import METRICS, side_by_side, value_texts
from reprise.report.published import read_measures
from reprise.report.section import figure_numbers, section, section_parser, table_files, write_section
from reprise.step.command import run
from reprise.step.files import outputs
from reprise.step.tables import read_table

CINE = {"patient": str} | dict.fromkeys(("slice", "slices", "frames", "ed_frame", "es_frame"), int)
MEMBERS = {"method": str, "member": str, "weight": float}
COSTS = {"method": str, "mode": str} | dict.fromkeys(
    (
        *("parameters", "multiply_adds", "bytes", "bytes_with_optimiser", "training_s", "peak_mb"),
        *("slice_ms_p50", "slice_ms_p95", "patient_ms_p50", "patient_ms_p95", "slices_per_s"),
        *("dice", "gain", "gain_per_ms"),
    ),
    float,
)


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = section_parser(__doc__)
    parser.add_argument("--members", type=Path, required=True, help="weights.csv: the members of each ensemble")
    for table in ("calibration", "diversity", "costs"):
        parser.add_argument(f"--{table}", type=Path, required=True, help=f"{table}.csv")
    parser.add_argument("--cine", type=Path, required=True, help="folder with the film of a patient and cine.csv")
    for table in ("structures", "ensembles", "priced"):
        parser.add_argument(f"--{table}", type=Path, required=True, help="CSV to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the tables of measures, ensembles and costs, and the section."""
    settings, measures = args.settings, read_measures(args.settings)
    metrics, members = read_table(args.metrics, METRICS), read_table(args.members, MEMBERS)
    cases, texts = open_store(args.store).cases, value_texts(metrics, "sound", measures)
    (cine,) = read_table(args.cine / "cine.csv", CINE).to_dict("records")
    numbers, files = figure_numbers(args.figures, FIGURES)
    tables = {name: getattr(args, name) for name in ("protocols", "structures", "ensembles", "priced")}
    files |= table_files(**tables, diversity=args.diversity, quirks=args.quirks, findings=args.findings)
    files["cine"] = {"kind": "videos", "videos": [{"mp4": str(args.cine / f"{cine['patient']}.mp4")}]}
    methods = list(dict.fromkeys(members["method"]))
    values = settings | summary(cases, settings["validation"], settings["models"], texts)
    values |= {"figures": numbers, "cine": cine, "published": searched(value_texts(metrics, "published", measures))}
    picture = {"image": str(args.cine / f"{cine['patient']}.webp")}
    described = section(TEMPLATE, values, files, picture, texts.get(f"{ENSEMBLE}/test/dice", "not run"))
    wide = metrics[wide_measures(metrics["quantity"])]
    calibration = read_table(args.calibration, CALIBRATION)
    with outputs(args.section, *tables.values()) as (section_file, *table_paths):
        written = (
            side_by_side(wide, measures, part_names(wide["quantity"])),
            by_structure(methods, structures_of(cases), texts),
            of_ensembles(methods, members, calibration, texts),
            priced(read_table(args.costs, COSTS)),
        )
        for table, path in zip(written, table_paths, strict=True):
            table.to_csv(path, index=False, float_format="%.6g")
        write_section(section_file, "acdc", described)


if __name__ == "__main__":
    run(main, arguments())
