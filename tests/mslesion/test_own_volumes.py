"""Which files of a folder are FLAIR volumes to segment, how their cases are called, and pictures of what was found."""

import os
import shutil
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from ms_dataset import WRITERS, image, save
from mslesion.analysis.outlines import RING_PX, outline, outlined_slices
from mslesion.data.own_volumes import find_volumes
from reprise.data.findings import Findings
from reprise.data.nifti import ending_of
from reprise.data.own_files import name_own_files


def found_in(root: Path, keep_names: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """File by case, and reason by file of those left out."""
    findings = Findings()
    files = name_own_files(root, keep_names)
    cases = {volume.case: volume.path.relative_to(root).as_posix() for volume in find_volumes(files, findings)}
    paths = {file.case: file.path.relative_to(root).as_posix() for file in files}
    return cases, {paths.get(case, case): why for kind, case, _, why in findings.rows}


def test_names_tell_flair_from_masks_and_from_other_images(tmp_path: Path) -> None:
    taken = ["a/x_T2_FLAIR", "a/FLAIR_regtoFLAIR", "a/b/P1_T1_FLAIR", "d/brain_masked", "e/T10", "f/lesson"]
    taken += ["g/t2_tirm_tra_dark-fluid", "g/3DFLAIR", "g/FLAIR_brain", "g/echogenic_FLAIR"]
    others = {
        "a mask": "a/x_flair_mask1 a/GOLD_STANDARD c/consensus_gt d/flair_lesions e/seg-1 f/segmentation g/FLAIR_wmh",
        "a map that a tool computed": "g/FLAIR_bianca_output g/FLAIR_pve_0 g/ples_lpa_mrFLAIR g/FLAIR_prob",
        "a T1 image": "h/501_Sag_T1_FLAIR h/t1w-flair",
        "an image with gadolinium": "a/x_T1KS h/GADO h/t1_gd",
        "a T1, T2 or PD image": "a/x_T1 a/t2_pp a/pd_pp a/mprage a/sub-1_T2w c/anat_T1w h/DP h/3DT1 h/T1_regtoFLAIR",
        "an echo film": "i/patient0001_4CH_half_sequence i/echo i/a4c",
    }
    files = [*taken, *(name for names in others.values() for name in names.split())]
    for number, name in enumerate(files):
        save(tmp_path / f"{name}.nii", image(number))
    cases, left = found_in(tmp_path)
    assert sorted(cases.values()) == sorted(f"{name}.nii" for name in taken)
    said = {name: f"by its name {what}" for what, names in others.items() for name in names.split()}
    assert {name.removesuffix(".nii"): why for name, why in left.items()} == said


def test_content_tells_images_from_masks_and_maps(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    head = rng.normal(300, 40, (40, 40, 20)) * (rng.random((40, 40, 20)) < 0.9)
    parts = np.kron(rng.integers(1, 2000, (8, 8, 4)), np.ones((5, 5, 5)))
    volumes = {
        "image": head.astype(np.int16),
        "fractions": head,
        "bytes": (head / 2).clip(0, 255).astype(np.uint8),
        "binary": (head > 300).astype(np.uint8),
        "tissues": np.digitize(head, [1, 250, 330]).astype(np.float32),
        "chances": (head / head.max()).clip(0),
        "parts": parts.astype(np.int32),
        "parts as fractions": parts.astype(np.float32),
    }
    for name, voxels in volumes.items():
        save(tmp_path / f"{name}.nii.gz", voxels)
    cases, left = found_in(tmp_path)
    assert sorted(cases.values()) == ["bytes.nii.gz", "fractions.nii.gz", "image.nii.gz"]
    assert {name.split(".")[0]: why.split(":")[0] for name, why in left.items()} == {
        "binary": "by its content a mask or a map of labels",
        "tissues": "by its content a mask or a map of labels",
        "chances": "by its content a map of probabilities",
        "parts": "by its content a map of labels",
        "parts as fractions": "by its content a map of labels",
    }


def test_a_film_is_known_by_its_content(tmp_path: Path, real_data: Path) -> None:
    """A film is a series of volumes, or one volume whose third axis is time."""
    for number, clip in enumerate(sorted(real_data.glob("echo/*.mp4"))):
        video = cv2.VideoCapture(str(clip))
        film = np.stack([video.read()[1][::4, ::4, 0] for _ in range(40)])
        save(tmp_path / f"three{number}.nii", film.transpose(2, 1, 0))
        save(tmp_path / f"turned{number}.nii", film.transpose(1, 2, 0).astype(np.float32) / 3 + 0.5)
        save(tmp_path / f"four{number}.nii", film.transpose(2, 1, 0)[:, :, None])
    brains = [
        *real_data.glob("brain/*/*.nii*"),
        *real_data.glob("ms/**/*FLAIR*.nii*"),
        *real_data.glob("ms/**/*T1*.nii*"),
    ]
    for number, path in enumerate(brains):
        shutil.copy(path, tmp_path / f"brain{number}{ending_of(path)}")
    slab = nibabel.load(min(real_data.glob("ms/**/*FLAIR*.nii*"))).slicer[:, :, 85:101]
    nibabel.save(slab, tmp_path / "slab.nii")
    assert len(brains) > 3
    cases, left = found_in(tmp_path)
    assert "slab.nii" in cases.values() and left["slab.nii"].endswith("it may be a film")
    films = {name for name, why in left.items() if "film" in why} - {"slab.nii"}
    assert films == {f"{name}{number}.nii" for name in ("three", "turned", "four") for number in range(2)}


CASES = {
    "02_dicom_beside_nifti": ["t2_FLAIR_5.nii.gz"],
    "05_names/dcm2niix_t1_flair_darkfluid": ["502_Ax_T2_FLAIR.nii.gz", "503_t2_tirm_tra_dark-fluid.nii.gz"],
    "05_names/msseg2016": ["3DFLAIR.nii.gz", "FLAIR_preprocessed.nii.gz"],
    "05_names/tool_outputs": ["FLAIR.nii.gz", "FLAIR_brain.nii.gz"],
    "09_mgz": [],
    "09_mgz_beside_nifti": ["other_FLAIR.nii.gz"],
    "11_mr_dicom_series": [],
    "13_upper_case": ["FLAIR.NII", "FLAIR2.NII.GZ"],
}
NOTED = {
    "02_dicom_beside_nifti": {"2 files": "not read: DICOM; dcm2niix makes NIfTI of scans"},
    "11_mr_dicom_series": {"3 files": "not read: DICOM; dcm2niix makes NIfTI of scans"},
    "09_mgz": {"1 files": "not read: in FreeSurfer's format; mri_convert makes NIfTI of it"},
    "09_mgz_beside_nifti": {
        "1 files": "not read: in FreeSurfer's format; mri_convert makes NIfTI of it",
        "2 files": "not read: NRRD or MetaImage; 3D Slicer makes NIfTI of it",
    },
}


@pytest.mark.parametrize("folder", CASES)
def test_situations_that_users_report(real_data: Path, folder: str) -> None:
    cases, left = found_in(real_data / "cases" / folder)
    assert sorted(Path(file).name for file in cases.values()) == CASES[folder]
    assert {file: why for file, why in left.items() if file.endswith(" files")} == NOTED.get(folder, {})


@pytest.mark.parametrize(("layout", "scans"), [("ISBI 2015", 3), ("open_ms_data", 2), ("MSLesSeg", 4)])
def test_of_every_layout_the_flairs_are_taken(tmp_path: Path, layout: str, scans: int) -> None:
    WRITERS[layout](tmp_path)
    for number, path in enumerate(path for path in sorted(tmp_path.rglob("*")) if "flair" in path.name.lower()):
        save(path, image(number))  # else the same file would be there twice
    cases, _ = found_in(tmp_path)
    assert len(cases) == scans and all("flair" in file.lower() for file in cases.values())


def test_gzip_is_known_by_content(real_data: Path) -> None:
    cases, left = found_in(real_data / "cases" / "23_gz_names")
    assert {"packed_FLAIR.nii", "plain_FLAIR.nii.gz"} <= {*cases.values()}
    assert left.keys() <= {"trailing_FLAIR.nii.gz"} and all("gzip" in why for why in left.values())


def test_the_same_content_counts_once(tmp_path: Path) -> None:
    save(tmp_path / "p1/FLAIR.nii", image(0))
    shutil.copy(tmp_path / "p1/FLAIR.nii", tmp_path / "p1/again.nii")
    cases, left = found_in(tmp_path, keep_names=True)
    assert cases == {"FLAIR": "p1/FLAIR.nii"}
    assert left == {"p1/again.nii": "has the same content as another file in the folder"}


def test_links_are_followed_and_no_message_repeats_a_path(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "linked.nii", image(0))
    root = tmp_path / "in"
    for number, name in enumerate(["a\nb.nii", os.fsdecode(b"c\xff/scan.nii")]):
        save(root / name, image(number + 1))
    (root / "damaged\n.nii").write_bytes(b"x" * 400)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "link" / "back").symlink_to(root)
    (root / "loop_FLAIR.nii").symlink_to(root / "loop_FLAIR.nii")
    cases, left = found_in(root)
    assert sorted(cases.values()) == ["a\nb.nii", os.fsdecode(b"c\xff/scan.nii"), "link/linked.nii"]
    assert {name: why.partition(" (")[0] for name, why in left.items()} == {
        "damaged\n.nii": "no NIfTI file",
        "loop_FLAIR.nii": "cannot be opened",
    }


def test_a_ring_surrounds_an_area_and_covers_none_of_it() -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    grey = np.full((9, 9), 100, np.uint8)
    picture = outline(grey, mask, (90, 90))
    area = np.kron(mask, np.ones((10, 10), bool))
    assert (picture[area] == 100).all()
    assert picture[45, 40 - RING_PX].tolist() == [213, 94, 0] and picture[45, 40 - RING_PX - 1].tolist() == [0, 0, 0]
    assert (outline(grey, np.zeros_like(mask), (90, 90)) == 100).all()


def test_slices_are_spread_over_the_lesions_and_the_fullest_of_each_part() -> None:
    mask = np.zeros((20, 8, 8), bool)
    for place, pixels in {3: 1, 4: 5, 9: 2, 10: 7, 17: 1}.items():
        mask[place].flat[:pixels] = True
    found = outlined_slices(np.ones((20, 8, 8)), mask, 2, (1.0, 1.0))
    assert [(one.place, one.pixels) for one in found] == [(5, 5), (11, 7)]
    assert [one.place for one in outlined_slices(np.ones((20, 8, 8)), mask & False, 2, (1.0, 1.0))] == [11]
