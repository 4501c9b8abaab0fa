"""The few-shot experiments of a run: what each learns from, what it scores, and the store of its answers."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, of_task, official_list, scored_by_few_shot, support_of
from reprise.data.store import Store, write_store
from reprise.step.errors import InputError
from reprise.step.tables import read_table

FROZEN = ("linear_probe", "logistic_regression", "prototypes")
TUNED = ("vpt_shallow", "vpt_deep", "lora", "full")
LISTS = {"task": str, "shots": int, "kind": str, "experiment": int, "image": str, "times": int}
PUBLISHED_EXPERIMENTS = (1,)
UNSEEN = "unseen"  # split of answers: the test images after the epoch that is best by val images that do not train
SUBMITTED = "val"  # official set whose images the challenge asks scores of; the list test_WithoutLabel has the same
COLUMNS = ["case", "protocol", "task", "method", "shots", "experiment", "split", "epoch", "images", "offset"]


class Experiment(NamedTuple):
    """One few-shot experiment; images are positions in the rows of its task."""

    protocol: str  # published or sound
    task: str
    shots: int
    number: int
    support: np.ndarray  # images to learn from; by `published` an image may come twice
    scored: np.ndarray  # images with labels
    submitted: np.ndarray  # images of the val set's CSV

    @property
    def name(self) -> str:
        """A name that is a folder's, too."""
        return f"{self.protocol}-{self.task}-{self.shots}-shot-exp{self.number}"


class Answers(NamedTuple):
    """What a method says of some images of an experiment, in the order of the cases."""

    experiment: Experiment
    method: str
    split: str  # test, submission or unseen
    epoch: int  # 0 without epochs
    scores: np.ndarray  # (images, findings) from 0 to 1


def experiments_of(
    cases: pd.DataFrame, lists: pd.DataFrame, settings: Mapping[str, Any], protocol: str
) -> Iterator[Experiment]:
    """The experiments of a protocol, of each task, number of shots and number.

    `published` has experiment 1 alone, whatever the settings say: the published baselines are of this one.

    By `sound` an image is not scored if one of its group, with twins joined, is in the support set, whatever the lists
    say.

    Args:
        cases: all images, see `medfm.analysis.protocols`.
        lists: the official lists, a row an image.
        settings: `shots` and `experiments`.
        protocol: published or sound.

    Raises:
        InputError: a list is not there, or an experiment has nothing to score.
    """
    numbers = PUBLISHED_EXPERIMENTS if protocol == "published" else settings["experiments"]
    for task in TASKS:
        images = of_task(cases, task)
        submitted = np.flatnonzero(images["official"] == SUBMITTED)
        allowed = scored_by_few_shot(images, protocol)
        for shots in settings["shots"]:
            for number in numbers:
                support = support_of(lists, images, task, shots, number, protocol)
                scored = allowed
                if protocol == "sound":
                    scored = allowed & ~images["group"].isin(images["group"].iloc[support]).to_numpy()
                if not scored.any():
                    raise InputError(
                        f"{task}, {shots} shots, experiment {number}: expected images to score, found none"
                    )
                yield Experiment(protocol, task, shots, number, support, np.flatnonzero(scored), submitted)


def validation_of(lists: pd.DataFrame, cases: pd.DataFrame, experiment: Experiment) -> np.ndarray:
    """The official val list of an experiment, as positions in the cases of its task; it may hold images learned from.

    Raises:
        InputError: there is no such list, or it names an image without labels.
    """
    chosen = official_list(lists, experiment.task, experiment.shots, experiment.number, "val")
    positions = pd.Index(cases["image"]).get_indexer(chosen["image"])
    positions = positions[positions >= 0]
    if not len(positions) or not (cases["labelled"].iloc[positions] == 1).all():
        raise InputError(f"{experiment.name}: expected a val list of images with labels")
    return positions


def write_answers(folder: Path, answers: Iterable[Answers]) -> None:
    """Write a store: a row of `cases` for each experiment and split, and all scores in one flat array."""
    rows, parts, offset = [], [], 0
    for experiment, method, split, epoch, scores in answers:
        case = f"{method}-{experiment.name}-{split}"
        which = [experiment.protocol, experiment.task, method, experiment.shots, experiment.number, split]
        rows.append([case, *which, epoch, len(scores), offset])
        parts.append(scores.astype(np.float32).ravel())
        offset += scores.size
    write_store(folder, pd.DataFrame(rows, columns=COLUMNS), {"scores": np.concatenate(parts)})


def scores_of(store: Store, row: Mapping[Any, Any]) -> np.ndarray:
    """The scores (images, findings) of a row of a store of answers."""
    findings = len(TASKS[row["task"]])
    return store.arrays["scores"][row["offset"] : row["offset"] + row["images"] * findings].reshape(-1, findings)


def read_lists(path: str | Path) -> pd.DataFrame:
    """The official few-shot lists, a row an image: task, shots, kind, experiment, image, times.

    Raises:
        InputError: the table is damaged.
    """
    return read_table(path, LISTS)
