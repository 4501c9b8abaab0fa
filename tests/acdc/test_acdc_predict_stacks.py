"""The step that segments a folder of stacks: tables and masks agree, no person is named, what is odd is a finding."""

import shutil
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pandas as pd
import pytest
import torch

from acdc.learning.answers import load_networks
from acdc.learning.prediction import load_heart_network, probabilities_of
from browser import check_page
from own_hearts import MEMBERS, image, predict, untrained, write_nifti, write_series
from persons import FOLDER, written_with_a_name
from reprise.step.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return untrained(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shares") / "weights.csv"
    rows = [("simplex", name, share) for name, share in zip(MEMBERS, (0.7, 0.3, 0.0), strict=True)]
    rows += [("equal", name, 1 / 3) for name in MEMBERS]
    pd.DataFrame(rows, columns=["method", "member", "weight"]).to_csv(path, index=False)
    return path


def test_tables_follow_from_the_masks_and_the_ensemble_from_the_networks(
    tmp_path: Path, weights: list[Path], shares: Path
) -> None:
    path = write_nifti(tmp_path / "in" / "heart.nii.gz", image(3), "PIL")
    table = predict(tmp_path / "in", weights, tmp_path, shares).loc["heart"]
    assert list(table.index) == [*MEMBERS, "ensemble"]
    for method, row in table.iterrows():
        mask = nibabel.load(tmp_path / f"predictions/masks/heart-{method}.nii.gz")
        voxel_ml = np.prod(mask.header.get_zooms()[:3]) / 1000
        right, muscle, left = ((np.asanyarray(mask.dataobj) == at).sum(axis=(0, 1, 2)) * voxel_ml for at in (1, 2, 3))
        ed, es = left.argmax(), left.argmin()
        assert left[ed] > left[es], "a network whose answers tell the frames apart"
        assert (row["ed"], row["es"]) == (ed + 1, es + 1)
        expected = [left[ed], left[es], 100 * (1 - left[es] / left[ed]), right[ed], right[es]]
        assert row[["lv_edv_ml", "lv_esv_ml", "lv_ef", "rv_edv_ml", "rv_esv_ml"]].tolist() == pytest.approx(
            expected, abs=1e-3
        )
        assert row["lv_mass_g"] == pytest.approx(1.05 * muscle[ed], abs=1e-3)
    maps = []
    frame = np.asanyarray(nibabel.load(path).dataobj)[..., 0]
    slices = frame.transpose(2, 1, 0)  # PIL: stored axes run to the back, the feet and the left, as slices are viewed
    for file in weights[:2]:
        model, info = load_heart_network(file, CPU)
        maps.append(probabilities_of(model, info, slices, (8.0, 1.5, 1.25), CPU))
    joined = (0.7 * maps[0] + 0.3 * maps[1]).argmax(axis=-1)
    found = np.asanyarray(nibabel.load(tmp_path / "predictions/masks/heart-ensemble.nii.gz").dataobj)[..., 0]
    assert (found.transpose(2, 1, 0) == joined).mean() > 0.999


def test_a_folder_of_all_kinds_of_files(tmp_path: Path, weights: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    source, results = tmp_path / "in" / FOLDER, tmp_path / "results"
    results.mkdir()
    write_nifti(source / "Li_Ng.nii", image(1, seed=1), descrip="Roe^Richard 12Mar1954", aux_file="WardSeven")
    shutil.copy(source / "Li_Ng.nii", source / "again.nii")
    write_series(source / "MRN-20071231", image(2, seed=2))
    cv2.imwrite(str(source / "12Mar1954.png"), image(1, slices=1)[0, 0].clip(0, 255).astype(np.uint8))
    write_nifti(source / "WardSeven_gt.nii", (image(1) > 350).astype(np.int16))
    (source / "Roe^Richard.nii.gz").write_bytes((source / "Li_Ng.nii").read_bytes()[:-7])
    write_series(source / "broken", image(2))[0].unlink()
    (source / "notes.txt").write_text("Roe^Richard")
    table = predict(tmp_path / "in", weights[:1], results, keep_names=False)
    assert len(table) == 3 and set(table.index.get_level_values("method")) == {"unet"}
    by_frames = table.set_index("frames")
    assert sorted(by_frames.index) == [1, 1, 2] and by_frames["lv_ef"].notna().sum() <= 1
    for number, text in enumerate(capfd.readouterr()):
        (results / f"{number}.log").write_text(text)
    assert written_with_a_name(results) == []
    findings = pd.read_csv(results / "findings.csv")
    excluded = findings[findings["severity"] == "excluded"]["finding"].str.cat(sep="\n")
    for message in ("the same content", "a mask or a map of labels", "truncated", "slices with 1 and with 2 images"):
        assert message in excluded, message
    assert len(findings[findings["severity"] == "excluded"]) == 4
    volumes = pd.read_csv(results / "predictions/volumes.csv")
    assert volumes.groupby("case")["frame"].max().tolist() in ([1, 2], [2, 1]), "a picture has no volumes"
    pngs = [path.name for path in (results / "predictions/masks").glob("*.png")]
    assert len(pngs) == 1 and len([*(results / "predictions/masks").glob("*.nii.gz")]) == 3
    check_page(results / "predictions" / "index.html")


def test_nothing_usable_leaves_nothing(tmp_path: Path, weights: list[Path]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    with pytest.raises(
        InputError, match=r"no stack of the heart in the folder can be read; key.csv leads to the files"
    ):
        predict(tmp_path / "in", weights[:1], tmp_path)
    assert not (tmp_path / "predictions").exists() and not (tmp_path / "findings.csv").exists()


def test_shares_and_weights_that_do_not_belong_together_are_one_line(
    tmp_path: Path, weights: list[Path], shares: Path
) -> None:
    with pytest.raises(InputError, match=r"with a weight of each of unet, linknet$"):
        load_networks(weights[:2], shares, CPU)
    with pytest.raises(InputError, match="expected weights of different networks, found two files of unet"):
        load_networks([weights[0], weights[0]], None, CPU)
    known = load_networks(weights, shares, CPU)
    assert known.method == "simplex" and [member.share for member in known.members.values()] == [0.7, 0.3, 0.0]
    (tmp_path / "negative.csv").write_text(shares.read_text().replace("0.7", "-0.7").replace("equal", "other"))
    with pytest.raises(InputError, match=r"negative.csv: expected rows of simplex or equal"):
        load_networks(weights, tmp_path / "negative.csv", CPU)
