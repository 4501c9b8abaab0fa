"""The gallery of heat maps: each class can be looked at, each picture has words, and the page stays small."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined

from heat_map_files import write_maps
from medfm.analysis.gallery import FILE, gallery_block, gallery_numbers
from medfm.analysis.map_pictures import GAP, GREEN, MOST_BYTES, SIDE, map_picture, write_pictures
from reprise.report.blocks import prepared, read_section
from reprise.report.page import breakable
from reprise.report.section import section, write_section
from reprise.step.errors import InputError

TEMPLATE = """---
picture: A chest.
---
# A study

Words.

## Heat maps

![](maps)

Where <networks> look.
"""


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of heat maps, as explain.py writes it, with two images a finding; one finding has none."""
    folder = tmp_path_factory.mktemp("maps")
    write_maps(folder)
    return folder


def described(folder: Path, maps: Path) -> dict:
    """A section with the gallery, written and read again."""
    (folder / "section.md.j2").write_text(TEMPLATE)
    picture = {"image": str(maps / "colon-tumor-1.webp")}
    made = section(folder / "section.md.j2", {}, {"maps": gallery_block(maps)}, picture)
    write_section(folder / "section.json", "medfm", made)
    return read_section(folder / "section.json")


def rendered(block: dict) -> str:
    """A block as it stands in the report."""
    environment = Environment(loader=PackageLoader("reprise.report"), autoescape=True, undefined=StrictUndefined)
    environment.filters["breakable"] = breakable
    source = "{% from 'blocks.html.j2' import one_block %}{{ one_block(block, 3) }}"
    return environment.from_string(source).render(block=block)


def test_any_class_can_be_looked_at_and_each_picture_has_words(tmp_path: Path, maps: Path) -> None:
    block = described(tmp_path, maps)["blocks"][0]
    assert block["caption"] == "Where <networks> look."
    assert [len(each["classes"]) for each in block["groups"]] == [
        19,
        1,
        4,
    ]
    page = rendered(prepared([block], "medfm", 0)[0])
    assert page.count('type="radio"') == page.count("<label for=") == 24 and page.count(" checked>") == 1
    assert page.count("data:image/webp") == page.count("<img") == 46 and "No picture." in page
    assert "Chest X-ray chest-00001, and beside it the heat map of pleural effusion. Its highest place lies in" in page
    assert "&lt;networks&gt;" in page and "<script" not in page


def test_a_gallery_says_what_is_missing(tmp_path: Path, maps: Path) -> None:
    made = described(tmp_path, maps)
    made["blocks"][0]["groups"][1]["classes"][0]["pictures"][0]["image"] = "gone.webp"
    write_section(tmp_path / "section.json", "medfm", made)
    with pytest.raises(InputError, match=r"section\.json: Heat maps: no such file: gone\.webp"):
        read_section(tmp_path / "section.json")
    (tmp_path / FILE).write_text("task,finding\nchest,nodule\n")
    with pytest.raises(InputError, match=r"maps\.csv: expected the columns task,finding,rank"):
        gallery_block(tmp_path)


def test_means_leave_out_what_is_not_defined(maps: Path) -> None:
    found = gallery_numbers(maps)
    assert (found["images"], found["right"], found["boxes"], found["random_none"]) == (46, 23, 23, 23)
    assert (found["pointing"], found["overlap"], found["randomised_r"]) == (1.0, 0.5, 0.25)


def test_a_picture_has_the_map_on_its_right_and_the_box_on_its_left() -> None:
    heat, truth = np.zeros((32, 32)), np.zeros((32, 32), bool)
    heat[:8, 24:] = 1
    truth[16:24, 4:12] = True
    picture = map_picture(np.full((64, 64, 1), 100, np.uint8), heat, truth).astype(int)
    assert picture.shape == (SIDE, 2 * SIDE + GAP, 3)
    left, right = picture[:, :SIDE], picture[:, SIDE + GAP :]
    green = np.argwhere((left == GREEN).all(axis=2))
    assert (green.min(axis=0) == [64, 16]).all() and (green.max(axis=0) == [95, 47]).all()
    assert (left[[0, 70], [0, 24]] == 100).all()
    assert abs(right[SIDE // 2 :] - 100).max() <= 1, "without heat the image stays grey"
    assert right[8, -8, 0] > right[8, -8, 2] + 50, "where the heat is highest, it is yellow"


def test_pictures_of_noise_fit_into_the_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (SIDE, 2 * SIDE + GAP, 3), np.uint8) for _ in range(60)]
    write_pictures(tmp_path, [f"{number}.webp" for number in range(60)], pictures)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MOST_BYTES
    assert cv2.imread(str(tmp_path / "59.webp")).shape == pictures[0].shape
