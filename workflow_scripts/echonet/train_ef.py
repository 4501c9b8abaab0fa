"""Train a video network to regress ejection fraction from a clip; keep the epoch that each protocol chooses."""

import argparse
import json
from pathlib import Path

from reprise.step.command import run
from reprise.training.launch import spread
from reprise.training.options import training_parser


def arguments() -> argparse.ArgumentParser:
    parser = training_parser(__doc__)
    parser.add_argument("--normalisation", type=Path, required=True, help="JSON file: mean and std a channel")
    parser.add_argument("--published", type=Path, required=True, help="output: weights by one random clip a video")
    parser.add_argument("--sound", type=Path, required=True, help="output: weights by fixed clips of each video")
    return parser


def main(args: argparse.Namespace) -> None:
    spread(args.processes, args.device)
    import torch

    from echonet.learning.ef_task import clip_regression_task
    from echonet.learning.video_network import COMPILED, video_network
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
    train, val = (traced[traced["split"] == split] for split in ("train", "val"))
    torch.manual_seed(settings["seed"])
    model = video_network(settings["network"], settings["width"], settings["weights"], args.initial)
    model = model.to(device).to(memory_format=torch.channels_last_3d)
    task = clip_regression_task(arrays["frames"], train, val, "ef", normalisation, settings, device)
    best, history = fit_by_options(args, model, task, device, COMPILED, normalisation)
    info = {"kind": "ef", "normalisation": normalisation, "settings": settings}
    info |= {key: settings[key] for key in ("network", "width", "weights", "frames", "period")}
    with outputs(args.published, args.sound, args.history) as (published, sound, log):
        for protocol, path in (("published", published), ("sound", sound)):
            model.load_state_dict(best[protocol].weights)
            save_model(path, model, info | {"protocol": protocol, "epoch": best[protocol].epoch})
        history.to_csv(log, index=False)
    track_files(args.tracking, args.checkpoints, args.published, args.sound, args.history)


if __name__ == "__main__":
    run(main, arguments())
