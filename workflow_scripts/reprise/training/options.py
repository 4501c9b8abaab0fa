"""Options of all training steps, and what their results depend on."""

import argparse
from pathlib import Path
from typing import Any

from reprise.step.command import json_object, step_parser
from reprise.step.files import file_sha256
from reprise.training.interval import interval


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that trains a network; the step adds what else it reads and writes."""
    parser = step_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: the recipe (see config/)")
    parser.add_argument("--initial", type=Path, nargs="?", help="file of initial weights, unless they are random")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--deterministic", default="no", choices=["yes", "no"], help="same bits on a GPU each time")
    parser.add_argument("--compile", default="auto", choices=["auto", "off"], help="kernels made for the network")
    parser.add_argument("--processes", type=int, default=1, help="that share each batch, each on its own GPU")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder; a killed run goes on from there")
    parser.add_argument("--checkpoint-every", type=interval, default="60 seconds", help="N seconds, or N steps")
    parser.add_argument("--tensorboard", type=Path, required=True, help="folder for TensorBoard's event files")
    parser.add_argument("--tracking", default="off", choices=["off", "mlflow"], help="MLflow's database of trainings")
    parser.add_argument("--history", type=Path, required=True, help="output: CSV with one row per epoch")
    return parser


def depends_on(args: argparse.Namespace) -> list[Any]:
    """What a training run's result depends on besides its recipe: store and initial weights."""
    from reprise.data.store import store_identity

    initial = file_sha256(args.initial) if args.initial else None
    return [store_identity(args.store), initial]
