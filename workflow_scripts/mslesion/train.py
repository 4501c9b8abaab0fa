"""Train a network to tell lesions on one fold's training scans; keep the epoch that the protocol chooses."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mslesion.analysis.protocols import CHOSEN_BY, PROTOCOLS, splits, windows
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.training.launch import spread
from reprise.training.options import training_parser

if TYPE_CHECKING:
    from mslesion.learning.slice_tasks import SliceSource
    from reprise.training.task import Task


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = training_parser(__doc__)
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--fold", type=int, required=True, help="the fold that gives the score, from 1")
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the chosen epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    """Train, then write weights and history."""
    spread(args.processes, args.device)
    import torch

    from mslesion.data.conversion import slices_with_lesion
    from mslesion.learning.networks import COMPILED, WINDOW, input_of, lesion_network
    from mslesion.learning.scan_inputs import OF_VOLUME, brain_slices
    from mslesion.learning.slice_tasks import SliceSource
    from reprise.data.store import open_store
    from reprise.models.weights import channels_last, save_model
    from reprise.step.device import pick_device
    from reprise.step.files import outputs
    from reprise.training.loop import fit_by_options
    from reprise.training.tracking import track_files

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    cases, arrays = open_store(args.store)
    size = settings.get("size")
    normalisation = settings["normalisation"] if input_of(settings["network"]) == WINDOW else OF_VOLUME
    source = SliceSource(*brain_slices(cases, arrays, size, normalisation, device), settings)
    split = splits(cases, args.protocol, settings["folds"], args.fold)
    torch.manual_seed(settings["seed"])
    model = channels_last(lesion_network(settings["network"], settings["width"]).to(device))
    task = task_of(source, cases, slices_with_lesion(cases, arrays), split, args.protocol)
    refuse_empty(task, args)
    best, history = fit_by_options(args, model, task, device, COMPILED, args.protocol, args.fold)
    chosen = best["best"]
    model.load_state_dict(chosen.weights)
    info = {"kind": "lesions", "epoch": chosen.epoch, "protocol": args.protocol, "fold": args.fold, "size": size}
    info |= {"network": settings["network"], "width": settings["width"], "normalisation": normalisation}
    info |= {"settings": settings}
    with outputs(args.weights, args.history) as (weights, log):
        save_model(weights, model, info)
        history.to_csv(log, index=False)
    track_files(args.tracking, args.checkpoints, args.weights, args.history)


def refuse_empty(task: "Task", args: argparse.Namespace) -> None:
    """Raise InputError if there is nothing to train or to validate on."""
    for what, count in (("train", task.samples), ("validate", task.cases)):
        if not count:
            least = {"sound": "a scan"}.get(args.protocol, "three slices with a lesion (others do not count)")
            raise InputError(f"{args.store}: {args.protocol}, fold {args.fold}: expected {least} to {what} on")


def task_of(source: "SliceSource", cases: pd.DataFrame, lesion: np.ndarray, split: pd.Series, protocol: str) -> "Task":
    """The task on what the network sees: windows, slices or blocks."""
    from mslesion.learning.block_task import block_task
    from mslesion.learning.networks import BLOCK, WINDOW, input_of
    from mslesion.learning.slice_tasks import slice_task, window_task

    seen, chosen_by = input_of(source.settings["network"]), CHOSEN_BY[protocol]
    if seen == BLOCK:
        train, val = (np.flatnonzero(split == part) for part in ("train", "val"))
        return block_task(source, train, val, chosen_by)
    task = window_task if seen == WINDOW else slice_task
    return task(source, *windows(cases, lesion, split, protocol), chosen_by)


if __name__ == "__main__":
    run(main, arguments())
