"""Write the submission files of the challenge for each run, method and experiment, and read each of them again."""

import argparse
from pathlib import Path

import pandas as pd

from medfm.analysis.few_shot import SUBMITTED, scores_of
from medfm.analysis.protocols import of_task
from medfm.data.submissions import read_submission, submission_name, write_submission
from reprise.data.store import open_store
from reprise.step.command import run, say, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--answers", type=Path, nargs="+", required=True, help="RUN/METHOD: stores of few-shot answers")
    parser.add_argument("--submissions", type=Path, required=True, help="folder to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write all files, or none."""
    cases = open_store(args.store).cases
    images = {task: submitted_images(cases, task) for task in cases["task"].unique()}
    with outputs(args.submissions) as (partial,):
        partial.mkdir()
        for path in args.answers:
            store = open_store(path)
            for row in store.cases[store.cases["split"] == "submission"].to_dict("records"):
                names = images[row["task"]]
                if row["images"] != len(names):
                    raise InputError(f"{path}: {row['case']}: expected {len(names)} images, found {row['images']}")
                if not names:
                    continue
                folder = partial / path.parent.name / row["method"] / f"exp{row['experiment']}"
                folder.mkdir(parents=True, exist_ok=True)
                file = folder / submission_name(row["task"], row["shots"])
                write_submission(file, row["task"], names, scores_of(store, row))
                read_submission(file, names)


def submitted_images(cases: pd.DataFrame, task: str) -> list[str]:
    """Names of a task's images of the val set, in the order of its CSV, which is that of the cases.

    Neither the list test_WithoutLabel is needed for it, nor that the images have no labels.
    """
    rows = of_task(cases, task)
    names = list(rows["image"][rows["official"] == SUBMITTED])
    if not names:
        say(f"{task}: no images of {task}_{SUBMITTED}.csv, so there is nothing to submit")
    return names


if __name__ == "__main__":
    run(main, arguments())
