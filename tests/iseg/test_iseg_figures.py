"""The infant brain study's figures: what is drawn where, from tables with known answers."""

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import iseg_study as steps
import iseg_tables as example
from iseg.analysis.confusion_figure import shares
from iseg.analysis.protocols import CLASSES, TISSUES
from iseg.analysis.shown import shown_networks
from iseg.analysis.slice_figures import Slice, draw_slices, painted, plane_of, thinned, three_planes, truth_is_first
from iseg.plot_slices import mapped
from iseg.plot_training import MOST_POINTS, read_history
from iseg.plot_training import thinned as thinned_history
from reprise.data.store import open_store
from reprise.plots.agreement import agreement, draw_agreement
from reprise.step.errors import InputError

pytestmark = pytest.mark.usefixtures("no_warnings")
STEPS = {"plot_training": steps.FIGURES[:3], "plot_slices": steps.FIGURES[3:5], "plot_tissues": steps.FIGURES[5:]}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return steps.make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def tables(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures")
    return {path.stem: path.with_suffix(".csv") for path in steps.draw_all(study, folder)}


@pytest.mark.parametrize("step", STEPS)
def test_each_figure_is_vector_and_small_and_the_same_each_time(study, tables, step, tmp_path) -> None:
    for again in steps.draw(study, tmp_path, step):
        for path in (again, again.with_suffix(".csv")):
            assert path.read_bytes() == tables[again.stem].with_suffix(path.suffix).read_bytes()
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(again).iter()}
        assert "text" not in tags and ("image" in tags) == (again.stem in ("slices", "maps"))
        assert again.stat().st_size < 150_000


def write_log(path: Path, epochs: int) -> Path:
    """A history with its lowest loss at epoch 2, its highest Dice at epoch 3, in validation."""
    path.parent.mkdir(parents=True)
    epoch = np.arange(1, epochs + 1)
    values = {"val_loss": np.abs(epoch - 2) / epochs, "val_argmax_dice": 1 - np.abs(epoch - 3) / epochs}
    others = [f"{part}_dice_{name}" for part in ("train", "val") for name in CLASSES]
    constant = dict.fromkeys(("train_loss", "train_dice", "val_dice", *others), 0.5)
    pd.DataFrame({"epoch": epoch} | values | constant).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("protocol", "epoch"), [("by_thesis", 2), ("by_master", 2), ("sound", 3)])
def test_published_protocols_keep_the_lowest_loss_and_the_sound_one_the_highest_dice(protocol, epoch, tmp_path) -> None:
    table = read_history(write_log(tmp_path / "unet3d-seed0" / protocol / "fold1" / "log.csv", 5))
    assert table.loc[table["kept"] == 1, "epoch"].tolist() == [epoch]
    assert set(table["protocol"]) == {protocol} and set(table["run"]) == {"unet3d, seed 0"}


def test_long_histories_are_thinned_out_but_for_the_epochs_kept(tmp_path) -> None:
    table = read_history(write_log(tmp_path / "unet3d-seed0" / "by_thesis" / "fold1" / "log.csv", 400))
    drawn = thinned_history(table, 12)
    assert len(drawn) * 12 <= MOST_POINTS + 12 and 2 in set(drawn["epoch"]) and drawn["epoch"].iloc[0] == 1
    assert thinned_history(table.head(20), 12).equals(table.head(20)), "short ones are whole"


def test_the_histories_drawn_are_those_of_their_protocols(tables) -> None:
    published, classes, folds = (pd.read_csv(tables[name]) for name in ("training", "classes", "folds"))
    assert published["protocol"].unique().tolist() == ["thesis", "master"]
    assert set(folds["protocol"]) == set(classes["protocol"]) == {"sound"}
    by_class = [f"{part}_dice_{name}" for part in ("train", "val") for name in CLASSES]
    mean = classes.set_index(["run", "epoch"])
    assert len(mean) == len(example.PROTOCOLS["sound"]) * example.EPOCHS and not mean["kept"].any()
    for column in ("train_loss", "val_loss", "train_dice", "val_dice", *by_class):
        assert np.allclose(mean[column], folds.groupby(["run", "epoch"])[column].mean().reindex(mean.index), atol=1e-4)
    assert len(folds) == len(example.PROTOCOLS["sound"]) * example.FOLDS * example.EPOCHS
    assert folds.groupby(["run", "fold"])["kept"].sum().eq(1).all()


def test_shares_are_of_the_true_class_and_missing_without_one(tables) -> None:
    table = pd.read_csv(tables["confusion"])
    assert set(table["network"]) == {"unet3d", "nnunet_3d"}, "the first network and the baseline"
    volumes = example.predicted("unet3d", "sound")
    true = np.concatenate([one.true.ravel() for one in volumes])
    found = np.concatenate([one.logits.argmax(axis=0).ravel() for one in volumes])
    row = table.query("network == 'unet3d' and true == 'gm' and found == 'csf'").iloc[0]
    assert row["share"] == pytest.approx((found[true == 2] == 1).mean(), abs=1e-6)
    pairs = [{"network": "n", "true": one, "found": other} for one in CLASSES for other in CLASSES]
    empty = shares(pd.DataFrame(pairs).assign(voxels=[5, 5, 0, 0, *[0] * 12]))
    assert empty["share"].head(2).tolist() == [0.5, 0.5] and empty["share"].tail(12).isna().all()


def test_volumes_are_compared_by_network_and_tissue(study, tables) -> None:
    table, scores = pd.read_csv(tables["volumes"]), pd.read_csv(study / "scores.csv")
    panels = [f"{name} ({network})" for network in ("unet3d", "nnunet_3d") for name in ("CSF", "GM", "WM")]
    assert table["panel"].unique().tolist() == panels and (table.groupby("panel").size() == 3).all()
    own = scores.query("network == 'nnunet_3d' and protocol == 'sound' and subject == 10 and tissue == 'wm'").iloc[0]
    row = table.query("panel == 'WM (nnunet_3d)' and subject == 10").iloc[0]
    assert row["difference"] == pytest.approx(own["volume_ml"] - own["true_volume_ml"], abs=1e-4)


def test_bias_and_limits_stand_in_a_corner_once_for_each_panel() -> None:
    table = pd.DataFrame(
        {"panel": ["GM", "GM", "WM"], "truth": [400.0, 420.0, 250.0], "prediction": [410.0, 440.0, 249.0]}
    )
    figure = draw_agreement(agreement(table), "volume", "ml", noted=True)
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    minus = "\N{MINUS SIGN}"
    assert texts == ["n = 2\nbias +15.0\n+1.1 to +28.9", f"n = 1\nbias {minus}1.0"]


def test_shown_are_the_first_network_and_baselines() -> None:
    assert shown_networks(["vnet", "unet3d", "vnet", "nnunet_3d"]) == ["vnet", "nnunet_3d"]
    assert shown_networks(["nnunet_3d"]) == ["nnunet_3d"] and shown_networks(["vnet", "unet3d"]) == ["vnet"]


def test_slices_are_of_the_lowest_and_the_highest_subject_with_their_own_voxels(tables) -> None:
    table = pd.read_csv(tables["slices"])
    volumes = {f"subject-{one.subject}": one for one in example.predicted("unet3d", "sound")}
    dice = {
        name: np.mean([_dice(one.logits.argmax(axis=0) == label, one.true == label) for label in TISSUES.values()])
        for name, one in volumes.items()
    }
    ranked = sorted(dice, key=lambda name: dice[name])
    assert table["subject"].unique().tolist() == [ranked[0], ranked[-1]]
    assert table["dice"].tolist() == pytest.approx([dice[name] for name in table["subject"]], abs=1e-4)
    cuts = {"sagittal": 0, "coronal": 1, "axial": 2}
    for row in table.itertuples():
        one = volumes[row.subject]
        true = one.true.take(row.slice - 1, axis=cuts[row.plane])
        assert row.gm_true == (true == 2).sum()
        assert row.csf_found == (one.logits.argmax(axis=0).take(row.slice - 1, axis=cuts[row.plane]) == 1).sum()
        others = [(one.true.take(at, axis=cuts[row.plane]) > 1).sum() for at in range(one.true.shape[cuts[row.plane]])]
        assert (true > 1).sum() == max(others)


def _dice(found: np.ndarray, true: np.ndarray) -> float:
    return 2 * (found & true).sum() / (found.sum() + true.sum())


def test_the_answer_says_where_the_truth_is_drawn(tables) -> None:
    names = [f"subject-{number}" for number in range(1, 24)]
    assert len({truth_is_first(name) for name in names}) == 2, "no letter gives the answer away"
    first, second = (next(name for name in names if truth_is_first(name) == is_first) for is_first in (True, False))
    true, found = np.full((4, 4), 3, np.uint8), np.full((4, 4), 1, np.uint8)
    one = Slice(np.zeros((4, 4), np.uint8), found, true, 1.0, "axial", 2)
    figure = draw_slices([(first, [one]), (second, [one])])
    pictures = [np.asarray(ax.images[0].get_array())[..., :3] for ax in figure.axes]
    expected = [painted(labels) for labels in (true, found, found, true)]
    assert all(np.array_equal(pictures[at], picture) for at, picture in zip((1, 2, 4, 5), expected, strict=True))
    table = pd.read_csv(tables["slices"])
    assert table["truth"].tolist() == ["A" if truth_is_first(name) else "B" for name in table["subject"]]


@given(arrays(np.uint8, st.tuples(*[st.integers(2, 6)] * 3), elements=st.integers(0, 3)), st.data())
def test_in_each_plane_the_later_axis_runs_upwards(volume, data) -> None:
    at = [data.draw(st.integers(0, side - 1)) for side in volume.shape]
    for plane, (cut, across, up) in {"axial": (2, 0, 1), "coronal": (1, 0, 2), "sagittal": (0, 1, 2)}.items():
        picture = plane_of(volume, plane, at[cut])
        assert picture[volume.shape[up] - 1 - at[up], at[across]] == volume[tuple(at)]


def test_pixels_have_the_shape_of_voxels_and_large_slices_are_thinned_out() -> None:
    true = np.zeros((400, 10, 20), np.uint8)
    true[:, 4, 3:9] = 2
    planes = three_planes(true * 9, true, true, (1.0, 2.0, 3.0))
    assert [one.aspect for one in planes] == [2.0, 3.0, 1.5] and planes[1].number == 4
    assert max(side for one in planes for side in one.t1.shape) <= 160
    assert thinned(true[:160, 4]).shape == (160, 20)


def test_maps_are_the_pre_activations_of_the_slice_beside_them(study, tables) -> None:
    store = open_store(study / "store")
    shown, maps, _ = mapped(store, open_store(study / "unet3d-seed0" / "sound" / "predictions"), "subject-2")
    assert maps.shape == (4, *shown.t1.shape) and np.array_equal(maps.argmax(axis=0), shown.found)
    (own,) = [one for one in example.predicted("unet3d", "sound") if one.subject == 2]
    assert shown.number == (own.true > 0).sum(axis=(0, 1)).argmax()
    table = pd.read_csv(tables["maps"]).set_index("class")
    (own,) = [one for one in example.predicted("unet3d", "sound") if f"subject-{one.subject}" in set(table["subject"])]
    number = int(table["slice"].iloc[0]) - 1
    assert table.loc["wm", "max"] == pytest.approx(own.logits[3, ..., number].max(), abs=0.01)


def test_the_picture_and_its_overlay_have_one_size_and_only_tissue_is_marked(tables) -> None:
    folder = tables["slices"].parent
    picture, overlay = (cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED) for name in ("brain.webp", "brain.png"))
    assert picture.shape[:2] == overlay.shape[:2] and overlay.shape[2] == 4
    assert set(np.unique(overlay[..., 3])) == {0, 130} and 0.2 < (overlay[..., 3] > 0).mean() < 0.95


def test_tables_without_the_sound_protocol_are_refused_and_nothing_is_written(study, tmp_path) -> None:
    scores = pd.read_csv(study / "scores.csv").query("protocol != 'sound'")
    scores.to_csv(tmp_path / "scores.csv", index=False)
    out = tmp_path / "out"
    options = ["--store", study / "store", "--predictions", study / "unet3d-seed0" / "sound" / "predictions"]
    options += ["--scores", tmp_path / "scores.csv", "--settings", '{"subjects": 2}']
    options += ["--picture", out / "a.webp", "--overlay", out / "a.png"]
    files = ["--figures", out / "a.svg", out / "b.svg", "--tables", out / "a.csv", out / "b.csv"]
    with pytest.raises(InputError, match=r"scores\.csv: no subject of unet3d by the sound protocol"):
        steps.run_step("plot_slices", [*options, *files])
    tissues = ["--confusion", study / "confusion.csv", "--scores", tmp_path / "scores.csv"]
    with pytest.raises(InputError, match=r"scores\.csv: no rows by the sound protocol"):
        steps.run_step("plot_tissues", [*tissues, *files])
    assert not out.exists()
