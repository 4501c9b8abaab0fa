"""Real hearts, in which only the cavity of the left ventricle is drawn, become a store."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from acdc.analysis.protocols import splits
from acdc.data.conversion import cine_of, convert_dataset, slices_of, structures_of
from acdc.data.raw_patients import check_dataset
from reprise.data.split_audit import audit_splits
from reprise.data.store import open_store
from sunnybrook import write_sunnybrook


def test_real_patients_become_a_store_of_one_structure(real_data: Path, tmp_path: Path) -> None:
    write_sunnybrook(real_data, tmp_path / "raw")
    checked = check_dataset(tmp_path / "raw")
    assert checked.findings["finding"].tolist() == ["no voxel of rv, myo in the whole data set, so only lv counts"]
    convert_dataset(tmp_path / "raw", checked.manifest, checked.cases, tmp_path / "store")
    store = open_store(tmp_path / "store")
    cases = store.cases.assign(split=splits(store.cases, 3))
    assert structures_of(cases) == ["lv"]
    assert audit_splits(cases, ("patient", "sha256"))["cases"] == {"test": 8, "train": 16, "val": 6}
    drawn = cases.pivot(index="patient", columns="phase", values="lv_voxels")
    ef = 100 * (1 - drawn["ES"] / drawn["ED"])
    group = cases.drop_duplicates("patient").set_index("patient")["group"]
    means = ef.groupby(group).mean()
    assert ef.between(5, 75).all()
    assert means[["MINF", "DCM"]].max() < 40 and means[["HCM", "NOR"]].min() > 50, "failing hearts eject less"
    first = cases.iloc[0]
    path = real_data / "cardiac/segnetcmr/Test/Images/Sunnybrook_Part3/SC-HF-I-09-IM-0001-0007.dcm.png"
    shown = {0: cv2.imread(str(path), 0), 1: cv2.imread(str(path).replace("0007", "0018"), 0)}
    cine = cine_of(store.arrays["cine"], first)
    assert cine.shape == (2, 14, 256, 256)
    assert sorted(np.array_equal(cine[frame, 0], picture) for frame in (0, 1) for picture in shown.values()) == [
        False, False, True, True]  # fmt: skip
    labels = pd.Series(np.unique(slices_of(store.arrays["labels"], first)))
    assert labels.tolist() == [0, 3]
