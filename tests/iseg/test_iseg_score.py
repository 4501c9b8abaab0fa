"""The study's tables of measures, habits, scores and confusions, against formulations of their own on raw logits."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from monai.metrics import compute_hausdorff_distance
from sklearn.metrics import confusion_matrix, f1_score

from iseg.analysis.subject_measures import volume_rows
from iseg.analysis.volume_scores import read_volume_scores
from iseg_tables import (
    BASELINE,
    BATCHES,
    CLASSES,
    CORNERS,
    CROP,
    EPOCH_KEPT,
    NETWORKS,
    RULE,
    SPACING,
    change_predictions,
    make_results,
    predicted,
    score,
)
from reprise.data.store import open_store
from reprise.evaluation.estimates import Sampling

Tables = dict[str, pd.DataFrame]
KINDS = {"by_thesis": "linear", "by_master": "squared"}
TISSUES = CLASSES[1:]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_results(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def tables(study: Path) -> Tables:
    return score(study)


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


def values_of(tables: Tables, protocol: str) -> pd.Series:
    metrics = tables["metrics"]
    assert not metrics.duplicated(["protocol", "quantity"]).any()
    return metrics[metrics["protocol"] == protocol].set_index("quantity")["value"]


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return torch.sigmoid(torch.as_tensor(logits, dtype=torch.float64)).numpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.as_tensor(logits, dtype=torch.float64), dim=0).numpy()


def soft_dice(output: np.ndarray, true: np.ndarray, kind: str) -> list[float]:
    """Dice of the four classes from all voxels of outputs (4, ...); NaN for a class that is not there."""
    dice = []
    for label in range(4):
        p, t = output[label].ravel(), (true == label).ravel().astype(float)
        below = (p**2 if kind == "squared" else p).sum() + t.sum()
        dice.append(float(2 * (p @ t) / below) if t.any() else np.nan)
    return dice


def crops_of(network: str, protocol: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Logits (4, X, Y, Z) and truth of each validation crop."""
    (volume,) = predicted(network, protocol)
    boxes = [tuple(slice(c, c + s) for c, s in zip(corner, CROP, strict=True)) for corner in CORNERS[protocol]]
    return [(volume.logits[(slice(None), *box)], volume.true[box]) for box in boxes]


def by_batch(network: str, protocol: str, kind: str) -> np.ndarray:
    """Soft Dice of sigmoids (batches, 4) of voxels that are pooled over each batch."""
    crops, size = crops_of(network, protocol), BATCHES[protocol]
    rows = []
    for first in range(0, len(crops), size):
        logits, true = (np.concatenate(parts, axis=-1) for parts in zip(*crops[first : first + size], strict=True))
        rows.append(soft_dice(sigmoid(logits), true, kind))
    return np.array(rows)


@pytest.mark.parametrize(("protocol", "name"), [("by_thesis", "thesis"), ("by_master", "master")])
def test_what_the_published_code_prints(tables: Tables, protocol: str, name: str) -> None:
    found = values_of(tables, "published")
    for network in NETWORKS:
        dice = np.nan_to_num(by_batch(network, protocol, KINDS[protocol]))
        assert found[f"{network}/{name}/crops/dice"] == pytest.approx(dice.mean())
        assert found[f"{network}/{name}/crops/tissue_dice"] == pytest.approx(dice[:, 1:].mean())
        by_class = [found[f"{network}/{name}/crops/dice_{kind}"] for kind in CLASSES]
        assert by_class == pytest.approx(dice.mean(axis=0))
    assert np.isnan(by_batch("vnet", "by_master", "squared")[:, 1:]).any(), "a tissue is absent from a batch"


def test_scores_of_each_tissue_and_volume(tables: Tables) -> None:
    scores = tables["scores"].set_index(["network", "protocol", "subject", "tissue"])
    assert len(scores) == len(set(scores.index)) == 3 * (2 + 2 + 3 * 3)
    for protocol in ("by_thesis", "by_master", "sound"):
        for volume in predicted("vnet", protocol):
            found = volume.logits.argmax(axis=0)
            dice = f1_score(volume.true.ravel(), found.ravel(), average=None)
            one_hot = [np.eye(4)[classes].transpose(3, 0, 1, 2)[None] for classes in (found, volume.true)]
            hd95 = compute_hausdorff_distance(
                *(torch.as_tensor(mask) for mask in one_hot), percentile=95, spacing=list(SPACING)
            )[0]
            for label, tissue in enumerate(TISSUES, 1):
                row = scores.loc[("vnet", protocol, volume.subject, tissue)]
                assert row["fold"] == volume.fold and row["empty"] == "none"
                assert row["dice"] == pytest.approx(dice[label])
                assert row["hd95_mm"] == pytest.approx(float(hd95[label - 1]))
                ml = [(classes == label).sum() * np.prod(SPACING) / 1000 for classes in (found, volume.true)]
                assert row[["volume_ml", "true_volume_ml"]].tolist() == pytest.approx(ml)


def test_means_over_subjects_and_their_plain_bootstrap(tables: Tables) -> None:
    found = tables["metrics"].query("protocol == 'sound'").set_index("quantity")
    scores = tables["scores"].query("protocol == 'sound'")
    draw = np.random.default_rng(3)
    drawn = [draw.integers(3, size=3) for _ in range(300)]
    for network in (*NETWORKS, BASELINE):
        own = scores[scores["network"] == network]
        for name, column in (("dice", "dice"), ("asd", "asd_mm"), ("hd95", "hd95_mm")):
            wide = own.pivot(index="subject", columns="tissue", values=column)
            for quantity, values in {
                name: wide.mean(axis=1),
                **{f"{name}_{part}": wide[part] for part in TISSUES},
            }.items():
                row = found.loc[f"{network}/subjects/{quantity}"]
                means = sorted(values.to_numpy()[part].mean() for part in drawn)
                assert row["value"] == pytest.approx(values.mean()) and row["n"] == 3
                # Ranks 300 * 0.025, rounded, and 300 * 0.975.
                assert [row["ci_low"], row["ci_high"]] == pytest.approx([means[8], means[292]])
                assert row["unit"] == ("1" if name == "dice" else "mm")
        assert found.loc[f"{network}/subjects/one_empty", ["value", "n"]].tolist() == [0, 9]
    assert found.loc["data/subjects", "value"] == 3 and found.loc["data/unlabelled", "value"] == 1


def test_volumes_of_tissues_against_the_truth(tables: Tables) -> None:
    found = tables["metrics"].query("protocol == 'sound'").set_index("quantity")
    own = tables["scores"].query("protocol == 'sound' and network == 'vnet' and tissue == 'gm'")
    ours, true = own["volume_ml"], own["true_volume_ml"]
    values = [found.loc[f"vnet/subjects/volume_gm_{kind}", "value"] for kind in ("r", "bias", "sd")]
    assert values == pytest.approx([np.corrcoef(ours, true)[0, 1], (ours - true).mean(), (ours - true).std(ddof=1)])
    assert found.loc["vnet/subjects/volume_gm_bias", "unit"] == "ml"


def test_confusions_of_all_voxels(tables: Tables) -> None:
    table = tables["confusion"]
    assert set(table["protocol"]) == {"sound"} and len(table) == 3 * 16
    volumes = predicted("vnet", "sound")
    true, ours = (np.stack(maps).ravel() for maps in zip(*((v.true, v.logits.argmax(0)) for v in volumes), strict=True))
    expected = confusion_matrix(true, ours)
    counts = table[table["network"] == "vnet"].pivot(index="true", columns="found", values="voxels")
    assert counts.loc[list(CLASSES), list(CLASSES)].to_numpy().tolist() == expected.tolist()


def argmax_dice(volume: object, found: np.ndarray) -> float:
    return float(f1_score(volume.true.ravel(), found.ravel(), average=None)[1:].mean())  # type: ignore[attr-defined]


@pytest.mark.parametrize(("protocol", "name"), [("by_thesis", "thesis"), ("by_master", "master")])
def test_a_chain_leads_from_the_printed_figure_to_the_sound_one(tables: Tables, protocol: str, name: str) -> None:
    rows = tables["quirks"].query(f"quantity == 'unet3d/{name}/dice'")
    assert rows["sound"].tolist()[:-1] == rows["published"].tolist()[1:]
    kind, (volume,) = KINDS[protocol], predicted("unet3d", protocol)
    batches = by_batch("unet3d", protocol, kind)
    crops = np.array([soft_dice(sigmoid(logits), true, kind) for logits, true in crops_of("unet3d", protocol)])
    sound = {each.subject: argmax_dice(each, each.logits.argmax(axis=0)) for each in predicted("unet3d", "sound")}
    expected = {
        "": np.nan_to_num(batches).mean(),
        "An absent class scores 0": np.nanmean(batches, axis=0).mean(),
        "Air counted as a class": np.nanmean(batches, axis=0)[1:].mean(),
        "Crops of a batch pooled": np.nanmean(crops, axis=0)[1:].mean(),
        "Crops, not whole volumes": np.mean(soft_dice(sigmoid(volume.logits), volume.true, kind)[1:]),
        "Sigmoid, not softmax": np.mean(soft_dice(softmax(volume.logits), volume.true, kind)[1:]),
        "Soft Dice, not of classes": argmax_dice(volume, volume.logits.argmax(axis=0)),
        "Training as published": sound[volume.subject],
        f"Only subject {volume.subject} validates": np.mean(list(sound.values())),
    }
    if protocol == "by_thesis":
        del expected["Crops of a batch pooled"]  # a batch is one crop
    assert rows["quirk"].tolist() == [*expected][1:]
    assert [rows["published"].iloc[0], *rows["sound"]] == pytest.approx([*expected.values()])


def test_habits_beside_the_chains(tables: Tables, study: Path) -> None:
    quirks = tables["quirks"].set_index("quirk")
    sound = tables["scores"].query("protocol == 'sound' and network == 'unet3d'").groupby("subject")["dice"].mean()
    squares = [np.nan_to_num(by_batch("unet3d", "by_master", kind)).mean() for kind in ("squared", "linear")]
    log = pd.read_csv(study / "unet3d-seed0/by_master/fold1/log.csv").set_index("epoch").loc[EPOCH_KEPT]
    curve = log[[f"val_dice_{name}" for name in CLASSES]].mean()
    in_crops = []
    for volume in predicted("unet3d", "sound"):
        for corner in CORNERS["sound"]:
            box = tuple(slice(c, c + s) for c, s in zip(corner, CROP, strict=True))
            found = np.eye(4)[volume.logits.argmax(axis=0)[box]].transpose(3, 0, 1, 2)
            in_crops.append(soft_dice(found, volume.true[box], "linear")[1:])
    expected = {
        "Squares in the denominator": squares,
        "Validation curves divided by the training batches": [curve * 3 / 5, curve],
        "Crops, not whole volumes, of the sound networks": [np.nanmean(in_crops, axis=0).mean(), sound.mean()],
        "Subjects in the order of their names": [sound[2], sound[10]],
    }
    for name, pair in expected.items():
        assert quirks.loc[name, ["published", "sound"]].tolist() == pytest.approx(pair), name
    assert quirks.loc["Crops rich in brain", "published"] != quirks.loc["Crops rich in brain", "sound"]
    assert quirks["difference"].to_numpy() == pytest.approx(quirks["published"] - quirks["sound"])
    assert (quirks["note"].str.len() > 20).all()


def test_a_tissue_that_is_not_found_has_no_distance_and_dice_0(copied: Path) -> None:
    change_predictions(
        copied,
        lambda cases, labels: (
            cases,
            np.where((np.arange(3)[:, None] == 1) & (labels == 3), 2, labels).astype(np.uint8),
        ),
    )
    tables = score(copied)
    scores = tables["scores"].query("network == 'vnet' and protocol == 'sound'").set_index(["subject", "tissue"])
    missed = scores.loc[(2, "wm")]
    assert missed["empty"] == "prediction" and missed["dice"] == 0 and np.isnan(missed["hd95_mm"])
    found = tables["metrics"].query("protocol == 'sound'").set_index("quantity")["value"]
    assert found["vnet/subjects/one_empty"] == 1
    others = scores.loc[[1, 10]]["hd95_mm"]
    assert found["vnet/subjects/hd95_wm"] == pytest.approx(others.xs("wm", level="tissue").mean())
    assert found["vnet/subjects/hd95"] == pytest.approx(others.mean()), (
        "a subject with a distance missing does not count"
    )
    assert found["vnet/subjects/dice"] == pytest.approx(scores["dice"].mean())


def test_one_subject_has_no_interval_and_equal_volumes_no_correlation(study: Path) -> None:
    volumes = read_volume_scores(study / "vnet-seed0/sound/predictions", open_store(study / "store"), RULE)
    volumes = volumes.assign(network="vnet", protocol="sound", subject=[8, 9, 10], csf_true_volume_ml=300.0)
    found = pd.DataFrame(volume_rows(volumes, Sampling(50, 0))).set_index("quantity")
    assert "vnet/subjects/volume_csf_r" not in found.index and "vnet/subjects/volume_csf_bias" in found.index
    nine = volumes[volumes["subject"] == 9]
    dice = nine[[f"{tissue}_dice" for tissue in TISSUES]].to_numpy().mean()
    assert found.loc["vnet/subjects/dice_9", ["value", "n"]].tolist() == pytest.approx([dice, 1])
    alone = pd.DataFrame(volume_rows(nine.assign(protocol="by_thesis"), Sampling(50, 0))).set_index("quantity")
    assert alone.loc["vnet/thesis/volumes/dice", "value"] == pytest.approx(dice) and alone["ci_low"].isna().all()
    assert not alone.index.str.contains("volume_").any()
