"""Pictures of 16 bits: the depth of the detector, by the values of the file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from medfm.data.pictures import read_picture
from reprise.step.errors import InputError


@pytest.mark.parametrize(
    ("values", "depth", "expected"),
    [
        ([0, 51, 255], 8, [0, 51, 255]),
        ([0, 256, 1023], 10, [0, 64, 255]),
        ([0, 1024, 4095], 12, [0, 64, 255]),
        ([0, 1024, 2047], 12, [0, 64, 127]),
        ([0, 4096, 16383], 14, [0, 64, 255]),
        ([0, 16384, 65535], 16, [0, 64, 255]),
        ([0, 0, 0], 8, [0, 0, 0]),
    ],
)
def test_values_of_a_detector_fill_eight_bits(tmp_path: Path, values: list[int], depth: int, expected: list) -> None:
    """A file of 16 bits holds 10, 12 or 14 of them: the largest value tells, and the note says what was taken."""
    pixels = np.repeat(np.array(values * 3, np.uint16)[:, None], 9, axis=1)
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    found = read_picture(tmp_path / "deep.png")
    assert (found.pixels[..., 0] == np.array(expected * 3)[:, None]).all()
    told = f"16 bits, values up to {max(values)}; taken as {depth} bits, and kept with 8"
    assert found.oddity.removeprefix("saved as I; ").removeprefix("saved as I;16; ") == told


def test_colours_of_sixteen_bits_are_right_or_refused(tmp_path: Path) -> None:
    shown = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "whole.png"), shown[..., ::-1] * 257)
    found = read_picture(tmp_path / "whole.png")
    assert np.array_equal(found.pixels, shown) and found.oddity == "16 bits a colour, kept with 8"
    cv2.imwrite(str(tmp_path / "part.png"), shown * 16)
    with pytest.raises(InputError, match=r"part.png: 16 bits a colour, of which 14 or fewer are used; save it"):
        read_picture(tmp_path / "part.png")
