"""Train a network to tell the structures of the heart apart; keep the epoch that the protocol chooses."""

import argparse
from pathlib import Path

from acdc.analysis.protocols import PROTOCOLS
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.training.launch import spread
from reprise.training.options import training_parser


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = training_parser(__doc__)
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the chosen epoch")
    parser.add_argument("--snapshots", type=Path, required=True, help="output: folder of weights of other epochs")
    return parser


def main(args: argparse.Namespace) -> None:
    """Train, then write weights, snapshots and history."""
    spread(args.processes, args.device)
    import torch

    from acdc.learning.networks import COMPILED, heart_network
    from acdc.learning.protocol_tasks import task_of
    from acdc.learning.slice_tasks import HELPER
    from reprise.data.store import open_store
    from reprise.models.weights import channels_last, save_model
    from reprise.step.device import pick_device
    from reprise.step.files import outputs
    from reprise.training.loop import fit_by_options
    from reprise.training.tracking import track_files

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    torch.manual_seed(settings["seed"])
    network = settings["network"], settings["width"], settings["weights"]
    model = channels_last(heart_network(*network, args.initial).to(device))
    task = task_of(args.protocol, *open_store(args.store), settings, device)
    for what, count in (("train", task.samples), ("validate", task.cases)):
        if not count:
            raise InputError(f"{args.store}: {args.protocol}: expected a slice to {what} on, found none")
    best, history = fit_by_options(args, model, task, device, COMPILED, args.protocol)
    info = {"kind": "heart", "protocol": args.protocol, "network": settings["network"], "width": settings["width"]}
    info |= {"size": settings["size"], "normalisation": settings["normalisation"], "settings": settings}
    with outputs(args.weights, args.snapshots, args.history) as (weights, snapshots, log):
        snapshots.mkdir()
        for name, chosen in best.items():
            model.load_state_dict(chosen.weights)
            path = weights if name == "best" else snapshots / f"{name}.safetensors"
            save_model(path, model, info | {"epoch": chosen.epoch})
        history.loc[:, ~history.columns.str.startswith(HELPER)].to_csv(log, index=False)
    track_files(args.tracking, args.checkpoints, args.weights, args.snapshots, args.history)


if __name__ == "__main__":
    run(main, arguments())
