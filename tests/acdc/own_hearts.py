"""A user's own files of the heart, made up: a DICOM series, NIfTI files, and networks that learnt nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pydicom
import torch
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from acdc import predict_stacks
from acdc.learning.networks import heart_network, logits_of
from acdc.learning.stacks import Grid, prepared
from reprise.data.own_files import name_own_files, write_key
from reprise.models.weights import save_model

MEMBERS = ("unet", "linknet", "fpn")
# Directions of rows and columns of an oblique slice, as in a short axis: at right angles, along no axis of the scanner.
ALONG = np.array([0.8, 0.6, 0.0])
DOWN = np.array([-0.36, 0.48, 0.8])
SPACING_MM = (8.0, 1.5, 1.25)  # between slices, rows and columns
ORIGIN = np.array([-40.0, 25.0, 60.0])


def untrained(folder: Path, networks: Sequence[str] = MEMBERS, spacing_mm: float = 3) -> list[Path]:
    """Weights of narrow networks that learnt nothing; each finds all structures, in other places of each image."""
    paths = []
    grid = Grid(spacing_mm, 64)
    shown = prepared(image(3).reshape(-1, 40, 32), SPACING_MM[1:], grid, torch.device("cpu"))[:, None]
    for number, name in enumerate(networks):
        torch.manual_seed(number)
        info = {"kind": "heart", "network": name, "width": 0.1, "size": 64, "protocol": "sound", "epoch": 1}
        info |= {"normalisation": {"spacing_mm": spacing_mm}, "settings": {"precision": "fp32"}}
        paths.append(folder / f"{name}.safetensors")
        model = heart_network(name, 0.1).eval()
        head: Any = model.get_submodule("segmentation_head.0")
        with torch.no_grad():
            inside = (slice(None), slice(None), slice(22, 42), slice(25, 39))  # what is not padded
            head.weight.div_(logits_of(model, shown)[inside].std(dim=(0, 2, 3))[:, None, None, None])
            head.bias.sub_(logits_of(model, shown)[inside].mean(dim=(0, 2, 3)))
        save_model(paths[-1], model, info)
    return paths


def image(frames: int = 1, slices: int = 3, height: int = 40, width: int = 32, seed: int = 0) -> np.ndarray:
    """Frames (T, N, H, W) int16 with a bright disc that shrinks."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    radius = [8 - 4 * np.sin(np.pi * frame / max(frames, 2)) for frame in range(frames)]
    discs = np.stack([(np.hypot(y - 20, x - 14) < r) * 400 for r in radius])
    return (discs[:, None] + rng.integers(1, 300, (frames, slices, height, width))).astype(np.int16)


def write_series(folder: Path, frames: np.ndarray, **changes: object) -> list[Path]:
    """Write frames (T, N, H, W) as a DICOM series in an order that says nothing; returns its files.

    `changes` replace attributes of the last image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step = np.cross(ALONG, DOWN) * SPACING_MM[0]
    places = [(frame, at) for frame in range(len(frames)) for at in range(frames.shape[1])]
    order = np.random.default_rng(1).permutation(len(places))
    paths = []
    for number, which in enumerate(order):
        frame, at = places[which]
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MRImageStorage
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number + 1}"
        data.Modality, data.PatientName, data.InstanceNumber = "MR", "Roe^Richard", int(which) + 1
        data.Rows, data.Columns = frames.shape[2:]
        data.PixelSpacing, data.TriggerTime = [SPACING_MM[1], SPACING_MM[2]], 40.0 * frame
        data.ImageOrientationPatient = [*ALONG.tolist(), *DOWN.tolist()]
        data.ImagePositionPatient = (ORIGIN + at * step).tolist()
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 1
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelData = frames[frame, at].astype("<i2").tobytes()
        if number == len(order) - 1:
            for name, value in changes.items():
                setattr(data, name, value)
        paths.append(folder / f"IM{number:04}")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_nifti(path: Path, frames: np.ndarray, orientation: str = "LPS", **text: str) -> Path:
    """Write frames (T, N, H, W) as NIfTI: 3-D if there is one; `text` are text fields of the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = frames.transpose(3, 2, 1, 0) if len(frames) > 1 else frames[0].transpose(2, 1, 0)
    affine = np.eye(4)
    for axis, (end, spacing) in enumerate(zip(orientation, SPACING_MM[::-1], strict=True)):
        affine[:3, axis] = 0
        affine[{"L": 0, "R": 0, "P": 1, "A": 1, "I": 2, "S": 2}[end], axis] = spacing * (-1 if end in "LPI" else 1)
    scan = nibabel.Nifti1Image(voxels, affine)
    for field, value in text.items():
        scan.header[field] = value
    nibabel.save(scan, path)
    return path


def predict(
    source: Path, weights: Sequence[Path], out: Path, shares: Path | None = None, keep_names: bool = True
) -> pd.DataFrame:
    """Run the step within this process: a new one would spend seconds on imports. Returns stacks.csv."""
    (out / "key.csv").unlink(missing_ok=True)
    write_key(out / "key.csv", name_own_files(source, keep_names))
    options = {"key": [out / "key.csv"], "weights": weights, "device": ["cpu"], "checkpoints": [out / "checkpoints"]}
    options |= {"output": [out / "predictions"], "findings": [out / "findings.csv"]}
    options |= {"settings": [json.dumps({"code": "1"})], "shares": [shares] if shares else []}
    words = [str(word) for name, values in options.items() if values for word in (f"--{name}", *values)]
    predict_stacks.main(predict_stacks.arguments().parse_args(words))
    return pd.read_csv(out / "predictions" / "stacks.csv", dtype={"case": str}).set_index(["case", "method"])
