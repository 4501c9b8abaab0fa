"""The lesion study's figures, slice browser and section: colours at known pixels, and words its numbers bear out."""

import json
import re
import shutil
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

import lesion_example as example
import report_example
from browser import PHONE, check_page, opened
from reprise.data.store import open_store, write_store
from reprise.evaluation.runs import run_of
from reprise.plots.confusion_map import KINDS, as_grey, confusion_map, paint
from reprise.plots.folds import draw_folds
from reprise.plots.slice_pictures import MOST_BYTES, chosen_slices, write_slices
from reprise.report.blocks import read_section
from reprise.step.errors import InputError
from test_report import run_page, write_report

COLOURS = {code: tuple(round(255 * part) for part in to_rgb(kind.colour)) for code, kind in KINDS.items()}
# How colours look without the receptors for long, medium and short waves (Machado 2009), in linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
DIFFERENT = 18  # in CIEDE2000; 1 is just noticeable side by side


pytestmark = pytest.mark.usefixtures("no_warnings")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures")
    return {name: example.draw_by_step(study, folder, name) for name in example.FIGURES}


@pytest.fixture(scope="module")
def slices(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.render(study, tmp_path_factory.mktemp("rendered") / "slices")


@pytest.mark.parametrize("name", example.FIGURES)
def test_each_figure_is_vector_and_the_same_each_time(study, figures, name, tmp_path) -> None:
    again = example.draw_by_step(study, tmp_path, name)
    for suffix in (".svg", ".csv"):
        assert again.with_suffix(suffix).read_bytes() == figures[name].with_suffix(suffix).read_bytes()
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(again).iter()}
    assert "text" not in tags and ("image" in tags) == (name == "examples")
    assert len(again.read_bytes()) < 400_000


def test_each_kind_of_pixel_has_its_colour_and_its_pattern() -> None:
    found, true = np.zeros((2, 12, 40), bool)
    found[2:10, 2:10], true[2:10, 2:10] = True, True
    found[2:10, 12:20] = True
    true[2:10, 22:30] = True
    true[5, 35] = True
    codes, scale = confusion_map(found, true), 4
    overlay = paint(codes, (12 * scale, 40 * scale))
    assert {code: int((codes == code).sum()) for code in KINDS} == {1: 64, 2: 64, 3: 65}
    pixel = np.kron(codes, np.ones((scale, scale), int))
    for code in KINDS:
        shown = overlay[(pixel == code) & (overlay[..., 3] > 0)]
        assert (shown[:, :3] == COLOURS[code]).all(), "no other colour on pixels of this kind"
    assert (overlay[pixel == 0] == 0).all(), "nothing where there is nothing to say"
    assert (overlay[2 * scale, [2 * scale, 12 * scale, 22 * scale], 3] == 255).all(), "borders are solid"
    inside = [overlay[3 * scale : 9 * scale, column * scale : (column + 6) * scale, 3] for column in (3, 13, 23)]
    tint, hatch, empty = (set(np.unique(part)) for part in inside)
    assert len(tint) == 1 and 0 < min(tint) < 255 and hatch == {0, 255} and empty == {0}
    assert overlay[5 * scale : 6 * scale, 35 * scale : 36 * scale, 3].any(), "a single pixel shows"


def as_seen(colour: tuple[float, ...], blindness: str) -> np.ndarray:
    """A colour in CIELAB as it looks to somebody."""
    values = np.array(colour)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(BLINDNESS[blindness]) @ linear, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_differ_from_one_another_and_from_grey_for_everybody(blindness) -> None:
    kinds = [as_seen(to_rgb(kind.colour), blindness) for kind in KINDS.values()]
    greys = [as_seen((grey,) * 3, blindness) for grey in (0.1, 0.3, 0.5, 0.7)]
    pairs = [*combinations(kinds, 2), *((kind, grey) for kind in kinds for grey in greys)]
    assert min(float(deltaE_ciede2000(*pair)) for pair in pairs) > DIFFERENT


def test_a_dark_surround_stays_black_and_outliers_do_not_darken_the_rest() -> None:
    image = np.zeros((50, 50), np.float32)
    image[10:40, 10:40] = np.linspace(100, 200, 900).reshape(30, 30)
    image[20, 20] = 1e6
    grey = as_grey(image)
    assert grey[0, 0] == 0 and grey.max() == 255 and grey[39, 39] > 240 and 100 < grey[25, 25] < 150
    assert not as_grey(np.zeros((3, 3))).any()


def test_rendered_slices_show_what_was_found_where_it_was_found(study, slices) -> None:
    table = pd.read_csv(slices / "slices.csv")
    volumes = pd.read_csv(study / example.RUN / "sound" / "volumes.csv")
    ranked = volumes[volumes["rater"] == 1].sort_values("dice")
    median = ranked.iloc[(len(ranked) - 1) // 2]
    assert set(table["case"]) == {median["case"]} and np.isclose(table["dice"], median["dice"], atol=1e-4).all()
    number = int(median["case"][7]) * 2 + int(median["case"][9]) - 3
    found, true = example.found(number) != 0, example.scan(number)[1] != 0
    assert list(table["slice"]) == list(range(4, 9))
    for row in table.itertuples():
        both = found[row.slice - 1], true[row.slice - 1]
        counts = [(both[0] & both[1]).sum(), (both[0] & ~both[1]).sum(), (both[1] & ~both[0]).sum()]
        assert [row.true_positives, row.false_positives, row.false_negatives] == counts
        overlay = cv2.imread(str(slices / row.overlay), cv2.IMREAD_UNCHANGED)
        image = cv2.imread(str(slices / row.image), cv2.IMREAD_UNCHANGED)
        assert overlay.shape == (row.height, row.width, 4) and image.shape[:2] == (row.height, row.width)
        colours = {tuple(int(part) for part in pixel[2::-1]) for pixel in overlay[overlay[..., 3] > 0]}
        assert colours == {COLOURS[code] for code, count in zip(KINDS, counts, strict=True) if count}


def test_pictures_fit_their_budget_and_voxels_keep_their_shape(tmp_path) -> None:
    noise = np.random.default_rng(0).integers(1, 4000, (60, 200, 100)).astype(np.int16)
    codes = np.zeros(noise.shape, np.uint8)
    codes[5:55:7, 50:60, 40:60] = 1
    places = chosen_slices(codes, 20)
    assert places[0] == 5 and len(places) <= 20 and set(np.diff(places)) == {3}
    assert chosen_slices(np.zeros((9, 2, 2)), 20) == [4]
    table = write_slices(tmp_path, noise, codes, places[:6], (1.0, 2.0))
    assert (table["width"] == table["height"]).all(), "200 rows of 1 mm are as long as 100 columns of 2 mm"
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < MOST_BYTES


def test_training_marks_the_epoch_that_each_protocol_keeps(study, figures) -> None:
    table = pd.read_csv(figures["training"].with_suffix(".csv"))
    kept = table[table["kept"] == 1]
    assert len(kept) == 9 and set(zip(kept["protocol"], kept["epoch"], strict=True)) == {("published", 8), ("sound", 2)}
    labels = {"val_loss": "loss", "val_dice": "Dice", "val_accuracy": "accuracy"}
    figure = draw_folds(table, labels, {"val_loss": "train_loss"})
    dots = [line for line in figure.axes[1].lines if line.get_linestyle() == "None"]
    drawn = [tuple(line.get_xydata()[0]) for line in dots]
    first = kept[kept["run"] == kept["run"].iloc[0]]
    assert drawn == list(first[["epoch", "val_dice"]].itertuples(index=False, name=None))
    assert len({line.get_marker() for line in dots}) == example.FOLDS, "folds differ without colour, too"
    dashed = [sum(line.get_linestyle() == "--" for line in ax.lines) for ax in figure.axes[:3]]
    assert dashed == [example.FOLDS, 0, 0], "the training stands where it has the same scale"


def test_loads_and_counts_are_the_tables_and_raters_stand_beside(study, figures) -> None:
    lesions = pd.read_csv(study / "lesions.csv")
    for name, column in (("load", "load_ml"), ("count", "lesions")):
        table = pd.read_csv(figures[name].with_suffix(".csv"))
        networks, raters = table.iloc[: len(lesions)], table.iloc[len(lesions) :]
        assert np.allclose(networks["prediction"], lesions[column], atol=1e-4)
        assert np.allclose(networks["truth"], lesions[f"true_{column}_1"], atol=1e-4)
        assert len(raters) == 6 and np.allclose(raters["prediction"], lesions[f"true_{column}_2"][:6], atol=1e-4)
    assert table["panel"].nunique() == 4


def test_section_has_every_block_in_words_that_the_numbers_bear_out(study, figures, slices, tmp_path) -> None:
    path = example.describe(study, tmp_path, [*reversed(figures.values())], slices)
    section = read_section(path)
    kinds = [block["kind"] for block in section["blocks"]]
    assert kinds == ["figure", "text"] + ["figure"] * 3 + ["slices"] + ["table"] * 4
    assert [Path(block["svg"]).stem for block in section["blocks"] if "svg" in block] == example.FIGURES
    parts = [block["part"] for block in section["blocks"] if "part" in block]
    assert len(parts) == 6 and parts[::2] == parts[1::2] == list(dict.fromkeys(parts)), "three parts of two blocks"
    assert section["sound_headline"]["value"] == "0.6000 (0.5000\N{EN DASH}0.7000)"
    assert "nan" not in json.dumps(section).lower()
    assert "6 scans of 3 patients, 72 axial slices, 2 raters" in section["summary"][0]
    assert "Dice of 0.9000 on its best fold, 0.8500 on average" in section["summary"][2]
    assert "fc_densenet67: Dice 0.6000 (0.5000\N{EN DASH}0.7000)" in section["summary"][3]
    wide = pd.read_csv(tmp_path / "protocols.csv")
    assert len(wide) == 5 and not wide["of"].str.contains("fold1").any()
    folds = pd.read_csv(tmp_path / "by_fold.csv")
    assert folds.set_index(["counted", "epochs"])["Dice"].to_dict()["pooled", "1"] == 0.4
    browser = section["blocks"][5]
    assert section["picture"]["image"] == browser["slices"][browser["start"]]["image"]
    assert browser["start"] == 2 and "true positive" in browser["slices"][0]["marks"]


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ([0] * 6, "published protocol follows the drawing: its folds divide scans, not patients"),
        ([1, 1, 2, 2, 3, 3], "data has its own folds, and the published protocol uses them as they are."),
        ([1, 1, 1, 2, 2, 2], "data has 2 folds of its own, but this run has 3, so those are not used."),
    ],
)
def test_section_says_whose_folds_they_are(study, figures, slices, tmp_path, folds, said) -> None:
    shutil.copytree(study, tmp_path / "study")
    cases, arrays = open_store(tmp_path / "study" / "store")
    write_store(tmp_path / "study" / "store", cases.assign(fold=folds), arrays)
    path = example.describe(tmp_path / "study", tmp_path, [*figures.values()], slices)
    assert said in " ".join(json.dumps(read_section(path), ensure_ascii=False).split())


@pytest.fixture(scope="module")
def page(study, figures, slices, tmp_path_factory: pytest.TempPathFactory, run_step) -> Path:
    """A report whose one section is this study's, beside another study's scoreboard."""
    folder = tmp_path_factory.mktemp("page")
    report = write_report(folder, run_step)
    section = example.describe(study, folder / "results" / "echonet", [*figures.values()], slices)
    section.write_text(json.dumps(json.loads(section.read_text()) | {"study": "echonet"}))
    done = run_page(folder, run_step, report_example.settings())
    assert done.returncode == 0, done.stderr
    return report


def test_the_page_with_the_browser_has_no_fault(page: Path) -> None:
    check_page(page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.read_text())
    assert policy and "unsafe" not in policy[1] and policy[1].count("script-src &#39;sha256-") == 1


def test_the_browser_steps_by_keyboard_and_fits_a_phone(page: Path) -> None:
    with opened(page, viewport=PHONE) as (tab, faults):
        slider = tab.locator(".slices input[type=range]")
        slider.focus()
        shown = tab.locator(".slices .film figure:visible")
        assert shown.count() == 1 and "Slice 6 of 12" in shown.inner_text()
        tab.keyboard.press("ArrowRight")
        assert shown.count() == 1 and "Slice 7 of 12" in shown.inner_text()
        assert "Slice 7 of 12" in slider.get_attribute("aria-valuetext")
        tab.keyboard.press("Home")
        assert "Slice 4 of 12" in shown.inner_text()
        box = shown.locator("img").first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] and box["width"] > 250
        assert shown.locator(".marks").bounding_box() == box, "marks lie exactly on the image"
        tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("Space")
        assert not shown.locator(".marks").is_visible() and shown.locator("img").first.is_visible()
        assert faults == []


def test_without_a_script_all_slices_lie_in_a_strip(page: Path) -> None:
    with opened(page, java_script_enabled=False) as (tab, faults):
        assert tab.locator(".slices .film figure:visible").count() == 5
        assert not tab.locator(".slices input[type=range]").is_visible()
        assert tab.locator(".slices .film").get_attribute("tabindex") == "0"
        assert faults == []


def damage(study: Path, name: str) -> None:
    run = study / example.RUN / "sound"
    if name == "mask cut short":
        mask = run / "masks" / "patient1_1.nii.gz"
        mask.write_bytes(mask.read_bytes()[:100])
    elif name == "mask of another shape":
        cases, arrays = open_store(study / "store")
        write_store(study / "store", cases.assign(slices=10), arrays)
    elif name == "no mask":
        (run / "masks" / "patient1_1.nii.gz").unlink()
    elif name == "unknown scan":
        cases, arrays = open_store(study / "store")
        write_store(study / "store", cases.replace("patient1_1", "patient9_1"), arrays)
    elif name == "a number that is none":
        (run / "volumes.csv").write_text((run / "volumes.csv").read_text().replace(",1,1,", ",1,one,", 1))


@pytest.mark.parametrize(
    "name", ["mask cut short", "mask of another shape", "no mask", "unknown scan", "a number that is none"]
)
def test_damaged_inputs_give_one_line(name, tmp_path) -> None:
    study = example.make_study(tmp_path / "study")
    damage(study, name)
    with pytest.raises(InputError) as caught:
        example.draw_by_step(study, tmp_path / "out", "examples")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_files_in_the_wrong_place_or_without_epochs_are_refused(study, tmp_path) -> None:
    with pytest.raises(InputError, match="not where a run's results are"):
        run_of(Path("results/log.csv"))
    empty = tmp_path / "unet_2d-seed0" / "sound" / "fold1" / "log.csv"
    empty.parent.mkdir(parents=True)
    header = next(study.glob("*/*/*/log.csv")).read_text().splitlines()[0]
    empty.write_text(header + "\n")
    options = ["--history", empty, "--figure", tmp_path / "a.svg", "--table", tmp_path / "a.csv"]
    with pytest.raises(InputError, match="no epochs"):
        example.run_step("plot_training", options)
    (tmp_path / "lesions.csv").write_text("network,protocol,case,patient,timepoint,load_ml,true_load_ml_1\n")
    options = ["--lesions", tmp_path / "lesions.csv", "--size", "load_ml", *options[2:]]
    with pytest.raises(InputError, match="no scans"):
        example.run_step("plot_load", options)
