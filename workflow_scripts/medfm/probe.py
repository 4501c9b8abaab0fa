"""Few-shot methods on frozen features: linear probe, logistic regression and prototypes, in all experiments at once."""

import argparse
from pathlib import Path

from medfm.analysis.few_shot import experiments_of, read_lists, write_answers
from reprise.step.command import json_object, run, step_parser
from reprise.step.errors import InputError


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--lists", type=Path, required=True, help="CSV of the official few-shot lists")
    parser.add_argument("--features", type=Path, required=True, help="store of the network's features of all images")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: few_shot, see config/medfm.yaml")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--frozen", type=Path, required=True, help="store of answers to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Score all images by all methods, then write the answers."""
    from medfm.learning.frozen import frozen_answers
    from reprise.data.store import open_store
    from reprise.step.device import pick_device

    cases, features = open_store(args.store).cases, open_store(args.features)
    if list(features.cases["case"]) != list(cases["case"]):
        raise InputError(f"{args.features}: features of other images than the store has; delete it and run again")
    experiments = list(experiments_of(cases, read_lists(args.lists), args.settings, "sound"))
    found = frozen_answers(cases, features.arrays["features"], experiments, args.settings, pick_device(args.device))
    write_answers(args.frozen, found)


if __name__ == "__main__":
    run(main, arguments())
