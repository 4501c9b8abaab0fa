"""Ask Snakemake which rule needs which, for a target and a configuration."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from reprise.command import json_object, run, step_parser
from reprise.files import outputs
from reprise.report.dag import read_dot


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--snakefile", type=Path, required=True, help="the workflow")
    parser.add_argument("--target", required=True, help="the file whose making is asked for")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: config, laid over config.yaml")
    parser.add_argument("--rules", type=Path, required=True, help="CSV to write: rule, needs")
    return parser


def main(args: argparse.Namespace) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        json.dump(args.settings["config"], config)
        config.flush()
        # A rule graph takes no lock, so this may run inside a job of the very workflow that it describes.
        command = [
            sys.executable,
            "-m",
            "snakemake",
            args.target,
            "--rulegraph",
            "dot",
            "--nolock",
            "--ignore-incomplete",
        ]
        files = ["--snakefile", str(args.snakefile), "--configfile", config.name]
        printed = subprocess.run([*command, *files], stdout=subprocess.PIPE, check=True)
    needs = read_dot(printed.stdout.decode())
    with outputs(args.rules) as (partial,):
        pd.DataFrame([(rule, " ".join(needed)) for rule, needed in needs.items()], columns=["rule", "needs"]).to_csv(
            partial, index=False
        )


if __name__ == "__main__":
    run(main, arguments())
