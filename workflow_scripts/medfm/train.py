"""Train a network to find what images of one task show; score the images left for it at the chosen epoch."""

import argparse
from pathlib import Path

from medfm.analysis.protocols import PROTOCOLS, TASKS
from reprise.step.command import run
from reprise.training.launch import spread
from reprise.training.options import training_parser
from reprise.training.tracking import track_files


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = training_parser(__doc__)
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--weights", type=Path, required=True, help="output: weights of the chosen epoch")
    parser.add_argument("--scores", type=Path, required=True, help="output: CSV, probabilities of each test image")
    return parser


def main(args: argparse.Namespace) -> None:
    """Train, then write weights, history and scores."""
    spread(args.processes, args.device)
    import torch

    from medfm.analysis.protocols import of_task, outputs_of
    from medfm.learning.images import MEAN, STD
    from medfm.learning.networks import COMPILED, network_of
    from medfm.learning.prediction import KIND, scored_images
    from medfm.learning.task import HELPER, finding_task, with_warmup_in_epochs
    from reprise.data.store import open_store
    from reprise.models.weights import channels_last, save_model
    from reprise.step.device import pick_device
    from reprise.step.files import outputs
    from reprise.training.loop import fit_by_options

    settings, device = args.settings, pick_device(args.device, args.deterministic == "yes")
    every, arrays = open_store(args.store)
    cases, array = of_task(every, args.task), arrays[args.task]
    task = finding_task(args.task, args.protocol, cases, array, settings, device)
    torch.manual_seed(settings["seed"])
    model = channels_last(network_of(settings, outputs_of(args.task), args.initial).to(device))
    args.settings = with_warmup_in_epochs(settings, task.samples)
    best, history = fit_by_options(args, model, task, device, COMPILED, args.task, args.protocol)
    model.load_state_dict(best["best"].weights)
    info = {"kind": KIND, "task": args.task, "protocol": args.protocol, "epoch": best["best"].epoch}
    info |= {"network": settings["network"], "width": 1, "size": settings["size"]}
    info |= {"settings": settings, "normalisation": {"mean": list(MEAN), "std": list(STD)}}
    scores = scored_images(model.eval(), info, cases, array, device)
    with outputs(args.weights, args.history, args.scores) as (weights, log, table):
        save_model(weights, model, info)
        history.loc[:, ~history.columns.str.startswith(HELPER)].to_csv(log, index=False)
        scores.to_csv(table, index=False)
    track_files(args.tracking, args.checkpoints, args.weights, args.history, args.scores)


if __name__ == "__main__":
    run(main, arguments())
