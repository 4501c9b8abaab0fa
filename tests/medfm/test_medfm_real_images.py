"""Real X-rays, sections and endoscopy in MedFMC's layout: checked, converted, counted, split without a leak."""

import io
from pathlib import Path

import pandas as pd
from PIL import Image

from medfm.analysis.exploration import images_a_finding
from medfm.analysis.protocols import TASKS, of_task, split_of, truth_of
from medfm.data.conversion import convert_dataset
from medfm.data.raw_images import check_dataset
from real_findings import write_real_findings
from reprise.data.store import open_store

SHARES = {"shares": {"val": 0.15, "test": 0.25}}


def test_real_images_are_read_and_a_copy_that_was_saved_anew_is_found(real_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "raw"
    write_real_findings(real_data, root)
    folder = root / "MedFMC_train/chest/images"
    original, copy = (folder / name for name in pd.read_csv(folder.parent / "chest_train.csv")["img_id"][[0, 20]])
    stream = io.BytesIO()
    with Image.open(original) as image:
        image.resize((700, 690)).save(stream, "JPEG", quality=70)
    copy.write_bytes(stream.getvalue())  # a JPEG under the name of a PNG

    checked = check_dataset(root)
    cases = checked.cases.set_index(["task", "image"])
    assert cases.groupby("task").size().to_dict() == {"chest": 46, "colon": 80, "endo": 77}
    twins = cases[cases["twin"] != ""]
    assert sorted(twins.loc["chest"].index) == sorted([original.name, copy.name])
    assert twins["group"].nunique() == 1 and set(twins.index.get_level_values("task")) == {"chest"}
    notes = list(checked.findings["finding"])
    absent = "hilar_enlargement, fracture_old, aortic_calcification, tortuous_aorta, TB, calcification"
    assert any(note.startswith(f"no image with {absent}") for note in notes) and "no image with ulcer" in str(notes)

    convert_dataset(root, checked.manifest, checked.cases, tmp_path / "store", 64)
    store = open_store(tmp_path / "store")
    assert {task: store.arrays[task].shape for task in TASKS} == {
        "chest": (46, 64, 64, 1),
        "colon": (80, 64, 64, 3),
        "endo": (77, 64, 64, 3),
    }
    assert all(store.arrays[task].std() > 20 for task in TASKS)
    counts = images_a_finding(store.cases).set_index(["task", "finding"])["images"]
    assert counts["colon", "tumor"] == 8 and counts["endo", "polyp"] == 50 and counts["chest", "pneumonia"] == 5
    for task in TASKS:
        images = of_task(store.cases, task)
        split = split_of(images, "sound", 0, SHARES)
        assert (split.groupby(images["group"]).nunique() == 1).all()
        if task == "colon":  # four slides with a tumour
            assert all(truth_of(images[split == name]).any() for name in ("train", "test"))
    boxes = pd.read_csv(tmp_path / "boxes/boxes.csv").merge(checked.cases, on=["task", "image"])
    assert len(boxes) == 60 and (boxes["bottom"] <= boxes["height"]).all() and (boxes["right"] <= boxes["width"]).all()
    assert boxes["labels"].isin(["0010", ""]).all() and (boxes["labels"] == "0010").sum() == 50, "of the labelled ones"
