"""Training by the three protocols, and prediction: histories, the epoch that is kept, volumes and sums of overlap."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from iseg import predict, segment_test, train
from iseg.analysis.protocols import CLASSES
from iseg.data.conversion import FILE_LABELS, volume_of
from iseg.learning import losses
from iseg.learning.losses import dice_of
from iseg.learning.prediction import load_tissue_network, probability_slabs, tissue_labels, tissue_slabs
from iseg.learning.protocol_tasks import subjects_by_part, task_of
from iseg.learning.volume_task import load_crops
from iseg.learning.volumes import subjects_of
from reprise.data.store import Store, open_store
from reprise.step.errors import InputError
from reprise.training.loop import INTERRUPTED
from reprise.training.volume_blocks import labelled_volume
from tissue_store import CROP, CROPS, RECIPES, SHAPE, brain, images, write_brains

CPU = torch.device("cpu")
SCORED = {"by_thesis": ["subject-1"], "by_master": ["subject-2"], "sound": ["subject-1", "subject-2", "subject-10"]}
BY_CLASS = [f"_{name}" for name in ("", *CLASSES)]
DICE = [f"{part}_dice{name.rstrip('_')}" for part in ("train", "val") for name in BY_CLASS]


def run_step(step: Any, **options: Any) -> None:
    words: list[str] = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    step.main(step.arguments().parse_args(words))


def train_fold(store: Path, folder: Path, protocol: str, fold: int, recipe: dict[str, Any]) -> Path:
    """Train one fold; the weights."""
    places = {name: folder / name / f"fold{fold}" for name in ("checkpoints", "tensorboard")}
    results = {"weights": folder / f"fold{fold}/weights.safetensors", "history": folder / f"fold{fold}/log.csv"}
    run_step(train, store=store, settings=json.dumps(recipe), protocol=protocol, fold=fold, **places, **results)
    return results["weights"]


def predict_all(store: Path, folder: Path, protocol: str, weights: list[Path]) -> None:
    results = {"predictions": folder / "predictions", "sums": folder / "sums.csv"}
    settings = {"crops": CROPS} if protocol == "sound" else {}
    more = {"settings": json.dumps(settings), "checkpoints": folder / "checkpoints/predict"}
    run_step(predict, store=store, weights=weights, protocol=protocol, **more, **results)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, and the results of each protocol."""
    folder = tmp_path_factory.mktemp("iseg")
    store = write_brains(folder / "store")
    for protocol, recipe in RECIPES.items():
        folds = range(1, recipe.get("folds", 1) + 1)
        weights = [train_fold(store, folder / protocol, protocol, fold, recipe) for fold in folds]
        predict_all(store, folder / protocol, protocol, weights)
    return folder


def weights_of(study: Path, protocol: str) -> list[Path]:
    return sorted((study / protocol).glob("fold*/weights.safetensors"))


@pytest.mark.parametrize("protocol", RECIPES)
def test_the_history_has_loss_and_dice_of_each_class_for_training_and_validation(study: Path, protocol: str) -> None:
    log = pd.read_csv(study / protocol / "fold1/log.csv")
    error = [name.replace("train", "val_argmax") for name in DICE[:5]] + ["val_error"] if protocol == "sound" else []
    assert sorted(log) == sorted(["epoch", "train_loss", "val_loss", *DICE, *error, "lr"])
    assert log[DICE].ge(0).all(axis=None) and log[DICE].le(1).all(axis=None)
    for part in ("train", "val"):
        shown = [f"{part}_dice_{name}" for name in (CLASSES[1:] if protocol == "sound" else CLASSES)]
        assert np.allclose(log[f"{part}_dice"], log[shown].mean(axis=1), atol=1e-6)
    if protocol != "sound":
        assert np.allclose(log["val_loss"], 1 - log["val_dice"]) and np.allclose(
            log["train_loss"], 1 - log["train_dice"]
        )
    else:
        assert np.allclose(log["val_error"], 1 - log[[f"val_argmax_dice_{name}" for name in CLASSES[1:]]].mean(axis=1))
    info = load_tissue_network(weights_of(study, protocol)[0], CPU, protocol)[1]
    assert info["epoch"] == log["epoch"][log["val_error" if protocol == "sound" else "val_loss"].idxmin()]
    assert (info["kind"], info["fold"], info["settings"]) == ("tissues", 1, RECIPES[protocol])


def test_tensorboard_has_the_same_curves(study: Path) -> None:
    events = EventAccumulator(str(study / "by_master/tensorboard/fold1"))
    events.Reload()
    log = pd.read_csv(study / "by_master/fold1/log.csv")
    for name in ("train_loss", "val_loss", *DICE):
        assert [event.value for event in events.Scalars(name)] == pytest.approx(log[name].tolist(), rel=1e-6)


@pytest.mark.parametrize("protocol", RECIPES)
def test_predictions_are_of_the_subjects_that_are_scored(study: Path, protocol: str) -> None:
    store, found = open_store(study / "store"), open_store(study / protocol / "predictions")
    assert sorted(found.cases["of"]) == sorted(SCORED[protocol])
    assert (found.cases["case"] == "fold" + found.cases["fold"].astype(str) + "-" + found.cases["of"]).all()
    assert set(found.cases["split"]) == {"test" if protocol == "sound" else "val"}
    sums = pd.read_csv(study / protocol / "sums.csv")
    for case in found.cases.to_dict("records"):
        labels = volume_of(found.arrays["labels"], case)
        true = brain(int(case["of"].partition("-")[2]))
        counted = sums[(sums["of"] == case["of"]) & (sums["unit"] == "volume") & (sums["activation"] == "argmax")]
        for row, label in zip(counted.to_dict("records"), range(4), strict=True):
            both = ((labels == label) & (true == label)).sum()
            expected = [both, (labels == label).sum(), (labels == label).sum(), (true == label).sum()]
            assert [row[name] for name in ("overlap", "predicted", "predicted_squares", "true")] == expected
        assert case["map_z"] == (true > 0).sum(axis=(0, 1)).argmax()
        plane = found.arrays["maps"][case["map_offset"] :][: 4 * SHAPE[0] * SHAPE[1]].reshape(4, *SHAPE[:2])
        assert np.mean(plane.argmax(axis=0) == labels[..., case["map_z"]]) > 0.99, "in 16 bits, ties are possible"
    assert store.cases["case"].tolist()[-1] not in set(found.cases["of"])


@pytest.mark.parametrize("protocol", ["by_thesis", "by_master"])
def test_the_sums_of_crops_give_the_dice_of_the_epoch_that_was_kept(study: Path, protocol: str) -> None:
    sums, log = pd.read_csv(study / protocol / "sums.csv"), pd.read_csv(study / protocol / "fold1/log.csv")
    crops = sums[(sums["unit"] == "crop") & (sums["activation"] == "sigmoid")]
    assert crops["number"].unique().tolist() == [1, 2, 3]
    assert crops.drop_duplicates("number")["batch"].tolist() == [1, 1, 2]
    pooled = crops.groupby(["batch", "class"], sort=False)[["overlap", "predicted", "predicted_squares", "true"]].sum()
    kept = log.loc[log["val_loss"].idxmin()]
    for name in CLASSES:
        values = pooled.xs(name, level="class").to_numpy()
        found = dice_of(values[:, :, None], RECIPES[protocol]["dice"]).mean()
        assert found == pytest.approx(kept[f"val_dice_{name}"], rel=1e-5)


def test_sound_scores_crops_rich_in_the_brain_of_the_subject_left_out(study: Path) -> None:
    sums = pd.read_csv(study / "sound/sums.csv")
    crops = sums[(sums["unit"] == "crop") & (sums["activation"] == "argmax")]
    assert crops.groupby("of")["number"].nunique().tolist() == [3, 3, 3] and set(crops["batch"]) == {1, 2}
    for subject, rows in crops[crops["class"] != "air"].groupby("of"):
        inside = rows.groupby("number")["true"].sum()
        assert (inside >= CROPS["least"] * (brain(int(subject.partition("-")[2])) > 0).sum()).all()


def test_a_window_without_brain_is_air_where_crops_are_normalised_by_theirs() -> None:
    class Grey(torch.nn.Module):
        """Grey matter where a voxel is 0 or more, as the brain's mean is; air where it lies below."""

        def forward(self, windows: torch.Tensor) -> torch.Tensor:
            low = -torch.ones_like(windows[:, :1])
            return torch.cat([-windows[:, :1] - 0.5, low, windows[:, 1:] + 0.5, low], dim=1)

    image = torch.zeros(2, 24, 8, 8)
    image[:, :8] = 100 + torch.rand(2, 8, 8, 8)
    recipe = {"crop": [8, 8, 8], "overlap": 0.5, "precision": "fp32", "normalisation": "crop"}
    found = torch.cat(list(tissue_slabs(Grey(), image, recipe)), dim=1).argmax(dim=0)
    assert (found[12:] == 0).all() and (found[:8] == 2).any()
    by_volume = torch.cat(list(tissue_slabs(Grey(), image, recipe | {"normalisation": "brain"})), dim=1).argmax(dim=0)
    assert (by_volume[12:] == 2).all(), "where 0 was air in training, the network has its say"


def test_predictions_that_are_there_already_are_not_computed_again(
    study: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(study / "sound/checkpoints/predict", tmp_path / "checkpoints/predict")
    capfd.readouterr()
    predict_all(study / "store", tmp_path, "sound", weights_of(study, "sound"))
    assert "3 of 3 cases were done before" in capfd.readouterr().err
    for name in ("sums.csv", "predictions/labels.npy", "predictions/maps.npy", "predictions/cases.csv"):
        assert (tmp_path / name).read_bytes() == (study / "sound" / name).read_bytes()


def test_the_test_subjects_are_written_as_the_challenge_takes_them(
    study: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    weights = weights_of(study, "sound")
    results = {"checkpoints": tmp_path / "parts", "labels": tmp_path / "test", "volumes": tmp_path / "test_volumes.csv"}
    for code, known in (("1", False), ("1", True), ("2", False)):
        run_step(segment_test, store=study / "store", weights=weights, settings=json.dumps({"code": code}), **results)
        assert ("1 of 1 cases were done before" in capfd.readouterr().err) == known
    assert sorted(path.name for path in (tmp_path / "test").iterdir()) == [
        f"subject-11-label.{x}" for x in ("hdr", "img")
    ]
    written = nibabel.load(tmp_path / "test/subject-11-label.hdr")
    t1, t2 = images(11)["t1"], images(11)["t2"]
    networks = [load_tissue_network(path, CPU) for path in weights]
    mean = sum(torch.cat(list(probability_slabs([each], t1, t2, CPU)), dim=1) for each in networks) / 3
    expected = mean.argmax(dim=0).numpy()
    assert written.get_data_dtype() == np.uint8 and written.shape[:3] == SHAPE
    assert np.array_equal(np.squeeze(np.asanyarray(written.dataobj)), np.array(FILE_LABELS)[expected])
    assert np.array_equal(tissue_labels(networks, t1, t2, CPU), expected)
    (row,) = pd.read_csv(tmp_path / "test_volumes.csv").to_dict("records")
    assert [row[f"{name}_ml"] for name in CLASSES[1:]] == pytest.approx(
        [0.002 * (expected == k).sum() for k in (1, 2, 3)]
    )


def test_a_training_that_has_ended_gives_the_same_bytes_again(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "by_master/checkpoints/fold1", tmp_path / "checkpoints/fold1")
    weights = train_fold(study / "store", tmp_path, "by_master", 1, RECIPES["by_master"])
    assert weights.read_bytes() == weights_of(study, "by_master")[0].read_bytes()
    assert (tmp_path / "fold1/log.csv").read_bytes() == (study / "by_master/fold1/log.csv").read_bytes()


@pytest.mark.parametrize(("protocol", "stop_at"), [("by_master", 5), ("sound", 3)])
def test_a_killed_training_ends_as_one_never_stopped(
    study: Path, tmp_path: Path, protocol: str, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(10**6))

    def watched_until_killed(*sums: Any) -> Any:
        if next(calls) == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return dice_of(*sums)

    with monkeypatch.context() as killed, pytest.raises(SystemExit) as stopped:
        killed.setattr(losses, "dice_of", watched_until_killed)
        train_fold(study / "store", tmp_path, protocol, 1, RECIPES[protocol])
    assert stopped.value.code == INTERRUPTED and not (tmp_path / "fold1/log.csv").exists()
    weights = train_fold(study / "store", tmp_path, protocol, 1, RECIPES[protocol])
    assert weights.read_bytes() == weights_of(study, protocol)[0].read_bytes()
    assert (tmp_path / "fold1/log.csv").read_bytes() == (study / protocol / "fold1/log.csv").read_bytes()


@pytest.mark.parametrize(
    ("protocol", "changes", "line"),
    [
        ("by_master", {"crop": [20, 16, 16]}, r"^sides for unet3d: expected multiples of 16, .* found 20 x 16 x 16$"),
        ("sound", {"crop": [32, 32]}, r"^sides for unet3d: expected three whole numbers, found \[32, 32\]$"),
        ("sound", {"crop": [24, 24, 24]}, r"^sides for unet3d: expected multiples of 16, .* found 24 x 24 x 24$"),
        ("sound", {"crop": [32, 32, 16]}, r"^subject-10: expected a crop that fits into the volume 36 x 24 x 20"),
        ("by_thesis", {"crop": [32, 32, 16]}, r"^subject-10: expected a crop that fits into the volume 36 x 24 x 20"),
        ("by_master", {"crops": CROPS | {"least": 0.99}}, r"^subject-1: expected places where a crop .* holds 99 % of"),
    ],
)
def test_crops_that_cannot_be_are_told_before_training(
    study: Path, protocol: str, changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        task_of(protocol, 1, *open_store(study / "store"), RECIPES[protocol] | changes, CPU)


def test_weights_of_another_fold_or_protocol_are_refused(study: Path, tmp_path: Path) -> None:
    one, two, three = weights_of(study, "sound")
    for weights, protocol, line in (
        ([two, one, three], "sound", "expected weights of fold 1 of 3, found 2 of 3"),
        ([one, two], "sound", "expected weights of fold 1 of 2, found 1 of 3"),
        ([one], "by_master", "expected weights of the protocol by_master, found sound"),
    ):
        with pytest.raises(InputError, match=line):
            predict_all(study / "store", tmp_path, protocol, weights)
    assert not (tmp_path / "predictions").exists()


def test_published_training_goes_through_its_places_in_a_new_order_each_epoch(study: Path) -> None:
    store: Store = open_store(study / "store")
    task = task_of("by_master", 1, *store, RECIPES["by_master"], CPU)
    assert (task.samples, task.cases, task.at_a_time) == (6, 3, 2)
    seen, truth = task.load(np.array([4, 1]), 0)
    assert seen.shape == (2, 2, *CROP) and truth.shape == (2, *CROP)
    again = task.load(np.array([1, 4]), 7)
    assert torch.equal(again[0], seen.flip(0)) and torch.equal(again[1], truth.flip(0)), "the epoch moves no crop"


def test_sound_validates_on_the_scale_of_its_training_and_by_the_most_probable_class(study: Path) -> None:
    store: Store = open_store(study / "store")
    task = task_of("sound", 1, *store, RECIPES["sound"], CPU)
    model, info = load_tissue_network(weights_of(study, "sound")[0], CPU)
    found = {name: values.numpy() for name, values in task.validate(model, np.array([0]), 0).items()}
    row, dice = task.summary(found), {}
    case = subjects_by_part(store.cases, "sound", 1, RECIPES["sound"])["val"].iloc[0]
    (subject,) = subjects_of(pd.DataFrame([case]), store.arrays, info["normalisation"], CPU)
    logits = torch.cat(list(tissue_slabs(model, subject.image, info["settings"])), dim=1)[None]
    dice["val"] = task.watch(logits, subject.labels[None])
    sure = 1e6 * torch.nn.functional.one_hot(logits.argmax(dim=1), 4).movedim(-1, 1)
    dice["val_argmax"] = task.watch(sure.float(), subject.labels[None])
    for part, expected in dice.items():
        names = [f"{part}_dice{name.rstrip('_')}" for name in BY_CLASS]
        assert [row[name] for name in names] == pytest.approx(expected.tolist(), rel=1e-5), part
    assert not torch.allclose(dice["val"], dice["val_argmax"], atol=0.01), "the two are told apart"


def test_sound_crops_are_turned_and_flipped_in_the_axial_plane_with_their_labels() -> None:
    x, _, z = torch.meshgrid(*[torch.arange(side) for side in SHAPE], indexing="ij")
    labels = (1 + (z >= 10).int()).to(torch.uint8)
    image = torch.stack([x.float(), labels.float()])
    volume = labelled_volume(image.movedim(-1, 1), labels.movedim(-1, 0))
    crops, truth = load_crops([volume], CROP, 3, np.arange(40), 5)
    assert crops.shape == (40, 2, *CROP) and truth.shape == (40, *CROP)
    assert (truth.int().diff(dim=-1) >= 0).all(), "nothing turns the top to the bottom"
    rises = crops[:, 0, :, 8].diff(dim=1).median(dim=1).values[:, 8]
    assert (rises > 0).any() and (rises < 0).any(), "left and right change places"
    for (_, second), true in zip(crops, truth, strict=True):
        levels = [second[true == label].median() for label in true.unique()]
        assert levels == sorted(levels) and len(levels) > 1
