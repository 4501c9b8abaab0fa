"""Figures: what is drawn is what the tables say, the same bytes each time, and awkward data is no obstacle."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from echonet.analysis.auc import auc
from echonet.analysis.beats_figure import draw_error_by_beats
from echonet.analysis.ef_steps import read_ef
from echonet.analysis.figure_data import evenly_over, scored_cases
from echonet.analysis.roc_figure import draw_roc, roc_points
from echonet.analysis.segmentation_figures import dice_bins, draw_areas, draw_dice, draw_examples
from echonet.analysis.training_figure import draw_training
from figure_example import FIGURES, draw_by_step, make_study
from reprise.data.store import open_store
from reprise.evaluation.regression import mae
from reprise.plots.agreement import agreement, draw_agreement, draw_scatter
from reprise.plots.style import save_figure
from reprise.step.errors import InputError

pytestmark = pytest.mark.usefixtures("no_warnings")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"), 12)


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures")
    return {name: draw_by_step(study, folder, name) for name in FIGURES}


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_vector_and_the_same_each_time(study, figures, name, tmp_path) -> None:
    again = draw_by_step(study, tmp_path, name)
    for suffix in (".svg", ".csv"):
        assert again.with_suffix(suffix).read_bytes() == figures[name].with_suffix(suffix).read_bytes()
    root = ElementTree.parse(again).getroot()
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "text" not in tags, "glyphs are paths, so that no font is needed"
    assert ("image" in tags) == (name == "examples"), "only images are rasters"
    assert not {"date", "creator"} & tags
    assert len(again.read_bytes()) < 300_000


def test_a_figure_and_its_table_appear_together_or_not_at_all(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder"):
        save_figure(Figure(), tmp_path / "f.svg", pd.DataFrame(), tmp_path / "file" / "f.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def points(figure: Figure, panel: int) -> np.ndarray:
    return np.asarray(figure.axes[panel].collections[0].get_offsets())


def test_scatter_draws_the_mean_of_all_clips_of_each_video(study, figures) -> None:
    cases = scored_cases(open_store(study / "store"))
    table = pd.read_csv(figures["scatter"].with_suffix(".csv"))
    paths = sorted(study.glob("ef/*/*/test_predictions.csv"))
    assert "train" not in set(table["case"]) and len(table) == 2 * len(cases) == 24
    for path, panel in zip(paths, table["panel"].unique(), strict=True):
        clips = pd.read_csv(path, header=None, names=["file", "start", "ef"])
        mean = clips.groupby("file")["ef"].mean()
        drawn = table[table["panel"] == panel].set_index("case")
        assert np.allclose(drawn["prediction"], mean.loc[drawn.index + ".avi"], atol=1e-4)
        assert np.array_equal(drawn["truth"], cases["ef"])
    figure = draw_scatter(table, "EF", "%")
    assert np.array_equal(points(figure, 1), table.iloc[12:][["truth", "prediction"]])
    error = mae(table["truth"][:12], table["prediction"][:12])
    assert f"n = 12\nMAE {error:.2f}\n" in figure.axes[0].texts[0].get_text()


def test_where_only_beats_were_predicted_the_first_clip_is_drawn(study, tmp_path) -> None:
    path = tmp_path / "run-seed0" / "sound" / "test_predictions.csv"
    path.parent.mkdir(parents=True)
    cases = scored_cases(open_store(study / "store"))
    path.write_text("".join(f"{case}.avi,0,50.0\n{case}.avi,9,60.0\n" for case in cases.index))
    table = read_ef([path], cases)
    assert set(table["clips"]) == {"first"} and set(table["prediction"]) == {50.0}
    assert set(table["panel"]) == {"run, seed 0 (sound)"}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=30))
def test_limits_of_agreement_are_bland_and_altmans(pairs) -> None:
    truth, prediction = np.array(pairs).T
    table = agreement(pd.DataFrame({"panel": "x", "truth": truth, "prediction": prediction}))
    difference = prediction - truth
    assert np.allclose(table["bias"], difference.mean())
    assert np.allclose(table["upper_limit"] - table["lower_limit"], 2 * 1.96 * difference.std(ddof=1))
    assert np.allclose(table["mean"] + table["difference"] / 2, prediction)


def test_five_networks_by_two_protocols_are_small_multiples_in_which_no_text_meets_another() -> None:
    panels = [f"r2plus1d_18, seed {seed} ({protocol})" for seed in range(5) for protocol in ("published", "sound")]
    rows = [{"panel": panel, "truth": truth, "prediction": 55.0} for panel in panels for truth in (30.0, 50.0, 70.0)]
    figure = draw_scatter(pd.DataFrame(rows), "EF", "%")
    assert len({axes.get_subplotspec().colspan.start for axes in figure.axes}) == 3
    assert figure.get_figheight() < 9, "two columns would be 14 inches high"
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    labelled = [
        any(label.get_text() for label in axes.get_xticklabels() if label.get_visible()) for axes in figure.axes
    ]
    assert labelled == [False] * 7 + [True] * 3


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(20, 70), st.integers(20, 70)), min_size=2, max_size=40))
def test_area_below_the_drawn_corners_is_the_auc_of_the_legend(pairs) -> None:
    truth, prediction = np.array(pairs, float).T
    table = roc_points(truth, prediction, [35, 50], 0.9)
    for threshold, curve in table.groupby("threshold"):
        corners = curve[["false_positive_rate", "sensitivity"]].to_numpy()
        area = np.trapezoid(corners[:, 1], corners[:, 0]) if np.isfinite(corners).all() else np.nan
        expected = auc(truth > threshold, prediction, 0.9)
        assert np.allclose(curve[["auc", "ci_low", "ci_high"]], expected, equal_nan=True)
        assert np.isclose(area, expected.value, equal_nan=True)
        assert (curve["positives"] == (truth <= threshold).sum()).all()


def test_dice_histogram_counts_each_image_of_the_table_once(figures) -> None:
    table = pd.read_csv(figures["dice"].with_suffix(".csv"))
    assert "train" not in set(table["case"]) and not table["tracing_ok"].all()
    figure, edges = draw_dice(table), dice_bins(table["dice"])
    for axes, image in zip(figure.axes, ("large", "small"), strict=True):
        for container, ok in zip(axes.containers, (True, False), strict=True):
            values = table.loc[(table["image"] == image) & (table["tracing_ok"] == ok), "dice"]
            assert [bar.get_height() for bar in container] == list(np.histogram(values, edges)[0])
        assert np.isclose(axes.lines[0].get_xdata()[0], table.loc[table["image"] == image, "dice"].median())


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1))
def test_dice_bins_hold_every_value(values) -> None:
    edges = dice_bins(pd.Series(values))
    assert edges[0] <= min(values) + 1e-9 and edges[-1] == 1 and len(edges) <= 42


def test_boxes_stand_for_the_numbers_of_the_table(figures) -> None:
    table = pd.read_csv(figures["beats"].with_suffix(".csv"))
    figure = draw_error_by_beats(table, "EF points")
    published = table.query("part == 'experiment' and protocol == 'published'")
    box_wide = [line.get_xydata() for line in figure.axes[0].lines if np.isclose(np.ptp(line.get_xdata()), 0.34)]
    drawn = {round(float(line[:, 0].mean()), 2): line[0, 1] for line in box_wide}
    medians = published.groupby("beats")["absolute_error"].median()
    assert np.allclose([drawn[round(beats - 1.2, 2)] for beats in medians.index], medians)
    videos = table[table["part"] == "videos"]
    labels = [label.get_text().split("\n") for label in figure.axes[1].get_xticklabels()]
    assert sum(int(count) for _, *counts in labels for count in counts) == len(videos)
    assert (videos["beats"] > 0).all(), "a video without a beat has no error to show"


def test_area_curves_show_systoles_of_both_rules_and_the_traced_frames(figures) -> None:
    table = pd.read_csv(figures["areas"].with_suffix(".csv"))
    one = table[table["case"] == table["case"].iloc[0]]
    assert table["case"].nunique() == 3
    assert list(one.loc[one["systole_published"] == 1, "frame"]) == [8, 28]
    assert list(one.loc[one["systole_sound"] == 1, "frame"]) == [28]
    assert list(one.loc[one["traced_ed"] == 1, "seconds"]) == [18 / 25]
    lines = {line.get_label(): line for line in draw_areas(table).axes[0].lines}
    assert np.array_equal(lines["area"].get_xydata(), one[["seconds", "area"]])
    assert np.array_equal(lines["systole, published rule"].get_xdata(), [8 / 25, 28 / 25])


def test_examples_stand_at_their_places_by_dice_and_show_their_own_masks(study, figures) -> None:
    table = pd.read_csv(figures["examples"].with_suffix(".csv"))
    assert list(table["place"]) == ["lowest", "10th percentile", "median", "90th percentile"]
    assert table["overall"].is_monotonic_increasing and set(table["of"]) == {12}
    store = open_store(study / "store")
    traced = store.cases.set_index("case").loc[table["case"], "traced"]
    assert list(table["traced_ed_px"]) == list(store.arrays["traced_masks"][traced, 0].sum((1, 2)))
    images, mask = np.zeros((1, 2, 8, 8, 1), np.uint8), np.zeros((1, 2, 8, 8))
    mask[0, 0, 2:5, 3:6] = 1
    outline = draw_examples(images, mask, 0 * mask, ["x"]).axes[0].lines[0].get_xydata()
    assert (outline.min(0) == [2.5, 1.5]).all() and (outline.max(0) == [5.5, 4.5]).all()


def test_a_dot_marks_the_epoch_that_was_kept(figures) -> None:
    table = pd.read_csv(figures["training_ef"].with_suffix(".csv"))
    lines = draw_training(table, "loss", "R²").axes[0].lines
    dots = {tuple(line.get_xydata()[0]) for line in lines if line.get_marker() == "o"}
    best = [table.loc[table[f"val_loss_{name}"].idxmin()] for name in ("published", "sound")]
    assert dots == {
        (row["epoch"], row[f"val_loss_{name}"]) for row, name in zip(best, ("published", "sound"), strict=True)
    }


AWKWARD = {
    "one": ([50.0], [52.0]),
    "same": ([50.0, 50.0], [50.0, 50.0]),
    "some missing": ([40.0, 50.0, 60.0], [np.nan, 45.0, 61.0]),
    "all missing": ([40.0, 60.0], [np.nan, np.nan]),
    "one class": ([60.0, 70.0], [58.0, 40.0]),
}


@pytest.mark.parametrize("values", AWKWARD.values(), ids=AWKWARD.keys())
def test_awkward_predictions_are_drawn(values, tmp_path) -> None:
    table = pd.DataFrame(dict(zip(("truth", "prediction"), values, strict=True))).assign(panel="x")
    roc = roc_points(*table[["truth", "prediction"]].to_numpy().T, [35, 50], 0.95).assign(panel="x")
    errors = (table["prediction"] - table["truth"]).abs()
    beats = pd.DataFrame({"run": "r", "part": "videos", "protocol": "sound", "beats": 9, "absolute_error": errors})
    figures = [
        draw_scatter(table, "EF", "%"),
        draw_agreement(agreement(table), "EF", "%"),
        draw_roc(roc, "EF", "%"),
        draw_error_by_beats(beats, "%"),
    ]
    for figure in figures:
        save_figure(figure, tmp_path / "f.svg", table, tmp_path / "f.csv")
    lost = int(np.isnan(values[1]).sum())
    assert (f"{lost} not drawn" in figures[0].axes[0].texts[0].get_text()) == (lost > 0)


def test_a_single_epoch_an_empty_mask_and_a_flat_area_are_drawn(tmp_path) -> None:
    log = pd.DataFrame({"run": ["r"], "epoch": [1], "train_loss": [2.0], "val_loss": [np.nan], "val_dice_small": [0.0]})
    dices = pd.DataFrame(
        {"run": "r", "case": "a", "image": ["large", "small"], "dice": [np.nan, 0.0], "tracing_ok": True}
    )
    flat = pd.DataFrame({"case": "a", "title": "a", "seconds": [0.0, 0.1], "area": [0.0, 0.0]})
    flat[["systole_published", "systole_sound", "traced_ed", "traced_es"]] = 0
    for figure in (draw_training(log, "a", "b"), draw_dice(dices), draw_areas(flat)):
        save_figure(figure, tmp_path / "f.svg", log, tmp_path / "f.csv")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 100), max_size=20), st.integers(1, 12))
def test_cases_are_chosen_evenly_without_repeats(values, count) -> None:
    series = pd.Series(values, [f"case{i}" for i in range(len(values))], dtype=float)
    chosen = evenly_over(series, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(values))
    assert series[chosen].is_monotonic_increasing
    if len(chosen) > 1:
        assert series[chosen[0]] == min(values) and series[chosen[-1]] == max(values)
    assert chosen == evenly_over(series.iloc[::-1], count), "the order of the table does not matter"
