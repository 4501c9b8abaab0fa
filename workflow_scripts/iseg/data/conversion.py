"""Checked brains of infants to the store: T1, T2 and labels on one grid, and the headers to write labels back.

cases.csv has one row per subject, in the order of their numbers:
    case (such as subject-1), subject (its number), official (training | testing), labelled (0 | 1);
    offset, x, y, z: `array[offset : offset + x * y * z]` of a flat array is the volume (X, Y, Z), see `volume_of`;
    x_mm, y_mm, z_mm: spacing along the axes;
    orientation (of the file's axes), stated (0 | 1: whether the file states it), dtype (smallest type that holds both
        images);
    csf_voxels, gm_voxels, wm_voxels: of each label, 0 without labels;
    sha256 (of the voxels of T1, see `voxels_sha256`).

If the files state an orientation, the axes run to the right, the front and the top. If they do not, as Analyze's, the
axes are those of the file.

Arrays: t1, t2 (V,) uint8, int16 or float32, the smallest that holds all images; labels (V,) uint8, 0 to 3, of classes
in the order of `iseg.analysis.protocols.CLASSES`, 0 without labels; headers (cases, 540) uint8, the header of each T1,
filled up with zeros.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
from nibabel.analyze import AnalyzeHeader

from iseg.analysis.protocols import TISSUES
from iseg.data.subject_files import IMAGES, LABEL
from reprise.data.exact_types import common_type
from reprise.data.nifti import (
    HEADER_SIZE,
    Volume,
    ending_of,
    half_of,
    mask_content,
    read_volume,
    states_orientation,
)
from reprise.data.store import Rows, write_store
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import refuse_changed
from reprise.step.tables import read_table

FILE_LABELS = (0, 10, 150, 250)  # of air, CSF, grey and white matter in a file of labels
FILES = dict.fromkeys(("path", "sha256", "case", "content"), str)  # the columns of a manifest that are used here
CASES = (
    {"case": str, "subject": int, "official": str}
    | dict.fromkeys(("labelled", "offset", "x", "y", "z"), int)
    | dict.fromkeys(("x_mm", "y_mm", "z_mm"), float)
    | {"orientation": str, "stated": int, "dtype": str}
    | {f"{tissue}_voxels": int for tissue in TISSUES}
    | {"sha256": str}
)


def read_checked(manifest: str | Path, cases: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the cases that the check has written, as `convert_dataset` takes them.

    Raises:
        InputError: one of them is damaged, or they do not list the same subjects.
    """
    files, subjects = read_table(manifest, FILES), read_table(cases, CASES)
    for content in (*IMAGES, LABEL):
        names = list(subjects.loc[subjects["labelled"] >= (content == LABEL), "case"])
        if list(files.loc[files["content"] == content, "case"].drop_duplicates()) != names:
            raise InputError(f"{cases}: expected the subjects of {manifest}, in this order ({content})")
    return files, subjects


def convert_dataset(root: str | Path, manifest: pd.DataFrame, cases: pd.DataFrame, folder: str | Path) -> None:
    """Write the store of a checked data set to `folder`, or nothing.

    Raises:
        InputError: a file has changed since the check, or the disk is full.
    """
    shape, dtype = (int((cases["x"] * cases["y"] * cases["z"]).sum()),), common_type(cases["dtype"])
    headers = np.zeros((len(cases), HEADER_SIZE), np.uint8)
    files = manifest.groupby(["case", "content"], sort=False)
    rows = {key: table.to_dict("records") for key, table in files}
    subjects, root = cases.to_dict("records"), Path(root)
    arrays: dict[str, np.ndarray | Rows] = {
        content.lower(): Rows(shape, dtype, _images(root, rows, content, subjects, dtype, headers))
        for content in IMAGES
    }
    arrays["labels"] = Rows(shape, np.dtype(np.uint8), _labels(root, rows, subjects))
    arrays["headers"] = headers  # filled while `t1` is written
    write_store(folder, cases, arrays)


def volume_of(array: np.ndarray, case: Mapping[Any, Any] | pd.Series) -> np.ndarray:
    """The volume (X, Y, Z) of a subject in a flat array of the store."""
    shape = tuple(int(case[axis]) for axis in "xyz")
    offset = int(case["offset"])
    return array[offset : offset + shape[0] * shape[1] * shape[2]].reshape(shape)


def on_store_axes(voxels: np.ndarray, stated: bool) -> np.ndarray:
    """Canonical voxels (X, Y, Z) on the axes of the store, and back; `stated`: whether the file states its axes.

    The reader takes the axes of a file that states none as left, anterior, superior, so it has turned the first one.
    """
    return voxels if stated else voxels[::-1]


def grid_of(cases: pd.DataFrame) -> dict[str, Any]:
    """What of a store's grids travels with the weights: whether files state their axes, and the spacing, in mm."""
    spacing = cases[["x_mm", "y_mm", "z_mm"]].median()
    return {"axes_stated": bool(cases["stated"].all()), "spacing_mm": spacing.astype(float).tolist()}


def write_tissues(
    path: str | Path, labels: np.ndarray, header: np.ndarray | bytes, origin: Sequence[int] = (0, 0, 0)
) -> None:
    """Write labels (X, Y, Z) uint8, 0 to 3, on the grid of a subject's T1, with the values of `FILE_LABELS`.

    Args:
        path: `.hdr` or `.img` for a pair of Analyze files, as the challenge takes them; `.nii` or `.nii.gz` for NIfTI.
        labels: as the store keeps them.
        header: of the T1, such as its row of `headers`.
        origin: of a pair, the voxel at 0 mm, counted from 1, as SPM writes it into Analyze files; 0: not said.

    Raises:
        InputError: the labels have another shape than the T1.
    """
    path, block = Path(path), bytes(header)
    values = np.array(FILE_LABELS, np.uint8)[labels]
    content = mask_content(on_store_axes(values, states_orientation(block)), block, packed=path.name.endswith(".gz"))
    if ending_of(path).startswith(".nii"):
        path.write_bytes(content)
        return
    kind = nibabel.Nifti1Image if int.from_bytes(content[:4], sys.byteorder) == 348 else nibabel.Nifti2Image
    stored: Any = kind.from_bytes(content)
    analyze = AnalyzeHeader()
    analyze.set_data_dtype(np.uint8)
    analyze.set_data_shape((*stored.shape, 1))
    analyze.set_zooms((*stored.header.get_zooms(), 1))
    analyze["originator"] = np.array(origin, np.int16).tobytes()
    nibabel.save(nibabel.AnalyzeImage(np.asanyarray(stored.dataobj)[..., None], None, analyze), half_of(path, "img"))


def _images(
    root: Path, rows: Mapping[Any, Any], content: str, subjects: Sequence[Any], dtype: np.dtype, headers: np.ndarray
) -> Iterator[np.ndarray]:
    """The voxels (V,) of one image after the other; fills one row of `headers` per subject."""
    for header, subject in zip(headers, progress(subjects, f"files converted ({content})"), strict=True):
        volume = _unchanged(root, rows[subject["case"], content])
        header[: len(volume.header)] = np.frombuffer(volume.header, np.uint8)
        yield np.ascontiguousarray(on_store_axes(volume.voxels, volume.stated), dtype).reshape(-1)


def _labels(root: Path, rows: Mapping[Any, Any], subjects: Sequence[Any]) -> Iterator[np.ndarray]:
    """The labels (V,) of one subject after the other, 0 if it has none."""
    for subject in subjects:
        if subject["labelled"]:
            volume = _unchanged(root, rows[subject["case"], LABEL])
            voxels = on_store_axes(volume.voxels, volume.stated)
            yield np.searchsorted(FILE_LABELS, voxels).astype(np.uint8).reshape(-1)
        else:
            yield np.zeros(subject["x"] * subject["y"] * subject["z"], np.uint8)


def _unchanged(root: Path, files: Sequence[Mapping[str, str]]) -> Volume:
    """A volume, once its files are found to be as they were checked."""
    for row in files:
        refuse_changed(root / row["path"], row["sha256"])
    return read_volume(root / files[0]["path"])
