"""`make bundle`: what a bundle says, and that MONAI runs it, without the project, to what the study's steps found."""

import getpass
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bundle.cards import CARDS
from bundle_run import environment_of, metadata_of, run_bundle
from finished_run import finished_copy
from iseg.data.conversion import FILE_LABELS, on_store_axes, volume_of
from project import environment
from reprise.data.nifti import read_volume
from reprise.data.store import open_store

# What MONAI's specification asks for, of the file and of each tensor in it.
REQUIRED = {"version", "monai_version", "pytorch_version", "numpy_version", "required_packages_version", "task"}
REQUIRED |= {"description", "authors", "copyright", "network_data_format"}
TENSOR = {"type", "format", "modality", "num_channels", "spatial_shape", "dtype", "value_range", "is_patch_data"}
TENSOR |= {"channel_def"}
SIDES = {"n": 1, "m": 2}  # in expressions of lengths


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = finished_copy(tmp_path_factory, "bundles").folder
    written = write_bundles(folder)
    assert written.returncode == 0, written.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def python_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The Python for a bundle; bundles that need the same packages share one."""
    made: dict[str, Path] = {}

    def python(bundle: Path) -> Path:
        packages = str(metadata_of(bundle)["required_packages_version"])
        if packages not in made:
            made[packages] = environment_of(bundle, tmp_path_factory.mktemp("environment") / "env")
        return made[packages]

    return python


def write_bundles(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "workflow_scripts/bundle/write.py"]
    seen = environment() | {"PYTHONPATH": "workflow_scripts"}
    return subprocess.run(command, cwd=folder, env=seen, capture_output=True, text=True, check=False)


def bundles_of(project: Path) -> list[Path]:
    return sorted(path.parents[1] for path in (project / "results/bundles").rglob("metadata.json"))


def test_each_trained_network_has_a_bundle(project: Path) -> None:
    results = project / "results"
    weights = {path for path in results.rglob("*.safetensors") if not {"snapshots", "bundles"} & {*path.parts}}
    trained = {path.parent if path.stem == "weights" else path.with_suffix("") for path in weights}
    below = {bundle.relative_to(results / "bundles") for bundle in bundles_of(project)}
    assert below == {path.relative_to(results) for path in trained} and len(below) > 20
    for bundle in bundles_of(project):
        model, source = bundle / "models/model.safetensors", results / bundle.relative_to(results / "bundles")
        original = source / "weights.safetensors" if source.is_dir() else source
        original = original if original.exists() else source.with_suffix(".safetensors")
        assert model.read_bytes() == original.read_bytes()


def test_metadata_holds_what_the_specification_asks_for_and_nothing_of_this_machine(project: Path) -> None:
    for bundle in bundles_of(project):
        metadata = metadata_of(bundle)
        assert metadata.keys() >= REQUIRED
        for tensor in (each for side in metadata["network_data_format"].values() for each in side.values()):
            assert tensor.keys() == TENSOR
            assert [*tensor["channel_def"]] == [str(place) for place in range(tensor["num_channels"])]
        for score in metadata["scores"]:
            assert {each["verdict"] for each in score["compares_with"]} <= {"not comparable"}, (
                "phantoms compare with none"
            )
        assert "phantom data, not the published data set" in metadata["not_comparable_because"]
        lines = (bundle / "docs/README.md").read_text().splitlines()
        assert "phantoms" in lines[0] and metadata["description"].startswith(lines[0])
        texts = [path for path in bundle.rglob("*") if path.suffix in (".json", ".md", ".txt", ".py")]
        told = re.compile("|".join(map(re.escape, (str(project), str(Path.home()), socket.gethostname()))))
        assert [path for path in texts if told.search(path.read_text())] == []
        assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", json.dumps(metadata))


def test_scores_have_their_intervals_and_what_they_compare_with(project: Path) -> None:
    found = {
        bundle.relative_to(project / "results/bundles").parts[0]: metadata_of(bundle) for bundle in bundles_of(project)
    }
    metrics = pd.read_csv(project / "results/acdc/metrics.csv").set_index(["protocol", "quantity"])
    scores = metadata_of(project / "results/bundles/acdc/unet-seed0/sound")["scores"]
    assert {score["protocol"] for score in scores} == {"sound"}
    for score in scores:
        row = metrics.loc["sound", score["quantity"]]
        same = [score.get(name, np.nan) for name in ("value", "ci_low", "ci_high")]
        np.testing.assert_array_equal(same, row[["value", "ci_low", "ci_high"]].to_numpy(float))
    assert {study for study, metadata in found.items() if metadata["scores"]} == {*CARDS}
    figures = metadata_of(next((project / "results/bundles/echonet/ef").glob("*/published")))["scores"]
    assert any(each["source"].startswith("Ouyang") for score in figures for each in score["compares_with"])


def test_networks_take_and_give_the_channels_that_the_metadata_says(project: Path) -> None:
    seen = set()
    for bundle in bundles_of(project):
        metadata, study = metadata_of(bundle), bundle.relative_to(project / "results/bundles").parts[0]
        if (kind := (study, metadata["training"]["network"], metadata["task"])) in seen:
            continue
        seen.add(kind)
        inputs, outputs = metadata["network_data_format"].values()
        (taken,), ((name, given),) = inputs.values(), outputs.items()
        config = json.loads((bundle / "configs/inference.json").read_text())
        code = sys.modules[config["trained"]["load"]["_target_"].rpartition(".")[0]]
        model, _ = code.load(bundle / "models/model.safetensors", torch.device("cpu"))
        with torch.inference_mode():
            found = model(torch.rand(1, taken["num_channels"], *sides(taken)))
        found = found[name] if isinstance(found, dict) else found
        assert found.shape == (1, given["num_channels"], *sides(given)), kind
        assert str(found.dtype) == f"torch.{given['dtype']}"
    assert len(seen) > 8


def sides(tensor: dict) -> list[int]:
    return [int(eval(str(length), dict(SIDES))) for length in tensor["spatial_shape"]]


def same_lesions(project: Path, output: Path) -> None:
    (mask,) = output.glob("*.nii.gz")
    assert mask.read_bytes() == (project / "results/own_volumes/predictions/masks" / mask.name).read_bytes()


def same_hearts(project: Path, output: Path) -> None:
    masks = (project / "results/own_stacks/predictions/masks").glob("*-unet.nii.gz")
    by_name = {mask.name.replace("-unet", ""): mask.read_bytes() for mask in masks}
    assert {mask.name: mask.read_bytes() for mask in output.glob("*.nii.gz")} == by_name and len(by_name) == 4
    assert "states no orientation" in (output / "findings.csv").read_text()


def same_tissues(project: Path, output: Path) -> None:
    """The step has segmented the subject with this network, as that of the fold which left it out."""
    predicted = open_store(project / "results/iseg/unet3d-seed0/sound/predictions")
    row = predicted.cases[predicted.cases["of"] == "subject-1"].iloc[0]
    (tissues,) = output.glob("*.hdr")
    found = on_store_axes(read_volume(tissues).voxels, stated=False)
    np.testing.assert_array_equal(found, np.array(FILE_LABELS)[volume_of(predicted.arrays["labels"], row)])


def same_scores(project: Path, output: Path) -> None:
    found, steps = (
        pd.read_csv(folder / "scores.csv") for folder in (output, project / "results/own_images/predictions")
    )
    assert list(found["case"]) == list(steps["case"]) and len(found) == 1
    np.testing.assert_allclose(found.iloc[:, 1:], steps[found.columns[1:]], rtol=2e-6)


def same_masks(project: Path, output: Path) -> None:
    (clip,) = output.glob("*.npz")
    steps = project / "results/own_clips/predictions/masks" / clip.name
    np.testing.assert_array_equal(np.load(clip)["masks"], np.load(steps)["masks"])


def same_ef(project: Path, output: Path) -> None:
    """The step predicts the clips around each end-systole, or the first one if there is none, and averages them."""
    found = pd.read_csv(output / "ef.csv").set_index("start")["ef"]
    steps = pd.read_csv(project / "results/own_clips/predictions/predictions.csv")
    beats, average = steps[steps["beat"] != "all"], steps.loc[steps["beat"] == "all", "ef_regression"].item()
    np.testing.assert_allclose(found.loc[beats["start"]], beats["ef_regression"], atol=1e-4)
    np.testing.assert_allclose(found.loc[sorted({*beats["start"]}) or [0]].mean(), average, atol=2e-4)


RUNS: dict[str, Callable[[Path, Path], None]] = {
    "mslesion/fc_densenet67-seed0/sound/fold1": same_lesions,
    "acdc/unet-seed0/sound": same_hearts,
    "iseg/unet3d-seed0/sound/fold{of subject-1}": same_tissues,
    "medfm/densenet121-seed0/sound/chest": same_scores,
    "echonet/segmentation/deeplabv3_resnet50-seed0": same_masks,
    "echonet/ef/r2plus1d_18-seed0/sound": same_ef,
}


@pytest.mark.parametrize("name", RUNS)
def test_monai_runs_the_bundle_to_the_steps_own_prediction(
    project: Path, tmp_path: Path, python_of: Callable[[Path], Path], name: str
) -> None:
    cases = open_store(project / "results/iseg/unet3d-seed0/sound/predictions").cases
    fold = cases.loc[cases["of"] == "subject-1", "fold"].iloc[0]
    bundle = tmp_path / "network"
    shutil.copytree(project / "results/bundles" / name.replace("{of subject-1}", str(fold)), bundle)
    shutil.copytree(project / "own", tmp_path / "data")
    done = run_bundle(python_of(bundle), bundle, tmp_path / "data", tmp_path / "output")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "required properties" not in done.stderr
    RUNS[name](project, tmp_path / "output")


def test_bad_input_gives_one_line_and_nothing_is_written(
    project: Path, tmp_path: Path, python_of: Callable[[Path], Path]
) -> None:
    bundle = tmp_path / "network"
    shutil.copytree(project / "results/bundles/medfm/densenet121-seed0/sound/chest", bundle)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/image.png").write_bytes(b"no picture")
    done = run_bundle(python_of(bundle), bundle, tmp_path / "data", tmp_path / "output")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.fullmatch(r"error: \S+: nothing that this network takes: .+", done.stderr.strip().splitlines()[-1])
    assert not (tmp_path / "output").exists()


def test_a_study_with_stale_results_has_no_bundle_and_one_line_says_so(project: Path) -> None:
    (project / "results/medfm/metrics.csv").unlink()
    written = write_bundles(project)
    (line,) = [line for line in written.stderr.splitlines() if line.startswith("medfm")]
    assert (
        line == "medfm: no bundles, as results/medfm/metrics.csv is missing or stale; run `make report`, or `make why`"
    )
    assert written.returncode == 0 and {path.name for path in (project / "results/bundles").iterdir()} == {*CARDS} - {
        "medfm"
    }
