"""Checked images to the store: squares of one size, decoded once.

cases.csv has one row per image, in order of task, official set and line of the CSV:
    case (such as chest-00001), task (chest | colon | endo), image (name of its file);
    group: what must stay in one split, an image of chest, a slide of colon, a study of endoscopy, joined with others
        that hold the same image; study: the same by the name of the file alone;
    official (train | val), labelled (0 | 1), labels (a digit a finding, in the order of
        `medfm.analysis.protocols.TASKS`; empty without labels);
    row: `array[row]` of the task's array is the image; height, width: of its file, in pixels;
    phash (16 hexadecimal digits), twin (number of the images that are one, from 1 on, in each task; empty if alone);
    part (train_20 | val_20 | test_WithLabel | test_WithoutLabel | none): the official list that holds it;
    sha256 (of its file).

Arrays, uint8, of S pixels a side: chest (N, S, S, 1), colon (N, S, S, 3), endo (N, S, S, 3).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS
from medfm.data.pictures import read_picture, squared
from reprise.data.store import Rows, write_store
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import refuse_changed
from reprise.step.tables import read_text_table

FILES = dict.fromkeys(("path", "sha256", "case"), str)  # the columns of a manifest that are used here
TEXTS = ("case", "task", "image", "group", "study", "official", "labels", "phash", "twin", "part", "sha256")
NUMBERS = ("labelled", "row", "height", "width")
CHANNELS = {"chest": 1, "colon": 3, "endo": 3}
READERS, TOGETHER = 4, 64  # threads, and images that are in memory at once


def read_cases(path: str | Path) -> pd.DataFrame:
    """The table of cases of a check or a store, with labels and names as text.

    Raises:
        InputError: it is damaged.
    """
    table = read_text_table(path)
    if absent := [name for name in (*TEXTS, *NUMBERS) if name not in table]:
        raise InputError(f"{path}: expected the columns {', '.join((*TEXTS, *NUMBERS))}; {', '.join(absent)} missing")
    cases = table[list(TEXTS)].fillna("").astype(object)
    for name in NUMBERS:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().to_numpy().argmax())
            raise InputError(
                f"{path}: line {row + 2}: {name}: expected a whole number, found {table[name].iloc[row]!r}"
            )
        cases[name] = numbers.astype(int)
    return cases[[name for name in table.columns if name in cases]]


def read_checked(manifest: str | Path, cases: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the cases that the check has written, as `convert_dataset` takes them.

    Raises:
        InputError: one of them is damaged, or they do not list the same images.
    """
    files, images = read_text_table(manifest), read_cases(cases)
    if absent := [name for name in FILES if name not in files]:
        raise InputError(f"{manifest}: expected the columns {', '.join(FILES)}; {', '.join(absent)} missing")
    if list(files["case"]) != list(images["case"]):
        raise InputError(f"{cases}: expected the images of {manifest}, in this order")
    return files, images


def convert_dataset(
    root: str | Path, manifest: pd.DataFrame, cases: pd.DataFrame, folder: str | Path, size: int
) -> None:
    """Write the store of a checked data set to `folder`, or nothing.

    Args:
        root: the raw folder.
        manifest: path, sha256 and case of each image.
        cases: see the module.
        folder: of the store.
        size: side of the squares, in pixels.

    Raises:
        InputError: a file has changed since the check, or the disk is full.
    """
    files = manifest.set_index("case").loc[cases["case"]]
    arrays: dict[str, np.ndarray | Rows] = {}
    for task in TASKS:
        rows = files[(cases["task"] == task).to_numpy()]
        shape = (len(rows), size, size, CHANNELS[task])
        arrays[task] = Rows(shape, np.dtype(np.uint8), _squares(Path(root), task, rows, size))
    write_store(folder, cases, arrays)


def _squares(root: Path, task: str, files: pd.DataFrame, size: int) -> Iterator[np.ndarray]:
    """The squares (n, S, S, C) of a few images after the other."""

    def square(name: str, sha256: str) -> np.ndarray:
        refuse_changed(root / name, sha256)
        return squared(read_picture(root / name).pixels, size, CHANNELS[task])

    with ThreadPoolExecutor(READERS) as pool:
        for start in progress(range(0, len(files), TOGETHER), f"pieces converted ({task})"):
            piece = files.iloc[start : start + TOGETHER]
            yield np.stack(list(pool.map(square, piece["path"], piece["sha256"])))
