"""Slices for a network, and the folds they are dealt into."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mslesion.learning.scan_inputs import prepared
from reprise.data.slices import cut_or_pad, normalise, standardise, whole_size
from reprise.data.splits import assign_folds, split_for
from reprise.step.errors import InputError

SIDE = st.integers(1, 40)


@settings(deadline=None)
@given(shape=st.tuples(SIDE, SIDE), size=st.tuples(SIDE, SIDE))
def test_what_fits_comes_back_in_its_place(shape: tuple[int, int], size: tuple[int, int]) -> None:
    slices = torch.arange(1, 1 + 2 * shape[0] * shape[1], dtype=torch.int16).reshape(2, *shape)
    fitted = cut_or_pad(slices, size)
    assert fitted.shape == (2, *size) and fitted.dtype == torch.int16
    back = cut_or_pad(fitted, shape)
    kept = back != 0
    assert kept.sum() == 2 * min(shape[0], size[0]) * min(shape[1], size[1])
    torch.testing.assert_close(back[kept], slices[kept])


def test_the_cut_is_in_the_middle() -> None:
    volume = torch.zeros(1, 217, 181)
    volume[0, 28:188, 10:170] = 1
    assert cut_or_pad(volume, (160, 160)).min() == 1
    assert cut_or_pad(torch.ones(1, 56, 48), (160, 160))[0, 52:108, 56:104].min() == 1
    assert whole_size([(217, 181), (56, 190)], 32) == (224, 192)


def test_each_slice_is_scaled_to_its_own_range() -> None:
    slices = torch.tensor([[[-2, 0], [2, 6]], [[5, 5], [5, 5]], [[0, 0], [0, 1]]], dtype=torch.int16)
    expected = (np.array([[0, 0.25], [0.5, 1]]) - 0.1) / 0.5
    found = normalise(slices, 0.1, 0.5).numpy()
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(found[1], 0)
    np.testing.assert_allclose(found[2], [[-0.2, -0.2], [-0.2, 1.8]], rtol=1e-6)


def test_a_volume_is_standardised_by_what_is_not_background() -> None:
    volume = torch.tensor([[[0, 2], [0, 4]], [[0, 0], [6, 8]]], dtype=torch.int16)
    found = standardise(volume)
    inside = volume != 0
    np.testing.assert_allclose(found[inside], (np.array([2, 4, 6, 8]) - 5) / np.std([2, 4, 6, 8], ddof=1), rtol=1e-6)
    assert not found[~inside].any() and not standardise(torch.full((2, 3, 3), 7)).any()


@pytest.mark.parametrize("normalisation", [{"mean": 0.1, "std": 0.5}, "volume"])
@pytest.mark.parametrize("background", [0, 5, -700])
def test_padding_and_an_offset_of_the_background_change_nothing(normalisation: dict | str, background: int) -> None:
    scan = np.random.default_rng(0).integers(0, 900, (3, 40, 20)).astype(np.int16)
    scan[1], scan[:, :3] = 0, 0
    whole = prepared(scan, None, normalisation, torch.device("cpu"), (40, 20))
    padded = prepared(scan + np.int16(background), None, normalisation, torch.device("cpu"), (64, 32))
    np.testing.assert_allclose(padded[:, 12:52, 6:26], whole, rtol=1e-5, atol=1e-6)
    assert padded[0, 0, 0] == padded[0, 12, 6] and not padded[1].any()


@pytest.fixture
def cases() -> pd.DataFrame:
    counts = {"p1": 4, "p2": 4, "p3": 5, "p4": 4, "p5": 4}
    rows = [{"case": f"{patient}_{time}", "patient": patient} for patient, n in counts.items() for time in range(n)]
    return pd.DataFrame(rows)


def test_patients_stay_together_and_scans_do_not(cases: pd.DataFrame) -> None:
    fold = assign_folds(cases, "patient", 5)
    assert fold.value_counts().sort_index().tolist() == [4, 4, 5, 4, 4]
    assert (fold.groupby(cases["patient"]).nunique() == 1).all()
    assert assign_folds(cases, "patient", 2).tolist() == [1] * 4 + [2] * 4 + [1] * 5 + [2] * 4 + [1] * 4
    spread = assign_folds(cases, "scan", 5)
    assert spread.value_counts().sort_index().tolist() == [5, 4, 4, 4, 4]
    assert (spread.groupby(cases["patient"]).nunique() >= 4).all()


@pytest.mark.parametrize("folds", [0, 1, 6])
def test_folds_without_a_patient_are_refused(cases: pd.DataFrame, folds: int) -> None:
    with pytest.raises(InputError, match=f"folds: expected 2 or more, .* found {folds} for 5 patients"):
        assign_folds(cases, "patient", folds)


@pytest.mark.parametrize("scored", range(1, 6))
def test_the_scored_fold_chooses_the_epoch_only_if_it_may(cases: pd.DataFrame, scored: int) -> None:
    fold = assign_folds(cases, "patient", 5)
    same = split_for(fold, scored, chooses=True)
    assert set(fold[same == "val"]) == {scored} and set(same) == {"train", "val"}
    apart = split_for(fold, scored, chooses=False)
    assert set(fold[apart == "test"]) == {scored} and set(apart) == {"train", "val", "test"}
    assert set(fold[apart == "val"]) == {scored % 5 + 1}
    with pytest.raises(InputError, match="at least 3 folds, found 2"):
        split_for(assign_folds(cases, "patient", 2), 1, chooses=False)
