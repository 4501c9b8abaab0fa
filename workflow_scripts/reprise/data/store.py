"""The decoded form of a data set: a table of cases beside flat, memory-mapped arrays.

A store is a folder with `cases.csv` (one row per case; `case` is unique) and one `.npy` file per array.
Each study chooses what the first axis of an array counts (frames, slices, traced images); columns of the cases, such
as `offset` and `frames`, point into it. `sha256.json` has the SHA-256 of each file.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from reprise.step.errors import InputError
from reprise.step.files import outputs

CASES, DIGESTS = "cases.csv", "sha256.json"


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
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder}: not a readable store ({error}); delete it and run again") from error


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
    try:
        table = (folder / CASES).read_bytes()
        if hashlib.sha256(table).hexdigest() != digests.pop(CASES, ""):
            raise ValueError(f"{CASES} is not as it was written")
        cases = pd.read_csv(io.BytesIO(table), dtype={"case": str, "patient": str})
        arrays = {Path(name).stem: np.load(folder / name, mmap_mode="r") for name in sorted(digests)}
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{folder}: not a readable store ({error}); delete it and run again") from error
    if not arrays:
        raise InputError(f"{folder}: a store needs at least one .npy file")
    return Store(cases, arrays)


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
