"""Draw what the data set consists of: findings, labels an image, findings together, sizes, images a study or slide."""

import argparse
from pathlib import Path

from medfm.analysis.exploration import (
    findings_together,
    image_sizes,
    images_a_finding,
    images_a_group,
    labels_an_image,
    twin_table,
)
from medfm.analysis.exploration_figures import draw_findings, draw_groups, draw_labels, draw_sizes, draw_together
from reprise.data.store import open_store
from reprise.plots.steps import DECIMALS, figures_parser
from reprise.plots.style import Drawn, save_figures
from reprise.step.command import run
from reprise.step.files import outputs

# In the order of the figures.
FIGURES = {
    "findings": (images_a_finding, draw_findings),
    "labels": (labels_an_image, draw_labels),
    "cooccurrence": (findings_together, draw_together),
    "sizes": (image_sizes, draw_sizes),
    "groups": (images_a_group, draw_groups),
}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figures_parser(__doc__, len(FIGURES))
    parser.add_argument("--store", type=Path, required=True, help="store of the data set")
    parser.add_argument("--twins", type=Path, required=True, help="CSV to write: images that are there twice")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw all figures, and write the table of twins."""
    cases = open_store(args.store).cases
    tables = [count(cases) for count, _ in FIGURES.values()]
    figures = [draw(table) for (_, draw), table in zip(FIGURES.values(), tables, strict=True)]
    with outputs(args.twins) as (twins,):
        twin_table(cases).to_csv(twins, index=False)
        save_figures(*map(Drawn, figures, args.figures, [table.round(DECIMALS) for table in tables], args.tables))


if __name__ == "__main__":
    run(main, arguments())
