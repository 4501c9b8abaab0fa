"""MedFMC on disk: what is read is what was published, by the names of columns, folders and lists."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from medfm.analysis.protocols import TASKS, of_task, support_of, truth_of
from medfm.data.conversion import convert_dataset, read_checked
from medfm.data.pictures import perceptual_hash, read_picture, squared
from medfm.data.raw_images import CheckedImages, check_dataset
from medfm_dataset import FINDINGS, LISTS, PARTS, SIDE, edit, labels_of, name_of, pixels_of, write_medfm
from reprise.data.store import Store, open_store


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_medfm(tmp_path_factory.mktemp("medfm") / "raw")


@pytest.fixture
def copy(raw: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(raw, tmp_path / "raw"))


def stored(root: Path, folder: Path, size: int = SIDE) -> tuple[Store, CheckedImages]:
    """The store that becomes of a data set, by way of the tables on disk."""
    checked = check_dataset(root)
    for table, name in zip(checked[:2], ("manifest.csv", "cases.csv"), strict=True):
        table.to_csv(folder / name, index=False)
    convert_dataset(root, *read_checked(folder / "manifest.csv", folder / "cases.csv"), folder / "store", size)
    return open_store(folder / "store"), checked


def test_the_store_holds_what_the_files_hold(raw: Path, tmp_path: Path) -> None:
    store, checked = stored(raw, tmp_path)
    assert list(FINDINGS["chest"]) == list(TASKS["chest"]) and list(FINDINGS["endo"]) == list(TASKS["endo"])
    for task in TASKS:
        cases = of_task(store.cases, task)
        assert list(cases["case"]) == [f"{task}-{number:05d}" for number in range(1, 13)]
        assert list(cases["image"]) == [name_of(task, number) for number in range(12)]
        assert list(cases["part"]) == PARTS and list(cases["row"]) == list(range(12))
        assert list(cases["official"]) == ["train"] * 9 + ["val"] * 3
        known = 9 if task == "colon" else 12
        assert list(cases["labelled"]) == [1] * known + [0] * (12 - known)
        truth = truth_of(cases[cases["labelled"] == 1])
        assert truth.tolist() == [labels_of(task, number) for number in range(known)]
        assert np.array_equal(store.arrays[task], np.stack([pixels_of(task, number) for number in range(12)]))
        assert set(cases["height"]) == set(cases["width"]) == {SIDE}
    assert list(of_task(store.cases, "colon")["study"]) == [name_of("colon", n)[:-9] for n in range(12)]
    assert list(of_task(store.cases, "endo")["group"]) == [name_of("endo", n // 2 * 2)[:18] for n in range(12)]
    assert not (checked.findings["severity"] == "excluded").any()


def test_lists_keep_repeated_lines_and_names_with_spaces(raw: Path) -> None:
    checked = check_dataset(raw)
    assert len(checked.lists) == 3 * 3 * 5 * (2 + 3)
    for task in TASKS:
        cases = of_task(checked.cases, task)
        assert support_of(checked.lists, cases, task, 5, 4, "published").tolist() == [0, 2, 2]
        assert support_of(checked.lists, cases, task, 5, 4, "sound").tolist() == [0, 2]


def test_lists_may_lie_elsewhere_and_images_in_a_folder_called_image(raw: Path, copy: Path) -> None:
    (copy / LISTS).rename(copy / "lists")
    for folder in list(copy.rglob("images")):
        folder.rename(folder.with_name("image"))
    for path in list(copy.rglob("*_train.csv")):
        path.rename(copy / path.name)
    first, second = check_dataset(raw), check_dataset(copy)
    pd.testing.assert_frame_equal(first.cases, second.cases)
    pd.testing.assert_frame_equal(
        first.lists.sort_values(list(first.lists)), second.lists.sort_values(list(first.lists))
    )


def test_columns_are_known_by_their_names_in_any_order(raw: Path, copy: Path) -> None:
    path = copy / "MedFMC_train/chest/chest_train.csv"
    table = pd.read_csv(path, index_col=0)
    table[[*reversed(table.columns)]].rename(columns={"TB": " tb"}).to_csv(path, quoting=csv.QUOTE_ALL)
    pd.testing.assert_frame_equal(check_dataset(raw).cases, check_dataset(copy).cases)


def test_lists_of_chest_may_have_spaces_and_those_of_endo_commas(raw: Path, copy: Path) -> None:
    for task, old, new in (("chest", ",", " "), ("endo", " ", ",")):
        for path in (copy / LISTS / task).glob("*.txt"):
            lines = [line.partition(" ")[::2] for line in path.read_text().splitlines()]
            path.write_text("".join(f"{name} {labels.replace(old, new)}\r\n" for name, labels in lines))
    first, second = check_dataset(raw), check_dataset(copy)
    pd.testing.assert_frame_equal(first.lists, second.lists)
    assert not second.findings["finding"].str.contains("other labels").any()


def test_labels_of_lists_that_differ_are_told_and_those_of_the_csv_count(copy: Path) -> None:
    edit(copy / LISTS / "colon/train_20.txt", lambda text: text.replace("p0001.png 0", "p0001.png 1"))
    checked = check_dataset(copy)
    (finding,) = checked.findings["finding"][checked.findings["file"].str.contains("train_20")]
    assert finding.startswith("1 line with other labels than the CSV, which counts; such as of 190330_")


@pytest.mark.parametrize(
    ("mode", "oddity"),
    [
        ("RGB", ""),
        ("P", "saved as P"),
        ("1", "saved as 1"),
        ("LA", "saved as LA"),
        ("RGBA", "saved as RGBA"),
        ("I;16", "saved as I;16; 16 bits, values up to 65535; taken as 16 bits, and kept with 8"),
        ("CMYK", "saved as CMYK"),
    ],
)
def test_images_of_any_mode_show_the_same(tmp_path: Path, mode: str, oddity: str) -> None:
    black_and_white = (pixels_of("chest", 0)[..., 0] > 127) * np.uint8(255)
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    image = Image.fromarray(black_and_white * np.uint16(257)) if mode == "I;16" else Image.fromarray(black_and_white)
    options = {"quality": 100} if mode == "CMYK" else {}
    (image if mode == "I;16" else image.convert(mode)).save(path, **options)
    picture = read_picture(path)
    assert picture.oddity == oddity
    grey = picture.pixels.mean(axis=2).astype(int)
    assert np.abs(grey - black_and_white.astype(int)).max() <= (2 if mode == "CMYK" else 0)


def test_a_picture_is_turned_as_its_header_says(tmp_path: Path) -> None:
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:8] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: the first row is on the right
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert picture.pixels.shape == (32, 16, 1) and picture.oddity == "turned as its header says"
    assert picture.pixels[:, 8:].min() == 200 and picture.pixels[:, :8].max() == 0


def test_squares_are_area_averages() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (48, 96, 3), np.uint8)
    means = pixels.reshape(16, 3, 16, 6, 3).mean(axis=(1, 3))
    assert (
        np.abs(squared(pixels, 16, 3) - means).max() <= 1
    )  # resized along one axis after the other, rounded each time
    luminance = means @ [0.299, 0.587, 0.114]
    assert np.abs(squared(pixels, 16, 1)[..., 0] - luminance).max() <= 2
    grey = squared(pixels[..., :1], 16, 3)
    assert (grey == grey[..., :1]).all() and grey.shape == (16, 16, 3)


def test_the_hash_is_that_of_imagehash_and_one_of_the_file(raw: Path) -> None:
    from imagehash import phash

    path = raw / "MedFMC_train/endo/images" / name_of("endo", 3)
    with Image.open(path) as image:
        expected = str(phash(image))
    assert perceptual_hash(pixels_of("endo", 3)) == expected
    cases = check_dataset(raw).cases
    assert cases.set_index("image")["phash"][name_of("endo", 3)] == expected
