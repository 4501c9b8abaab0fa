"""Train a network to segment the left ventricle on the traced end-diastolic and end-systolic frames."""

import argparse
import json
from pathlib import Path

from reprise.command import json_object, run, step_parser


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--normalisation", type=Path, required=True, help="JSON file: mean and std a channel")
    parser.add_argument(
        "--settings", type=json_object, required=True, help="JSON: the recipe (see config/echonet.yaml)"
    )
    parser.add_argument("--initial", type=Path, nargs="?", help="file of initial weights, unless they are random")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--tensorboard", type=Path, required=True, help="folder for TensorBoard's event files")
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the best epoch")
    parser.add_argument("--history", type=Path, required=True, help="output: CSV with a row an epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    import torch

    from reprise.device import pick_device
    from reprise.files import outputs
    from reprise.models.segmentation import segmentation_network
    from reprise.models.weights import save_model
    from reprise.store import open_store
    from reprise.training.loop import finished, fit
    from reprise.training.segmentation import segmentation_task

    settings, device = args.settings, pick_device(args.device)
    normalisation = json.loads(args.normalisation.read_text())
    cases, arrays = open_store(args.store)
    traced = cases[cases["traced"] >= 0]
    train, val = (traced.loc[traced["split"] == split, "traced"].to_numpy() for split in ("train", "val"))
    images, masks = arrays["traced_frames"], arrays["traced_masks"]
    torch.manual_seed(settings["seed"])
    model = segmentation_network(settings["network"], settings["width"], settings["weights"], args.initial)
    model = model.to(device).to(memory_format=torch.channels_last)
    task = segmentation_task(images, masks, train, val, normalisation, settings, device)
    best, history = fit(model, task, settings, args.checkpoints, args.tensorboard)
    chosen = best["published"]
    model.load_state_dict(chosen.weights)
    info = {"kind": "segmentation", "epoch": chosen.epoch, "normalisation": normalisation, "settings": settings}
    info |= {key: settings[key] for key in ("network", "width", "weights")}
    with outputs(args.weights, args.history) as (weights, log):
        save_model(weights, model, info)
        history.to_csv(log, index=False)
    finished(args.checkpoints)


if __name__ == "__main__":
    run(main, arguments())
