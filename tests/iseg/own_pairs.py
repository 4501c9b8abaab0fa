"""What tests of a user's own T1 and T2 share: untrained networks, a small brain, and the step."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from iseg import predict_brains
from iseg.learning.networks import tissue_network
from reprise.data.own_files import name_own_files, write_key
from reprise.models.weights import save_model

SHAPE = (20, 26, 18)
AFFINE = np.array([[2.0, 0.1, 0, -7], [-0.1, 3.0, 0, 5], [0, 0, 1.5, 9], [0, 0, 0, 1]])


def untrained(folder: Path, *, stated: bool = True, seed: int = 0, **changes: Any) -> Path:
    """Weights of a narrow, untrained network that has seen files that state their axes, or files that do not.

    `changes`: of its settings.
    """
    torch.manual_seed(seed)
    settings = {"crop": [16, 16, 32], "precision": "fp32", "overlap": 0.5} | changes
    info = {"kind": "tissues", "network": "unet3d", "width": 0.25, "normalisation": "brain", "settings": settings}
    info |= {"protocol": "sound", "fold": seed + 1, "epoch": 1, "axes_stated": stated, "spacing_mm": [1.0, 1.0, 1.0]}
    path = folder / f"unet3d-{stated}-{seed}{'-other' * bool(changes)}.safetensors"
    save_model(path, tissue_network("unet3d", 0.25), info)
    return path


def brain(number: int) -> dict[str, np.ndarray]:
    """Canonical T1 and T2 (X, Y, Z) int16 of an ellipsoid with some texture, 0 around it."""
    rng = np.random.default_rng(number)
    axes = np.meshgrid(*[np.linspace(-1, 1, length) for length in SHAPE], indexing="ij")
    inside = sum(axis**2 for axis in axes) < 0.9
    return {which: np.where(inside, rng.integers(100, 900, SHAPE), 0).astype(np.int16) for which in ("T1", "T2")}


def save_pair(folder: Path, name: str, number: int, orientation: str = "RAS", ending: str = ".nii.gz") -> None:
    """Write T1 and T2 as NIfTI with text in their headers; `name` holds T1 where the word stands."""
    folder.mkdir(parents=True, exist_ok=True)
    for which, voxels in brain(number).items():
        scan = nibabel.Nifti1Image(voxels, AFFINE)
        scan.set_qform(AFFINE, 1)
        scan.set_sform(AFFINE, 2)
        scan = scan.as_reoriented(ornt_transform(io_orientation(AFFINE), axcodes2ornt(orientation)))
        scan.header["descrip"], scan.header["db_name"] = "Roe^Richard 12Mar1954", "MRN-20071231"
        nibabel.save(scan, folder / f"{name.replace('T1', which)}{ending}")


def predict(source: Path, weights: list[Path], out: Path, code: str = "1", keep_names: bool = True) -> pd.DataFrame:
    """Run the step within this process: a new one would spend seconds on imports. Returns brains.csv."""
    (out / "key.csv").unlink(missing_ok=True)
    write_key(out / "key.csv", name_own_files(source, keep_names))
    words = ["--weights", *map(str, weights)]
    options = {"key": out / "key.csv", "device": "cpu", "checkpoints": out / "checkpoints"}
    options |= {"settings": json.dumps({"code": code}), "output": out / "predictions", "findings": out / "findings.csv"}
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    predict_brains.main(predict_brains.arguments().parse_args(words))
    return pd.read_csv(out / "predictions" / "brains.csv", dtype={"case": str}).set_index("case")
