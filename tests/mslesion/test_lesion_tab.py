"""The tab of lesions on the page: its answer is the step's, and what is no FLAIR volume is refused in one line."""

from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from ms_dataset import image, save
from mslesion.analysis.tab import lesion_tab, trained_here
from own_flairs import predict, untrained
from reprise.step.errors import InputError


def test_the_answer_is_that_of_the_step(tmp_path: Path) -> None:
    weights = untrained(tmp_path, "unet_2d", 0.03)
    path = tmp_path / "in" / "flair.nii"
    save(path, image(0), np.diag([-1, 2.0, 3.0, 1]))
    row = predict(tmp_path / "in", weights, tmp_path).loc["flair"]
    tab = lesion_tab([weights], None, "nothing", "cpu")
    answer = tab.answer([path])
    assert list(answer.views) == tab.views == ["unet_2d"] and answer.slices == row["slices"]
    view = answer.views["unet_2d"]
    shown = view.table.set_index("quantity")["value"]
    assert float(shown["lesion load"]) == pytest.approx(row["load_ml"], abs=0.005)
    assert int(shown["lesions"]) == row["lesions"]
    (tmp_path / "mask.nii.gz").write_bytes(view.files["mask.nii.gz"])
    found, expected = (nibabel.load(tmp_path / name) for name in ("mask.nii.gz", "predictions/masks/flair.nii.gz"))
    np.testing.assert_array_equal(np.asanyarray(found.dataobj), np.asanyarray(expected.dataobj))
    pixels = [
        cv2.imdecode(np.frombuffer(view.mask(0, at), np.uint8), cv2.IMREAD_UNCHANGED) for at in range(answer.slices)
    ]
    assert sum(int((mask == 255).sum()) for mask in pixels) == np.asanyarray(expected.dataobj).sum()
    assert cv2.imdecode(np.frombuffer(view.picture(0, 0), np.uint8), cv2.IMREAD_COLOR).shape[2] == 3


def test_what_is_no_flair_volume_is_one_line(tmp_path: Path) -> None:
    weights = untrained(tmp_path, "unet_2d", 0.03)
    tab = lesion_tab([weights], None, "nothing", "cpu")
    (tmp_path / "notes.txt").write_text("no volume")
    save(tmp_path / "a.nii", image(0))
    save(tmp_path / "mask.nii", (image(0) > 5).astype(np.int16))
    for names, message in {
        ("notes.txt",): "expected one NIfTI file",
        ("a.nii", "mask.nii"): "expected one NIfTI file",
        ("mask.nii",): "by its content a mask",
    }.items():
        with pytest.raises(InputError, match=message):
            tab.answer([tmp_path / name for name in names])
    with pytest.raises(InputError, match="found two files of unet_2d"):
        lesion_tab([weights, weights], None, "nothing", "cpu")
    with pytest.raises(InputError, match="lesion networks have no ensemble"):
        lesion_tab([weights], tmp_path / "shares.csv", "nothing", "cpu")


def test_trained_networks_are_found(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `make report`, or name files"):
        trained_here(tmp_path)
    for run in ("unet_3d-seed10", "unet_3d-seed2"):
        (tmp_path / "mslesion" / run / "sound" / "fold1").mkdir(parents=True)
        (tmp_path / "mslesion" / run / "sound" / "fold1" / "weights.safetensors").touch()
    (path,), shares, data = trained_here(tmp_path)
    assert (path.parts[-4], shares, data) == ("unet_3d-seed2", None, "the data set of config.yaml")
