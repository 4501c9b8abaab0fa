"""The results of the study's runs, read back for scoring."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from medfm.analysis.few_shot import COLUMNS, Experiment, scores_of
from medfm.analysis.protocols import TASKS, of_task, truth_of
from reprise.data.store import open_store
from reprise.evaluation.runs import read_runs, run_of
from reprise.step.errors import InputError
from reprise.step.tables import read_table

SCORES = {"case": str, "split": str}
HISTORY = {"epoch": int} | dict.fromkeys(("test_map", "test_auc", "test_accuracy"), float)

Key = tuple[str, str, int, int]  # of an experiment: protocol, task, shots, number


class Scored(NamedTuple):
    """Scores of images of one task, beside the truth."""

    truth: np.ndarray  # (N, F) uint8
    scores: np.ndarray  # (N, F), probabilities
    units: np.ndarray  # (N,), the number of each image's group, from 0 on
    images: pd.DataFrame  # (N), the cases

    def of(self, chosen: np.ndarray) -> "Scored":
        """Some of the images (N,) bool."""
        return self._replace(
            truth=self.truth[chosen],
            scores=self.scores[chosen],
            units=pd.factorize(self.units[chosen])[0],
            images=self.images[chosen],
        )


class Result(NamedTuple):
    """What one training on all images says of its test set; `network` as `read_runs` names runs."""

    network: str
    protocol: str
    task: str
    scored: Scored


class Answer(NamedTuple):
    """What one few-shot training says of the images that it is scored on."""

    network: str
    seed: int
    protocol: str
    task: str
    method: str
    shots: int
    experiment: int
    epoch: int
    scored: Scored


def scored_of(images: pd.DataFrame, scores: np.ndarray) -> Scored:
    """Scores (N, F) beside the truth of N images of one task, all with labels."""
    return Scored(truth_of(images), scores, pd.factorize(images["group"])[0], images)


def read_scores(paths: Sequence[Path], cases: pd.DataFrame) -> list[Result]:
    """What trainings on all images say of their test sets.

    Args:
        paths: of the files RUN/PROTOCOL/TASK/scores.csv.
        cases: the store's.

    Raises:
        InputError: a file is damaged or lies in no run's folder; a case is unknown, without labels or twice; or a score
            is no probability.
    """
    by_case = cases.set_index("case", drop=False)
    folders = [path.parent for path in paths]
    runs = read_runs(folders, {}, ["protocol"], lambda folder, _: pd.DataFrame({"task": [_task_of(folder)]}))
    return [
        Result(row["network"], row["protocol"], row["task"], _read_scored(path, row["task"], by_case))
        for path, row in zip(paths, runs.to_dict("records"), strict=True)
    ]


def read_histories(paths: Sequence[Path]) -> pd.DataFrame:
    """Measures of the test set by epoch, of the protocol that scores each epoch: network, protocol, task and `HISTORY`.

    Args:
        paths: of the files RUN/by_writeup/TASK/log.csv.

    Raises:
        InputError: a file is damaged, has no epoch, or lies in no run's folder.
    """

    def read(folder: Path, types: Mapping[str, type]) -> pd.DataFrame:
        table = read_table(folder / "log.csv", types)
        if table.empty:
            raise InputError(f"{folder / 'log.csv'}: no epochs")
        return table.assign(task=_task_of(folder))

    return read_runs([path.parent for path in paths], HISTORY, ["protocol"], read)


def read_answers(
    paths: Sequence[Path], cases: pd.DataFrame, experiments: Iterable[Experiment], split: str = "test"
) -> list[Answer]:
    """What few-shot trainings say of the images that they are scored on.

    Args:
        paths: of the stores few_shot/RUN/NAME.
        cases: the study's store's.
        experiments: those of the run, by both protocols.
        split: `test`, or `UNSEEN` for the same images after another epoch.

    Raises:
        InputError: a store is damaged or lies in no run's folder, has an experiment that is not known or other images
            than it, or a score is no probability.
    """
    expected = {}
    for each in experiments:
        images = of_task(cases, each.task).iloc[each.scored]
        expected[_key(each._asdict())] = scored_of(images, np.empty((len(images), len(TASKS[each.task]))))
    return [answer for path in paths for answer in _read_store(path, expected, split)]


def _key(row: Mapping[Any, Any]) -> Key:
    """An experiment, by its own columns or by those of a store of answers."""
    number = row["experiment"] if "experiment" in row else row["number"]
    return str(row["protocol"]), str(row["task"]), int(row["shots"]), int(number)


def _read_store(path: Path, expected: Mapping[Key, Scored], split: str) -> list[Answer]:
    found, run = open_store(path), run_of(path)
    if absent := [name for name in COLUMNS if name not in found.cases] + [*({"scores"} - found.arrays.keys())]:
        raise InputError(f"{path}: expected {', '.join(COLUMNS)} and scores, found no {absent[0]}")
    seed = int(run.run.rpartition("-seed")[2])
    answers = []
    for row in found.cases[found.cases["split"] == split].to_dict("records"):
        key = _key(row)
        if key not in expected:
            raise InputError(f"{path}: {row['case']}: no experiment of this run")
        if row["images"] != (count := len(expected[key].truth)):
            raise InputError(f"{path}: {row['case']}: expected {count} images, found {row['images']}")
        scores = scores_of(found, row)
        if scores.shape != expected[key].truth.shape or not _are_probabilities(scores):
            raise InputError(f"{path}: {row['case']}: expected {expected[key].truth.size} scores from 0 to 1")
        protocol, task, shots, number = key
        part = expected[key]._replace(scores=scores)
        answers.append(
            Answer(run.network, seed, protocol, task, str(row["method"]), shots, number, int(row["epoch"]), part)
        )
    return answers


def _task_of(folder: Path) -> str:
    if folder.name not in TASKS:
        raise InputError(f"{folder}: expected one of {', '.join(TASKS)}")
    return folder.name


def _read_scored(path: Path, task: str, by_case: pd.DataFrame) -> Scored:
    table = read_table(path, SCORES | dict.fromkeys(TASKS[task], float))
    table = table[table["split"] == "test"]
    known = by_case.index[(by_case["task"] == task) & (by_case["labelled"] == 1)]
    wrong = ~table["case"].isin(known) | table["case"].duplicated()
    if wrong.any() or table.empty:
        found = f"{table.loc[wrong, 'case'].iloc[0]!r}" if wrong.any() else "none"
        raise InputError(f"{path}: expected images of {task} with labels and split test, each once; found {found}")
    scores = table[[*TASKS[task]]].to_numpy()
    if not _are_probabilities(scores):
        raise InputError(f"{path}: expected scores from 0 to 1")
    return scored_of(by_case.loc[table["case"]].reset_index(drop=True), scores)


def _are_probabilities(scores: np.ndarray) -> bool:
    return bool(((scores >= 0) & (scores <= 1)).all())
