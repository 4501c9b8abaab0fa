"""A project that predicts files with names of persons in them, by untrained networks, in a minute."""

from pathlib import Path

import nibabel
import numpy as np
import torch

from echo_files import speckle, write_dicom
from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.video_network import video_network
from mslesion.learning.networks import lesion_network
from persons import FOLDER
from project import configure, copy_project
from reprise.models.weights import save_model

COMMAND = f"snakemake predict --config input=../{FOLDER} seed=1"


def make_project(folder: Path) -> None:
    """A project with weights, and beside it a folder of a person's files."""
    copy_project(folder)
    configure(folder, **write_weights(folder / "made"))
    write_files(folder.parent / FOLDER, "Li_Ng")


def write_weights(folder: Path) -> dict[str, str]:
    """Weights of narrow, untrained networks; the part of the configuration that names them."""
    folder.mkdir()
    torch.manual_seed(0)
    pixels = {"mean": [32.0] * 3, "std": [50.0] * 3}
    clips = {"width": 0.125, "normalisation": pixels, "settings": {"precision": "fp32", "downsample": 1}}
    of_scan = {"width": 0.03, "normalisation": {"mean": 0.1, "std": 0.1}, "settings": {"precision": "fp32"}}
    made = {
        "segmentation": (segmentation_network, "lraspp_mobilenet_v3_large", clips),
        "ef": (video_network, "mc3_18", clips | {"frames": 8, "period": 2}),
        "lesion": (lesion_network, "unet_2d", of_scan | {"size": None, "protocol": "sound", "fold": 1}),
    }
    for kind, (build, network, info) in made.items():
        info |= {"kind": "lesions" if kind == "lesion" else kind, "network": network}
        save_model(folder / f"{kind}.safetensors", build(network, info["width"]), info)
    return {f"{kind}_weights": f"{folder.name}/{kind}.safetensors" for kind in made}


def write_files(folder: Path, name: str) -> None:
    """A clip and a volume with names of persons in their headers, and two files that are damaged."""
    folder.mkdir(parents=True)
    fields = {"PatientName": "Roe^Richard", "InstitutionName": "WardSeven", "CineRate": 25}
    write_dicom(folder / f"{name}.dcm", speckle(20), "MONOCHROME2", **fields)
    scan = nibabel.Nifti1Image(np.random.default_rng(0).integers(1, 900, (12, 10, 4), np.int16), np.eye(4))
    scan.header["descrip"] = b"Roe^Richard 12Mar1954"
    nibabel.save(scan, folder / f"{name}_flair.nii")
    (folder / "MRN-20071231.mp4").write_bytes(b"Li^Ng")
    (folder / "WardSeven.nii").write_bytes(b"Li^Ng")
