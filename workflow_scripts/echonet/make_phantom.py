"""Write a phantom of the EchoNet-Dynamic data set: beating left ventricles of known volume."""

import argparse
import os
from pathlib import Path

from echonet.phantom.phantom_dataset import write_phantom
from reprise.step.command import json_object, run, step_parser


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--settings", type=json_object, required=True, help='{"videos", "split", "seed"}')
    parser.add_argument("--output", type=Path, required=True, help="folder that becomes the raw data set")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the data set on all cores that this process may use."""
    settings = args.settings
    processes = len(os.sched_getaffinity(0))
    write_phantom(args.output, settings["videos"], settings["split"], settings["seed"], processes)


if __name__ == "__main__":
    run(main, arguments())
