"""Train a network to tell lesions on one fold's training scans; keep the epoch that the protocol chooses."""

import argparse
from pathlib import Path

from mslesion.protocols import splits, windows
from reprise.command import run
from reprise.errors import InputError
from reprise.training.launch import spread
from reprise.training.options import depends_on, training_parser


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = training_parser(__doc__)
    parser.add_argument("--protocol", required=True, choices=["published", "sound"])
    parser.add_argument("--fold", type=int, required=True, help="the fold that gives the score, from 1")
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the chosen epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    """Train, then write weights and history."""
    spread(args.processes)
    import torch

    from reprise.brain_slices import brain_slices
    from reprise.device import pick_device
    from reprise.files import outputs
    from reprise.models.lesions import lesion_network
    from reprise.models.weights import channels_last, save_model
    from reprise.store import open_store
    from reprise.training.lesion_segmentation import Source, lesion_task
    from reprise.training.loop import fit

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    cases, arrays = open_store(args.store)
    size = settings["size"] if args.protocol == "published" else None
    slices = brain_slices(cases, arrays, size, settings["normalisation"], device)
    split = splits(cases, args.protocol, settings["folds"], args.fold)
    train, val = windows(cases, slices.masks.flatten(1).any(1).cpu().numpy(), split, args.protocol)
    if not len(train) or not len(val):
        raise InputError(f"{args.store}: fold {args.fold}: no slice to train or to validate on")
    torch.manual_seed(settings["seed"])
    model = channels_last(lesion_network(settings["network"], settings["width"]).to(device))
    task = lesion_task(Source(*slices, settings["network"].startswith("fc_densenet"), settings), train, val)
    data = [*depends_on(args), args.protocol, args.fold]
    best, history = fit(model, task, settings, data, args.checkpoints, args.tensorboard, args.checkpoint_every)
    chosen = best[args.protocol]
    model.load_state_dict(chosen.weights)
    info = {"kind": "lesions", "epoch": chosen.epoch, "protocol": args.protocol, "fold": args.fold, "size": size}
    info |= {"settings": settings} | {key: settings[key] for key in ("network", "width", "normalisation")}
    with outputs(args.weights, args.history) as (weights, log):
        save_model(weights, model, info)
        history.to_csv(log, index=False)


if __name__ == "__main__":
    run(main, arguments())
