"""The tables of measures and of quirks, from a small tree of results with known answers."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score

from echonet import score
from project import ROOT
from reprise.data.store import open_store, write_store
from reprise.report.published import read_published
from reprise.step.errors import InputError
from score_example import make_results

SETTINGS = {"resamples": 400, "seed": 3, "lead_frames": 32}


@pytest.fixture
def results(tmp_path):
    make_results(tmp_path)
    return tmp_path


def compute(results, **changes):
    """The step's two tables."""
    options = {
        "overlap": results.glob("segmentation/*/overlap.csv"),
        "history": results.glob("*/*/log.csv"),
        "mask-ef": results.glob("segmentation/*/mask_ef.csv"),
        "predictions": results.glob("ef/*/*/*_predictions.csv"),
        "beats": results.glob("ef/*/*/beats.csv"),
        "size": results.glob("segmentation/*/size.csv"),
        "size-sound": results.glob("segmentation/*/size_sound.csv"),
        "store": [results / "store"],
        "settings": [json.dumps(SETTINGS)],
        "metrics": [results / "metrics.csv"],
        "quirks": [results / "quirks.csv"],
    } | changes
    words = [str(word) for name, values in options.items() for word in (f"--{name}", *sorted(values))]
    score.main(score.arguments().parse_args(words))
    return pd.read_csv(results / "metrics.csv"), pd.read_csv(results / "quirks.csv")


def read(results, name, **options):
    return pd.read_csv(next(results.glob(name)), dtype={"case": str, 0: str}, **options)


def clips_of(results, protocol):
    """Predictions of the test split, one row per video in the store's order, one column per start; and the truth."""
    clips = read(results, f"ef/*/{protocol}/test_predictions.csv", names=["case", "start", "ef"])
    table = clips.pivot(index="case", columns="start", values="ef")
    truth = read(results, "store/cases.csv").set_index("case")["ef"]
    return table, truth.loc[table.index.str[:-4]].to_numpy()


def test_every_measure_is_there_once_for_each_protocol(results):
    metrics, quirks = compute(results)
    assert list(metrics) == ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
    assert not metrics.duplicated(["protocol", "quantity"]).any()
    published = read_published(ROOT / "config" / "published.yaml")
    assert list(metrics["unit"]) == [published.measure(quantity).unit for quantity in metrics["quantity"]]
    measures = ["mae", "rmse", "r2", "r2_pearson", "auc_35", "auc_40", "auc_45", "auc_50"]
    expected = {
        f"ef/r2plus1d_18/{split}/{clips}/{measure}"
        for split in ("val", "test")
        for clips in ("one", "first", "all")
        for measure in measures
    }
    expected |= {f"ef/r2plus1d_18/test/beats/{measure}" for measure in measures} | {"baseline/test/mae"}
    dice = [f"{split}/dice_{part}" for split in ("val", "test") for part in ("overall", "large", "small")]
    expected |= {f"segmentation/deeplabv3_resnet50/{name}" for name in [*dice, "val/loss"]}
    both = set(metrics.loc[metrics["protocol"] == "published", "quantity"])
    assert both == expected
    masks = {f"mask_ef/deeplabv3_resnet50/test/{name}" for name in ("mae", "rmse", "r2")}
    assert set(metrics.loc[metrics["protocol"] == "sound", "quantity"]) == expected | masks
    known = metrics.dropna()
    assert (known["ci_low"] <= known["value"]).all() and (known["value"] <= known["ci_high"]).all()
    assert dict(zip(known["protocol"], known["ci_level"], strict=True)) == {"published": 0.90, "sound": 0.95}
    assert quirks["note"].str.len().min() > 10 and not quirks.duplicated(["quirk", "quantity"]).any()
    np.testing.assert_allclose(quirks["difference"], quirks["published"] - quirks["sound"])


def test_values_are_those_of_the_definitions(results):
    metrics, _ = compute(results)
    value = metrics.set_index(["protocol", "quantity"])["value"]
    for protocol in ("published", "sound"):
        table, truth = clips_of(results, protocol)
        prefix = "ef/r2plus1d_18/test"
        assert value[protocol, f"{prefix}/first/mae"] == pytest.approx(mean_absolute_error(truth, table[0]))
        assert value[protocol, f"{prefix}/all/r2"] == pytest.approx(r2_score(truth, table.mean(axis=1)))
        assert value[protocol, f"{prefix}/all/auc_45"] == pytest.approx(roc_auc_score(truth > 45, table.mean(axis=1)))
    beats = read(results, "ef/*/sound/beats.csv").dropna()
    row = metrics.set_index(["protocol", "quantity"]).loc[("sound", "ef/r2plus1d_18/test/beats/mae")]
    assert (row["value"], row["n"]) == (pytest.approx((beats["ef"] - beats["beat_by_beat"]).abs().mean()), 18)
    assert value["sound", "mask_ef/deeplabv3_resnet50/test/mae"] == pytest.approx(1)
    cases = read(results, "store/cases.csv")
    train, test = (cases.loc[(cases["split"] == split) & (cases["traced"] >= 0), "ef"] for split in ("train", "test"))
    assert value["sound", "baseline/test/mae"] == pytest.approx((test - train.mean()).abs().mean())
    assert value["sound", "segmentation/deeplabv3_resnet50/val/loss"] == 0.04


def test_dice_by_either_protocol_and_its_interval_by_a_plain_loop(results):
    metrics, quirks = compute(results)
    row = metrics.set_index(["protocol", "quantity"]).loc
    overlap = read(results, "segmentation/*/overlap.csv")
    test = overlap[overlap["split"] == "test"]
    large = test[test["image"] == "large"]
    name = "segmentation/deeplabv3_resnet50/test/dice_{}".format

    def dice(images):
        inner, outer = images["intersection"].sum(), images["union"].sum()
        return 2 * inner / (inner + outer)

    assert row["published", name("large")]["value"] == pytest.approx(dice(large))
    sound = test[test["tracing_ok"] & (test["order_ok"] == (test["image"] == "large"))]
    assert row["sound", name("large")]["value"] == pytest.approx(dice(sound))
    assert row["published", name("overall")]["n"] == 38 and row["sound", name("overall")]["n"] == 18
    generator = np.random.default_rng(SETTINGS["seed"])
    drawn = sorted(dice(test.iloc[generator.integers(38, size=38)]) for _ in range(400))
    low, high = row["published", name("overall")][["ci_low", "ci_high"]]
    assert (low, high) == (pytest.approx(drawn[20]), pytest.approx(drawn[380]))
    swap = quirks[quirks["quantity"] == name("large")].iloc[0]
    other = large.where(large["order_ok"], test[test["image"] == "small"].set_index(large.index))
    assert (swap["published"], swap["sound"]) == (pytest.approx(dice(large)), pytest.approx(dice(other)))
    assert "In 1 of 19 videos" in swap["note"]


def test_one_clip_a_video_is_drawn_by_seed_and_not_by_the_order_of_rows(results):
    before, _ = compute(results)
    for path in results.glob("ef/*/*/*_predictions.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(reversed(lines)))
    after, _ = compute(results)
    pd.testing.assert_frame_equal(before, after, rtol=1e-12)
    other, _ = compute(results, settings=[json.dumps(SETTINGS | {"seed": 4})])
    changed = before.loc[before["value"].fillna(0) != other["value"].fillna(0), "quantity"].str.split("/").str[3]
    assert set(changed) == {"one"}


def test_each_quirk_of_beats_is_repaired_alone(results):
    _, quirks = compute(results)
    table, truth = clips_of(results, "published")

    def mae(starts):
        return pytest.approx(np.abs(table[starts].mean(axis=1) - truth).mean())

    beats = quirks[quirks["quantity"] == "ef/r2plus1d_18/test/beats/mae"].set_index("quirk")
    # Systoles at 10, 20, 60, 140 of 150 frames: clips at 0 (twice), 28, and one that is too late for the last, 87.
    assert beats["published"].tolist() == [mae([0, 0, 28])] * 4
    repaired = [mae([28]), mae([0, 0, 28, 87]), mae([0, 28]), mae([0, 0, 28])]
    assert beats["sound"].tolist() == repaired
    counts = quirks[quirks["unit"].isin(["beats", "videos"])]
    assert counts[["published", "sound"]].to_numpy().tolist() == [[76, 19], [19, 0], [19, 0], [0, 0]]


def test_the_quirk_of_epochs_compares_the_two_weights_and_names_the_epochs(results):
    quirks = compute(results)[1].set_index("quantity")
    for protocol in ("published", "sound"):
        table, truth = clips_of(results, protocol)
        found = quirks.loc["ef/r2plus1d_18/test/all/mae", protocol]
        assert found == pytest.approx(np.abs(table.mean(axis=1) - truth).mean())
    assert "(epoch 2 as published, 3 by fixed clips)" in quirks.loc["ef/r2plus1d_18/test/all/mae", "note"]


def test_the_first_seed_goes_by_the_networks_name_and_others_by_their_run(results):
    before, quirks = compute(results)
    for kind, run in (("ef", "r2plus1d_18"), ("segmentation", "deeplabv3_resnet50")):
        shutil.copytree(results / kind / f"{run}-seed0", results / kind / f"{run}-seed1")
    sizes = {"size": results.glob("*/*-seed0/size.csv"), "size-sound": results.glob("*/*-seed0/size_sound.csv")}
    after, both = compute(results, **sizes)
    assert len(after) == 2 * len(before) - 2 and len(both) == 2 * len(quirks) - 4
    again = after["quantity"].str.contains("-seed1")
    of_first = after[~again].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_first, before)


def test_with_only_the_clips_that_beats_need_one_and_all_are_absent(results):
    whole, beats_before = compute(results)
    for path in results.glob("ef/*/*/*_predictions.csv"):
        clips = pd.read_csv(path, header=None, dtype=str)
        clips[clips[1].isin(["0", "28", "87"])].to_csv(path, header=False, index=False)
    few, quirks = compute(results)
    gone = whole["quantity"].str.contains("/one/|/all/")
    pd.testing.assert_frame_equal(few, whole[~gone].reset_index(drop=True))
    assert "ef/r2plus1d_18/test/first/mae" in set(quirks["quantity"])
    of_beats = [table[table["quantity"].str.contains("beats")] for table in (quirks, beats_before)]
    assert of_beats[0].to_numpy().tolist() == of_beats[1].to_numpy().tolist()


def test_an_absent_class_or_absent_results_are_no_crash(results):
    cases = read(results, "store/cases.csv").assign(ef=60.0)
    write_store(results / "store", cases, open_store(results / "store").arrays)
    metrics, _ = compute(results)
    assert metrics.loc[metrics["quantity"].str.contains("/auc_|/r2$|/r2_pearson"), "value"].isna().all()
    nothing = {name: [] for name in ("overlap", "history", "mask-ef", "predictions", "beats")}
    metrics, quirks = compute(results, **nothing)
    assert set(metrics["quantity"]) == {"baseline/test/mae"} and quirks.empty


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("segmentation/deeplabv3/overlap.csv", "", "not where a run's results are"),
        (
            "ef/r2plus1d_18-seed0/sound/test_predictions.csv",
            "0X10E5.avi,0,high\n",
            "line 1: prediction: expected a num",
        ),
        ("ef/r2plus1d_18-seed0/sound/test_predictions.csv", "0X10E5.avi,3,5\n", "no clip at frame 0: 0X10E5"),
        ("ef/r2plus1d_18-seed0/sound/test_predictions.csv", "0XNEW.avi,0,5\n", "not in the store: 0XNEW"),
        (
            "ef/r2plus1d_18-seed0/published/test_predictions.csv",
            "0X10E5.avi,0,5\n0X10E5.avi,87,5\n",
            "no clip of 0X10E5",
        ),
        ("ef/r2plus1d_18-seed0/log.csv", "epoch\n1\n", "expected the columns epoch,val_loss_published,val_loss_sound"),
    ],
)
def test_bad_input_gets_one_line_and_nothing_is_written(results, file, text, message):
    path = results / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        compute(results)
    assert len(str(refused.value).splitlines()) == 1
    assert not list(results.glob("*.csv"))
