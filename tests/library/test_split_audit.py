"""The audit of splits: it accepts separate splits, and names cases that are in two."""

import pandas as pd
import pytest

from reprise.data.split_audit import audit_splits
from reprise.step.errors import InputError


@pytest.fixture
def cases() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case": ["a", "b", "c", "d"],
            "split": ["train", "train", "val", "test"],
            "patient": ["p", "p", "q", "r"],
            "sha256": ["1", "2", "3", "4"],
        }
    )


def test_separate_splits_are_proved(cases: pd.DataFrame) -> None:
    assert audit_splits(cases, ["patient", "sha256"]) == {
        "cases": {"test": 1, "train": 2, "val": 1},
        "keys": {
            "patient": {"distinct": 3, "in_two_splits": 0},
            "sha256": {"distinct": 4, "in_two_splits": 0},
        },
    }


def test_everything_shared_or_missing_is_named(cases: pd.DataFrame) -> None:
    cases.loc[2, "patient"] = "p"
    cases.loc[3, "sha256"] = "1"
    cases.loc[1, "sha256"] = None
    with pytest.raises(InputError) as caught:
        audit_splits(cases, ["patient", "sha256"])
    assert str(caught.value).splitlines()[1:] == [
        "  patient p: a (train), b (train), c (val)",
        "  b has no sha256",
        "  sha256 1: a (train), d (test)",
    ]
