"""The results of the study's runs, read back for scoring; network, protocol and fold are taken from their paths."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from mslesion.analysis.protocols import PROTOCOLS
from reprise.step.errors import InputError
from reprise.step.tables import read_table

FOLDS = ["network", "protocol", "fold"]
COUNTS = ("tp", "fp", "fn", "tn")
SLICES = ("all", "lesion_slices")
VOLUMES = {
    **{"case": str, "patient": str, "timepoint": int, "fold": int, "rater": int},
    **dict.fromkeys(("accuracy", "dice", "ppv", "sensitivity", "specificity"), float),
    **dict.fromkeys(("volume_difference", "ltpr", "lfpr"), float),
    **dict.fromkeys(("load_ml", "true_load_ml", "lesions", "true_lesions"), float),
    **{f"{count}_{slices}": int for slices in SLICES for count in COUNTS},
}
HISTORY = {"epoch": int} | dict.fromkeys(
    [f"val_{name}" for name in ("loss", "accuracy", "dice", "sensitivity", "specificity", "error", "volume_error")],
    float,
)
PLACE = re.compile(
    rf"(?:^|/)(?P<run>(?P<network>[^/]+)-seed\d+)/(?P<protocol>{'|'.join(PROTOCOLS)})(?:/fold(?P<fold>\d+))?/[^/]+$"
)


class Place(NamedTuple):
    """What a result's path says it is of; `fold` is 0 if it is of all folds."""

    run: str
    network: str
    protocol: str
    fold: int


def place_of(path: Path) -> Place:
    """Read RUN/PROTOCOL/foldN/NAME or RUN/PROTOCOL/NAME.

    Raises:
        InputError: it is another path.
    """
    found = PLACE.search(path.as_posix())
    if not found:
        raise InputError(f"{path}: not where a run's results are; expected RUN-seedN/PROTOCOL/[foldN/]{path.name}")
    return Place(found["run"], found["network"], found["protocol"], int(found["fold"] or 0))


class Results(NamedTuple):
    """Two long tables, each beginning with the columns network, protocol and fold.

    Of a network that was trained with several seeds, the first run goes by the network's name, others by their own.
    """

    volumes: pd.DataFrame  # a row a scan and rater
    history: pd.DataFrame  # a row an epoch


def read_results(volumes: Sequence[Path], history: Sequence[Path], cases: pd.DataFrame) -> Results:
    """All results of some runs on the store's cases.

    Raises:
        InputError: one is damaged or is not in a run's folder, or a run has not measured each of the store's
            scans once.
    """
    results = Results(_stacked(volumes, VOLUMES), _stacked(history, HISTORY))
    lost = results.history[results.history[["val_error", "val_volume_error"]].isna().any(axis=1)]
    for row in lost.head(1).itertuples():
        raise InputError(f"history of {row.network}, {row.protocol}, fold {row.fold}: no error at epoch {row.epoch}")
    unpaired = set.symmetric_difference(*(set(table[FOLDS].itertuples(index=False, name=None)) for table in results))
    for network, protocol, fold in sorted(unpaired)[:1]:
        raise InputError(f"{network}, {protocol}, fold {fold}: expected both a history and volumes, found one")
    scans = list(cases["case"])
    for key, rows in results.volumes.groupby(["network", "protocol", "rater"], sort=False):
        _each_once(key, rows["case"], scans)
    return results


def _stacked(paths: Sequence[Path], types: Mapping[str, type]) -> pd.DataFrame:
    """Tables of one kind, one below the other, with what their paths say of them."""
    tables = []
    first: dict[str, str] = {}
    for path in paths:
        place = place_of(path)
        name = place.network if first.setdefault(place.network, place.run) == place.run else place.run
        table = read_table(path, types)
        if table.empty:
            raise InputError(f"{path}: no rows")
        fold = table.pop("fold") if "fold" in types else place.fold
        places = dict(zip(FOLDS, (name, place.protocol, fold), strict=True))
        tables.append(pd.DataFrame(places, index=table.index).join(table))
    return (
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(dict.fromkeys([*FOLDS, *types])))
    )


def _each_once(key: tuple[Any, ...], found: pd.Series, scans: Sequence[str]) -> None:
    """Refuse measures of other scans than the store's, of one twice, or of too few of them."""
    problems = {
        "not in the store": sorted(set(found) - set(scans)),
        "measured twice": sorted(set(found[found.duplicated()])),
        "not measured": [case for case in scans if case not in set(found)],
    }
    for what, names in problems.items():
        if names:
            network, protocol, rater = key
            raise InputError(f"volumes of {network}, {protocol}, rater {rater}: {what}: {', '.join(names)}")
