"""The store: reading gives what was written, and a failure keeps the old store."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reprise.data.store import Rows, open_store, write_store
from reprise.step.errors import InputError

CASES = pd.DataFrame({"case": ["007", "1e5"], "patient": ["1", "02"], "offset": [0, 2], "frames": [2, 3]})
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


def test_where_a_file_is_no_folder_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: expected a folder to write to"):
        write_store(tmp_path / "file" / "store", CASES, {"frames": FRAMES})
