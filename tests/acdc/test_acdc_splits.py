"""The splits of the cardiac study: whole patients, a share of each group validates, the official tests are the test."""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdc.analysis.protocols import splits
from acdc.data.raw_patients import check_dataset
from acdc_dataset import save, write_acdc
from reprise.data.split_audit import audit_splits
from reprise.step.errors import InputError

GROUPS = st.sampled_from(("NOR", "DCM", None))


def table(patients: list[tuple[str, str | None]]) -> pd.DataFrame:
    """Two cases of each patient, given by part and group."""
    rows = [
        {"case": f"{number}-{phase}", "patient": str(number), "official": official, "group": group,
         "sha256": f"{number}{phase}"}
        for number, (official, group) in enumerate(patients)
        for phase in ("ED", "ES")
    ]  # fmt: skip
    return pd.DataFrame(rows)


@given(
    st.lists(st.tuples(st.sampled_from(("training", "testing")), GROUPS), min_size=1, max_size=30), st.integers(2, 5)
)
def test_splits_keep_patients_whole_and_test_on_the_official_ones(patients, every) -> None:
    cases = table(patients)
    groups = [group or "~" for official, group in patients if official == "training"]
    if len(groups) < every or len(groups) == len(patients):
        with pytest.raises(InputError, match=f"found {len(groups)} and {len(patients) - len(groups)}"):
            splits(cases, every)
        return
    split = splits(cases, every)
    assert audit_splits(cases.assign(split=split), ("patient", "sha256"))["keys"]["patient"]["in_two_splits"] == 0
    assert ((split == "test") == (cases["official"] == "testing")).all()
    validates = cases[split == "val"].drop_duplicates("patient")["group"].fillna("~")
    assert sorted(validates) == sorted(groups)[every - 1 :: every]


def test_the_released_set_has_80_20_and_50_patients() -> None:
    released = [("training", group) for group in "ABCDE" for _ in range(20)] + [("testing", g) for g in "ABCDE"] * 10
    counts = splits(table(released), 5).value_counts() / 2
    assert counts.to_dict() == {"train": 80, "val": 20, "test": 50}


def test_one_frame_under_two_patients_is_found_whatever_file_holds_it(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    frame, copy = root / "training/patient010/patient010_frame04.nii.gz", "testing/patient101/patient101_frame01.nii"
    voxels = np.asanyarray(nibabel.load(frame, mmap=False).dataobj)
    (root / "testing/patient101/patient101_frame01.nii.gz").unlink()
    (root / "testing/patient101/patient101_4d.nii.gz").unlink()  # it has another image in this place
    save(root / copy, voxels.astype(np.float64))
    cases = check_dataset(root).cases
    with pytest.raises(InputError, match=r"patient010-ED \(training\), patient101-ED \(testing\)"):
        audit_splits(cases.assign(split=cases["official"]), ("patient", "sha256"))
