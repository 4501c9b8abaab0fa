"""A lesion network in a bundle: from FLAIR volumes to masks, as the step `predict_volumes.py` computes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mslesion.data.own_volumes import OwnVolume, find_volumes, read_again
from mslesion.data.scan_volume import from_slices, to_slices
from mslesion.learning.scan_prediction import load_lesion_network, segment_scan
from reprise.data.nifti import without_text, write_mask

find, load = find_volumes, load_lesion_network


def read(case: OwnVolume, info: Mapping[str, Any]) -> dict[str, Any]:
    """The axial slices (N, H, W) float32 of a volume, and its header."""
    volume = read_again(case)
    image = np.ascontiguousarray(to_slices(volume.voxels), np.float32)
    return {"case": case.case, "image": image, "header": volume.header}


def infer(inputs: Mapping[str, Any], network: nn.Module, info: Mapping[str, Any], device: torch.device) -> np.ndarray:
    """The mask (N, H, W) bool of the lesions."""
    return segment_scan(network, info, inputs["image"], device)


def save(folder: Path, inputs: Mapping[str, Any], pred: np.ndarray) -> None:
    """Write the mask on the grid of the volume, without the free text of its header."""
    voxels = from_slices(pred.astype(np.uint8))
    write_mask(folder / f"{inputs['case']}.nii.gz", voxels, without_text(inputs["header"]))
