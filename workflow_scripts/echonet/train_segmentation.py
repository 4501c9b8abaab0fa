"""Train a network to segment the left ventricle on the traced end-diastolic and end-systolic frames."""

import argparse
import json
from pathlib import Path

from reprise.step.command import run
from reprise.training.launch import spread
from reprise.training.options import training_parser


def arguments() -> argparse.ArgumentParser:
    parser = training_parser(__doc__)
    parser.add_argument("--normalisation", type=Path, required=True, help="JSON file: mean and std a channel")
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the best epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    spread(args.processes, args.device)
    import torch

    from echonet.learning.segmentation_network import COMPILED, segmentation_network
    from echonet.learning.segmentation_task import segmentation_task
    from reprise.data.store import open_store
    from reprise.models.weights import save_model
    from reprise.step.device import pick_device
    from reprise.step.files import outputs
    from reprise.training.loop import fit_by_options
    from reprise.training.tracking import track_files

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    normalisation = json.loads(args.normalisation.read_text())
    cases, arrays = open_store(args.store)
    traced = cases[cases["traced"] >= 0]
    train, val = (traced.loc[traced["split"] == split, "traced"].to_numpy() for split in ("train", "val"))
    images, masks = arrays["traced_frames"], arrays["traced_masks"]
    torch.manual_seed(settings["seed"])
    model = segmentation_network(settings["network"], settings["width"], settings["weights"], args.initial)
    model = model.to(device).to(memory_format=torch.channels_last)
    task = segmentation_task(images, masks, train, val, normalisation, settings, device)
    best, history = fit_by_options(args, model, task, device, COMPILED, normalisation)
    chosen = best["published"]
    model.load_state_dict(chosen.weights)
    info = {"kind": "segmentation", "epoch": chosen.epoch, "normalisation": normalisation, "settings": settings}
    info |= {key: settings[key] for key in ("network", "width", "weights")}
    with outputs(args.weights, args.history) as (weights, log):
        save_model(weights, model, info)
        history.to_csv(log, index=False)
    track_files(args.tracking, args.checkpoints, args.weights, args.history)


if __name__ == "__main__":
    run(main, arguments())
