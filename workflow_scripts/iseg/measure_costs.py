"""Measure what each network of the family costs; those that are trained also in time and memory."""

import argparse
from pathlib import Path

import pandas as pd

from reprise.data.store import open_store
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.files import outputs

FOLD = 1  # whose subjects the measured training steps see
DIGITS = 6  # significant ones, of times and memory


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument(
        "--settings",
        type=json_object,
        required=True,
        help='{"repeats": training steps to time, "networks": [...], "recipe": of the training by sound}',
    )
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--costs", type=Path, required=True, help="CSV to write: a row per network")
    return parser


def main(args: argparse.Namespace) -> None:
    """Count parameters and multiply-adds of all, then train and segment with those of the run."""
    from iseg.learning.measuring import Measured, measured, size_of
    from iseg.learning.networks import NAMES, check_sides
    from iseg.learning.prediction import normalisation_of
    from iseg.learning.protocol_tasks import task_of
    from iseg.learning.volumes import subjects_of
    from reprise.step.device import pick_device

    networks, recipe = args.settings["networks"], args.settings["recipe"]
    for network in networks:
        check_sides(network, recipe["crop"])
    device, store = pick_device(args.device), open_store(args.store)
    task = task_of("sound", FOLD, *store, recipe, device)
    first = store.cases[store.cases["labelled"] == 1].iloc[:1]
    (subject,) = subjects_of(first, store.arrays, normalisation_of(recipe), device)
    found = {
        network: measured(network, task, subject.image, recipe, args.settings["repeats"])
        for network in progress(networks, "networks")
    }
    nothing = Measured(*[float("nan")] * len(Measured._fields))
    rows = [
        {"network": network, **size_of(network)._asdict(), "trained": int(network in found)}
        | found.get(network, nothing)._asdict()
        for network in NAMES
    ]
    with outputs(args.costs) as (file,):
        pd.DataFrame(rows).to_csv(file, index=False, float_format=f"%.{DIGITS}g")


if __name__ == "__main__":
    run(main, arguments())
