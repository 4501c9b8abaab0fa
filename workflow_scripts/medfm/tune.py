"""Train a network, or a part of it, on each few-shot support set; score all images that are not learned from."""

import argparse
import shutil
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medfm.analysis.few_shot import (
    TUNED,
    UNSEEN,
    Answers,
    Experiment,
    experiments_of,
    read_lists,
    validation_of,
    write_answers,
)
from medfm.analysis.protocols import TASKS, of_task, outputs_of, truth_of
from reprise.step.command import progress, run
from reprise.step.files import file_sha256, outputs
from reprise.training.options import depends_on, training_parser
from reprise.training.tracking import track_files

LOGGED = ["epoch", "train_loss", "val_measure"]


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = training_parser(__doc__)
    parser.add_argument("--lists", type=Path, required=True, help="CSV of the official few-shot lists")
    parser.add_argument("--method", required=True, choices=TUNED)
    parser.add_argument("--answers", type=Path, required=True, help="store of answers to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Train on each support set in turn, then write all answers and histories."""
    from reprise.data.store import open_store
    from reprise.inference.parts import resumed

    cases, lists = open_store(args.store).cases, read_lists(args.lists)
    protocols = ("sound", "published") if args.method == "vpt_shallow" else ("sound",)
    experiments = [each for name in protocols for each in experiments_of(cases, lists, args.settings, name)]
    experiments.sort(key=lambda each: [*TASKS].index(each.task))  # one network serves all experiments of a task
    by_name = {each.name: each for each in experiments}

    def compute(names: list[str]) -> Iterator[dict[str, np.ndarray]]:
        todo = [by_name[name] for name in names]
        return progress(tuned_answers(args, cases, lists, todo), "trainings", len(todo))

    identity = [args.settings, args.method, depends_on(args), file_sha256(args.lists)]
    found = resumed(args.checkpoints / "answers", identity, list(by_name), compute)
    with outputs(args.answers, args.history) as (answers, history):
        write_answers(answers, _answers(args.method, experiments, found))
        pairs = zip(by_name, found, strict=True)
        logs = [pd.DataFrame(arrays["history"], columns=LOGGED).assign(training=name) for name, arrays in pairs]
        pd.concat(logs)[["training", *LOGGED]].to_csv(history, index=False)
    for name in by_name:
        track_files(args.tracking, args.checkpoints / name, args.answers, args.history)


def tuned_answers(
    args: argparse.Namespace, cases: pd.DataFrame, lists: pd.DataFrame, experiments: Sequence[Experiment]
) -> Iterator[dict[str, np.ndarray]]:
    """For each experiment the scores of its images, the epoch that was kept, and the history of the training.

    Each training has a checkpoint folder of its own, which goes once its scores are safe.
    """
    import torch

    from medfm.learning.few_shot_task import Shots, few_shot_task, scores_of_images
    from medfm.learning.images import images_of
    from reprise.data.store import open_store
    from reprise.step.device import pick_device
    from reprise.training.loop import fit

    device, arrays = pick_device(args.device, args.deterministic == "yes"), open_store(args.store).arrays
    for task, chosen in groupby(experiments, attrgetter("task")):
        images = of_task(cases, task)
        pictures = images_of(images, arrays[task], device)
        truth = np.zeros((len(images), len(TASKS[task])), np.uint8)
        truth[images["labelled"] == 1] = truth_of(images[images["labelled"] == 1])
        shots = Shots(task, pictures, images["row"].to_numpy(), truth, args.settings, device)
        torch.manual_seed(args.settings["seed"])
        model = starting_network(args, task, device)
        start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        for each in chosen:
            model.load_state_dict(start)
            settings = args.settings | {"decay": args.settings["decay"][each.protocol]}
            validation = validation_of(lists, images, each) if each.protocol == "published" else None
            recipe, data = few_shot_task(shots, each.support, validation), [*depends_on(args), args.method, each.name]
            places = args.checkpoints / each.name, args.tensorboard / each.name
            kept, log = fit(model, recipe, settings, data, *places, args.checkpoint_every, None, args.tracking)
            found = {"history": log.reindex(columns=LOGGED).to_numpy()}
            for choice, split, asked in scored_after(each, validation):
                model.load_state_dict(kept[choice].weights)
                found |= {split: scores_of_images(model, shots, asked), f"{split}_epoch": np.array(kept[choice].epoch)}
            yield found
            shutil.rmtree(places[0])


def scored_after(each: Experiment, validation: np.ndarray | None) -> Iterator[tuple[str, str, np.ndarray]]:
    """What is scored after a training: the name of the kept weights, that of the split, and its images.

    If the list to validate on holds images that are learned from, the epoch that is chosen without them is scored, too.
    """
    yield "chosen", "test", each.scored
    if each.protocol == "sound":
        yield "chosen", "submission", each.submitted
    elif validation is not None and (seen := np.isin(validation, each.support)).any() and not seen.all():
        yield "unseen", UNSEEN, each.scored


def starting_network(args: argparse.Namespace, task: str, device: Any) -> Any:
    """The network of a run as a method trains it, before any training."""
    from medfm.learning.networks import network_of
    from medfm.learning.tuning import tuned

    model = network_of(args.settings, outputs_of(task), args.initial)
    return tuned(model.to(device), args.method, args.settings)


def _answers(method: str, experiments: Sequence[Experiment], found: Sequence[dict[str, Any]]) -> Iterator[Answers]:
    for each, arrays in zip(experiments, found, strict=True):
        for split in ("test", "submission", UNSEEN):
            if split in arrays:
                yield Answers(each, method, split, int(arrays[f"{split}_epoch"]), arrays[split])


if __name__ == "__main__":
    run(main, arguments())
