"""Train a network to tell the structures of the heart apart; keep the epoch that the protocol chooses."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acdc.analysis.protocols import PROTOCOLS, splits
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.training.launch import spread
from reprise.training.options import depends_on, training_parser

if TYPE_CHECKING:
    import torch

    from reprise.training.task import Task


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
    from acdc.learning.slice_tasks import HELPER
    from reprise.models.weights import channels_last, save_model
    from reprise.step.device import pick_device
    from reprise.step.files import outputs
    from reprise.training.compiled import compile_mode
    from reprise.training.loop import fit
    from reprise.training.sampler import steps_in_all

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    torch.manual_seed(settings["seed"])
    network = settings["network"], settings["width"], settings["weights"]
    model = channels_last(heart_network(*network, args.initial).to(device))
    task = task_of(args, device)
    for what, count in (("train", task.samples), ("validate", task.cases)):
        if not count:
            raise InputError(f"{args.store}: {args.protocol}: expected a slice to {what} on, found none")
    data = [*depends_on(args), args.protocol]
    mode = compile_mode(args, device, COMPILED.get(settings["network"]), steps_in_all(settings, task.samples))
    best, history = fit(model, task, settings, data, args.checkpoints, args.tensorboard, args.checkpoint_every, mode)
    info = {"kind": "heart", "protocol": args.protocol, "network": settings["network"], "width": settings["width"]}
    info |= {"size": settings["size"], "normalisation": settings["normalisation"], "settings": settings}
    with outputs(args.weights, args.snapshots, args.history) as (weights, snapshots, log):
        snapshots.mkdir()
        for name, chosen in best.items():
            model.load_state_dict(chosen.weights)
            path = weights if name == "best" else snapshots / f"{name}.safetensors"
            save_model(path, model, info | {"epoch": chosen.epoch})
        history.loc[:, ~history.columns.str.startswith(HELPER)].to_csv(log, index=False)


def task_of(args: argparse.Namespace, device: "torch.device") -> "Task":
    """The task of a protocol, on its store."""
    import torch

    from acdc.learning.block_task import block_task
    from acdc.learning.networks import sees_blocks
    from acdc.learning.slice_tasks import HeartSource, published_task, sound_task
    from acdc.learning.stacks import grid_of, heart_slices
    from reprise.data.store import open_store

    settings = args.settings
    cases, arrays = open_store(args.store)
    if args.protocol == "published":
        images, labels = (torch.from_numpy(np.array(arrays[name])).to(device) for name in ("image", "labels"))
        train, val = (np.flatnonzero(cases["split"] == part) for part in ("train", "val"))
        return published_task(HeartSource(images, labels, settings), train, val)
    split = splits(cases, settings["validation"])
    chosen = cases[split != "test"]
    slices = heart_slices(chosen, arrays, grid_of(settings), device)
    source, of_case = HeartSource(slices.images, slices.labels, settings), split[chosen.index].to_numpy()
    of_sample, make = (of_case, block_task) if sees_blocks(settings["network"]) else (of_case[slices.cases], sound_task)
    train, val = (np.flatnonzero(of_sample == part) for part in ("train", "val"))
    return make(source, train, val, slices.cases)


if __name__ == "__main__":
    run(main, arguments())
