"""Which files of a folder are FLAIR volumes to segment, how their cases are called, and pictures of what was found."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ms_dataset import WRITERS, image, save
from mslesion.analysis.outlines import RING_PX, outline, outlined_slices
from mslesion.data.own_volumes import find_volumes
from reprise.data.findings import Findings
from reprise.step.errors import InputError


def found_in(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """File by case, and reason by file of those left out."""
    findings = Findings()
    cases = {volume.case: volume.path.relative_to(root).as_posix() for volume in find_volumes(root, findings)}
    return cases, {file: finding for kind, file, _, finding in findings.rows if kind == "excluded"}


def test_names_tell_flair_from_masks_and_from_other_images(tmp_path: Path) -> None:
    taken = [
        "a/x_T2_FLAIR.nii",
        "a/FLAIR_regtoFLAIR.nii",
        "a/b/P1_T1_FLAIR.nii",
        "c/anat_T1w.nii",
        "d/brain_masked.nii",
        "e/T10.nii",
        "f/lesson.nii",
    ]
    masks = [
        "a/x_flair_mask1.nii",
        "a/GOLD_STANDARD.nii",
        "c/consensus_gt.nii",
        "d/flair_lesions.nii",
        "e/seg-1.nii",
        "f/segmentation.nii",
    ]
    others = ["a/x_T1.nii", "a/x_T1KS.nii", "a/t2_pp.nii", "a/pd_pp.nii", "a/mprage.nii", "a/sub-1_T2w.nii"]
    for number, name in enumerate([*taken, *masks, *others]):
        save(tmp_path / name, image(number))
    cases, left = found_in(tmp_path)
    assert sorted(cases.values()) == sorted(taken)
    assert {name for name, why in left.items() if "mask" in why} == set(masks)
    assert {name for name, why in left.items() if "there is a FLAIR" in why} == set(others)


@pytest.mark.parametrize(("layout", "scans"), [("ISBI 2015", 3), ("open_ms_data", 2), ("MSLesSeg", 4)])
def test_of_every_layout_the_flairs_are_taken(tmp_path: Path, layout: str, scans: int) -> None:
    WRITERS[layout](tmp_path)
    for number, path in enumerate(path for path in sorted(tmp_path.rglob("*")) if "flair" in path.name.lower()):
        save(path, image(number))  # else the same file would be there twice
    cases, _ = found_in(tmp_path)
    assert len(cases) == scans and all("flair" in file.lower() for file in cases.values())


def test_cases_have_different_names_and_the_same_file_counts_once(tmp_path: Path) -> None:
    for number, name in enumerate(["p1/FLAIR", "p2/FLAIR", "mrn20071231", "case_003", "null", "z" * 65]):
        save(tmp_path / f"{name}.nii", image(number))
    shutil.copy(tmp_path / "p1/FLAIR.nii", tmp_path / "p1/again.nii")
    cases, left = found_in(tmp_path)
    assert cases == {
        "case_003": "case_003.nii",
        "case_002": "mrn20071231.nii",
        "case_004": "null.nii",
        "p1_FLAIR": "p1/FLAIR.nii",
        "p2_FLAIR": "p2/FLAIR.nii",
        "case_007": f"{'z' * 65}.nii",
    }
    assert left == {"p1/again.nii": "is the same file as another one in the folder"}


def test_links_are_followed_and_odd_names_spelt_out(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "linked.nii", image(0))
    root = tmp_path / "in"
    for number, name in enumerate(["a\nb.nii", os.fsdecode(b"c\xff/scan.nii")]):
        save(root / name, image(number + 1))
    (root / "damaged\n.nii").write_bytes(b"x" * 400)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "link" / "back").symlink_to(root)
    findings = Findings()
    shown = {volume.case: volume.shown for volume in find_volumes(root, findings)}
    assert shown == {"case_001": r"a\nb.nii", "scan": r"c\udcff/scan.nii", "linked": "link/linked.nii"}
    assert [file for _, file, *_ in findings.rows] == [r"damaged\n.nii"]
    findings.table().to_csv(tmp_path / "findings.csv")
    for path in ("a\nb.nii", os.fsdecode(b"c\xff"), "link"):
        shutil.rmtree(root / path) if (root / path).is_dir() and path != "link" else (root / path).unlink()
    with pytest.raises(InputError) as caught:
        find_volumes(root, Findings())
    assert str(caught.value).count("\n") == 1 and r"damaged\n.nii no NIfTI file" in str(caught.value)


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
