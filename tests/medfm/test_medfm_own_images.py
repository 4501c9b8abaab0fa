"""A user's own images: scores are right in any form of file, and no person is named anywhere."""

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from browser import check_page
from echo_files import write_dicom
from medfm import predict_images
from medfm.analysis.protocols import TASKS
from medfm.data.pictures import squared
from medfm.learning.images import Images
from medfm.learning.prediction import load_finding_network, scores_of
from persons import FOLDER, written_with_a_name
from reprise.data.own_files import name_own_files, write_key
from reprise.step.errors import InputError
from reprise.step.files import file_sha256
from small_weights import untrained

CPU, STORE = torch.device("cpu"), 48


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {task: untrained(folder, task) for task in ("chest", "colon")}


def predict(source: Path, weights: Path, out: Path, *words: str, keep_names: bool = True) -> pd.DataFrame:
    """Run the step within this process: a new one would spend seconds on imports. Returns scores.csv."""
    (out / "key.csv").unlink(missing_ok=True)
    write_key(out / "key.csv", name_own_files(source, keep_names))
    options = {"key": out / "key.csv", "device": "cpu", "checkpoints": out / "checkpoints", "weights": weights}
    options |= {"settings": json.dumps({"store_size": STORE}), "output": out / "predictions"}
    options |= {"findings": out / "findings.csv"}
    words = (*words, *(word for name, value in options.items() for word in (f"--{name}", str(value))))
    predict_images.main(predict_images.arguments().parse_args(words))
    return pd.read_csv(out / "predictions" / "scores.csv", dtype={"case": str}).set_index("case")


def radiograph() -> np.ndarray:
    """A grey picture (60, 80) uint8 that uses the whole range, and is another one when it is turned or inverted."""
    row, column = np.mgrid[:60, :80]
    grey = np.clip(row * 2 + column + 40 * np.sin(column / 5), 0, 255).astype(np.uint8)
    grey[0, 0], grey[0, 1] = 0, 255
    return grey


def save_forms(folder: Path, grey: np.ndarray) -> None:
    """The same radiograph in forms of files that keep each pixel."""
    folder.mkdir()
    cv2.imwrite(str(folder / "grey.png"), grey)
    cv2.imwrite(str(folder / "sixteen.png"), grey.astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "twelve.png"), np.round(grey * (4095 / 255)).astype(np.uint16))
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(folder / "colour.png")
    palette = Image.fromarray(255 - grey).convert("P")
    palette.putdata((255 - grey).ravel().tolist())
    palette.putpalette([255 - level for level in range(256) for _ in range(3)])
    palette.save(folder / "palette.png")
    turned = Image.Exif()
    turned[0x0112], turned[0x010E] = 6, "Roe^Richard"  # to be shown a quarter to the right; a description
    Image.fromarray(np.rot90(grey)).save(folder / "turned.png", exif=turned)
    write_dicom(folder / "shown.dcm", grey[None], "MONOCHROME2", Modality="DX")
    write_dicom(folder / "inverted.dcm", 255 - grey[None], "MONOCHROME1", Modality="CR")
    window = {"WindowCenter": 1000 + 255 * 2, "WindowWidth": 255 * 4 + 1, "BitsStored": 12, "HighBit": 11}
    write_dicom(folder / "window.dcm", 1000 + 4 * grey[None].astype(np.uint16), "MONOCHROME2", bits=12,
                **(window | {"Modality": "DX", "VOILUTFunction": "LINEAR"}))  # fmt: skip


def test_scores_are_those_of_the_network_in_any_form_of_file(tmp_path: Path, weights: dict[str, Path]) -> None:
    grey = radiograph()
    save_forms(tmp_path / "in", grey)
    table = predict(tmp_path / "in", weights["chest"], tmp_path, "--task", "chest")
    model, info = load_finding_network(weights["chest"], CPU)
    images = Images(torch.tensor(squared(grey[..., None], STORE, 1))[None], np.array([grey.shape]))
    expected = scores_of(model, info, images, np.array([0]), CPU)[0]
    assert np.ptp(expected) > 0.2
    assert len(table) == 9 and (table[["height", "width"]].to_numpy() == grey.shape).all()
    for case, row in table.iterrows():
        assert row[list(TASKS["chest"])].to_numpy(float) == pytest.approx(expected, abs=1e-5), case
    other = Images(torch.tensor(squared(255 - grey[..., None], STORE, 1))[None], images.sides)
    assert abs(scores_of(model, info, other, np.array([0]), CPU)[0] - expected).max() > 0.05, "it sees the difference"
    notes = pd.read_csv(tmp_path / "findings.csv").set_index("file")["finding"]
    assert notes["twelve"].endswith("16 bits, values up to 4095; taken as 12 bits, and kept with 8")
    assert notes["turned"] == "turned as its header says" and "MONOCHROME1" in notes["inverted"]
    assert "by its window" in notes["window"] and "without a window" in notes["shown"]
    maps = sorted(path.name for path in (tmp_path / "predictions/maps").iterdir())
    highest = sorted(TASKS["chest"], key=lambda name: -expected[TASKS["chest"].index(name)])[:3]
    assert maps == sorted(f"{case}-{finding}.webp" for case in table.index for finding in highest)
    check_page(tmp_path / "predictions" / "index.html")


def test_colours_of_print_and_lossy_files_give_nearly_the_same(tmp_path: Path, weights: dict[str, Path]) -> None:
    (tmp_path / "in").mkdir()
    colours = np.stack([radiograph(), radiograph()[::-1], radiograph()[:, ::-1]], axis=2)
    image = Image.fromarray(cv2.GaussianBlur(colours, (0, 0), 2))
    image.save(tmp_path / "in" / "rgb.png")
    image.save(tmp_path / "in" / "lossy.jpg", quality=98)
    image.convert("CMYK").save(tmp_path / "in" / "print.jpg", quality=98)
    table = predict(tmp_path / "in", weights["colon"], tmp_path)
    assert table["tumor"].between(0.02, 0.98).all() and np.ptp(table["tumor"]) < 0.03
    findings = pd.read_csv(tmp_path / "findings.csv")
    assert findings[["file", "finding"]].values.tolist() == [["print", "saved as CMYK"]]


def test_a_name_of_a_person_is_in_no_file_but_the_key(
    tmp_path: Path, weights: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    source, results = tmp_path / "in" / FOLDER, tmp_path / "results"
    source.mkdir(parents=True)
    results.mkdir()
    save_forms(source / "Li_Ng", radiograph())
    cv2.imwrite(str(source / "12Mar1954.png"), radiograph()[::-1])
    (source / "Roe^Richard.png").write_bytes((source / "12Mar1954.png").read_bytes())
    (source / "MRN-20071231.jpg").write_bytes((source / "12Mar1954.png").read_bytes()[:900])
    (source / "Li^Ng.txt").write_text("WardSeven")
    table = predict(tmp_path / "in", weights["chest"], results, keep_names=False)
    assert f"case-{file_sha256(source / '12Mar1954.png')[:12]}" in table.index and len(table) == 10
    for number, text in enumerate(capfd.readouterr()):
        (results / f"{number}.log").write_text(text)
    assert written_with_a_name(results) == []
    assert {*table.index} <= {*pd.read_csv(results / "key.csv")["case"]}


def huge_png(path: Path) -> None:
    """A PNG that promises 30,000 x 30,000 pixels, in a few bytes."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    body = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_what_cannot_be_scored_is_a_finding_each(tmp_path: Path, weights: dict[str, Path]) -> None:
    source, grey = tmp_path / "in", radiograph()
    source.mkdir()
    cv2.imwrite(str(source / "good.png"), grey)
    (source / "good copy.png").write_bytes((source / "good.png").read_bytes())
    (source / "cut.png").write_bytes((source / "good.png").read_bytes()[:-900])
    (source / "text.jpg").write_text("no picture")
    (source / "notes.txt").write_text("no picture")
    huge_png(source / "huge.png")
    cv2.imwrite(str(source / "tiny.png"), grey[:4, :4])
    cv2.imwrite(str(source / "glass.png"), np.dstack([grey, grey, grey, grey]))
    write_dicom(source / "echo.dcm", grey[None], "MONOCHROME2", Modality="US")
    write_dicom(source / "film.dcm", np.stack([grey, grey]), "MONOCHROME2", Modality="DX")
    write_dicom(source / "flat.dcm", np.full_like(grey[None], 7), "MONOCHROME2", Modality="DX")
    write_dicom(source / "wide.dcm", grey[None], "MONOCHROME2", Modality="DX", Rows=30_000, Columns=30_000)
    whole = write_dicom(source / "odd.dcm", grey[None], "MONOCHROME2", Modality="DX").read_bytes()
    (source / "odd.dcm").write_bytes(whole.replace(b"\x28\0\4\0CS", b"\x28\0\4\0C\xff"))
    (source / "damaged.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    write_dicom(source / "short.dcm", grey[None, 1:], "MONOCHROME2", Modality="DX", Rows=60)
    assert list(predict(source, weights["chest"], tmp_path).index) in (["good"], ["good_copy"])
    findings = pd.read_csv(tmp_path / "findings.csv")
    left = findings.query("severity == 'excluded'").set_index("file")["finding"]
    for name, message in {
        "cut": "not a readable image (damaged or truncated)",
        "text": "expected a PNG or JPEG image",
        "huge": "expected at most 67 million pixels, found 30000 x 30000",
        "tiny": "expected 8 x 8 pixels or more, found 4 x 4",
        "glass": "expected an opaque image, found transparent pixels",
        "echo": "is a DICOM file, but no X-ray of one grey channel",
        "film": "expected one image, found 2 frames",
        "flat": "every pixel has the same value",
        "wide": "expected 8 x 8 to 67 million pixels",
        "damaged": "is a DICOM file without PixelData",
        "odd": "is no readable DICOM file",
        "short": "has pixels that are damaged, missing, or cannot be decoded",
    }.items():
        assert left.pop(name).startswith(message), name
    assert list(left) == ["the same content as another image"]
    assert list(findings.query("severity == 'note'")["file"]) == ["1 files"]


def test_weights_of_another_task_and_a_folder_without_images_are_refused_in_one_line(
    tmp_path: Path, weights: dict[str, Path]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(InputError, match=r"colon\.safetensors: expected weights of chest, found those of colon$"):
        predict(tmp_path / "in", weights["colon"], tmp_path, "--task", "chest")
    with pytest.raises(InputError, match=r"^no image in the folder can be read; key\.csv leads to the files:"):
        predict(tmp_path / "in", weights["colon"], tmp_path)
    assert not (tmp_path / "predictions").exists()


def test_a_network_that_takes_the_centre_of_an_image_is_shown_with_its_centre(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    grey = np.full((96, 96), 40, np.uint8)
    grey[32:64, 32:64] = 200
    cv2.imwrite(str(tmp_path / "in" / "square.png"), grey)
    predict(tmp_path / "in", untrained(tmp_path, "colon", resize=64), tmp_path)
    picture = cv2.imread(str(tmp_path / "predictions/maps/square-tumor.webp"))
    left = picture[:, :224, 0].astype(int)
    assert picture.shape == (224, 452, 3) and left[112, 112] > 190 and left[5, 5] < 60
    assert 0.35 < (left > 120).mean() < 0.55, "a third of the side becomes two thirds"
