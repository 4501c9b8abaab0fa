"""The heart study's figures and film: what is drawn where, from tables with known answers."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb
from matplotlib.text import Text

import heart_steps as steps
import heart_tables as example
from acdc.analysis.overlay_figure import chosen_slices, heart_box, structure_codes
from acdc.analysis.pareto_figure import draw_pareto
from acdc.analysis.shown import drawn_methods
from acdc.analysis.stack_pictures import COLOURS
from acdc.data.conversion import slices_of
from acdc.follow_cine import chosen_patient, frames_of, middle_slice
from reprise.data.store import open_store
from reprise.step.errors import InputError

pytestmark = pytest.mark.usefixtures("no_warnings")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = example.make_study(tmp_path_factory.mktemp("study"))
    example.write_costs(folder)
    return folder


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures")
    return {name: steps.draw_by_step(study, folder, name) for name in steps.FIGURES}


@pytest.mark.parametrize("name", steps.FIGURES)
def test_each_figure_is_vector_and_the_same_each_time(study, figures, name, tmp_path) -> None:
    again = steps.draw_by_step(study, tmp_path, name)
    for suffix in (".svg", ".csv"):
        assert again.with_suffix(suffix).read_bytes() == figures[name].with_suffix(suffix).read_bytes()
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(again).iter()}
    assert "text" not in tags and ("image" in tags) == (name == "examples")
    assert len(again.read_bytes()) < 400_000


def test_the_kept_epoch_is_the_last_one_as_published_and_the_best_one_if_sound(figures) -> None:
    table = pd.read_csv(figures["training"].with_suffix(".csv"))
    kept = table[table["kept"] == 1].groupby("protocol")["epoch"].unique()
    assert kept["published"].tolist() == [8] and kept["sound"].tolist() == [6]
    assert set(table.loc[table["protocol"] == "sound", "run"]) > set(table.loc[table["protocol"] == "published", "run"])


def test_examples_are_the_lowest_and_the_highest_patient_with_their_own_pixels(study, figures) -> None:
    table = pd.read_csv(figures["examples"].with_suffix(".csv"))
    scores = pd.read_csv(study / "ensembles" / "scores.csv").query("method == 'simplex'")
    ranked = scores.groupby("patient")["dice"].mean().sort_values().index
    assert table["case"].str.partition("-")[0].unique().tolist() == [ranked[0], ranked[-1]]
    for row in table.itertuples():
        patient, _, phase = row.case.partition("-")
        place, frame = len(example.TRAINING) + example.TESTING.index(patient), {"ED": 0, "ES": 2}[phase]
        label = {"rv": 1, "myo": 2, "lv": 3}[row.structure]
        found = example.found(place, frame, "simplex")[row.slice - 1] == label
        true = example.heart(place, frame)[row.slice - 1] == label
        assert row.true_positives == (found & true).sum() and row.false_negatives == (true & ~found).sum()
        assert row.false_positives == (found & ~true).sum()
    assert (table.groupby(["case", "structure"])["slice"].apply(list).map(lambda s: s == sorted(s))).all(), "base first"


def test_a_structure_taken_for_another_is_a_false_positive_and_a_false_negative() -> None:
    found, truth = np.array([[2, 3, 0]]), np.array([[2, 2, 3]])
    codes = structure_codes(found, truth, [1, 2, 3])
    assert codes.tolist() == [[[0, 0, 0]], [[1, 3, 0]], [[0, 2, 3]]]


@given(arrays(np.uint8, st.tuples(*[st.integers(1, 12)] * 3), elements=st.integers(0, 3)))
def test_slices_and_box_lie_in_the_heart_from_the_larger_end_on(truth) -> None:
    places = chosen_slices(truth)
    areas = (truth > 0).sum(axis=(1, 2))
    assert len(places) == 3 and (not areas.any() or all(areas[place] for place in places))
    assert places == sorted(places) or places == sorted(places, reverse=True)
    rows, columns = heart_box(truth)
    assert np.count_nonzero(truth[:, rows, columns]) == np.count_nonzero(truth)
    assert middle_slice(truth) in range(len(truth))


def test_the_base_is_the_end_with_the_larger_heart_whatever_the_order() -> None:
    stack = example.heart(4, 0)
    places, turned = chosen_slices(stack), chosen_slices(stack[::-1])
    assert places == [1, 3, 5] and [len(stack) - 1 - place for place in turned] == places


def test_agreement_has_a_panel_for_each_ventricle_and_method_and_none_without_labels(study, figures, tmp_path) -> None:
    table = pd.read_csv(figures["ef"].with_suffix(".csv"))
    assert table["panel"].unique().tolist() == ["LV (unet)", "LV (best weights)", "RV (unet)", "RV (best weights)"]
    patients = pd.read_csv(study / "patients.csv").set_index(["method", "patient"])
    row = table[(table["panel"] == "RV (best weights)") & (table["patient"] == "patient103")].iloc[0]
    own = patients.loc[("simplex", "patient103")]
    assert row["difference"] == pytest.approx(own["rv_ef"] - own["true_rv_ef"], abs=1e-3)
    without = pd.read_csv(study / "patients.csv").drop(columns=["lv_mass", "true_lv_mass", "rv_ef", "true_rv_ef"])
    without.to_csv(tmp_path / "patients.csv", index=False)
    for size, panels in (("ef", 2), ("mass", 0)):
        drawn = tmp_path / f"{size}.svg"
        options = ["--patients", tmp_path / "patients.csv", "--size", size, "--figure", drawn]
        steps.run_step("plot_agreement", [*options, "--table", tmp_path / f"{size}.csv"])
        assert pd.read_csv(tmp_path / f"{size}.csv")["panel"].nunique() == panels and drawn.is_file()
    assert int(ElementTree.parse(drawn).getroot().get("height").partition(".")[0]) < 60, "a line, no empty axes"


def test_no_name_covers_another_where_methods_are_equally_good_and_fast() -> None:
    methods = ["fpn", "equal", "random_search", "simplex", "greedy", "snapshots:linknet"]
    costs = pd.DataFrame({"method": methods, "mode": "sequence", "dice": 0.87, "patient_ms_p50": 90.0})
    costs.loc[5, "patient_ms_p50"] = 80.0
    figure = draw_pareto(costs)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text).padded(-1) for text in figure.axes[0].texts]
    assert len(boxes) == len(methods) and not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_lines_are_of_the_networks_and_of_one_ensemble_of_each_kind() -> None:
    methods = ["unet", "fpn", "unet_2d", "equal", "simplex", "staple", "flips:fpn", "seeds:fpn", "snapshots:fpn"]
    table = pd.DataFrame({"method": [*methods, *methods]})
    assert drawn_methods(table) == ["unet", "fpn", "unet_2d", "simplex", "flips:fpn"]


def test_a_mask_of_another_shape_or_a_method_without_scores_is_refused(study, tmp_path) -> None:
    scores = pd.read_csv(study / "ensembles" / "scores.csv")
    scores[scores["method"] != "simplex"].to_csv(tmp_path / "scores.csv", index=False)
    options = ["--store", study / "store", "--masks", study / "ensembles" / "masks", "--settings", '{"patients": 1}']
    written = ["--figure", tmp_path / "a.svg", "--table", tmp_path / "a.csv"]
    with pytest.raises(InputError, match=r"scores\.csv: no test patient of simplex"):
        steps.run_step("plot_examples", [*options, "--scores", tmp_path / "scores.csv", *written])
    assert not list(tmp_path.glob("a.*"))


@pytest.fixture(scope="module")
def cine(study: Path) -> Path:
    return steps.follow(study, steps.write_weights(study))


def test_the_film_has_a_frame_for_each_of_the_cine_with_the_curve_in_step(study, cine) -> None:
    shown = pd.read_csv(cine / "cine.csv").iloc[0]
    curve = pd.read_csv(cine / "curve.csv")
    assert shown["frames"] == len(curve) == example.FRAMES and (shown["ed_frame"], shown["es_frame"]) == (1, 3)
    assert shown["cine"] == 1
    with av.open(str(cine / f"{shown['patient']}.mp4")) as file:
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(pictures) == example.FRAMES
    lines = [np.argwhere((picture[-190:-60] == 255).all(axis=-1)) for picture in pictures]
    columns = [dots[:, 1].mean() for dots in lines]
    assert (np.diff(columns) > 0).all(), "the markers move to the right"


def test_the_picture_is_of_the_patient_with_the_middle_ef_in_the_colours_of_structures(study, cine) -> None:
    cases = pd.read_csv(study / "store" / "cases.csv")
    own = chosen_patient(cases)
    assert own["phase"].tolist() == ["ED", "ES"] and set(own["official"]) == {"testing"}
    patients = pd.read_csv(study / "patients.csv").query("method == 'simplex'").sort_values("true_lv_ef")
    assert own["patient"].iloc[0] == patients["patient"].iloc[1], "the lower of the middle two of four"
    picture = cv2.imread(str(cine / f"{own['patient'].iloc[0]}.webp"))[..., ::-1].astype(int)
    colours = [np.array(to_rgb(colour)) * 255 for colour in COLOURS.values()]
    distances = [np.abs(picture - colour).sum(axis=-1).min() for colour in colours]
    assert min(distances) < 60, "a border in the colour of a structure"


def test_without_a_cine_the_two_phases_are_the_frames(study) -> None:
    store = open_store(study / "store")
    without = store.cases.assign(cine_frames=0)
    patient = chosen_patient(without)
    frames, phases = frames_of(store, patient)
    assert phases == {"ED": 0, "ES": 1} and len(frames) == 2
    for frame, case in zip(frames, patient.to_dict("records"), strict=True):
        assert np.array_equal(frame, slices_of(store.arrays["image"], case))
    whole, _ = frames_of(store, chosen_patient(store.cases))
    assert len(whole) == example.FRAMES and np.array_equal(whole[[0, 2]], frames)
