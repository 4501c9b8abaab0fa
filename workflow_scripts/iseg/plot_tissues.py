"""Draw which class is taken for which, and how tissue volumes agree with the truth, by the sound protocol."""

import argparse
from pathlib import Path

import pandas as pd

from iseg.analysis.confusion_figure import draw_matrices, shares
from iseg.analysis.protocols import TISSUES
from iseg.analysis.shown import CLASS_NAMES, shown_networks
from reprise.plots.agreement import agreement, draw_agreement
from reprise.plots.steps import DECIMALS, figures_parser
from reprise.plots.style import Drawn, save_figures
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

CONFUSION = {"network": str, "protocol": str, "true": str, "found": str, "voxels": int}
SCORES = {"network": str, "protocol": str, "subject": int, "tissue": str, "volume_ml": float, "true_volume_ml": float}
FIGURES = ("confusion", "volumes")


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figures_parser(__doc__, len(FIGURES))
    parser.add_argument("--confusion", type=Path, required=True, help="confusion.csv: voxels by true and found class")
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv: a row per network, subject and tissue")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw a matrix for each network shown, and a Bland-Altman plot for each network and tissue."""
    confusion = shares(sound_rows(args.confusion, CONFUSION))
    volumes = agreement(compared(sound_rows(args.scores, SCORES))).round(DECIMALS)
    drawn = draw_matrices(confusion), draw_agreement(volumes, "volume", "ml", noted=True)
    save_figures(*map(Drawn, drawn, args.figures, (confusion.round(DECIMALS + 2), volumes), args.tables))


def sound_rows(path: Path, types: dict[str, type]) -> pd.DataFrame:
    """The rows by the sound protocol of the networks that figures show.

    Raises:
        InputError: the table is damaged or has no such row.
    """
    table = read_table(path, types)
    rows = table[table["protocol"] == "sound"]
    if rows.empty:
        raise InputError(f"{path}: no rows by the sound protocol")
    return rows[rows["network"].isin(shown_networks(rows["network"]))]


def compared(scores: pd.DataFrame) -> pd.DataFrame:
    """Columns panel, network, tissue, subject, truth, prediction: volumes in ml, by network and tissue."""
    tables = [
        part.assign(panel=f"{CLASS_NAMES[tissue]} ({network})")
        for network in dict.fromkeys(scores["network"])
        for tissue in TISSUES
        for part in [scores[(scores["network"] == network) & (scores["tissue"] == tissue)]]
    ]
    names = {"true_volume_ml": "truth", "volume_ml": "prediction"}
    return pd.concat(tables)[["panel", "network", "tissue", "subject", *names]].rename(columns=names)


if __name__ == "__main__":
    run(main, arguments())
