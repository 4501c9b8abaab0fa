"""Checked cine MRI to the store: stacks of slices as they are viewed, and the headers to write labels back.

cases.csv has one row per patient and phase, in the order of patients, ED before ES:
    case (such as patient001-ED), patient, phase (ED | ES), frame (its number in the cine, from 1 on), official
        (training | testing), group (NOR, MINF, DCM, HCM, RV, or nothing);
    offset, slices, height, width: `array[offset : offset + slices * height * width]` of a flat array is the frame as
        (slices, height, width), see `slices_of`; first_slice: the number of slices of the frames before it;
    slice_mm, row_mm, column_mm: spacing along the three axes; orientation (of the file's axes);
    sha256 (of the frame's voxels, see `voxels_sha256`), dtype (smallest type that holds the frame and the cine);
    rv_voxels, myo_voxels, lv_voxels: of each label;
    cine_offset, cine_frames: where the patient's cine begins and how many frames it has (0: there is none), see
        `cine_of`. Both rows of a patient have the same.

Arrays: image (V,) uint8, int16 or float32, the smallest that holds all frames; labels (V,) uint8, 0 to 3; cine (W,) as
image, frame after frame; headers (cases, 540) uint8, the header of each frame, filled up with zeros.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from acdc.analysis.protocols import STRUCTURES
from acdc.data.cine import cine_slices, read_cine
from acdc.data.short_axis import from_slices, header_orientation, to_slices
from reprise.data.exact_types import common_type
from reprise.data.nifti import HEADER_SIZE, read_volume, write_mask
from reprise.data.store import Rows, slices_of, write_store
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import refuse_changed
from reprise.step.tables import read_table, read_text_table

FILES = dict.fromkeys(("path", "sha256", "case", "content"), str)  # the columns of a manifest that are used here
CASES = (
    dict.fromkeys(("case", "patient", "phase"), str)
    | {"frame": int, "official": str}
    | dict.fromkeys(("offset", "first_slice", "slices", "height", "width"), int)
    | dict.fromkeys(("slice_mm", "row_mm", "column_mm"), float)
    | dict.fromkeys(("orientation", "sha256", "dtype"), str)
    | {f"{name}_voxels": int for name in STRUCTURES}
    | dict.fromkeys(("cine_offset", "cine_frames"), int)
)


def read_checked(manifest: str | Path, cases: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the cases that the check has written, as `convert_dataset` takes them.

    Raises:
        InputError: one of them is damaged, or they do not list the same frames and cines.
    """
    files, frames = read_table(manifest, FILES), read_table(cases, CASES)
    groups = read_text_table(cases)
    if "group" not in groups:
        raise InputError(f"{cases}: expected a column group")
    frames.insert(5, "group", groups["group"])
    wanted = {content: list(frames["case"]) for content in ("image", "labels")}
    wanted["cine"] = list(frames.loc[frames["cine_frames"] > 0, "patient"].drop_duplicates())
    for content, names in wanted.items():
        if list(files.loc[files["content"] == content, "case"]) != names:
            raise InputError(f"{cases}: expected the frames and cines of {manifest}, in this order ({content})")
    return files, frames


def convert_dataset(root: str | Path, manifest: pd.DataFrame, cases: pd.DataFrame, folder: str | Path) -> None:
    """Write the store of a checked data set to `folder`, or nothing.

    Raises:
        InputError: a file has changed since the check, or the disk is full.
    """
    root, dtype, byte = Path(root), common_type(cases["dtype"]), np.dtype(np.uint8)
    voxels = cases["slices"] * cases["height"] * cases["width"]
    total, in_cines = int(voxels.sum()), int((voxels * cases["cine_frames"])[cases["phase"] == "ED"].sum())
    headers = np.zeros((len(cases), HEADER_SIZE), np.uint8)
    orientations = cases.drop_duplicates("patient").set_index("patient")["orientation"]
    files = {content: _unchanged(root, manifest, content) for content in ("image", "labels", "cine")}
    arrays: dict[str, np.ndarray | Rows] = {
        "image": Rows((total,), dtype, _frames(files["image"], dtype, headers)),
        "labels": Rows((total,), byte, _frames(files["labels"], byte, np.zeros_like(headers))),
        "cine": Rows((in_cines,), dtype, _cines(files["cine"], orientations, dtype)),
        "headers": headers,  # filled while `image` is written
    }
    write_store(folder, cases, arrays)


def cine_of(array: np.ndarray, case: Mapping[Any, Any] | pd.Series) -> np.ndarray:
    """The cine (T, N, H, W) of a case's patient in the store's array `cine`; T is 0 if there is none."""
    frames, slices = int(case["cine_frames"]), int(case["slices"])
    every = slices_of(array, dict(case) | {"offset": case["cine_offset"], "slices": frames * slices})
    return every.reshape(frames, slices, *every.shape[1:])


def structures_of(cases: pd.DataFrame) -> list[str]:
    """The structures that have a label in some training case, in label order; only these are scored."""
    training = cases[cases["official"] == "training"]
    return [name for name in STRUCTURES if training[f"{name}_voxels"].any()]


def write_labels(path: str | Path, slices: np.ndarray, header: np.ndarray) -> None:
    """Write labels (N, H, W) uint8 as NIfTI on the frame's own grid; `header` (540,) is its row of `headers`."""
    block = header.tobytes()
    write_mask(path, from_slices(slices, header_orientation(block)), block)


def _unchanged(root: Path, manifest: pd.DataFrame, content: str) -> Iterator[tuple[str, Path]]:
    """The case and the file of each row of one content, once the file is found to be as it was checked."""
    listed = manifest[manifest["content"] == content]
    for row in progress(listed.to_dict("records"), f"files converted ({content})"):
        path = root / row["path"]
        refuse_changed(path, row["sha256"])
        yield row["case"], path


def _frames(files: Iterator[tuple[str, Path]], dtype: np.dtype, headers: np.ndarray) -> Iterator[np.ndarray]:
    """The voxels (V,) of one frame after the other; fills one row of `headers` per frame."""
    for header, (_, path) in zip(headers, files, strict=True):
        volume = read_volume(path)
        header[: len(volume.header)] = np.frombuffer(volume.header, np.uint8)
        yield np.ascontiguousarray(to_slices(volume.voxels, volume.orientation), dtype).reshape(-1)


def _cines(files: Iterator[tuple[str, Path]], orientations: pd.Series, dtype: np.dtype) -> Iterator[np.ndarray]:
    """The voxels (W,) of one cine after the other."""
    for patient, path in files:
        yield np.ascontiguousarray(cine_slices(read_cine(path), orientations[patient]), dtype).reshape(-1)
