"""The results of the study's runs, read back for scoring."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from iseg.analysis.protocols import CLASSES
from iseg.analysis.soft_dice import TERMS
from iseg.analysis.volume_scores import Rule, read_volume_scores
from reprise.data.store import Store
from reprise.evaluation.runs import read_runs
from reprise.step.errors import InputError
from reprise.step.tables import read_table

RUN = ["network", "protocol"]
ACTIVATIONS = ("sigmoid", "softmax", "argmax")
UNITS = ("volume", "crop")
KEY = ["fold", "of", "unit", "number", "activation", "class"]
SUMS = (
    {"fold": int, "of": str, "unit": str, "number": int, "batch": int, "activation": str, "class": str}
    | dict.fromkeys(TERMS, float)
)  # fmt: skip
HISTORY = {"epoch": int, "val_loss": float} | dict.fromkeys([f"val_dice_{name}" for name in CLASSES], float)


class Results(NamedTuple):
    """Three tables with the columns network and protocol, see `read_runs`."""

    volumes: pd.DataFrame  # one row per predicted volume, see `read_volume_scores`
    sums: pd.DataFrame  # one row per volume or crop, activation and class
    history: pd.DataFrame  # one row per epoch


def read_results(
    predictions: Sequence[Path], sums: Sequence[Path], history: Sequence[Path], store: Store, rule: Rule
) -> Results:
    """All results of some runs on the subjects of the store.

    Raises:
        InputError: a file is damaged or lies in no run's folder; a subject is predicted twice; or sums and predictions
            are not of the same subjects.
    """
    results = Results(
        read_runs(predictions, {}, ["protocol"], lambda path, _: read_volume_scores(path, store, rule)),
        read_runs(sums, SUMS, ["protocol"], _read_sums),
        read_runs(history, HISTORY, ["protocol"]),
    )
    whole = results.sums[results.sums["unit"] == "volume"].drop_duplicates([*RUN, "fold", "of"])
    predicted, summed = (
        {key: sorted(own["of"]) for key, own in table.groupby(RUN, sort=False)} for table in (results.volumes, whole)
    )
    for key in predicted | summed:
        subjects = [of.get(key, []) for of in (predicted, summed)]
        if subjects[0] != subjects[1] or len(set(subjects[0])) < len(subjects[0]):
            raise InputError(
                f"{', '.join(map(str, key))}: expected predictions and sums of the same subjects, each once; found "
                f"predictions of {', '.join(subjects[0])} and sums of {', '.join(subjects[1])}"
            )
    return results


def _read_sums(path: Path, types: Mapping[str, type]) -> pd.DataFrame:
    """A table of sums.

    Raises:
        InputError: the table is damaged, or a volume or crop has not one row for each activation and class.
    """
    table = read_table(path, types)
    for column, known in (("unit", UNITS), ("activation", ACTIVATIONS), ("class", CLASSES)):
        if not (fits := table[column].isin(known)).all():
            line = int((~fits).to_numpy().argmax()) + 2
            raise InputError(f"{path}: line {line}: {column}: expected one of {', '.join(known)}")
    counts = table.drop_duplicates(KEY).groupby(KEY[:4], sort=False).size()
    expected = len(ACTIVATIONS) * len(CLASSES)
    if table.duplicated(KEY).any() or (counts != expected).any() or table[TERMS].isna().any(axis=None):
        raise InputError(f"{path}: expected numbers for each of {expected} activations and classes of a crop, once")
    return table
