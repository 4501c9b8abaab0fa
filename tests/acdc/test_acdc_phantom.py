"""The heart phantom: its files are as released, and its labels give back its true volumes, EF and mass."""

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from acdc.data.conversion import cine_of, convert_dataset, slices_of
from acdc.data.raw_patients import check_dataset
from acdc.phantom import phantom_patients
from acdc.phantom.beating_heart import contraction
from acdc.phantom.phantom_patients import GROUPS, write_phantom
from reprise.data.store import Store, open_store
from reprise.step.errors import InputError

SMALL = {"training": 3, "testing": 1, "spacing_mm": 3, "size": 64, "frames": 8}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "raw"
    write_phantom(folder, **SMALL, seed=7, processes=1)
    return folder


@pytest.fixture(scope="module")
def store(phantom: Path) -> Store:
    checked = check_dataset(phantom)
    assert list(checked.findings["file"]) == ["MANDATORY_CITATION.md", "truth.csv"]
    convert_dataset(phantom, checked.manifest, checked.cases, phantom.parent / "store")
    return open_store(phantom.parent / "store")


def measured(cases: pd.DataFrame) -> pd.DataFrame:
    """By patient: volumes, EF and mass as its labels give them, beside the truth's names."""
    ml = cases["slice_mm"] * cases["row_mm"] * cases["column_mm"] / 1000
    volumes = {name: (cases[f"{name}_voxels"] * ml).groupby([cases["patient"], cases["phase"]]).sum().unstack()
               for name in ("lv", "rv", "myo")}  # fmt: skip
    table = {f"{name}_edv_ml": volumes[name]["ED"] for name in ("lv", "rv")}
    table |= {f"{name}_ef": 100 * (1 - volumes[name]["ES"] / volumes[name]["ED"]) for name in ("lv", "rv")}
    return pd.DataFrame(table | {"lv_mass_g": 1.05 * volumes["myo"]["ED"], "mass_es_g": 1.05 * volumes["myo"]["ES"]})


def assert_true(cases: pd.DataFrame, truth: pd.DataFrame, ef_points: float) -> None:
    found, truth = measured(cases), truth.set_index("patient")
    for name in ("lv_ef", "rv_ef"):
        assert (found[name] - truth[name]).abs().max() < ef_points, name
    for name in ("lv_edv_ml", "rv_edv_ml", "lv_mass_g"):
        assert (found[name] / truth[name] - 1).abs().max() < 0.03, name
    assert (found["mass_es_g"] / truth["lv_mass_g"] - 1).abs().max() < 0.03, "muscle is not compressed"


def test_labels_give_back_volumes_ejection_fraction_and_mass(phantom: Path, store: Store) -> None:
    assert_true(store.cases, pd.read_csv(phantom / "truth.csv"), ef_points=1.5)  # a voxel is four of the whole grid's


def test_patients_on_the_whole_grid_are_as_released_and_true(tmp_path: Path) -> None:
    patients = [*enumerate(GROUPS, 31)]
    rows = [phantom_patients._write_patient(tmp_path, 101, 1.5, 216, 4, 3, patient) for patient in patients]
    cases = check_dataset(tmp_path).cases
    assert_true(cases, pd.DataFrame(rows), ef_points=1)
    assert set(cases["height"]) == {216} and set(cases["cine_frames"]) == {4}
    frames = cases.loc[cases["patient"] == "patient031", "frame"]
    assert {path.name.replace("patient031", "") for path in (tmp_path / "training/patient031").iterdir()} == {
        "Info.cfg", "_4d.nii.gz", *(f"_frame{frame:02}{kind}.nii.gz" for frame in frames for kind in ("", "_gt"))
    }  # fmt: skip
    assert nibabel.load(tmp_path / "training/patient031/patient031_4d.nii.gz").get_data_dtype() == np.int16


def test_groups_are_what_defines_them(phantom: Path, store: Store) -> None:
    truth = pd.read_csv(phantom / "truth.csv").set_index("patient")
    cases = store.cases[store.cases["phase"] == "ED"].set_index("patient")
    places = [phantom / case.official / case.Index / "Info.cfg" for case in cases.itertuples()]
    info = pd.DataFrame([dict(re.findall(r"(\w+): (.+)", path.read_text())) for path in places], cases.index)
    surface = np.sqrt(info["Height"].astype(float) * info["Weight"].astype(float) / 3600)  # in m², after Mosteller
    lv, rv, mass = (truth[name] / surface for name in ("lv_edv_ml", "rv_edv_ml", "lv_mass_g"))
    wall = pd.Series({patient: wall_mm(store, case) for patient, case in cases.iterrows()})
    group = truth["group"]
    assert group.value_counts().to_dict() == dict.fromkeys(GROUPS, 4) and (group == cases["group"]).all()
    assert ((lv > 100) == (group == "DCM"))[group != "MINF"].all()
    assert ((truth["lv_ef"] < 40) == group.isin(["DCM", "MINF"])).all()
    assert ((mass > 110) == (group == "HCM")).all() and ((wall > 15) == (group == "HCM")).all()
    assert ((rv > 110) == (group == "RV")).all() and ((truth["rv_ef"] < 40) == (group == "RV")).all()


def wall_mm(store: Store, case: pd.Series) -> float:
    """The thickest part of the wall in the middle slice of the heart: along rays from the middle of the cavity."""
    labels = slices_of(store.arrays["labels"], case)
    inside = np.flatnonzero((labels == 3).any((1, 2)))
    middle = labels[inside[len(inside) // 2]]
    y, x = (places.mean() for places in np.nonzero(middle == 3))
    away, angles = np.arange(0, 30, 0.1), np.linspace(0, 2 * np.pi, 36)[:, None]
    rows, columns = (
        np.clip(np.rint(at), 0, 63).astype(int) for at in (y + away * np.sin(angles), x + away * np.cos(angles))
    )
    return float(np.percentile((middle[rows, columns] == 2).sum(1) * 0.1, 85) * case["row_mm"])


def test_hearts_beat_and_differ_as_real_ones_do(store: Store) -> None:
    cases = store.cases
    assert cases["slices"].between(6, 12).all() and cases["slice_mm"].between(5, 10).all()
    assert cases["row_mm"].nunique() == 20 and min(cases["slices"].nunique() - 2, cases["slice_mm"].nunique() - 15) > 0
    assert len(set(cases.loc[cases["phase"] == "ED", "frame"])) > 1, "end-diastole is not always the first frame"
    for case in cases.to_dict("records"):
        labels, image = slices_of(store.arrays["labels"], case), slices_of(store.arrays["image"], case)
        by_slice = [set(np.unique(each)) for each in labels]
        assert {0} in by_slice and {0, 2, 3} in by_slice and {0, 1, 2, 3} in by_slice
        cavity = image[labels == 3].astype(float)
        papillary = cavity < (cavity.max() + image[labels == 2].mean()) / 2.5
        assert 0.01 < papillary.mean() < 0.3, "dark muscle within the bright cavity"
        cine = cine_of(store.arrays["cine"], case)
        np.testing.assert_array_equal(cine[case["frame"] - 1], image)


def test_some_slices_were_moved_by_breathing(store: Store) -> None:
    jumps = []
    for case in store.cases[store.cases["phase"] == "ED"].to_dict("records"):
        labels = slices_of(store.arrays["labels"], case)
        centres = np.array([[np.mean(axis) for axis in np.nonzero(each >= 2)] for each in labels if (each >= 2).any()])
        bends = np.abs(np.diff(centres * case["row_mm"], n=2, axis=0)).max()
        jumps.append(bends > 5)
    assert 0.1 < np.mean(jumps) < 0.8


@pytest.mark.parametrize(("frames", "first", "systole"), [(8, 0, 3), (30, 29, 11), (12, 1, 4)])
def test_the_contraction_is_greatest_at_end_systole_alone(frames: int, first: int, systole: int) -> None:
    way = contraction(frames, first, systole)
    assert way[first] == 0 and way[(first + systole) % frames] == pytest.approx(1)
    assert np.argmax(way) == (first + systole) % frames and (np.delete(way, [first, np.argmax(way)]) < 1).all()
    assert (np.diff(np.roll(way, -first)[: systole + 1]) > 0).all() and way.min() == 0


def test_files_depend_on_the_seed_alone(phantom: Path, tmp_path: Path, run_step) -> None:
    wanted = json.dumps(SMALL | {"seed": 7})
    assert run_step("acdc/make_phantom.py", "--settings", wanted, "--output", tmp_path / "raw").returncode == 0
    files = sorted(path.relative_to(phantom) for path in phantom.rglob("*") if path.is_file())
    assert [(phantom / file).read_bytes() == (tmp_path / "raw" / file).read_bytes() for file in files] == [True] * 122
    write_phantom(tmp_path / "other", **(SMALL | {"training": 1}), seed=8, processes=1)
    assert (phantom / "truth.csv").read_text() != (tmp_path / "other/truth.csv").read_text()


def test_a_grid_too_small_for_a_heart_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected slices of 170 mm or more, found 64 px of 2 mm"):
        write_phantom(tmp_path / "raw", 1, 1, 2, 64, 8, 0, 1)
    assert not list(tmp_path.iterdir())
