"""Train a network to tell the tissues of an infant's brain apart; keep the epoch that the protocol chooses."""

import argparse
from pathlib import Path

from iseg.analysis.protocols import PROTOCOLS
from reprise.step.command import run
from reprise.training.launch import spread
from reprise.training.options import training_parser


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = training_parser(__doc__)
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--fold", type=int, required=True, help="the fold that gives the score, from 1")
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the chosen epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    """Train, then write weights and history."""
    # Batches of `by_thesis` have one crop, which processes cannot share.
    spread(min(args.processes, args.settings["batch_size"]), args.device)
    import torch

    from iseg.data.conversion import grid_of
    from iseg.learning.networks import COMPILED, tissue_network
    from iseg.learning.prediction import normalisation_of
    from iseg.learning.protocol_tasks import task_of
    from reprise.data.store import open_store
    from reprise.models.weights import channels_last, save_model
    from reprise.step.device import pick_device
    from reprise.step.files import outputs
    from reprise.training.loop import fit_by_options
    from reprise.training.tracking import track_files

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    cases, arrays = open_store(args.store)
    task = task_of(args.protocol, args.fold, cases, arrays, settings, device)
    torch.manual_seed(settings["seed"])
    model = channels_last(tissue_network(settings["network"], settings["width"]).to(device))
    best, history = fit_by_options(args, model, task, device, COMPILED, args.protocol, args.fold)
    chosen = best["best"]
    model.load_state_dict(chosen.weights)
    info = {"kind": "tissues", "epoch": chosen.epoch, "protocol": args.protocol, "fold": args.fold}
    info |= {"network": settings["network"], "width": settings["width"], "normalisation": normalisation_of(settings)}
    info |= {"settings": settings} | grid_of(cases)
    with outputs(args.weights, args.history) as (weights, log):
        save_model(weights, model, info)
        history.to_csv(log, index=False)
    track_files(args.tracking, args.checkpoints, args.weights, args.history)


if __name__ == "__main__":
    run(main, arguments())
