"""Counts of true and false positives and negatives against MONAI's, and the rates that follow, by hand."""

import numpy as np
import pytest
import torch
from monai.metrics import get_confusion_matrix
from sklearn.metrics import multilabel_confusion_matrix

from reprise.evaluation.confusion import confusion, rates


def test_counts_of_four_classes_are_monais_for_tensors_and_arrays() -> None:
    maps = torch.randint(4, (2, 3, 7, 9), generator=torch.Generator().manual_seed(0))
    found, true = (one_map[:, None] == torch.arange(4)[:, None, None] for one_map in maps)
    expected = get_confusion_matrix(found.float(), true.float())[..., [0, 1, 3, 2]]  # MONAI: tp, fp, tn, fn
    assert torch.equal(confusion(found, true, axis=2).float(), expected)
    assert confusion(found.numpy(), true.numpy(), axis=2).tolist() == expected.tolist()
    assert torch.equal(confusion(found[:, 1], true[:, 1].to(torch.uint8)).float(), expected[:, 1])


def test_counts_of_several_labels_are_scikit_learns() -> None:
    found, true = np.random.default_rng(0).integers(2, size=(2, 50, 3))
    expected = multilabel_confusion_matrix(true, found).reshape(3, 4)[:, [3, 1, 2, 0]]  # scikit-learn: tn, fp, fn, tp
    assert confusion(found.T, true.T).tolist() == expected.tolist()
    assert confusion(found, true, axis=0).tolist() == expected.sum(axis=0).tolist()


def test_pooled_rates_by_hand():
    counts = np.array([[3, 1, 2, 94], [5, 0, 0, 95]])
    assert {name: float(value) for name, value in rates(counts.sum(0)).items()} == {
        "accuracy": pytest.approx(197 / 200),
        "dice": pytest.approx(16 / 19),
        "sensitivity": pytest.approx(8 / 10),
        "specificity": pytest.approx(189 / 190),
        "ppv": pytest.approx(8 / 9),
    }
    assert rates(counts)["dice"] == pytest.approx([6 / 9, 1])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0, 0, 9), {"accuracy": 1, "dice": 1, "sensitivity": 1, "specificity": 1, "ppv": 1}),
        ((0, 0, 4, 5), {"accuracy": 5 / 9, "dice": 0, "sensitivity": 0, "specificity": 1, "ppv": 0}),
        ((0, 4, 0, 5), {"accuracy": 5 / 9, "dice": 0, "sensitivity": 0, "specificity": 5 / 9, "ppv": 0}),
        ((9, 0, 0, 0), {"accuracy": 1, "dice": 1, "sensitivity": 1, "specificity": 1, "ppv": 1}),
        ((4, 0, 5, 0), {"accuracy": 4 / 9, "dice": 8 / 13, "sensitivity": 4 / 9, "specificity": 0, "ppv": 1}),
    ],
)
def test_rates_without_a_denominator_are_defined(counts, expected):
    assert {name: float(value) for name, value in rates(counts).items()} == pytest.approx(expected)
