"""Compare beat-by-beat EF with the EF of the first clip: run the analysis of beat_by_beat.R."""

import argparse
import logging
import os
from functools import cache
from pathlib import Path
from typing import Any

from reprise.step.command import json_object, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs

SCRIPT = Path(__file__).parent / "analysis/beat_by_beat.R"
NO_R = (
    "R cannot be started ({}); install it with `apt install r-base-core`, load it with `module load R`, "
    "or let Snakemake bring it: `snakemake results/report.html --sdm conda`"
)


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--predictions", type=Path, required=True, help="CSV without header: video, start, EF")
    parser.add_argument("--size", type=Path, required=True, help="areas and systoles of all frames")
    parser.add_argument("--store", type=Path, required=True, help="folder whose cases.csv has the true EF")
    parser.add_argument("--rule", choices=("published", "sound"), required=True, help="how beats become clips")
    parser.add_argument("--settings", type=json_object, required=True, help="lead_frames, max_beats, runs, seed")
    parser.add_argument("--cases", type=Path, required=True, help="CSV to write: one row per video")
    parser.add_argument("--summary", type=Path, required=True, help="CSV to write: one row per quantity")
    parser.add_argument("--beat-count", type=Path, required=True, help="CSV to write: one row per run")
    return parser


@cache
def source(script: Path) -> Any:
    """The functions that an R file defines, as R's global environment.

    Raises:
        InputError: there is no R.
    """
    # rpy2 logs the messages of R's console; those that matter come back as errors.
    logging.getLogger("rpy2").setLevel(logging.CRITICAL)
    # Files of the user or the site, such as .Rprofile, must change nothing.
    for name in ("R_PROFILE", "R_PROFILE_USER", "R_ENVIRON", "R_ENVIRON_USER"):
        os.environ[name] = os.devnull
    try:
        from rpy2.rinterface_lib import embedded

        embedded.set_initoptions(("rpy2", "--quiet", "--vanilla"))  # type: ignore[arg-type]
        from rpy2 import robjects  # type: ignore[attr-defined]

        robjects.r["source"](str(script))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise InputError(NO_R.format(error)) from error
    return robjects.globalenv


def main(args: argparse.Namespace) -> None:
    """Run the analysis in R, which writes the three tables."""
    functions = source(SCRIPT)
    from rpy2.rinterface_lib.embedded import RRuntimeError

    settings = [float(args.settings[name]) for name in ("lead_frames", "max_beats", "runs", "seed")]
    inputs = [str(path) for path in (args.predictions, args.size, args.store)]
    with outputs(args.cases, args.summary, args.beat_count) as tables:
        try:
            functions["analyse_files"](*inputs, args.rule, *settings, *map(str, tables))
        except RRuntimeError as error:
            raise InputError(str(error).strip().removeprefix("Error: ")) from error


if __name__ == "__main__":
    run(main, arguments())
