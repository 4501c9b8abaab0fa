"""Search weights of the ensemble as published: random ones, tried and scored on the same test slices."""

import argparse
from pathlib import Path

from reprise.data.store import open_store
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--published-slices", type=Path, required=True, help="folder of the published slices")
    parser.add_argument(
        "--probabilities", type=Path, nargs="+", required=True, help="RUN/published/probabilities, all of them"
    )
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: models, draws, slices, seed")
    parser.add_argument("--search", type=Path, required=True, help="CSV to write: one row per weighting")
    parser.add_argument(
        "--slices", type=Path, required=True, help="CSV to write: pixels by true and found class, method and slice"
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw weightings, score them on some test slices and on the others, and write both tables."""
    from acdc.analysis.published_search import read_slices, search_weights

    networks = args.settings["models"]["segmentation"]
    slices = read_slices(args.probabilities, open_store(args.published_slices), networks)
    tables = search_weights(slices, networks, args.settings)
    with outputs(args.search, args.slices) as files:
        for table, file in zip(tables, files, strict=True):
            table.to_csv(file, index=False)


if __name__ == "__main__":
    run(main, arguments())
