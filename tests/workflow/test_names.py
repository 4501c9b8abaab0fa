"""A whole `snakemake predict` writes the name of no person but to the key, and takes any name of a file for a name."""

import csv
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from echo_files import speckle, write_dicom
from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.video_network import video_network
from mslesion.learning.networks import lesion_network
from persons import FOLDER, written_with_a_name
from project import configure, copy_project, type_command
from reprise.models.weights import save_model

KEYS = ["results/own_clips/key.csv", "results/own_volumes/key.csv"]


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


def write_files(folder: Path, names: list[str]) -> None:
    """A clip and a volume of each name, with names of persons in their headers, and a file that is damaged."""
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        fields = {"PatientName": "Roe^Richard", "InstitutionName": "WardSeven", "CineRate": 25}
        write_dicom(folder / f"{name}.dcm", speckle(20, seed=number), "MONOCHROME2", **fields)
        voxels = np.random.default_rng(number).integers(1, 900, (12, 10, 4), np.int16)
        scan = nibabel.Nifti1Image(voxels, np.eye(4))
        scan.header["descrip"] = b"Roe^Richard 12Mar1954"
        nibabel.save(scan, folder / f"{name}_flair.nii")
    (folder / "MRN-20071231.mp4").write_bytes(b"Li^Ng")
    (folder / "WardSeven.nii").write_bytes(b"Li^Ng")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    copy_project(folder)
    configure(folder, **write_weights(folder / "made"))
    return folder


@pytest.mark.parametrize("options", ["", " -n"])
def test_no_file_but_the_key_and_no_line_that_is_printed_names_a_person(project: Path, options: str) -> None:
    write_files(project.parent / FOLDER, ["Li_Ng"])
    done = type_command(f"snakemake predict{options} --config input=../{FOLDER} seed=1", project)
    assert done.returncode == 0, done.stdout[-5000:]
    (project / "printed.txt").write_text(done.stdout)
    shutil.rmtree(project / "tests")  # where such names stand, of course
    assert written_with_a_name(project) == []
    for key in KEYS if not options else []:
        rows = list(csv.DictReader((project / key).open()))
        assert sorted(Path(row["file"]).name for row in rows) == sorted(
            path.name for path in (project.parent / FOLDER).iterdir()
        )
