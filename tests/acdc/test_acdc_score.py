"""The steps that join networks and score them, on a small made-up study, against formulations of their own."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import jaccard_score

from acdc.analysis.pixel_measures import COUNTS
from members_example import MODELS, NETWORKS, SHAPE, TABLES, combine, make_members, score
from reprise.data.store import open_store, write_store
from reprise.step.errors import InputError

VAL_IOU = {"unet": 0.9, "linknet": 0.8, "fpn": 0.7}
WEIGHTED = ["equal", "random_search", "simplex", "greedy"]
ENSEMBLES = [*WEIGHTED, "majority", "staple", "flips:unet", "snapshots:unet"]


def write_logs(folder: Path) -> None:
    for network, iou in VAL_IOU.items():
        log = pd.DataFrame({"epoch": [2, 1], "val_iou": [iou, 0.1]})
        log.to_csv(folder / f"{network}-seed0" / "published" / "log.csv", index=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_members(tmp_path_factory.mktemp("study"))
    write_logs(folder)
    combine(folder)
    return folder


@pytest.fixture(scope="module")
def tables(study: Path) -> dict[str, pd.DataFrame]:
    made = {name: pd.read_csv(study / "ensembles" / f"{name}.csv") for name in TABLES}
    return made | score(study, study / "ensembles")


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


def metric_of(tables: dict[str, pd.DataFrame], protocol: str) -> pd.DataFrame:
    metrics = tables["metrics"]
    assert not metrics.duplicated(["protocol", "quantity"]).any()
    return metrics[metrics["protocol"] == protocol].set_index("quantity")


def test_every_method_is_scored_on_each_case_and_structure_once(tables: dict[str, pd.DataFrame]) -> None:
    scores = tables["scores"]
    assert list(scores["method"].unique()) == [*NETWORKS, "unet_2d", *ENSEMBLES]
    assert (scores.groupby("method").size() == 12 * 3).all()
    assert scores.groupby("split")["patient"].nunique().to_dict() == {"test": 4, "val": 2}
    weights = tables["weights"].set_index(["method", "member"])["weight"]
    assert weights.groupby("method").sum().to_numpy() == pytest.approx(1)
    assert weights["equal"].tolist() == pytest.approx([1 / 3] * 3)
    assert weights["snapshots:unet"].index.tolist() == ["unet/snapshot1", "unet/snapshot2"]
    val = scores[scores["split"] == "val"].groupby("method")["dice"].mean()
    assert val["simplex"] >= max(val[[*NETWORKS, "equal", "random_search"]]) - 1e-12
    assert val["unet"] == max(val[list(NETWORKS)])


def test_weights_are_fitted_on_validation_patients_alone(copied: Path, tables: dict[str, pd.DataFrame]) -> None:
    for path in copied.glob("*-seed0/sound/probabilities"):
        cases, arrays = open_store(path)
        test = np.repeat((cases["split"] == "test").to_numpy(), int(np.prod(SHAPE)))
        changed = {name: np.where(test[:, None], array[:, ::-1], array) for name, array in arrays.items()}
        shutil.rmtree(path)
        write_store(path, cases, changed)
    made = combine(copied)
    pd.testing.assert_frame_equal(pd.read_csv(made / "weights.csv"), tables["weights"])
    temperatures = [table["temperature"] for table in (pd.read_csv(made / "calibration.csv"), tables["calibration"])]
    assert temperatures[0].tolist() == temperatures[1].tolist()
    scores = pd.read_csv(made / "scores.csv")
    same = scores["dice"].to_numpy() == tables["scores"]["dice"].to_numpy()
    assert same[scores["split"] == "val"].all() and not same[scores["split"] == "test"].any()


def test_masks_lie_on_the_grid_of_their_case_and_have_the_volumes_of_the_table(
    study: Path, tables: dict[str, pd.DataFrame]
) -> None:
    folder = study / "ensembles" / "masks"
    assert {path.name for path in folder.iterdir()} == {"unet", "equal", "simplex"}
    scores = tables["scores"].set_index(["method", "case", "structure"])["volume_ml"]
    for path in folder.glob("*/*.nii.gz"):
        image = nib.load(path)
        assert image.shape == SHAPE[::-1] and image.header.get_zooms() == (1.5, 2.0, 8.0)
        classes = np.asarray(image.dataobj)
        for label, structure in enumerate(("rv", "myo", "lv"), 1):
            expected = scores[path.parent.name, path.name.removesuffix(".nii.gz"), structure]
            assert (classes == label).sum() * 24 / 1000 == pytest.approx(expected)
    assert len(list(folder.glob("equal/*"))) == 8


def test_means_gains_and_their_intervals_are_those_of_a_plain_bootstrap(tables: dict[str, pd.DataFrame]) -> None:
    found, scores = metric_of(tables, "sound"), tables["scores"]
    dice = scores[scores["split"] == "test"].groupby(["method", "patient"])["dice"].mean()
    draw = np.random.default_rng(3)
    drawn = [draw.integers(4, size=4) for _ in range(300)]
    for quantity, values in {
        "equal/test/dice": dice["equal"],
        "equal/test/gain": dice["equal"] - dice["unet"],
        "staple/test/gain": dice["staple"] - dice["unet"],
    }.items():
        row, means = found.loc[quantity], sorted(values.to_numpy()[part].mean() for part in drawn)
        assert row["value"] == pytest.approx(values.mean()) and row["n"] == 4
        # Ranks 300 * 0.025, rounded, and 300 * 0.975.
        assert [row["ci_low"], row["ci_high"]] == pytest.approx([means[8], means[292]])
    assert "unet/test/gain" not in found.index and found.loc["equal/val/gain", "n"] == 2
    lv = scores[(scores["method"] == "fpn") & (scores["split"] == "test") & (scores["structure"] == "lv")]
    for phase, part in lv.groupby("phase"):
        suffix = f"lv_{phase.lower()}"
        assert found.loc[f"fpn/test/hd_{suffix}", "value"] == pytest.approx(part["hausdorff_mm"].mean())
        assert found.loc[f"fpn/test/assd_{suffix}", "unit"] == "mm"


def test_ejection_fraction_volume_and_mass_by_patient_and_their_agreement(tables: dict[str, pd.DataFrame]) -> None:
    patients, found, scores = tables["patients"], metric_of(tables, "sound"), tables["scores"]
    ml = scores[scores["method"] == "linknet"].set_index(["patient", "phase", "structure"])["volume_ml"]
    own = patients[patients["method"] == "linknet"].set_index("patient")
    edv, esv = ml["patient101", "ED", "lv"], ml["patient101", "ES", "lv"]
    assert own.loc["patient101", "lv_ef"] == pytest.approx(100 * (edv - esv) / edv)
    assert own.loc["patient101", "lv_mass"] == pytest.approx(1.05 * ml["patient101", "ED", "myo"])
    test = own[own["split"] == "test"]
    for name, unit in {"lv_ef": "EF points", "rv_ef": "EF points", "lv_edv": "ml", "lv_mass": "g"}.items():
        ours, true = test[name], test[f"true_{name}"]
        values = found.loc[[f"linknet/test/{name}_{kind}" for kind in ("r", "bias", "sd")], "value"].tolist()
        expected = [np.corrcoef(ours, true)[0, 1], (ours - true).mean(), (ours - true).std(ddof=1)]
        assert values == pytest.approx(expected)
        assert found.loc[f"linknet/test/{name}_bias", "unit"] == unit


def pixels(slices: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """True and found classes of the pixels that were counted."""
    counts = slices[COUNTS].sum().to_numpy()
    return np.repeat(np.repeat(np.arange(4), 4), counts), np.repeat(np.tile(np.arange(4), 4), counts)


def test_diversity_and_calibration_are_of_the_test_voxels_near_the_heart(
    study: Path, tables: dict[str, pd.DataFrame]
) -> None:
    cases, labels = open_store(study / "store").cases, open_store(study / "store").arrays["labels"]
    right, confident = {}, {}
    for name in ("unet", "fpn"):
        scored, arrays = open_store(study / f"{name}-seed0" / "sound" / "probabilities")
        parts = []
        for case in scored[scored["split"] == "test"].itertuples():
            first = cases.set_index("case").loc[case.case, "offset"]
            true = labels[first : first + np.prod(SHAPE)].reshape(SHAPE)
            heart = [(edge.min(), edge.max() + 1) for edge in np.nonzero(true)]
            z, y, x = (slice(max(a - m, 0), b + m) for (a, b), m in zip(heart, (0, 10, 13), strict=True))
            found = arrays["plain"][case.offset : case.offset + np.prod(SHAPE)].reshape(*SHAPE, 4)[z, y, x]
            of_truth = np.take_along_axis(found.astype(float), true[z, y, x, None].astype(int), axis=-1)
            parts.append((found.argmax(axis=-1) == true[z, y, x], of_truth[..., 0] / found.astype(float).sum(axis=-1)))
        right[name], confident[name] = (np.concatenate([part[k].ravel() for part in parts]) for k in (0, 1))
    row = tables["diversity"].set_index(["first", "second"]).loc["unet", "fpn"]
    assert row["disagreement"] == pytest.approx((right["unet"] != right["fpn"]).mean())
    assert row["double_fault"] == pytest.approx((~right["unet"] & ~right["fpn"]).mean())
    calibration = tables["calibration"].set_index(["method", "split"])
    assert calibration.loc[("fpn", "test"), "nll"] == pytest.approx(-np.log(confident["fpn"]).mean(), abs=1e-5)
    assert (calibration["ece_scaled"] < calibration["ece"]).all()
    bins = tables["bins"].groupby(["method", "scaled"])["share"].sum()
    assert bins.to_numpy() == pytest.approx(1) and not bins.index.get_level_values("method").isin(["staple"]).any()


def test_the_published_search_is_scored_where_it_searched_and_on_the_rest(tables: dict[str, pd.DataFrame]) -> None:
    search, slices, found = tables["search"], tables["slices"], metric_of(tables, "published")
    drawn = search[list(NETWORKS)]
    assert len(search) == 64 and (drawn == drawn.round(2)).all(axis=None) and drawn.max(axis=None) > 0.9
    assert slices.groupby("method")["searched"].sum().unique().tolist() == [12]
    best = search.loc[search["iou_searched"].idxmax()]
    assert search["iou_rest"].idxmax() != best.name
    for part, chosen in (("searched", 1), ("rest", 0)):
        own = slices[slices["searched"] == chosen]
        iou = {name: jaccard_score(*pixels(rows), average="macro") for name, rows in own.groupby("method")}
        for name, value in iou.items():
            assert found.loc[f"{name}/{part}/iou", "value"] == pytest.approx(value)
        assert iou["random_search"] == pytest.approx(best[f"iou_{part}"])
        gain = iou["random_search"] - max(iou[name] for name in NETWORKS)
        assert found.loc[f"random_search/{part}/iou_gain", "value"] == pytest.approx(gain)
    row = tables["quirks"].set_index("quirk").loc["Weights searched on the test slices"]
    gains = found["value"][[f"random_search/{part}/iou_gain" for part in ("searched", "rest")]].tolist()
    assert [row["published"], row["sound"]] == pytest.approx(gains)


def test_each_habit_is_weighed_on_our_own_results(tables: dict[str, pd.DataFrame]) -> None:
    quirks, slices, habits = tables["quirks"].set_index("quirk"), tables["slices"], tables["habits"]
    assert quirks["difference"].to_numpy() == pytest.approx(quirks["published"] - quirks["sound"])
    found = metric_of(tables, "published")["value"]
    unet = slices[slices["method"] == "unet"]
    iou = jaccard_score(*pixels(unet), average="macro")
    plain = jaccard_score(*pixels(unet[unet["augmented"] == 0]), average="macro")
    expected = {
        "Mean of a running IoU": (found["unet/test/running_iou"], iou),
        "Augmented test slices": (iou, plain),
        "Part of the test slices": (found["unet/searched/iou"], iou),
        "Background in the IoU": (iou, found["unet/test/foreground_iou"]),
        "Labels interpolated linearly": (habits["label_linear"].mean(), habits["label_nearest"].mean()),
        "Scores on the published grid": (habits["grid"].mean(), habits["native"].mean()),
        "Slices left out": (habits["kept"].mean(), habits["grid"].mean()),
    }
    for name, values in expected.items():
        assert quirks.loc[name, ["published", "sound"]].tolist() == pytest.approx(values), name
    scores = tables["scores"].query("method == 'unet' and split == 'test'")
    assert habits["native"].tolist() == pytest.approx(scores["dice"].tolist())
    by_slice = quirks.loc["Split by slice, after augmentation"].set_index("quantity")
    assert by_slice["published"].to_dict() == {f"{name}/iou": value for name, value in VAL_IOU.items()}
    assert 0.5 < quirks.loc["Labels smoothed", "published"] < 1 == quirks.loc["Labels smoothed", "sound"]
    assert quirks.loc["F1 of heart or background", "published"] > quirks.loc["F1 of heart or background", "sound"]


def test_several_seeds_one_structure_and_an_empty_reference(tmp_path: Path) -> None:
    """As a data set has it whose labels are of the left ventricle alone, with a patient without any at ES."""
    folder = make_members(tmp_path / "study", seeds=2)
    store = open_store(folder / "store")
    labels = np.where(store.arrays["labels"] == 3, 3, 0).astype(np.uint8)
    empty = store.cases.query("case == 'patient101-ES'").iloc[0]
    labels[empty["offset"] : empty["offset"] + np.prod(SHAPE)] = 0
    cases = store.cases.assign(rv_voxels=0, myo_voxels=0)
    write_store(folder / "store", cases, store.arrays | {"labels": labels})
    write_logs(folder)
    tables = {"scores": pd.read_csv(combine(folder) / "scores.csv")} | score(folder, folder / "ensembles")
    assert set(tables["scores"]["structure"]) == {"lv"}
    assert set(tables["scores"]["method"]) == {
        *NETWORKS,
        "unet_2d",
        *ENSEMBLES,
        *(f"seeds:{name}" for name in NETWORKS),
    }
    found = metric_of(tables, "sound")
    assert found.loc["unet/test/one_empty", ["value", "n"]].tolist() == [1, 8]
    missed = tables["scores"].query("method == 'unet' and case == 'patient101-ES'").iloc[0]
    assert missed["empty"] == "reference" and missed["dice"] == 0 and np.isnan(missed["hausdorff_mm"])
    assert "unet/test/lv_ef_r" in found.index and not found.index.str.contains("rv_|mass").any()
    assert "An empty mask 1 mm away" in set(tables["quirks"]["quirk"])


def test_one_network_alone_is_no_crash(copied: Path) -> None:
    for name in ("linknet", "fpn"):
        shutil.rmtree(copied / f"{name}-seed0")
    models = MODELS | {"segmentation": ["unet"]}
    made = combine(copied, models=models)
    dice = pd.read_csv(made / "scores.csv").groupby("method")["dice"].mean()
    assert dice[[*WEIGHTED, "majority"]].to_numpy() == pytest.approx(dice["unet"])
    assert pd.read_csv(made / "diversity.csv").empty
    gain = score(copied, made, models=models)["metrics"].set_index("quantity").loc["equal/test/gain", "value"]
    assert gain == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: pd.concat([table, table.head(1)]), "patient003-ED, rv: scored twice by unet"),
        (lambda table: table.drop(index=3), "linknet: expected 36 rows, found 35"),
        (lambda table: table[table["case"] != "patient101-ES"], "patient101: expected ED and ES, found one"),
        (lambda table: table.assign(empty="some"), "as `empty` one of none, prediction, reference, both"),
        (lambda table: table.assign(dice=np.nan), "expected a Dice in each row"),
        (lambda table: table[table["method"] != "flips:unet"], "expected a method that is called flips:NETWORK, found"),
    ],
)
def test_bad_scores_get_one_line_and_nothing_is_written(copied: Path, change, message: str) -> None:
    path = copied / "ensembles" / "scores.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    before = {table.name: table.read_bytes() for table in copied.glob("*.csv")}
    with pytest.raises(InputError, match=message) as refused:
        score(copied, path.parent)
    assert len(str(refused.value).splitlines()) == 1
    assert {table.name: table.read_bytes() for table in copied.glob("*.csv")} == before
