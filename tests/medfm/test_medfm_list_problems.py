"""Problems of official lists that concern many of them: a line for each image, not for each list."""

import re
from pathlib import Path

import pytest

from medfm_dataset import LISTS, edit, labels_of, name_of, write_medfm
from test_medfm_bad_input import ENDO_TABLE, problems


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return write_medfm(tmp_path / "raw")


def test_a_name_that_is_wrong_in_a_csv_has_one_line_for_all_lists_together(copy: Path) -> None:
    """All 30 few-shot lists, train_20 and trainval have the image."""
    name = name_of("endo", 2)
    edit(copy / ENDO_TABLE, lambda text: text.replace(name, "x.png"))
    first, second = problems(copy)
    assert re.fullmatch(rf"{LISTS}/endo/\S+\.txt: {re.escape(name)} is in no CSV of endo; 31 more lists have it", first)
    assert second == "endo_train.csv: x.png is listed, but in no folder image or images of endo"


def test_many_wrong_images_of_lists_have_few_lines(copy: Path) -> None:
    """An official part that stands in two lists, and lists of images of the val set whose labels are known."""
    lists = copy / LISTS / "chest"
    (lists / "test_WithLabel.txt").write_text((lists / "trainval.txt").read_text())
    wrong, *lines = problems(copy)
    assert "is in" in wrong and 2 <= len(lines) + 1 <= 2 * 6
    numbers = range(9, 12)
    text = "".join(f"{name_of('chest', each)} {','.join(map(str, labels_of('chest', each)))}\n" for each in numbers)
    (lists / "test_WithLabel.txt").write_text(text * 2)
    for path in lists.glob("chest_*_train_*.txt"):
        path.write_text(text)
    lines = [line for line in problems(copy) if "chest_val.csv" in line]
    assert len(lines) == 3 and all(line.endswith("in test_WithoutLabel alone; 15 more lists have it") for line in lines)
