"""A small MedFMC, made up, in the folders, names and files of the release."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

CHEST = [
    "pleural_effusion",
    "nodule",
    "pneumonia",
    "cardiomegaly",
    "hilar_enlargement",
    "fracture_old",
    "fibrosis",
    "aortic_calcification",
    "tortuous_aorta",
    "thickened_pleura",
    "TB",
    "pneumothorax",
    "emphysema",
    "atelectasis",
    "calcification",
    "pulmonary_edema",
    "increased_lung_markings",
    "elevated_diaphragm",
    "consolidation",
]
FINDINGS = {"chest": CHEST, "colon": ["tumor"], "endo": ["ulcer", "erosion", "polyp", "tumor"]}
PARTS = ["train_20"] * 4 + ["val_20"] * 2 + ["test_WithLabel"] * 3 + ["test_WithoutLabel"] * 3
LISTS = "data_anns/MedFMC"
SIDE = 24
SUPPORT = (0, 2, 2)  # one image comes twice


def name_of(task: str, number: int) -> str:
    """The name of an image: three of colon are of one slide, two of endoscopy of one study."""
    if task == "colon":
        return f"19033{number // 3}_2019-06-11 12_07_06-lv1-3173-23728-2837-3546p{number:04d}.png"
    return f"5C2E{number:02d}.png" if task == "chest" else f"13333_2021.12_{number // 2:04d}_5597722{number:02d}.png"


def labels_of(task: str, number: int) -> list[int]:
    """The labels of an image; each finding has an image with it, and some images have none."""
    count = len(FINDINGS[task])
    return [int((number + at) % 5 == 0) for at in range(count)] if number % 4 else [0] * (count - 1) + [number % 8 // 4]


def pixels_of(task: str, number: int) -> np.ndarray:
    """The pixels of an image: one channel of chest, else three."""
    rng = np.random.default_rng([len(task), number])
    coarse = rng.integers(0, 256, (6, 6, 1 if task == "chest" else 3), np.uint8)
    return np.kron(coarse, np.ones((4, 4, 1), np.uint8))


def write_medfm(root: Path) -> Path:
    """Write all images, CSVs and lists of 12 images a task; the val set of colon has no labels."""
    for task in FINDINGS:
        for number, part in enumerate(PARTS):
            folder = root / f"MedFMC_{'val' if part == 'test_WithoutLabel' else 'train'}/{task}/images"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels_of(task, number).squeeze()).save(folder / name_of(task, number))
        write_tables(root, task)
        write_lists(root / LISTS / task, task)
    return root


def write_tables(root: Path, task: str) -> None:
    """Write chest_train.csv and the like."""
    for official, numbers in (("train", range(9)), ("val", range(9, 12))):
        labelled = (task, official) != ("colon", "val")
        heads = {"endo": ["study_id", "img_id"]}.get(task, ["img_id"])[:: 1 if official == "train" else -1]
        rows = [["", *heads, *(FINDINGS[task] if labelled else [])]]
        for row, number in enumerate(numbers):
            named = {"img_id": name_of(task, number), "study_id": name_of(task, number)[:18]}
            rows.append([row, *(named[head] for head in heads), *(labels_of(task, number) if labelled else [])])
        with (root / f"MedFMC_{official}/{task}/{task}_{official}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)


def write_lists(folder: Path, task: str) -> None:
    """Write all official lists; the validation lists hold an image of the support set."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, numbers: list[int] | tuple[int, ...]) -> None:
        join = {"chest": ",", "colon": "", "endo": " "}[task]
        lines = [f"{name_of(task, number)} {join.join(map(str, labels_of(task, number)))}" for number in numbers]
        bare = [name_of(task, number) for number in numbers]
        (folder / f"{name}.txt").write_text("\n".join(bare if name == "test_WithoutLabel" else lines) + "\n")

    for part in dict.fromkeys(PARTS):
        write(part, [number for number, own in enumerate(PARTS) if own == part])
    write("trainval", list(range(6)))
    for shots in (1, 5, 10):
        for experiment in range(1, 6):
            write(f"{task}_{shots}-shot_train_exp{experiment}", SUPPORT)
            write(f"{task}_{shots}-shot_val_exp{experiment}", (2, 3, 4))


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change the text of a file."""
    text = path.read_text()
    changed = change(text)
    assert changed != text
    path.write_text(changed)
