"""The decoded form of a data set: a table of cases beside flat, memory-mapped arrays.

A store is a folder with `cases.csv` (one row per case; `case` is unique) and one `.npy` file per array.
Each study chooses what the first axis of an array counts (frames, slices, traced images); columns of the cases, such
as `offset` and `frames`, point into it. `sha256.json` has the SHA-256 of each file.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs, regular_size
from reprise.step.tables import ONLY_EMPTY_IS_MISSING, refuse_oversized

CASES, DIGESTS = "cases.csv", "sha256.json"
FILE = re.compile(r"cases\.csv|\w+\.npy", re.ASCII)
LARGEST_DIGESTS = 2**16  # bytes
TEXTS = dict.fromkeys(("case", "patient", "group", "labels", "twin"), str)  # columns of text that may look like numbers
UNREADABLE = ("not a readable store", "; delete it and run again")


class Store(NamedTuple):
    """An open store: its cases and its read-only arrays by name."""

    cases: pd.DataFrame
    arrays: dict[str, np.ndarray]


def store_identity(folder: str | Path) -> dict[str, str]:
    """The SHA-256 of each file of a store at the time when it was written.

    Raises:
        InputError: the folder is no store.
    """
    path = Path(folder) / DIGESTS
    with reading(folder, *UNREADABLE):
        if regular_size(path) > LARGEST_DIGESTS:
            raise ValueError("a list of more files than a store has")
        digests = dict(json.loads(path.read_text()))
        if not all(FILE.fullmatch(name) and isinstance(digest, str) for name, digest in digests.items()):
            raise ValueError("names of files that no store has")
        return digests


class Rows(NamedTuple):
    """An array to be written piece by piece: its whole shape, its type, and pieces along the first axis."""

    shape: tuple[int, ...]
    dtype: np.dtype
    pieces: Iterable[np.ndarray]


def write_store(folder: str | Path, cases: pd.DataFrame, arrays: Mapping[str, np.ndarray | Rows]) -> None:
    """Write a whole store to `folder`, or nothing.

    Pieces are written one after the other, not through a memory map: so a full disk is an error, not a signal.

    Raises:
        InputError: the disk is full.
        ValueError: pieces do not add up to the promised shape, or a case appears twice.
    """
    if cases["case"].duplicated().any():
        raise ValueError("a case appears twice in a store")
    with outputs(folder) as (partial,):
        partial.mkdir()
        table = cases.to_csv(index=False).encode()
        (partial / CASES).write_bytes(table)
        digests = {CASES: hashlib.sha256(table).hexdigest()}
        for name, array in arrays.items():
            rows = array if isinstance(array, Rows) else _as_rows(array)
            digests[f"{name}.npy"] = _write_rows(partial / f"{name}.npy", rows)
        (partial / DIGESTS).write_text(json.dumps(digests, indent=1))


def open_store(folder: str | Path) -> Store:
    """Open a store for reading; arrays stay on disk until they are indexed.

    Raises:
        InputError: the folder is no store, its table has changed, or an array is missing or cut.
    """
    folder = Path(folder)
    digests = store_identity(folder)
    with reading(folder, *UNREADABLE):
        regular_size(folder / CASES)
        refuse_oversized(folder / CASES)
        if file_sha256(folder / CASES) != digests.pop(CASES, ""):
            raise InputError(f"{folder}: not a readable store ({CASES} is not as it was written){UNREADABLE[1]}")
        cases = pd.read_csv(folder / CASES, dtype=TEXTS, **ONLY_EMPTY_IS_MISSING)
        if "case" not in cases or cases["case"].isna().any() or cases["case"].duplicated().any():
            raise ValueError("cases without a name of their own")
        arrays = {Path(name).stem: _array(folder / name) for name in sorted(digests)}
    if not arrays:
        raise InputError(f"{folder}: a store needs at least one .npy file")
    return Store(cases, arrays)


def slices_of(array: np.ndarray, case: Mapping[Any, Any] | pd.Series) -> np.ndarray:
    """The slices (N, H, W) of one case in a flat array: `case` has their offset in it, and slices, height and width."""
    shape = tuple(int(case[name]) for name in ("slices", "height", "width"))
    offset = int(case["offset"])
    return array[offset : offset + shape[0] * shape[1] * shape[2]].reshape(shape)


def _array(path: Path) -> np.ndarray:
    """An array of numbers, which stays on the disk."""
    regular_size(path)
    array = np.lib.format.open_memmap(path, mode="r")
    if array.dtype.kind not in "biuf":
        raise ValueError("an array of other things than numbers")
    return array


def _as_rows(array: np.ndarray) -> Rows:
    return Rows(array.shape, array.dtype, [array])


def _write_rows(path: Path, rows: Rows) -> str:
    """Write an array file; its SHA-256."""
    header = io.BytesIO()
    descr = {"descr": np.lib.format.dtype_to_descr(rows.dtype), "fortran_order": False, "shape": rows.shape}
    np.lib.format.write_array_header_1_0(header, descr)
    written = 0
    with path.open("wb") as stream:
        digest = hashlib.sha256(header.getvalue())
        stream.write(header.getvalue())
        for piece in rows.pieces:
            if piece.shape[1:] != rows.shape[1:] or piece.dtype != rows.dtype:
                raise ValueError(
                    f"{path.stem}: piece {piece.shape} {piece.dtype} does not fit {rows.shape} {rows.dtype}"
                )
            content = np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data
            stream.write(content)
            digest.update(content)
            written += len(piece)
    if written != rows.shape[0]:
        raise ValueError(f"{path.stem}: {written} rows written, {rows.shape[0]} promised")
    return digest.hexdigest()
