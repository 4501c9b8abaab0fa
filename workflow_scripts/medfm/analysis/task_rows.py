"""Rows of the study's tables from trainings on all images: measures, each finding, calibration, counts of the data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from medfm.analysis.measures import LEVEL, Measured, calibration_errors, classwise_error, measured
from medfm.analysis.protocols import PUBLISHED, TASKS, of_task, truth_of
from medfm.analysis.results import Result, Scored
from reprise.evaluation.estimates import Estimate, Row, Sampling, metric, without_interval
from reprise.evaluation.reliability import reliability

FINDING = ["network", "protocol", "task", "finding", "images", "positives"]
# What the write-up gives of each task, after which epochs, and its column in the history of the test set.
GIVEN = {"chest": "map", "colon": "image_accuracy", "endo": "map"}
REPORTED = (1, 5, 10, 15, 20, 25, 30)
HISTORY_COLUMNS = {"map": "test_map", "image_accuracy": "test_accuracy"}
BINS = ["network", "task", "bin", "confidence", "accuracy", "share"]


class Task(NamedTuple):
    """What a run says of the test set of one task by one protocol, and its measures by that protocol's convention."""

    network: str
    protocol: str
    task: str
    scored: Scored
    measured: Measured


def measure_tasks(results: Sequence[Result], sampling: Sampling) -> list[Task]:
    """The results with their measures, by the convention of their protocol."""
    return [Task(*result, measured(result.scored, sampling, result.protocol in PUBLISHED)) for result in results]


def prefix_of(network: str, protocol: str, task: str) -> str:
    """The beginning of quantities: `densenet121/writeup/chest`, or by the sound protocol `densenet121/chest`."""
    return "/".join([network, *([PUBLISHED[protocol]] if protocol in PUBLISHED else []), task])


def task_rows(results: Sequence[Task]) -> Iterator[Row]:
    """Measures of each run, protocol and task; of each finding by the sound protocol only. Undefined ones are left out.

    Args:
        results: by `measure_tasks`.
    """
    for row in results:
        prefix, protocol = prefix_of(row.network, row.protocol, row.task), _column_of(row.protocol)
        means = row.measured.means | ({} if protocol == "published" else {"ece": classwise_error(row.scored)})
        yield from _known(protocol, prefix, means)
        if protocol == "sound":
            for finding, estimates in zip(TASKS[row.task], row.measured.findings, strict=True):
                yield from _known(protocol, f"{prefix}/{finding}", estimates)


def epoch_rows(histories: pd.DataFrame) -> Iterator[Row]:
    """The measure that the write-up gives of the test set, after each epoch of `REPORTED` that was trained.

    Args:
        histories: by `read_histories`.
    """
    for row in histories[histories["epoch"].isin(REPORTED)].to_dict("records"):
        measure = GIVEN[row["task"]]
        prefix = prefix_of(row["network"], row["protocol"], row["task"])
        value = without_interval(row[HISTORY_COLUMNS[measure]], 1)
        yield metric("published", f"{prefix}/{measure}_epoch{row['epoch']}", "1", value, LEVEL)


def data_rows(cases: pd.DataFrame) -> Iterator[Row]:
    """How many images with labels each task and finding has; for published figures, and the same for ours."""
    for protocol in ("published", "sound"):
        for task in TASKS:
            images = of_task(cases, task)
            for quantity, count in data_counts(images[images["labelled"] == 1], task).items():
                unit = "findings" if quantity == "most_labels" else "slides" if "slides" in quantity else "images"
                yield metric(protocol, f"data/{task}/{quantity}", unit, without_interval(count, count), LEVEL)


def data_counts(images: pd.DataFrame, task: str) -> dict[str, int]:
    """Counts of images of one task, all with labels: all, of each finding, and by labels."""
    truth = truth_of(images)
    counts = {"images": len(truth)}
    counts |= {f"images_{name}": int(count) for name, count in zip(TASKS[task], truth.sum(axis=0), strict=True)}
    labels = truth.sum(axis=1)
    counts |= {"images_without": int((labels == 0).sum())}
    if task == "colon":
        slides = {"slides_tumor": truth[:, 0] == 1, "slides_without": truth[:, 0] == 0}
        return counts | {name: int(images.loc[chosen, "study"].nunique()) for name, chosen in slides.items()}
    return counts | {
        "images_with_all": int((labels == truth.shape[1]).sum()),
        "most_labels": int(labels.max(initial=0)),
    }


def finding_table(results: Sequence[Task]) -> pd.DataFrame:
    """One row per run, protocol, task and finding: images and positive ones, AP and AUC with intervals, ECE.

    A finding without a positive image has no values: it is not in the means of the sound protocol.
    """
    rows = []
    for row in results:
        errors = calibration_errors(row.scored)
        for place, finding in enumerate(TASKS[row.task]):
            named = {"network": row.network, "protocol": row.protocol, "task": row.task, "finding": finding}
            counts = {"images": len(row.scored.truth), "positives": int(row.scored.truth[:, place].sum())}
            rows.append(named | counts | _bounds(row.measured, place) | {"ece": errors[place]})
    bounds = [f"{name}{end}" for name in ("ap", "auc") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*FINDING, *bounds, "ece"])


def calibration_table(results: Sequence[Task]) -> pd.DataFrame:
    """Reliability of all probabilities of a task, by run of the sound protocol: `BINS`, see `reliability`."""
    rows = [
        {"network": row.network, "task": row.task} | line
        for row in results
        if row.protocol == "sound"
        for line in reliability(row.scored.scores.ravel(), row.scored.truth.ravel() > 0).to_dict("records")
    ]
    return pd.DataFrame(rows, columns=BINS)


def _bounds(found: Measured, place: int) -> dict[str, float]:
    return {
        f"{name}{end}": value
        for name, estimate in found.findings[place].items()
        for end, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
    }


def _known(protocol: str, prefix: str, estimates: Mapping[str, Estimate]) -> Iterator[Row]:
    for name, estimate in estimates.items():
        if estimate.value == estimate.value:
            yield metric(protocol, f"{prefix}/{name}", "1", estimate, LEVEL)


def _column_of(protocol: str) -> str:
    return "published" if protocol in PUBLISHED else "sound"
