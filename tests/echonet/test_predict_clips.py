"""Predictions for a user's own clips: beats and EF from two networks, the files and the page."""

import re
import unicodedata

import numpy as np
import pandas as pd
import pydicom
import pytest
import torch

from browser import check_page
from echo_files import speckle, write_dicom
from echonet import import_clips, predict_clips
from echonet.learning import own_clips
from echonet.learning.own_clips import predict_own_clip
from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.video_network import video_network
from own_files import name_files
from persons import FOLDER, NAMES, written_with_a_name
from reprise.models.weights import save_model
from reprise.step.errors import InputError

CPU = torch.device("cpu")
INFO = {"frames": 32, "period": 2}
NORMALISATION = {"mean": [32.0] * 3, "std": [50.0] * 3}


def ellipses(n_frames, beat):
    """(F, 112, 112) bool: an upright ellipse that beats, largest at 0 and smallest in the middle of each beat."""
    y, x = np.mgrid[:112, :112]
    scale = 1 + 0.2 * np.cos(2 * np.pi * np.arange(n_frames) / beat)
    return np.stack([((x - 60) / (16 * one)) ** 2 + ((y - 50) / (30 * one)) ** 2 < 1 for one in scale])


@pytest.fixture
def predict(monkeypatch):
    """Predict a clip of these masks; the regression's EF is the first frame of its clip."""

    def call(masks, fps=50.0):
        asked = []
        monkeypatch.setattr(own_clips, "segment_frames", lambda *_: masks)
        monkeypatch.setattr(
            own_clips, "predict_clips", lambda _model, _info, _frames, starts, _device: asked.extend(starts) or starts
        )
        frames = np.zeros((len(masks), 112, 112, 3), np.uint8)
        return predict_own_clip(frames, fps, (None, {}), (None, INFO), CPU), asked

    return call


def test_every_beat_has_both_efs_and_its_clip_is_centred_on_its_systole(predict):
    prediction, asked = predict(ellipses(200, beat=40))
    beats = prediction.beats.iloc[:-1]
    assert prediction.systoles.tolist() == [20, 60, 100, 140, 180]
    assert beats["es_frame"].tolist() == [20, 60, 100, 140, 180]
    assert beats["ed_frame"].tolist() == [0, 40, 80, 120, 160]
    assert beats["es_s"].tolist() == pytest.approx([0.4, 1.2, 2.0, 2.8, 3.6])
    assert beats["start"].tolist() == [0, 28, 68, 108, 137]  # the first and the last as far as the video reaches
    assert asked == [0, 28, 68, 108, 137]
    assert beats["ef_regression"].tolist() == asked
    assert np.allclose(beats["ef_masks"].astype(float), 100 * (1 - (0.8 / 1.2) ** 3), atol=2)
    assert prediction.notes == []


def test_the_last_row_averages_the_beats_and_counts_a_shared_clip_once(predict):
    prediction, asked = predict(ellipses(70, beat=20), fps=25.0)
    beats, average = prediction.beats.iloc[:-1], prediction.beats.iloc[-1]
    assert beats["start"].tolist() == [0, 0, 7]
    assert asked == [0, 7]
    assert average["beat"] == "all"
    assert average["ef_regression"] == 3.5
    assert average["ef_masks"] == pytest.approx(beats["ef_masks"].mean())


@pytest.mark.parametrize("fps", [15.0, 30.0, 60.0])
def test_beats_are_found_at_any_frame_rate(predict, fps):
    prediction, _ = predict(ellipses(round(4 * fps), beat=0.8 * fps), fps)
    assert len(prediction.systoles) == 5


def test_a_clip_without_a_beat_gets_the_ef_of_its_beginning(predict):
    prediction, asked = predict(np.repeat(ellipses(1, beat=9), 30, axis=0))
    assert asked == [0]
    assert prediction.beats["beat"].tolist() == ["all"]
    assert prediction.beats["ef_regression"].tolist() == [0]
    assert prediction.beats["ef_masks"].isna().all()
    assert "No end-systole" in prediction.notes[0]
    assert "30 frames, fewer than the 64" in prediction.notes[1]


def test_a_single_frame_gets_no_ef(predict):
    prediction, asked = predict(ellipses(1, beat=9))
    assert asked == []
    assert prediction.beats["ef_regression"].isna().all()
    assert prediction.notes == ["A single frame: no beat, and no EF."]


def test_frames_without_a_ventricle_are_noted(predict):
    masks = ellipses(100, beat=40)
    masks[70:] = False
    assert "in 30 of 100 frames" in predict(masks)[0].notes[0]
    assert "in any frame" in predict(np.zeros_like(masks))[0].notes[0]


def run(step, *options):
    """Run a step within this process: a new one would spend seconds on imports."""
    step.main(step.arguments().parse_args([str(option) for option in options]))


def weights_options(folder, segmentation=None):
    return "--segmentation", segmentation or folder / "segmentation.safetensors", "--ef", folder / "ef.safetensors"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of two narrow, untrained networks."""
    folder = tmp_path_factory.mktemp("weights")
    common = {"width": 0.125, "normalisation": NORMALISATION, "settings": {"precision": "fp32", "downsample": 1}}
    torch.manual_seed(0)
    settings = {"network": "lraspp_mobilenet_v3_large", **common}
    model = segmentation_network(settings["network"], settings["width"])
    save_model(folder / "segmentation.safetensors", model, {"kind": "segmentation", **settings})
    settings = {"network": "mc3_18", "frames": 8, "period": 2, **common}
    save_model(folder / "ef.safetensors", video_network("mc3_18", 0.125), {"kind": "ef", **settings})
    return folder


def import_folder(source, folder, keep_names="no", alone="yes"):
    """Name and import the files of a folder; the options of the step that predicts them."""
    run(name_files, "--input", source, "--key", folder / "key.csv", "--keep-names", keep_names)
    written = ("--output", folder / "clips", "--findings", folder / "findings.csv")
    run(import_clips, "--key", folder / "key.csv", "--alone", alone, *written)
    return "--clips", folder / "clips", "--findings", folder / "findings.csv", "--device", "cpu"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Arguments of the step for a folder of three clips, of which one is a still, and a file that is none."""
    folder = tmp_path_factory.mktemp("clips")
    source = folder / "in"
    source.mkdir()
    write_dicom(source / "a4c.dcm", speckle(30), "MONOCHROME2", CineRate=25)
    write_dicom(source / "still.dcm", speckle(1), "MONOCHROME2")
    write_dicom(source / "other.dcm", speckle(6, seed=2), "MONOCHROME2")
    (source / "damaged.mp4").write_bytes(b"nothing")
    return import_folder(source, folder, "yes")


def test_a_folder_of_clips_becomes_tables_masks_videos_and_a_page(tmp_path, imported, weights):
    out = tmp_path / "out"
    run(predict_clips, *imported, *weights_options(weights), "--output", out)
    clips = pd.read_csv(imported[1] / "clips.csv")["case"].tolist()
    assert clips == ["a4c", "other", "still"]
    table = pd.read_csv(out / "predictions.csv")
    averages = table.query("beat == 'all'").set_index("clip")
    assert list(table.columns) == ["clip", *own_clips.COLUMNS]
    assert list(averages.index) == clips
    assert averages["ef_regression"].isna().tolist() == [case == "still" for case in clips]
    lengths = pd.read_csv(out / "areas.csv").groupby("clip").size().to_dict()
    assert lengths == {"a4c": 30, "still": 1, "other": 6}
    assert np.load(out / "masks" / "a4c.npz")["masks"].shape == (30, 112, 112)
    assert sorted(path.stem for path in (out / "videos").iterdir()) == sorted(clips)
    page = (out / "index.html").read_text()
    assert "damaged" in page and "key.csv" in page
    assert "<li>text may remain in its pictures: nothing moves in it" in page, "a finding is shown at its clip"
    check_page(out / "index.html")


def test_no_clip_beside_files_of_other_kinds_gives_a_page_that_says_so(tmp_path, weights):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.avi").write_bytes(b"RIFF")
    options = import_folder(tmp_path / "in", tmp_path, alone="no")
    run(predict_clips, *options, *weights_options(weights), "--output", tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "predictions.csv").empty
    assert "no video that can be decoded" in (tmp_path / "out" / "index.html").read_text()


def write_files_with_names(folder):
    """Write clips and other files with names of persons in the paths and in the headers."""
    inside = folder / FOLDER
    inside.mkdir(parents=True)
    fields = {"PatientName": "Roe^Richard", "PatientBirthDate": "19540312", "InstitutionName": "WardSeven"}
    path = write_dicom(inside / "Li_Ng.dcm", speckle(30), "MONOCHROME2", CineRate=25, **fields)
    data = pydicom.dcmread(path)
    block = data.private_block(0x11, "WardSeven", create=True)
    block.add_new(1, "LO", "Li^Ng")
    block.add_new(2, "UN", b"Roe^Richard\xff\xfe")
    data.save_as(path)
    damaged = bytearray(path.read_bytes())
    (inside / f"{unicodedata.normalize('NFD', NAMES[4])}.dcm").write_bytes(damaged[:-100])
    at = damaged.index(b"IS\x02\x0025") if b"IS\x02\x0025" in damaged else damaged.index(b"Roe^Richard")
    damaged[at + 4 : at + 6] = b"Zo"
    (inside / "12Mar1954.dcm").write_bytes(damaged)
    for name in ("MRN-20071231.pdf", "Roe^Richard.avi", "Roe_Richard.mp4"):
        (inside / name).write_bytes(b"nothing of " + name.encode())
    (inside / "WardSeven.dcm").symlink_to(inside / "WardSeven.dcm")


def test_a_name_of_a_person_is_in_no_file_but_the_key(tmp_path, weights, capfd):
    write_files_with_names(tmp_path / "in")
    results = tmp_path / "results"
    results.mkdir()
    options = import_folder(tmp_path / "in", results)
    run(predict_clips, *options, *weights_options(weights), "--output", results / "predictions")
    for number, text in enumerate(capfd.readouterr()):
        (results / f"{number}.log").write_text(text)
    assert written_with_a_name(results) == []
    key = pd.read_csv(results / "key.csv").set_index("case")
    findings = pd.read_csv(results / "findings.csv")
    assert len(pd.read_csv(results / "predictions" / "predictions.csv")) >= 1
    assert {*findings.query("severity == 'excluded'")["file"]} < {*key.index}, "the key leads from findings to files"
    assert key["file"].str.contains(FOLDER).all() and not list((results / "predictions").rglob("key.csv"))


@pytest.mark.parametrize("wrong", ["ef", "damaged", "absent"])
def test_wrong_weights_are_named_and_leave_nothing(tmp_path, imported, weights, wrong):
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    path = {"ef": weights / "ef.safetensors"}.get(wrong, tmp_path / f"{wrong}.safetensors")
    with pytest.raises(InputError, match=re.escape(str(path))):
        run(predict_clips, *imported, *weights_options(weights, path), "--output", tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))
