"""Features of all images by a network that nobody has trained further: what comes before its last layer."""

import argparse
from pathlib import Path

import numpy as np

from reprise.step.command import json_object, run, step_parser


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: network, size and others")
    parser.add_argument("--initial", type=Path, nargs="?", help="file of initial weights, unless they are random")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--features", type=Path, required=True, help="store to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write one row of features for each image of the store."""
    import torch

    from medfm.learning.features import features_of
    from medfm.learning.networks import network_of
    from reprise.data.store import Rows, open_store, write_store
    from reprise.step.device import pick_device

    settings, device = args.settings, pick_device(args.device)
    cases, arrays = open_store(args.store)
    torch.manual_seed(settings["seed"])
    model = network_of(settings, 1, args.initial).to(device).eval()
    pieces = features_of(model, cases, arrays, settings, device)
    first = next(pieces)
    shape = (len(cases), first.shape[1])
    rows = Rows(shape, np.dtype(np.float32), (piece for part in ([first], pieces) for piece in part))
    write_store(args.features, cases[["case", "task"]], {"features": rows})


if __name__ == "__main__":
    run(main, arguments())
