"""The study's tables of measures, of quirks and of lesion loads, from two folds of three scans worked out by hand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mslesion import score
from mslesion.analysis.lesions import overall_score
from mslesion.analysis.results import VOLUMES
from mslesion.segment import measured
from reprise.data.store import open_store, write_store
from reprise.report.published import read_published
from reprise.report.scoreboard import obstacles, read_setup
from reprise.step.errors import InputError

CONFIG = Path(__file__).resolve().parents[2] / "config"
SETTINGS = {"resamples": 500, "seed": 2, "reported_epochs": [1, 2, 200]}
NET = "fc_densenet67"
SCANS = {"A_1": ("A", 1), "A_2": ("A", 2), "B_1": ("B", 1)}
FOLDS = {"published": {"A_1": 1, "A_2": 2, "B_1": 1}, "sound": {"A_1": 1, "A_2": 1, "B_1": 2}}
# Dice against rater 1 and rater 2, load found, and pixels of slices with a lesion against rater 1: tp, fp, fn, tn.
FOUND = {
    "published": {
        "A_1": (0.8, 0.6, 3.0, (8, 2, 2, 88)),
        "A_2": (0.6, 0.4, 4.0, (3, 2, 2, 93)),
        "B_1": (0.4, 0.2, 8.0, (2, 3, 3, 92)),
    },
    "sound": {
        "A_1": (0.5, 0.3, 2.0, (5, 5, 5, 85)),
        "A_2": (0.7, 0.5, 3.0, (7, 3, 3, 87)),
        "B_1": (0.3, 0.1, 5.0, (3, 7, 7, 83)),
    },
}
TRUE_ML = {1: {"A_1": 2.5, "A_2": 3.0, "B_1": 9.0}, 2: {"A_1": 2.0, "A_2": 4.0, "B_1": 3.0}}
FALSE_ELSEWHERE = 5  # pixels in slices without a lesion, of which each scan has 100 px
HISTORY = {("published", 1): [0.5, 0.8, 0.7], ("published", 2): [0.6, 0.4, 0.5], ("sound", 1): [0.1, 0.2, 0.3]}


def volume_rows(protocol: str, cases: list[str]) -> pd.DataFrame:
    rows = []
    for case in cases:
        patient, timepoint = SCANS[case]
        *dice, load, (tp, fp, fn, tn) = FOUND[protocol][case]
        elsewhere = {"tp_all": tp, "fp_all": fp + FALSE_ELSEWHERE, "fn_all": fn, "tn_all": tn + 100 - FALSE_ELSEWHERE}
        for rater in (1, 2):
            measures = {"dice": dice[rater - 1], "ppv": 0.5, "sensitivity": 0.25, "ltpr": 0.75, "lfpr": 0.2}
            measures |= {"accuracy": 0.9, "specificity": 0.95}
            rows.append(
                {"case": case, "patient": patient, "timepoint": timepoint, "rater": rater, **measures}
                | {"volume_difference": np.nan if case == "B_1" else 0.1 * rater, "load_ml": load}
                | {"true_load_ml": TRUE_ML[rater][case], "lesions": 4.0, "true_lesions": 3.0 + rater, **elsewhere}
                | dict(zip(("tp_lesion_slices", "fp_lesion_slices"), (tp, fp), strict=True))
                | dict(zip(("fn_lesion_slices", "tn_lesion_slices"), (fn, tn), strict=True))
            )
    return pd.DataFrame(rows)


def write_store_of(folder: Path) -> None:
    """Three scans of 1 x 2 x 2 voxels of 500 mm3; the second rater finds one of the first's two voxels in each."""
    grid = {"slices": 1, "height": 2, "width": 2, "slice_mm": 5.0, "row_mm": 10.0, "column_mm": 10.0}
    rows = [{"case": case, "patient": patient, "timepoint": time} for case, (patient, time) in SCANS.items()]
    cases = pd.DataFrame(rows).assign(offset=[0, 4, 8], **grid)
    masks = {"mask1": np.tile(np.uint8([1, 1, 0, 0]), 3), "mask2": np.tile(np.uint8([1, 0, 0, 0]), 3)}
    write_store(folder, cases, {"flair": np.zeros(12, np.uint8), **masks})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_store_of(tmp_path / "store")
    for protocol, folds in FOLDS.items():
        for fold in (1, 2):
            folder = tmp_path / f"{NET}-seed0" / protocol / f"fold{fold}"
            folder.mkdir(parents=True)
            dice = np.array(HISTORY.get((protocol, fold), [0.3, 0.2, 0.1]))
            measures = {"val_accuracy": dice + 0.1, "val_sensitivity": dice - 0.1, "val_specificity": dice + 0.14}
            measures |= {"val_printed_specificity": dice + 0.15}
            log = {"epoch": [1, 2, 3], "val_loss": 1 - dice, "val_dice": dice, **measures}
            pd.DataFrame(log | {"val_error": 1 - dice, "val_volume_error": 1 - dice}).to_csv(folder / "log.csv")
        volumes = volume_rows(protocol, list(folds))
        volumes.assign(fold=volumes["case"].map(folds)).to_csv(folder.parent / "volumes.csv")
    return tmp_path


def compute(results: Path) -> tuple[pd.DataFrame, ...]:
    """The step's three tables."""
    tables = {name: results / f"{name}.csv" for name in ("metrics", "quirks", "lesions")}
    options = {
        "store": [results / "store"],
        "settings": [json.dumps(SETTINGS)],
        "history": sorted(results.rglob("log.csv")),
        "volumes": sorted(results.rglob("volumes.csv")),
        **{name: [path] for name, path in tables.items()},
    }
    words = [str(word) for name, values in options.items() for word in (f"--{name}", *values)]
    score.main(score.arguments().parse_args(words))
    return tuple(pd.read_csv(path) for path in tables.values())


def test_what_the_published_code_prints_of_each_fold_and_of_one_training_at_several_epochs(results: Path) -> None:
    metrics = compute(results)[0].set_index(["protocol", "quantity"])
    value = metrics["value"]["published"]
    dice = {name: value[f"{NET}/{name}/dice"] for name in ("fold1", "fold2", "best_fold", "mean_fold")}
    assert dice == pytest.approx({"fold1": 0.8, "fold2": 0.6, "best_fold": 0.8, "mean_fold": 0.7})
    early = {name: value[f"{NET}/{name}/dice"] for name in ("fold1/epoch1", "best_fold/epoch1", "fold2/epoch2")}
    assert early == pytest.approx({"fold1/epoch1": 0.5, "best_fold/epoch1": 0.6, "fold2/epoch2": 0.6})
    others = [value[f"{NET}/fold1/{name}"] for name in ("accuracy", "sensitivity", "specificity", "dice_loss")]
    assert others == pytest.approx([0.9, 0.7, 0.95, 0.2])
    assert not metrics.index.get_level_values(1).str.contains("epoch200|sound").any()
    assert metrics.loc[("published", f"{NET}/fold1/dice"), "n"] == 2
    assert value["data/scans"] == 3 and value["data/patients"] == 2


def test_means_over_scans_and_raters_their_correlation_and_their_score(results: Path) -> None:
    metrics = compute(results)[0]
    assert not metrics.duplicated(["protocol", "quantity"]).any()
    published = read_published(CONFIG / "published.yaml")
    assert list(metrics["unit"]) == [published.measure(quantity).unit for quantity in metrics["quantity"]]
    row = metrics.set_index(["protocol", "quantity"]).loc["sound"]
    value = row["value"]
    assert value[f"{NET}/scans/dice"] == pytest.approx((0.5 + 0.7 + 0.3 + 0.3 + 0.5 + 0.1) / 6)
    assert value[f"{NET}/scans/fold2/dice"] == pytest.approx(0.2)
    assert value[f"{NET}/scans/volume_difference"] == pytest.approx(0.15), "scans without one do not count"
    loads = [2.0, 3.0, 5.0]
    correlations = [np.corrcoef(loads, list(TRUE_ML[rater].values()))[0, 1] for rater in (1, 2)]
    assert value[f"{NET}/scans/load_correlation"] == pytest.approx(np.mean(correlations))
    expected = np.mean([overall_score(0.4, 0.5, 0.2, 0.75, each) for each in correlations])
    assert value[f"{NET}/scans/score"] == pytest.approx(expected)
    assert np.isnan(value[f"{NET}/scans/fold2/load_correlation"])
    assert value[f"{NET}/scans/fold2/score"] == pytest.approx(0.2 / 8 + 0.5 / 8 + 0.8 / 4 + 0.75 / 4)


def test_intervals_draw_whole_patients_and_hold_the_value(results: Path) -> None:
    metrics = compute(results)[0].set_index(["protocol", "quantity"])
    whole = metrics[metrics.index.get_level_values(1).str.contains("scans/[a-z_]+$") & metrics["value"].notna()]
    known = whole[whole["ci_low"].notna()]
    assert len(known) >= 3 * 8 and (known["ci_level"] == 0.95).all() and (known["n"] == 3).all()
    assert (known["ci_low"] <= known["value"] + 1e-12).all() and (known["value"] <= known["ci_high"] + 1e-12).all()
    # Of two patients a resample has A twice, both or B twice: Dice 0.5, 0.4 or 0.2.
    dice = metrics.loc[("sound", f"{NET}/scans/dice")]
    assert (dice["ci_low"], dice["ci_high"]) == pytest.approx((0.2, 0.5))
    assert metrics.loc[("sound", f"{NET}/scans/fold1/dice"), ["ci_low", "ci_high", "ci_level"]].isna().all()


def test_one_rater_is_measured_against_the_other(results: Path) -> None:
    value = compute(results)[0].set_index("quantity")["value"]
    assert value["raters/scans/dice"] == pytest.approx(2 / 3)
    assert value["raters/scans/ppv"] == 1 and value["raters/scans/volume_difference"] == 0.5
    assert value["raters/scans/score"] == pytest.approx(2 / 3 / 8 + 1 / 8 + 1 / 4 + 1 / 4), "no load varies"


def test_the_chain_leads_from_the_headline_to_the_sound_figure_without_a_gap(results: Path) -> None:
    metrics, quirks, _ = compute(results)
    chain = quirks[quirks["quantity"] == f"{NET}/dice"]
    lesion_slices = np.mean([2 * 10 / (2 * 10 + 5 + 5), 2 * 3 / (2 * 3 + 2 + 2)])
    every_slice = np.mean([2 * 10 / (2 * 10 + 15 + 5), 2 * 3 / (2 * 3 + 7 + 2)])
    steps = [0.8, 0.7, lesion_slices, every_slice, 0.6, 0.5, 0.4]
    assert chain["published"].tolist() == pytest.approx(steps[:-1])
    assert chain["sound"].tolist() == pytest.approx(steps[1:])
    np.testing.assert_allclose(chain["difference"], chain["published"] - chain["sound"])
    assert chain["difference"].sum() == pytest.approx(0.8 - 0.4)
    sound = metrics.set_index(["protocol", "quantity"])["value"]["sound", f"{NET}/scans/dice"]
    assert chain["sound"].iloc[-1] == pytest.approx(sound)
    beside = quirks[quirks["quantity"] == f"{NET}/mean_fold/dice"].iloc[0]
    assert (beside["published"], beside["sound"]) == pytest.approx((0.7, 0.6))
    specificity = quirks[quirks["quantity"] == f"{NET}/best_fold/specificity"].iloc[0]
    assert (specificity["published"], specificity["sound"]) == pytest.approx((0.95, 0.94))
    notes = dict(zip(quirks["quirk"], quirks["note"], strict=True))
    assert "add false positives: 15 pixels" in notes["Only slices with a lesion scored"]
    assert "0.600 against rater 1, 0.400 against rater 2" in notes["One rater, not both"]
    note = notes["Slices, epoch and split as published"]
    assert "Time points of 1 of 2 patients" in note
    assert "Epochs kept, fold by fold: 2, 1 published; 3, 1 sound." in note


def test_the_leak_is_told_apart_where_the_published_way_was_also_trained_on_whole_patients(results: Path) -> None:
    without = compute(results)
    control = results / f"{NET}-seed0" / "by_patient"
    shutil.copytree(results / f"{NET}-seed0" / "sound", control)
    for fold, dice in ((1, [0.1, 0.6, 0.5]), (2, [0.2, 0.3, 0.4])):
        log = pd.read_csv(control / f"fold{fold}" / "log.csv")
        log.assign(val_dice=dice, val_error=1 - np.array(dice)).to_csv(control / f"fold{fold}" / "log.csv")
    metrics, quirks, lesions = compute(results)
    pd.testing.assert_frame_equal(metrics, without[0])
    pd.testing.assert_frame_equal(lesions, without[2])
    chain = quirks[quirks["quantity"] == f"{NET}/dice"]
    names = ["Best fold, not the mean over folds", "Split by time point, not by patient"]
    assert chain["quirk"].tolist()[:2] == names and chain["quirk"].iloc[-1] == "Slices and epoch as published"
    # Both patients are left out once: the masks scored are those of the control, here the sound ones'.
    lesion_slices = np.mean([2 * 12 / (2 * 12 + 8 + 8), 2 * 3 / (2 * 3 + 7 + 7)])
    steps = [0.8, 0.7, (0.6 + 0.4) / 2, lesion_slices]
    assert chain["published"].tolist()[:4] == pytest.approx(steps)
    assert chain["published"].iloc[-1] == chain["sound"].iloc[-1] == pytest.approx(0.4)
    assert "2, 1 published; 2, 3 published with patients left out; 3, 1 sound" in chain["note"].iloc[-1]


def test_a_network_of_the_sound_protocol_alone_has_no_chain_and_another_seed_its_own_name(results: Path) -> None:
    before, quirks, _ = compute(results)
    shutil.copytree(results / f"{NET}-seed0" / "sound", results / "unet_2d-seed0" / "sound")
    shutil.copytree(results / f"{NET}-seed0", results / f"{NET}-seed1")
    metrics, both, lesions = compute(results)
    value = metrics[metrics["protocol"] == "sound"].set_index("quantity")["value"]
    assert value["unet_2d/scans/score"] == value[f"{NET}/scans/score"] == value[f"{NET}-seed1/scans/score"]
    assert len(both) == 2 * len(quirks) and set(lesions["network"]) == {NET, f"{NET}-seed1", "unet_2d"}
    kept = metrics[~metrics["quantity"].str.contains("unet_2d|-seed1")].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before)


def test_lesion_loads_of_each_scan_beside_both_raters(results: Path) -> None:
    lesions = compute(results)[2]
    assert list(lesions) == [
        *("network", "protocol", "fold", "case", "patient", "timepoint", "load_ml", "lesions"),
        *("true_load_ml_1", "true_lesions_1", "true_load_ml_2", "true_lesions_2"),
    ]
    assert len(lesions) == 6
    row = lesions[(lesions["protocol"] == "sound") & (lesions["case"] == "B_1")].iloc[0]
    assert row.tolist() == [NET, "sound", 2, "B_1", "B", 1, 5.0, 4.0, 9.0, 4.0, 3.0, 5.0]


def test_what_segmenting_writes_is_what_scoring_reads(results: Path) -> None:
    store = open_store(results / "store")
    case = store.cases.iloc[1].to_dict() | {"fold": 2}
    rows = list(measured(case, np.array([[[True, False], [False, True]]]), store.arrays))
    assert [row["rater"] for row in rows] == [1, 2] and all(set(VOLUMES) == set(row) for row in rows)
    assert rows[0]["fp_all"] == rows[0]["fn_lesion_slices"] == 1


def test_only_the_published_data_set_and_schedule_compare() -> None:
    published, schedules = (
        read_published(CONFIG / "published.yaml"),
        yaml.safe_load((CONFIG / "mslesion.yaml").read_text()),
    )
    recipe = schedules["published"]
    isbi = {"data/scans": 21.0, "data/patients": 5.0}
    short = recipe | {"training": recipe["training"] | {"epochs": 40}}

    def found(data: str, schedule: str, parameters: dict, ours: dict) -> list[str]:
        setup = {"data": {"mslesion": data}, "schedule": schedule, "parameters": {"mslesion": parameters}}
        return obstacles("mslesion", read_setup(setup), published, ours)

    assert found("raw", "published", recipe, isbi) == []
    assert found("phantom", "published", recipe, isbi) == ["phantom data, not the published data set"]
    assert found("raw", "published", short, isbi) == ["training.epochs is 40, published with 200"]
    assert len(found("raw", "published", recipe, {"data/scans": 3.0, "data/patients": 3.0})) == 2
    assert "shortened schedule" in found("raw", "demo", recipe | schedules["demo"], isbi)
    figures = {(figure.quantity, figure.source): figure.value for figure in published.studies["mslesion"].figures}
    assert figures[f"{NET}/fold5/epoch1/dice_loss", "ms_write_up"] == 0.582
    assert figures[f"{NET}/best_fold/dice", "rondinella"] == 0.89


def test_one_rater_alone_and_no_results_are_no_crash(results: Path) -> None:
    for path in results.glob("*-seed*/*/volumes.csv"):
        table = pd.read_csv(path)
        table[table["rater"] == 1].to_csv(path, index=False)
    store = open_store(results / "store")
    write_store(results / "store", store.cases, {name: store.arrays[name] for name in ("flair", "mask1")})
    metrics, quirks, lesions = compute(results)
    value = metrics.set_index(["protocol", "quantity"])["value"]
    assert value["sound", f"{NET}/scans/dice"] == pytest.approx(0.5)
    assert not metrics["quantity"].str.startswith("raters").any() and "true_load_ml_2" not in lesions
    assert quirks["sound"].iloc[-3] == pytest.approx(0.5) and "One rater, not both" not in set(quirks["quirk"])
    shutil.rmtree(results / f"{NET}-seed0")
    metrics, quirks, lesions = compute(results)
    assert set(metrics["quantity"]) == {"data/scans", "data/patients"} and quirks.empty and lesions.empty


PUBLISHED = f"{NET}-seed0/published"


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (f"{NET}-seed0/volumes.csv", lambda table: table, "not where a run's results are"),
        (f"{PUBLISHED}/volumes.csv", lambda table: table.drop(columns="lfpr"), "volumes.csv: expected the columns"),
        (f"{PUBLISHED}/volumes.csv", lambda table: table.head(0), "expected both a history and volumes"),
        (f"{PUBLISHED}/volumes.csv", lambda table: table.replace("A_1", "A_9"), "rater 1: not in the store: A_9"),
        (f"{PUBLISHED}/volumes.csv", lambda table: table[table["case"] != "A_1"], "not measured: A_1"),
        (f"{PUBLISHED}/volumes.csv", lambda table: pd.concat([table, table]), "measured twice: A_1, A_2, B_1"),
        (
            f"{PUBLISHED}/fold1/log.csv",
            lambda table: table.assign(val_error="high"),
            "line 2: val_error: expected a num",
        ),
        (f"{PUBLISHED}/fold1/log.csv", lambda table: table.assign(val_error=np.nan), "fold 1: no error at epoch 1"),
        (f"{NET}-seed0/sound/fold3/log.csv", lambda table: table, "sound, fold 3: expected both a history and vol"),
    ],
)
def test_bad_input_gets_one_line_and_nothing_is_written(results: Path, file: str, change, message: str) -> None:
    path = results / file
    path.parent.mkdir(exist_ok=True)
    good = results / PUBLISHED / ("fold1" if path.name == "log.csv" else "") / path.name
    change(pd.read_csv(good)).to_csv(path, index=False)
    with pytest.raises(InputError, match=message) as refused:
        compute(results)
    assert len(str(refused.value).splitlines()) == 1
    assert not list(results.glob("*.csv"))
