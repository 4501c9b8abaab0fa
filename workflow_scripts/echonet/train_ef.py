"""Train a video network to regress ejection fraction from a clip; keep the epoch that each protocol chooses."""

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
    parser.add_argument("--published", type=Path, required=True, help="output: weights by one random clip a video")
    parser.add_argument("--sound", type=Path, required=True, help="output: weights by fixed clips of each video")
    parser.add_argument("--history", type=Path, required=True, help="output: CSV with a row an epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    import torch

    from reprise.device import pick_device
    from reprise.files import outputs
    from reprise.models.video import video_network
    from reprise.models.weights import save_model
    from reprise.store import open_store
    from reprise.training.clip_regression import clip_regression_task
    from reprise.training.loop import finished, fit

    settings, device = args.settings, pick_device(args.device)
    normalisation = json.loads(args.normalisation.read_text())
    cases, arrays = open_store(args.store)
    traced = cases[cases["traced"] >= 0]
    train, val = (traced[traced["split"] == split] for split in ("train", "val"))
    torch.manual_seed(settings["seed"])
    model = video_network(settings["network"], settings["width"], settings["weights"], args.initial)
    model = model.to(device).to(memory_format=torch.channels_last_3d)
    task = clip_regression_task(arrays["frames"], train, val, "ef", normalisation, settings, device)
    best, history = fit(model, task, settings, args.checkpoints, args.tensorboard)
    info = {"kind": "ef", "normalisation": normalisation, "settings": settings}
    info |= {key: settings[key] for key in ("network", "width", "weights", "frames", "period")}
    with outputs(args.published, args.sound, args.history) as (published, sound, log):
        for protocol, path in (("published", published), ("sound", sound)):
            model.load_state_dict(best[protocol].weights)
            save_model(path, model, info | {"protocol": protocol, "epoch": best[protocol].epoch})
        history.to_csv(log, index=False)
    finished(args.checkpoints)


if __name__ == "__main__":
    run(main, arguments())
