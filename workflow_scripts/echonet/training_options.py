"""The options that both training steps share."""

import argparse
from pathlib import Path

from reprise.command import json_object, step_parser


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that trains a network; the step adds the weights that it writes."""
    parser = step_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--normalisation", type=Path, required=True, help="JSON file: mean and std a channel")
    parser.add_argument(
        "--settings", type=json_object, required=True, help="JSON: the recipe (see config/echonet.yaml)"
    )
    parser.add_argument("--initial", type=Path, nargs="?", help="file of initial weights, unless they are random")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--tensorboard", type=Path, required=True, help="folder for TensorBoard's event files")
    parser.add_argument("--history", type=Path, required=True, help="output: CSV with a row an epoch")
    return parser
