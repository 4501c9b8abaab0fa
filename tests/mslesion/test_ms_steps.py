"""The steps from a raw folder of multiple-sclerosis scans to audited folds, as a user runs them."""

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from ms_dataset import write_isbi
from mslesion.data.conversion import write_scan_mask
from reprise.data.store import open_store, slices_of

RunStep = Callable[..., subprocess.CompletedProcess[str]]
FLAIR = "training/training01/preprocessed/training01_02_flair_pp.nii"


def run_all(run_step: RunStep, raw: Path, out: Path, unit: str, folds: int) -> list[str]:
    """What the steps check, convert and audit had to refuse, "" for each that went well."""
    tables = [part for name in ("manifest", "cases", "findings") for part in (f"--{name}", out / f"{name}.csv")]
    done = [run_step("mslesion/check.py", "--raw", raw, *tables)]
    done.append(run_step("mslesion/convert.py", "--raw", raw, *tables[:4], "--store", out / "store"))
    done.append(audit_step(run_step, out, unit, folds))
    return [step.stderr if step.returncode else "" for step in done]


def audit_step(run_step: RunStep, out: Path, unit: str, folds: int) -> subprocess.CompletedProcess[str]:
    settings = json.dumps({"unit": unit, "folds": folds})
    outputs = ("--audit", out / "audit.json", "--folds", out / "folds.csv")
    return run_step("mslesion/audit.py", "--store", out / "store", "--settings", settings, *outputs)


def test_steps_from_raw_folder_to_audited_folds(tmp_path: Path, run_step: RunStep) -> None:
    raw = write_isbi(tmp_path / "raw")
    assert run_all(run_step, raw, tmp_path, "patient", 2) == ["", "", ""]
    audit = json.loads((tmp_path / "audit.json").read_text())
    assert audit["keys"]["patient"] == {"distinct": 2, "in_two_splits": 0} and audit["patients_in_two_folds"] == 0
    assert list(pd.read_csv(tmp_path / "folds.csv")["fold"]) == [1, 1, 2]
    audit_step(run_step, tmp_path, "scan", 3)
    audit = json.loads((tmp_path / "audit.json").read_text())
    assert audit["keys"]["case"] == {"distinct": 3, "in_two_splits": 0} and audit["patients_in_two_folds"] == 1
    (tmp_path / "audit.json").unlink()
    refused = audit_step(run_step, tmp_path, "patient", 5)
    message = "error: folds: expected 2 or more, one patient or more in each of them; found 5 for 2 patients\n"
    assert (refused.returncode, refused.stderr) == (2, message) and not (tmp_path / "audit.json").exists()


@pytest.mark.parametrize("change", ("none", "type", "byte order", "packed"))
def test_the_same_flair_in_two_folds_is_found(tmp_path: Path, run_step: RunStep, change: str) -> None:
    raw = write_isbi(tmp_path / "raw")
    copy = raw / FLAIR.replace("01_02", "02_01").replace("training01", "training02")
    shutil.copy(raw / FLAIR, copy)
    if change == "packed":
        copy.with_suffix(".nii.gz").write_bytes(gzip.compress(copy.read_bytes(), 1))
        copy.unlink()
    elif change != "none":
        image = nibabel.load(raw / FLAIR)
        header = nibabel.Nifti1Header(endianness=">" if change == "byte order" else "<")
        header.set_data_dtype(np.float32 if change == "type" else np.int16)
        nibabel.save(nibabel.Nifti1Image(np.asanyarray(image.dataobj), image.affine, header), copy)
    *_, refused = run_all(run_step, raw, tmp_path, "patient", 2)
    assert "training01_02 (fold 1), training02_01 (fold 2)" in refused and "Traceback" not in refused
    assert not (tmp_path / "audit.json").exists() and not (tmp_path / "folds.csv").exists()


def test_check_refuses_in_one_message(tmp_path: Path, run_step: RunStep) -> None:
    raw = write_isbi(tmp_path / "raw")
    (raw / FLAIR).write_bytes((raw / FLAIR).read_bytes()[:-2])
    refused, *_ = run_all(run_step, raw, tmp_path, "patient", 2)
    assert len(refused[refused.index("error: ") :].splitlines()) == 2 and "Traceback" not in refused
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_real_patients_keep_their_lesions_and_their_grid(real_data: Path, tmp_path: Path, run_step: RunStep) -> None:
    raw = real_data / "ms"
    assert run_all(run_step, raw, tmp_path, "patient", 3) == ["", "", ""]
    store = open_store(tmp_path / "store")
    loads = dict(zip(store.cases["patient"], store.cases["lesion_voxels_1"] / 1000, strict=True))
    assert {name: round(ml, 1) for name, ml in loads.items()} == {"patient07": 1.3, "patient19": 49.8, "patient26": 8.2}
    case = store.cases.iloc[2]
    mask = slices_of(store.arrays["mask1"], case)
    write_scan_mask(tmp_path / "mask.nii.gz", mask, store.arrays["headers"][2])
    gold = next((raw / "patient26").glob("GOLD*"))
    written, there = nibabel.load(tmp_path / "mask.nii.gz"), nibabel.load(gold)
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), np.asanyarray(there.dataobj))
    np.testing.assert_array_equal(written.affine, there.affine)
