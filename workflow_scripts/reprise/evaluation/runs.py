"""The results of training runs: the path of a result says which run it belongs to."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from reprise.step.errors import InputError
from reprise.step.tables import read_table

RESULT = re.compile(
    r"(?:^|/)(?:(?P<task>[^/]+)/)?(?P<run>(?P<network>[^/]+)-seed\d+)"
    r"(?:/(?P<protocol>published|sound|by_[a-z]+))?(?:/fold(?P<fold>\d+))?/[^/]+$"
)


class Run(NamedTuple):
    """What the path of a result says; a part that it does not name is empty, or 0 for the fold."""

    task: str
    run: str
    network: str
    protocol: str
    fold: int


def run_of(path: Path, *parts: str) -> Run:
    """Read a path of the form [TASK/]NETWORK-seedN[/PROTOCOL][/foldN]/NAME.

    Args:
        path: of a result.
        parts: the optional parts that the path must name, such as "protocol".

    Raises:
        InputError: the path has another form, or does not name one of the parts.
    """
    found = RESULT.search(path.as_posix())
    named = {part: text or "" for part, text in found.groupdict().items()} if found else {}
    if not found or not all(named[part] for part in parts):
        form = "/".join(["RUN-seedN", *(part.upper() for part in parts if part in ("protocol", "fold")), path.name])
        raise InputError(f"{path}: not where a run's results are; expected {form}")
    return Run(named["task"], named["run"], named["network"], named["protocol"], int(named["fold"] or 0))


def read_runs(
    paths: Sequence[Path],
    types: Mapping[str, type],
    parts: Sequence[str] = (),
    read: Callable[[Path, Mapping[str, type]], pd.DataFrame] = read_table,
) -> pd.DataFrame:
    """Results of one kind in one table: columns `network` and `parts` from the paths, the others from the files.

    If a network was trained with several seeds, its first run has the network's name, the others have their own.

    Args:
        paths: the files, in the order of the table.
        types: the files' columns.
        parts: the parts of a `Run` that become columns; each path must name them.
        read: what reads one file.

    Raises:
        InputError: a file is damaged, or its path does not say which run it belongs to.
    """
    first: dict[str, str] = {}
    tables = [pd.DataFrame(columns=["network", *parts, *types])] if not paths else []
    for path in paths:
        run = run_of(path, *parts)
        is_first = first.setdefault(run.network, run.run) == run.run
        table = read(path, types)
        named = {part: run._asdict()[part] for part in parts}
        labels = {"network": run.network if is_first else run.run} | named
        tables.append(pd.DataFrame(labels, index=table.index).join(table))
    return pd.concat(tables, ignore_index=True)


def first_runs(paths: Iterable[Path]) -> dict[str, Path]:
    """By network, the result of its run with the lowest seed.

    Raises:
        InputError: a path does not say which run it belongs to.
    """
    first: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: (int(run_of(path).run.rpartition("-seed")[2]), path)):
        first.setdefault(run_of(path).network, path)
    return first


def run_label(run: str, protocol: str = "") -> str:
    """The name of a run, and of a protocol if one is given, as a reader sees it: `unet_2d, seed 0 (sound)`."""
    return run.replace("-seed", ", seed ") + (f" ({protocol})" if protocol else "")
