"""Checked multiple-sclerosis scans to the store: axial slices in one orientation, and the headers to write masks back.

cases.csv has one row per scan, in the order of patients and time points:
    case, patient, timepoint;
    offset, slices, height, width: `array[offset : offset + slices * height * width]` of a flat array is the scan as
        (slices, height, width), see `slices_of`; first_slice: the number of slices of the scans before it;
    slice_mm, row_mm, column_mm: spacing along the three axes;
    orientation (of the file's axes), dtype (smallest type that holds the FLAIR), sha256 (of the FLAIR's file, or of the
        hashes of its slices), fold (the fold of an image tree that validates on the scan, 0: none is given);
    lesion_voxels_1 and, where there are two raters, lesion_voxels_2.

Arrays: flair (V,) uint8, int16 or float32, the smallest that holds all scans; mask1 (V,) uint8, 0 or 1, and mask2
where there are two raters; headers (cases, 540) uint8, the header of each FLAIR, filled up with zeros.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mslesion.data.layouts import MASKS
from mslesion.data.scan_volume import from_slices, read_content, to_slices
from reprise.data.exact_types import common_type
from reprise.data.nifti import HEADER_SIZE, write_mask
from reprise.data.store import Rows, slices_of, write_store
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import refuse_changed
from reprise.step.tables import read_table

FILES = dict.fromkeys(
    ("path", "sha256", "case", "content", "shape"), str
)  # the columns of a manifest that are used here
CASES = (
    dict.fromkeys(("case", "patient"), str)
    | dict.fromkeys(("timepoint", "offset", "first_slice", "slices", "height", "width"), int)
    | dict.fromkeys(("column_mm", "row_mm", "slice_mm"), float)
    | {"orientation": str, "dtype": str, "fold": int}
)


def read_checked(manifest: str | Path, cases: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the cases that the check has written, as `convert_dataset` takes them.

    Raises:
        InputError: one of them is damaged, or they do not list the same scans.
    """
    files = read_table(manifest, FILES)
    masks = [mask for mask in MASKS if mask in set(files["content"])]
    scans = read_table(cases, CASES | {f"lesion_voxels_{mask[-1]}": int for mask in masks} | {"sha256": str})
    wanted = [(scan.case, f"{scan.width}x{scan.height}x{scan.slices}") for scan in scans.itertuples()]
    for content in ("flair", *masks):
        listed = files[files["content"] == content].drop_duplicates("case")
        if list(zip(listed["case"], listed["shape"], strict=True)) != wanted:
            raise InputError(f"{cases}: expected the scans of {manifest}, their {content} in this order and size")
    return files, scans


def convert_dataset(root: str | Path, manifest: pd.DataFrame, cases: pd.DataFrame, folder: str | Path) -> None:
    """Write the store of a checked data set to `folder`, or nothing.

    Raises:
        InputError: a file has changed since the check, or the disk is full.
    """
    root = Path(root)
    total = int((cases["slices"] * cases["height"] * cases["width"]).sum())
    dtype = common_type(cases["dtype"])
    headers = np.zeros((len(cases), HEADER_SIZE), np.uint8)
    arrays: dict[str, np.ndarray | Rows] = {
        "flair": Rows((total,), dtype, _voxels(root, manifest, "flair", headers, dtype))
    }
    for mask in MASKS:
        if f"lesion_voxels_{mask[-1]}" in cases:
            byte = np.dtype(np.uint8)
            arrays[mask] = Rows((total,), byte, _voxels(root, manifest, mask, np.zeros_like(headers), byte))
    arrays["headers"] = headers  # filled while `flair` is written
    write_store(folder, cases, arrays)


def slices_with_lesion(cases: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether each slice of the store has a lesion by the first rater: (N,) bool, one scan after the other."""
    return np.concatenate([slices_of(arrays["mask1"], case).any(axis=(1, 2)) for case in cases.to_dict("records")])


def write_scan_mask(path: str | Path, slices: np.ndarray, header: np.ndarray) -> None:
    """Write a mask (N, H, W) of a scan as NIfTI on the scan's own grid; `header` is its row of `headers`."""
    write_mask(path, from_slices(slices), header.tobytes())


def _voxels(
    root: Path, manifest: pd.DataFrame, content: str, headers: np.ndarray, dtype: np.dtype
) -> Iterator[np.ndarray]:
    """The voxels (V,) of one content, one scan after the other; fills one row of `headers` per scan."""
    files = manifest[manifest["content"] == content].groupby("case", sort=False)
    for row, (_, listed) in enumerate(progress(files, f"scans converted ({content})", len(files))):
        for name, sha256 in zip(listed["path"], listed["sha256"], strict=True):
            refuse_changed(root / name, sha256)
        volume = read_content(root, list(listed["path"]), content)
        headers[row, : len(volume.header)] = np.frombuffer(volume.header, np.uint8)
        yield np.ascontiguousarray(to_slices(volume.voxels), dtype).reshape(-1)
