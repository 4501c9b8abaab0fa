"""The page has a tab for each kind of weights that a study answers with, and says in one line if there is none."""

from pathlib import Path

import pytest
import torch

from reprise.models.weights import save_model
from reprise.report.tab import learnt_from
from reprise.step.errors import InputError
from ui.tabs import STUDIES, tabs_of_files, tabs_of_results


def weights(folder: Path, kind: str) -> Path:
    info = {"kind": kind, "network": "unet", "width": 1, "normalisation": {}, "settings": {}}
    save_model(folder / f"{kind}.safetensors", torch.nn.Linear(1, 1), info)
    return folder / f"{kind}.safetensors"


def test_weights_without_a_tab_are_refused(tmp_path: Path) -> None:
    expected = rf"ef.safetensors: expected weights of a kind with a tab \({', '.join(STUDIES)}\), found ef"
    with pytest.raises(InputError, match=expected):
        tabs_of_files([weights(tmp_path, "ef")], None, "cpu")


@pytest.mark.parametrize("kind", STUDIES)
def test_each_file_goes_to_the_study_of_its_kind_which_checks_it(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"{kind}.safetensors: not weights of this pipeline: no size"):
        tabs_of_files([weights(tmp_path, kind)], None, "cpu")


def test_nothing_trained_says_so_for_each_study(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        tabs_of_results(tmp_path, "cpu")
    lines = str(raised.value).splitlines()
    assert len(lines) == len(STUDIES) and all(
        "expected weights.safetensors of trained networks" in line for line in lines
    )


def test_a_phantom_that_lies_beside_results_of_other_data_is_not_what_networks_learnt_from(tmp_path: Path) -> None:
    (tmp_path / "phantom" / "training").mkdir(parents=True)
    (tmp_path / "phantom" / "training" / "a.nii").write_bytes(b"1234")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,bytes\ntraining/a.nii,4\n")
    assert learnt_from(tmp_path) == "phantoms"
    for other in ("training/a.nii,5", "training/a.nii,4\ntraining/b.nii,4"):
        manifest.write_text(f"path,bytes\n{other}\n")
        assert learnt_from(tmp_path) == "the data set of config.yaml"
