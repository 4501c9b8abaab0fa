"""Rows of the study's tables from few-shot trainings: their mean and spread over experiments and seeds."""

from collections.abc import Iterator, Sequence

import pandas as pd

from medfm.analysis.few_shot import FROZEN
from medfm.analysis.measures import LEVEL, MEANS, measured, plain_means
from medfm.analysis.results import Answer
from reprise.evaluation.estimates import Row, Sampling, metric, without_interval

RUN = ["protocol", "network", "method", "task", "shots", "experiment", "seed", "epoch"]
KEY = RUN[:5]
SPREAD = [*KEY, "measure", "mean", "sd", "lowest", "highest", "runs"]


def answer_table(answers: Sequence[Answer]) -> pd.DataFrame:
    """One row per few-shot training: `RUN` and `MEANS`, by the convention of its protocol.

    Methods on frozen features draw nothing at random, so other seeds than the first only repeat them, and do not count.
    """
    first = min((answer.seed for answer in answers), default=0)
    rows = [
        {name: getattr(answer, name) for name in RUN} | plain_means(answer.scored, answer.protocol == "published")
        for answer in answers
        if answer.method not in FROZEN or answer.seed == first
    ]
    return pd.DataFrame(rows, columns=[*RUN, *MEANS])


def spread_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean, standard deviation (of a sample), lowest and highest over experiments and seeds, a row for each measure.

    Args:
        runs: by `answer_table`.
    """
    rows = []
    for key, own in runs.groupby(KEY, sort=False):
        for name in MEANS:
            values = own[name].dropna()
            spread = {"mean": values.mean(), "sd": values.std(), "lowest": values.min(), "highest": values.max()}
            rows.append(dict(zip(KEY, key, strict=True)) | {"measure": name} | spread | {"runs": len(values)})
    return pd.DataFrame(rows, columns=SPREAD)


def few_shot_rows(answers: Sequence[Answer], spread: pd.DataFrame, sampling: Sampling) -> Iterator[Row]:
    """The sound protocol's means over experiments and seeds, and the published protocol's single experiment.

    Only the published ones have intervals here, over groups of the images scored; the spread of the others is in the
    table of `spread_table`.
    """
    for row in spread[(spread["protocol"] == "sound") & (spread["runs"] > 0)].to_dict("records"):
        quantity = f"{row['network']}/{row['method']}/{row['task']}/{row['shots']}-shot/{row['measure']}"
        yield metric("sound", quantity, "1", without_interval(row["mean"], row["runs"]), LEVEL)
    published = [answer for answer in answers if answer.protocol == "published"]
    first = min((answer.seed for answer in published), default=0)
    for answer in published:
        if answer.seed != first:
            continue
        prefix = f"{answer.network}/challenge/{answer.task}/{answer.shots}-shot"
        for name, estimate in measured(answer.scored, sampling, published=True).means.items():
            if estimate.value == estimate.value:
                yield metric("published", f"{prefix}/{name}", "1", estimate, LEVEL)
