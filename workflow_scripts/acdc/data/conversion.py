"""Checked cine MRI to the store: stacks of slices as they are viewed, and the headers to write labels back.

cases.csv has one row per patient and phase, in the order of patients, ED before ES:
    case (such as patient001-ED), patient, phase (ED | ES), frame (its number in the cine, from 1 on), official (training |
        testing), group (NOR, MINF, DCM, HCM, RV, or nothing);
    offset, slices, height, width: `array[offset : offset + slices * height * width]` of a flat array is the frame as
        (slices, height, width), see `slices_of`; first_slice: the number of slices of the frames before it;
    slice_mm, row_mm, column_mm: spacing along the three axes; orientation (of the file's axes);
    sha256 (of the frame's file), dtype (smallest type that holds the frame and the cine);
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
from acdc.data.short_axis import from_slices, header_orientation, to_slices
from reprise.data.nifti import HEADER_SIZE, write_mask


def slices_of(array: np.ndarray, case: Mapping[Any, Any] | pd.Series) -> np.ndarray:
    """The slices (N, H, W) of one case in a flat array of the store."""
    shape = tuple(int(case[name]) for name in ("slices", "height", "width"))
    offset = int(case["offset"])
    return array[offset : offset + shape[0] * shape[1] * shape[2]].reshape(shape)


def cine_of(array: np.ndarray, case: Mapping[Any, Any] | pd.Series) -> np.ndarray:
    """The cine (T, N, H, W) of a case's patient in the store's array `cine`; T is 0 if there is none."""
    shape = tuple(int(case[name]) for name in ("cine_frames", "slices", "height", "width"))
    offset = int(case["cine_offset"])
    return array[offset : offset + int(np.prod(shape))].reshape(shape)


def structures_of(cases: pd.DataFrame) -> list[str]:
    """The structures that have a label in some training case, in label order; only these are scored."""
    training = cases[cases["official"] == "training"]
    return [name for name in STRUCTURES if training[f"{name}_voxels"].any()]


def write_labels(path: str | Path, slices: np.ndarray, header: np.ndarray) -> None:
    """Write labels (N, H, W) uint8 as NIfTI on the frame's own grid; `header` (540,) is its row of `headers`."""
    block = header.tobytes()
    write_mask(path, from_slices(slices, header_orientation(block)), block)
