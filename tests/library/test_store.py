"""The store: reading gives what was written, and a failure keeps the old store."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reprise.data.store import Rows, open_store, write_store
from reprise.step.errors import InputError

CASES = pd.DataFrame({"case": ["NA", "1e5"], "patient": ["1", "02"], "offset": [0, 2], "frames": [2, 3]})
FRAMES = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4)


def pieces() -> Iterator[np.ndarray]:
    yield FRAMES[:2]
    yield FRAMES[2:, :, :]


def test_arrays_and_names_come_back(tmp_path: Path) -> None:
    masks = np.asfortranarray(FRAMES[:, :, ::-1])
    write_store(tmp_path / "store", CASES, {"frames": Rows(FRAMES.shape, FRAMES.dtype, pieces()), "masks": masks})
    store = open_store(tmp_path / "store")
    pd.testing.assert_frame_equal(store.cases, CASES)
    np.testing.assert_array_equal(store.arrays["frames"], FRAMES)
    np.testing.assert_array_equal(store.arrays["masks"], masks)
    assert not store.arrays["frames"].flags.writeable


@pytest.mark.parametrize(
    "rows",
    [
        Rows((6, 4, 4), np.dtype(np.uint8), [FRAMES]),
        Rows((5, 4, 5), np.dtype(np.uint8), [FRAMES]),
        Rows((5, 4, 4), np.dtype(np.int8), [FRAMES]),
    ],
)
def test_pieces_that_do_not_fit_leave_the_old_store(tmp_path: Path, rows: Rows) -> None:
    write_store(tmp_path / "store", CASES, {"frames": FRAMES})
    with pytest.raises(ValueError, match="frames: "):
        write_store(tmp_path / "store", CASES, {"frames": rows})
    np.testing.assert_array_equal(open_store(tmp_path / "store").arrays["frames"], FRAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_an_error_in_a_piece_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield FRAMES[:2]
        raise InputError("a broken video")

    with pytest.raises(InputError, match="a broken video"):
        write_store(tmp_path / "store", CASES, {"frames": Rows(FRAMES.shape, FRAMES.dtype, failing())})
    assert list(tmp_path.iterdir()) == []


def test_a_case_appears_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        write_store(tmp_path / "store", CASES.assign(case="a"), {"frames": FRAMES})


@pytest.mark.parametrize(
    "damage",
    ["missing", "no cases", "row lost", "no digests", "other digests", "no arrays", "one lost", "cut", "text", "empty"],
)
def test_a_damaged_store_is_refused(tmp_path: Path, damage: str) -> None:
    store = tmp_path / "store"
    if damage != "missing":
        write_store(store, CASES, {"frames": FRAMES, "masks": FRAMES})
    if damage == "no cases":
        (store / "cases.csv").unlink()
    if damage == "row lost":
        (store / "cases.csv").write_text("".join((store / "cases.csv").read_text().splitlines(True)[:-1]))
    if damage == "no digests":
        (store / "sha256.json").unlink()
    if damage == "other digests":
        (store / "sha256.json").write_text("[1]")
    for name in {"no arrays": ["frames", "masks"], "one lost": ["masks"]}.get(damage, []):
        (store / f"{name}.npy").unlink()
    if damage == "cut":
        (store / "frames.npy").write_bytes((store / "frames.npy").read_bytes()[:-1])
    if damage == "text":
        (store / "frames.npy").write_text("no array")
    if damage == "empty":
        (store / "frames.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"store: .* delete it and run again$"):
        open_store(store)


@pytest.mark.parametrize(
    ("name", "array"),
    [("objects.npy", np.array([{}])), ("words.npy", np.array(["a"])), ("../store/frames.npy", FRAMES)]
    + [("pipe.npy", None), ("archive.npy", "archive"), ("endless.npy", b"\x93NUMPY\1\0" + b"\xff\xff" + b"(" * 65535)],
)
def test_a_store_that_somebody_made_is_refused_in_one_line(tmp_path: Path, name: str, array: Any) -> None:
    store = tmp_path / "store"
    write_store(store, CASES, {"frames": FRAMES})
    digests = json.loads((store / "sha256.json").read_text())
    (store / "sha256.json").write_text(json.dumps(digests | {name: "0"}))
    if isinstance(array, bytes):
        (store / name).write_bytes(array)
    elif array is None:
        os.mkfifo(store / name)
    elif isinstance(array, str):
        with (store / name).open("wb") as stream:
            np.savez(stream, a=FRAMES)
    else:
        np.save(store / name, array, allow_pickle=True)
    with pytest.raises(InputError, match=r"store: not a readable store.*; delete it and run again$"):
        open_store(store)


def test_where_a_file_is_no_folder_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: expected a folder to write to"):
        write_store(tmp_path / "file" / "store", CASES, {"frames": FRAMES})
