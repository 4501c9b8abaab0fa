"""Draw how EF, or the mass of the left ventricle, agrees with the reference, for one network and one ensemble."""

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from acdc.analysis.shown import method_name, shown_methods
from reprise.plots.agreement import agreement, draw_agreement, draw_comparison
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import WIDTH, save_figure, styled
from reprise.step.command import run
from reprise.step.tables import read_table

SIZES = {"ef": {"lv_ef": "LV", "rv_ef": "RV"}, "mass": {"lv_mass": "LV mass"}}
PATIENTS = {"method": str, "split": str, "patient": str}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--patients", type=Path, required=True, help="patients.csv: a row per method and patient")
    parser.add_argument("--size", required=True, choices=list(SIZES), help="what to draw")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw a panel or a row of panels for each method and structure, and write the patients."""
    table = agreement(compared(args.patients, args.size)).round(DECIMALS)
    save_figure(drawn(table, args.size), args.figure, table, args.table)


@styled
def drawn(table: pd.DataFrame, size: str) -> Figure:
    """Bland-Altman plots of EF, or scatter and Bland-Altman plots of mass; a line of text if there are no values."""
    if table.empty:
        figure = Figure(figsize=(WIDTH, 0.6))
        figure.text(0.5, 0.5, "no values", ha="center", va="center")
        return figure
    return draw_agreement(table, "EF", "EF points") if size == "ef" else draw_comparison(table, "mass", "g")


def compared(path: Path, size: str) -> pd.DataFrame:
    """Columns panel, method, patient, truth, prediction of the test patients; no rows of a structure without labels.

    Raises:
        InputError: the table is damaged.
    """
    there = pd.read_csv(path, nrows=0)
    measures = {name: label for name, label in SIZES[size].items() if name in there and f"true_{name}" in there}
    columns = [part for name in measures for part in (name, f"true_{name}")]
    table = read_table(path, PATIENTS | dict.fromkeys(columns, float))
    rows = table[table["split"] == "test"]
    tables = [
        rows.loc[rows["method"] == method, ["method", "patient", f"true_{name}", name]]
        .set_axis(["method", "patient", "truth", "prediction"], axis=1)
        .assign(panel=f"{label} ({method_name(method)})")
        for name, label in measures.items()
        for method in shown_methods(table)
    ]
    named = {"panel": str, "method": str, "patient": str, "truth": float, "prediction": float}
    empty = pd.DataFrame(columns=list(named)).astype(named)
    return pd.concat([empty, *tables], ignore_index=True) if tables else empty


if __name__ == "__main__":
    run(main, arguments())
