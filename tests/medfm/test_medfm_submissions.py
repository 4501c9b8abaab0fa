"""Submission files: written, read by a reader of its own, and each way to be wrong is one line."""

from pathlib import Path

import numpy as np
import pytest

from medfm.data.submissions import read_submission, submission_name, write_submission
from reprise.step.errors import InputError

IMAGES = ["a 1.png", 'b, "2".png', "c.png"]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Names with spaces, commas and quotes; chest and endo have their scores, colon two columns that add up to 1."""
    for task, findings in {"chest": 19, "endo": 4, "colon": 1}.items():
        scores = np.random.default_rng(0).random((3, findings)).astype(np.float32)
        path = tmp_path / submission_name(task, 5)
        write_submission(path, task, IMAGES, scores)
        found = read_submission(path, IMAGES)
        np.testing.assert_allclose(found[:, -findings:], scores, atol=1e-8)
        if task == "colon":
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-7)
            assert path.read_text().splitlines()[0].split(",")[2] == f"{scores[0, 0]:.8f}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a 1.png,0,1", "c.png,0,1"], "expected 3 rows, found 2"),
        (
            ["a 1.png,0,1", "c.png,0,1", '"b, ""2"".png",0,1'],
            "line 2: expected the image 'b, \"2\".png', found 'c.png'",
        ),
        (["img_id,normal,tumor", "a 1.png,0,1", "c.png,0,1"], "line 1: expected the image 'a 1.png', found 'img_id'"),
        (["a 1.png,1", "", ""], "line 1: expected 2 scores, found 1"),
        (["a 1.png,0,1,0", "", ""], "line 1: expected 2 scores, found 3"),
        (["a 1.png,-0.1,1.1", "", ""], "line 1: expected a score from 0 to 1, found '-0.1'"),
        (["a 1.png,nan,1", "", ""], "line 1: expected a score from 0 to 1, found 'nan'"),
        (["a 1.png,,1", "", ""], "line 1: expected a score from 0 to 1, found ''"),
        (["a 1.png,0.5,0.6", "", ""], "line 1: expected two scores that add up to 1, found 0.5 and 0.6"),
        (['"a 1.png,0,1', "", ""], "not a readable CSV"),
    ],
)
def test_wrong_rows_are_one_line(tmp_path: Path, lines: list[str], message: str) -> None:
    """The row and what was expected there."""
    path = tmp_path / "colon_1-shot_submission.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as error:
        read_submission(path, IMAGES)
    assert str(error.value) == f"{path}: {message}"


@pytest.mark.parametrize("name", ["colon_2-shot_submission.csv", "liver_1-shot_submission.csv", "colon_1-shot.csv"])
def test_wrong_names_are_one_line(tmp_path: Path, name: str) -> None:
    """The challenge knows nine names."""
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"expected a name such as chest_1-shot_submission\.csv$"):
        read_submission(tmp_path / name, IMAGES)
