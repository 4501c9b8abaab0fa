"""Draw lesion load or lesion count of each scan against the first rater's: scatter, and agreement (Bland-Altman)."""

import argparse
from pathlib import Path

import pandas as pd

from mslesion.analysis.figure_data import RATER
from reprise.evaluation.runs import run_label
from reprise.plots.agreement import agreement, draw_comparison
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

SIZES = {"load_ml": ("lesion load", "ml"), "lesions": ("count", "lesions")}
LESIONS = {"network": str, "protocol": str, "case": str, "patient": str, "timepoint": int}
OTHER_RATER = "second rater against the first"


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--lesions", type=Path, required=True, help="lesions.csv: a row per network, protocol and scan")
    parser.add_argument("--size", required=True, choices=list(SIZES), help="which size of lesions to draw")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw a row of two panels for each run and protocol, and for the second rater if there is one."""
    table = agreement(compared(args.lesions, args.size)).round(DECIMALS)
    save_figure(draw_comparison(table, *SIZES[args.size]), args.figure, table, args.table)


def compared(path: Path, size: str) -> pd.DataFrame:
    """Columns panel, protocol, case, patient, timepoint, truth (the first rater's), prediction.

    If there is a second rater, a further panel shows its sizes as predictions, to compare networks with.

    Raises:
        InputError: the table is damaged or has no row.
    """
    names = {"truth": f"true_{size}_{RATER}", "prediction": size}
    rows = read_table(path, LESIONS | dict.fromkeys(names.values(), float))
    if rows.empty:
        raise InputError(f"{path}: no scans")
    panels = [run_label(*pair) for pair in zip(rows["network"], rows["protocol"], strict=True)]
    tables = [rows.assign(panel=panels)]
    second = f"true_{size}_{RATER + 1}"
    if second in pd.read_csv(path, nrows=0):
        both = read_table(path, {"case": str, second: float})[second]
        once = rows.assign(panel=OTHER_RATER, protocol="", **{size: both}).drop_duplicates("case")
        tables.append(once)
    columns = ["panel", "protocol", "case", "patient", "timepoint", *names.values()]
    return pd.concat(tables, ignore_index=True)[columns].set_axis([*columns[:-2], *names], axis=1)


if __name__ == "__main__":
    run(main, arguments())
