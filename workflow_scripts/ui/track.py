"""Serve MLflow's page of the tracked trainings, on this machine only."""

import argparse
import os
import sys

from reprise.step.command import reading, run, say, step_parser
from reprise.step.errors import InputError
from reprise.training.tracking import ARTEFACTS, DATABASE, QUIET, refuse_unusable
from ui.serve import listen

# MLflow's own jobs, such as judges of texts, would run in nine more processes.
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = step_parser(__doc__)
    parser.add_argument("--port", type=int, default=5000)
    return parser


def main(args: argparse.Namespace) -> None:
    """Become MLflow's server."""
    if not DATABASE.is_file():
        raise InputError(f"{DATABASE}: no training has been tracked; set `tracking: mlflow` in config.yaml")
    with reading(DATABASE, "cannot be used: damaged, not writable, or another process writes all the time"):
        refuse_unusable(DATABASE)
    listen("127.0.0.1", args.port, others=False).close()
    say(f"the tracked trainings are at http://127.0.0.1:{args.port}; stop with Ctrl-C")
    os.environ.update(QUIET | WITHOUT_JOBS)
    options = {
        "--backend-store-uri": f"sqlite:///{DATABASE.absolute()}",
        "--artifacts-destination": str(ARTEFACTS.absolute()),
        "--host": "127.0.0.1",
        "--port": str(args.port),
        "--workers": "1",
    }
    words = [word for pair in options.items() for word in pair]
    os.execv(sys.executable, [sys.executable, "-P", "-m", "mlflow", "server", *words])


if __name__ == "__main__":
    run(main, arguments())
