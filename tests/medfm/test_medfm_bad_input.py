"""A broken MedFMC stops the run with one line per problem; what is merely odd is read right, and told."""

import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medfm.data.raw_images import check_dataset
from medfm_dataset import LISTS, edit, labels_of, name_of, pixels_of, write_medfm
from project import ROOT
from reprise.data.png import PNG
from reprise.step.errors import InputError

CHEST_TABLE = "MedFMC_train/chest/chest_train.csv"
ENDO_TABLE, COLON_TABLE = CHEST_TABLE.replace("chest", "endo"), CHEST_TABLE.replace("chest", "colon")
IMAGE = f"MedFMC_train/endo/images/{name_of('endo', 1)}"
FEW = f"{LISTS}/colon/colon_5-shot_train_exp2.txt"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_medfm(tmp_path_factory.mktemp("medfm") / "raw")


@pytest.fixture
def copy(raw: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(raw, tmp_path / "raw"))


def problems(root: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_dataset(root)
    head, *lines = str(caught.value).splitlines()
    assert head == f"{root}: {len(lines)} problem{'s' if len(lines) > 1 else ''}:" if lines else True
    return [line.strip() for line in lines] or [head]


def findings(root: Path) -> list[str]:
    return [f"{row.severity} {row.file}: {row.finding}" for row in check_dataset(root).findings.itertuples()]


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG file of a size that no file of its length can hold."""
    head = b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    chunks = [struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (head, data)]
    return PNG + b"".join(chunks)


def no_column(text: str) -> str:
    return text.replace("polyp", "polyps", 1)


def value_two(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:3], lines[3].rstrip()[:-1] + "2\n", *lines[4:]])


DAMAGES: list[tuple[str, str, Callable[[Path], object], str]] = [
    (
        "no label column",
        ENDO_TABLE,
        lambda path: edit(path, no_column),
        f"{ENDO_TABLE}: expected a column for each finding; polyp missing",
    ),
    (
        "no labels at all in the train set",
        COLON_TABLE,
        lambda path: edit(path, lambda text: re.sub(",(tumor|[01])$", "", text, flags=re.MULTILINE)),
        f"{COLON_TABLE}: expected a column for each finding; tumor missing",
    ),
    (
        "a value of 2",
        CHEST_TABLE,
        lambda path: edit(path, value_two),
        f"{CHEST_TABLE} line 4: consolidation: expected 0 or 1, found '2'",
    ),
    (
        "no value",
        COLON_TABLE,
        lambda path: edit(path, lambda text: text.replace("p0002.png,0", "p0002.png,")),
        f"{COLON_TABLE} line 4: tumor: expected 0 or 1, found nothing",
    ),
    (
        "no row",
        CHEST_TABLE,
        lambda path: edit(path, lambda text: text.splitlines()[0]),
        f"{CHEST_TABLE}: expected one row or more, found none",
    ),
    (
        "a column twice",
        CHEST_TABLE,
        lambda path: edit(path, lambda text: text.replace("img_id", "img_id,TB", 1).replace(".png", ".png,0")),
        f"{CHEST_TABLE}: the column TB is there twice",
    ),
    (
        "a value too many in each row",
        COLON_TABLE,
        lambda path: edit(path, lambda text: re.sub(",([01])$", r",\1,1", text, flags=re.MULTILINE)),
        f"{COLON_TABLE}: expected 3 values a row, found more",
    ),
    (
        "no names",
        CHEST_TABLE,
        lambda path: edit(path, lambda text: text.replace("img_id", "image", 1)),
        f"{CHEST_TABLE}: expected the column img_id, found Unnamed: 0, image, pleural_effusion",
    ),
    (
        "a name that leads elsewhere",
        CHEST_TABLE,
        lambda path: edit(path, lambda text: text.replace("5C2E02", "../../../5C2E02")),
        f"{CHEST_TABLE} line 4: img_id: expected the name of a file, found '../../../5C2E02.png'",
    ),
    (
        "an image that is listed twice",
        CHEST_TABLE,
        lambda path: edit(path, lambda text: text.replace("5C2E02", "5C2E01")),
        f"{CHEST_TABLE} line 4: 5C2E01.png is listed twice",
    ),
    (
        "listed but absent",
        IMAGE,
        Path.unlink,
        f"endo_train.csv: {name_of('endo', 1)} is listed, but in no folder image or images of endo",
    ),
    (
        "truncated",
        IMAGE,
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        f"{IMAGE}: not a readable image (damaged or truncated)",
    ),
    ("empty", IMAGE, lambda path: path.write_bytes(b""), f"{IMAGE}: empty"),
    ("no image", IMAGE, lambda path: path.write_text("an image"), f"{IMAGE}: expected a PNG or JPEG image"),
    (
        "30,000 x 30,000",
        IMAGE,
        lambda path: path.write_bytes(png(30000, 30000)),
        f"{IMAGE}: expected at most 67 million pixels, found 30000 x 30000",
    ),
    (
        "of one pixel",
        IMAGE,
        lambda path: Image.new("RGB", (1, 1)).save(path),
        f"{IMAGE}: expected 8 x 8 pixels or more, found 1 x 1",
    ),
    (
        "transparent",
        IMAGE,
        lambda path: Image.new("RGBA", (24, 24), (255, 0, 0, 128)).save(path),
        f"{IMAGE}: expected an opaque image, found transparent pixels",
    ),
    (
        "animated",
        IMAGE,
        lambda path: Image.new("RGB", (24, 24)).save(
            path, save_all=True, append_images=[Image.new("RGB", (24, 24), 9)]
        ),
        f"{IMAGE}: expected one image, found 2",
    ),
    (
        "few-shot lists of images that do not exist",
        FEW,
        lambda path: edit(path, lambda text: text.replace("p0000.png", "p9999.png")),
        f"{FEW}: {name_of('colon', 0).replace('p0000', 'p9999')} is in no CSV of colon",
    ),
    (
        "a few-shot list of an image that has no labels",
        FEW,
        lambda path: edit(path, lambda text: text.replace(name_of("colon", 0), name_of("colon", 9))),
        f"{FEW}: {name_of('colon', 9)} has no labels in the CSV of colon",
    ),
    (
        "a few-shot list of an image of the val set",
        f"{LISTS}/chest/chest_1-shot_train_exp3.txt",
        lambda path: edit(path, lambda text: text.replace(name_of("chest", 0), name_of("chest", 10))),
        f"{LISTS}/chest/chest_1-shot_train_exp3.txt: {name_of('chest', 10)} is in chest_val.csv, and so in",
    ),
    (
        "a line of a list without labels",
        FEW,
        lambda path: edit(path, lambda text: text.replace("p0000.png 0", "p0000.png")),
        f"{FEW} line 1: expected a name and 1 label of 0 or 1, found {name_of('colon', 0)!r}",
    ),
    (
        "a label of 2 in a list",
        f"{LISTS}/endo/val_20.txt",
        lambda path: edit(path, lambda text: text.replace(" 0\n", " 2\n", 1)),
        f"{LISTS}/endo/val_20.txt line 2: expected a name and 4 labels of 0 or 1, found "
        f"'{name_of('endo', 5)} {' '.join(map(str, labels_of('endo', 5)[:3]))} 2'",
    ),
    (
        "an empty split",
        f"{LISTS}/chest/val_20.txt",
        lambda path: path.write_text("\n"),
        f"{LISTS}/chest/val_20.txt: empty",
    ),
    (
        "no list of a split",
        f"{LISTS}/chest/val_20.txt",
        Path.unlink,
        "chest: expected 33 official lists; val_20.txt missing",
    ),
    (
        "an image in two splits",
        f"{LISTS}/endo/test_WithLabel.txt",
        lambda path: path.write_text((path.parent / "val_20.txt").read_text().splitlines()[0]),
        f"{LISTS}/endo/val_20.txt: {name_of('endo', 4)} is in test_WithLabel, too",
    ),
    ("no CSV", CHEST_TABLE, Path.unlink, "chest_train.csv: expected this file in a folder of the data set, found none"),
    ("a spreadsheet", CHEST_TABLE, lambda path: path.write_bytes(b"PK\3\4"), f"{CHEST_TABLE}: not a readable table: a"),
]


@pytest.mark.parametrize(
    ("file", "damage", "expected"), [row[1:] for row in DAMAGES], ids=[row[0].replace(" ", "-") for row in DAMAGES]
)
def test_one_line_says_what_is_wrong(copy: Path, file: str, damage: Callable[[Path], object], expected: str) -> None:
    damage(copy / file)
    (line,) = problems(copy)
    assert line.startswith(expected)


def test_all_problems_are_told_at_once_and_many_of_a_kind_in_few_lines(copy: Path) -> None:
    shutil.rmtree(copy / "MedFMC_train/chest/images")
    (copy / IMAGE).unlink()
    lines = problems(copy)
    assert len(lines) == 5 + 1 + 1 and "chest_train.csv: 4 more images that are listed, but absent" in lines


def test_a_folder_of_something_else_is_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    expected = "expected chest_train.csv, colon_train.csv and endo_train.csv in it; found notes.txt"
    assert problems(tmp_path) == [f"{tmp_path}: {expected}"]
    assert problems(tmp_path / "none") == [f"{tmp_path / 'none'}: no such folder"]


def test_an_image_that_no_csv_lists_is_left_out_and_told(copy: Path) -> None:
    shutil.copy(copy / IMAGE, (copy / IMAGE).with_name("more.png"))
    assert "excluded MedFMC_train/endo/images/more.png: in no CSV; left out" in findings(copy)
    assert len(check_dataset(copy).cases) == 36


def test_names_with_spaces_quotes_and_commas_are_names(copy: Path) -> None:
    odd = """it's "5C, 2E" 1.png"""
    (copy / "MedFMC_train/chest/images/5C2E01.png").rename(copy / "MedFMC_train/chest/images" / odd)
    quoted = '"' + odd.replace('"', '""') + '"'
    edit(copy / CHEST_TABLE, lambda text: text.replace("5C2E01.png", quoted))
    for path in (copy / LISTS / "chest").glob("*.txt"):
        path.write_text(path.read_text().replace("5C2E01.png", odd))
    cases = check_dataset(copy).cases
    assert cases["image"][1] == odd and cases["part"][1] == "train_20"


def test_a_finding_without_a_positive_anywhere_is_named(copy: Path) -> None:
    for path in [*copy.rglob("endo_*.csv"), *(copy / LISTS / "endo").glob("*.txt")]:
        if path.stem != "test_WithoutLabel":
            path.write_text(re.sub(r"([ ,])1(\r?)$", r"\g<1>0\2", path.read_text(), flags=re.MULTILINE))
    assert "note endo: no image with tumor" in findings(copy)


@pytest.mark.parametrize(
    ("mode", "told"),
    [("L", "endo: 1 images whose channels agree"), ("I;16", "16 bits"), ("P", "saved as P"), ("CMYK", "saved as CMYK")],
)
def test_odd_images_are_read_and_told(copy: Path, mode: str, told: str) -> None:
    pixels = pixels_of("chest", 0)[..., 0]
    image = Image.fromarray(pixels * np.uint16(256)) if mode == "I;16" else Image.fromarray(pixels).convert(mode)
    image.save(copy / IMAGE, format="JPEG" if mode == "CMYK" else "PNG")
    assert any(told in finding for finding in findings(copy))


def test_a_step_that_refuses_says_so_in_one_message_and_leaves_nothing(copy: Path, tmp_path: Path) -> None:
    (copy / IMAGE).write_bytes(png(30000, 30000))
    outputs = [word for name in ("manifest", "cases", "findings", "lists") for word in (f"--{name}", f"out/{name}.csv")]
    program = ROOT / "workflow_scripts/medfm/check.py"
    run = subprocess.run(
        [sys.executable, program, "--raw", copy, *outputs], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2 and "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-2] == f"error: {copy}: 1 problem:"
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
