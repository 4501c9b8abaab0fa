"""Results of several runs in one table: what their paths say, and the names of a network's further seeds."""

from pathlib import Path

import pytest

from reprise.evaluation.runs import Run, read_runs, run_label, run_of
from reprise.step.errors import InputError


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("results/x/ef/r3d_18-seed0/log.csv", Run("ef", "r3d_18-seed0", "r3d_18", "", 0)),
        ("unet_2d-seed12/by_patient/volumes.csv", Run("", "unet_2d-seed12", "unet_2d", "by_patient", 0)),
        ("/a/unet_2d-seed1/sound/fold10/log.csv", Run("a", "unet_2d-seed1", "unet_2d", "sound", 10)),
    ],
)
def test_a_path_says_which_run_a_result_belongs_to(path: str, expected: Run) -> None:
    assert run_of(Path(path)) == expected


@pytest.mark.parametrize("path", ["unet/sound/log.csv", "unet-seed0/log.csv", "unet-seed0/other/log.csv"])
def test_a_path_of_another_form_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="not where a run's results are; expected RUN-seedN/PROTOCOL"):
        run_of(Path(path), "protocol")


def test_the_first_run_of_a_network_has_its_name_and_others_their_own(tmp_path: Path) -> None:
    paths = [tmp_path / run / "sound" / "a.csv" for run in ("unet-seed3", "fpn-seed0", "unet-seed0")]
    for value, path in enumerate(paths):
        path.parent.mkdir(parents=True)
        path.write_text(f"other,n\nx,{value}\n")
    table = read_runs(paths, {"n": int}, ["protocol"])
    assert table.to_dict("list") == {
        "network": ["unet", "fpn", "unet-seed0"],
        "protocol": ["sound"] * 3,
        "n": [0, 1, 2],
    }
    assert list(read_runs([], {"n": int}, ["protocol"])) == ["network", "protocol", "n"]
    assert [run_label("unet-seed3"), run_label("unet-seed3", "sound")] == ["unet, seed 3", "unet, seed 3 (sound)"]
