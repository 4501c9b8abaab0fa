"""Real images in the layout of MedFMC: chest X-rays of the NIH, tiles of NCT-CRC, and frames of HyperKvasir.

They are few and are dealt to sets and lists here, so they show the way of real images through the study, and say
nothing about accuracy. A tile gives four strips, each called a slide of its own; frames without a polyp are cut from a
picture that shows many.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

CHEST = (
    *("pleural_effusion", "nodule", "pneumonia", "cardiomegaly", "hilar_enlargement", "fracture_old", "fibrosis"),
    *("aortic_calcification", "tortuous_aorta", "thickened_pleura", "TB", "pneumothorax", "emphysema", "atelectasis"),
    *("calcification", "pulmonary_edema", "increased_lung_markings", "elevated_diaphragm", "consolidation"),
)
FINDINGS = {"chest": CHEST, "colon": ("tumor",), "endo": ("ulcer", "erosion", "polyp", "tumor")}
# Names of the NIH's labels, where they are not those of ours. `Infiltration` and `Hernia` have no counterpart.
NIH = {
    "effusion": "pleural_effusion",
    "mass": "nodule",
    "edema": "pulmonary_edema",
    "pleural_thickening": "thickened_pleura",
}
# The set of every sixth unit, which is a slide or an image.
DEALT = ("train_20", "val_20", "test_WithLabel", "train_20", "test_WithoutLabel", "train_20")
TRAINVAL, UNLABELLED = ("train_20", "val_20"), "test_WithoutLabel"
TILE = 280  # px, in the picture of many frames
WITH_POLYP = {(0, 6), (2, 1), (2, 2), (2, 3), (0, 2), (1, 0), (2, 7)}  # row and column of its tiles
POLYP = [0, 0, 1, 0]


def write_real_findings(real_data: Path, root: Path) -> None:
    """Write images, CSVs and official lists below `root`, and boxes.csv about the polyps beside it."""
    source, images = real_data / "medfm_like", root.parent / "images"
    images.mkdir(parents=True)
    for task, pictures in (("chest", _chest(source)), ("colon", _colon(source)), ("endo", _endo(source))):
        labels = {}
        for name, (content, digits) in pictures.items():
            labels[name] = digits
            content.save(images / name) if isinstance(content, Image.Image) else shutil.copy(content, images / name)
        _write_task(root, images, task, labels)
    _write_boxes(source, root.parent / "boxes")


def _chest(source: Path) -> dict[str, tuple[Path, list[int]]]:
    table = pd.read_csv(source / "chest_nih/labels_subset.csv")
    found = {}
    for name, words in zip(table["Image Index"], table["Finding Labels"], strict=True):
        named = {NIH.get(word.lower(), word.lower()) for word in words.split("|")}
        found[name] = (source / "chest_nih/images" / name, [int(finding in named) for finding in CHEST])
    return found


def _colon(source: Path) -> dict[str, tuple[Image.Image, list[int]]]:
    found = {}
    for path in sorted((source / "colon_nctcrc").glob("*.tif")):
        with Image.open(path) as opened:
            tile = opened.convert("RGB")
        width, height = tile.width // 2, tile.height // 4
        for strip in range(4):
            for side in range(2):
                name = f"{path.stem.replace('-', ' ', 1)}-{strip}_000{side}.png"
                part = tile.crop((side * width, strip * height, (side + 1) * width, (strip + 1) * height))
                found[name] = (part, [int(path.name.startswith("TUM"))])
    return found


def _endo(source: Path) -> dict[str, tuple[Path | Image.Image, list[int]]]:
    found: dict = {path.name: (path, POLYP) for path in sorted((source / "endo_hyperkvasir/images").glob("*.jpg"))}
    with Image.open(source / "endo_hyperkvasir/banner.jpg") as opened:
        many = opened.convert("RGB")
    for row, column in sorted({(row, column) for row in range(3) for column in range(8)} - WITH_POLYP):
        place = (column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE)
        found[f"frame-{row}-{column}-without.png"] = (many.crop(place), [0, 0, 0, 0])
    return found


def _write_task(root: Path, images: Path, task: str, labels: Mapping[str, Sequence[int]]) -> None:
    """The folder of a task in each official set, its CSVs, and all its lists."""
    unit = {name: name[:-9] if task == "colon" else name for name in labels}
    order = {
        each: number
        for number, each in enumerate(sorted(set(unit.values()), key=lambda each: _rank(each, unit, labels)))
    }
    part = {name: DEALT[order[unit[name]] % len(DEALT)] for name in labels}
    for official in ("train", "val"):
        names = [name for name in labels if (part[name] == UNLABELLED) == (official == "val")]
        folder = root / f"MedFMC_{official}/{task}"
        (folder / "images").mkdir(parents=True)
        for name in names:
            (images / name).rename(folder / "images" / name)
        table = pd.DataFrame({"img_id": names})
        if task == "endo":
            table.insert(int(official == "val"), "study_id", [name[:18] for name in names])
        if official == "train":
            table[list(FINDINGS[task])] = [labels[name] for name in names]
        table.to_csv(folder / f"{task}_{official}.csv")
    folder = root / f"data_anns/MedFMC/{task}"
    folder.mkdir(parents=True)
    for name, listed in _lists(task, labels, part):
        ends = (" " if task == "endo" else ",").join
        lines = [each if name == UNLABELLED else f"{each} {ends(map(str, labels[each]))}" for each in listed]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def _rank(each: str, unit: Mapping[str, str], labels: Mapping[str, Sequence[int]]) -> tuple[list[int], str]:
    """So that units with the same findings stand side by side, and are dealt to all parts."""
    return next(list(labels[name]) for name in labels if unit[name] == each), each


def _lists(task: str, labels: Mapping[str, Sequence[int]], part: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for name in dict.fromkeys(DEALT):
        yield name, [image for image in labels if part[image] == name]
    trainval = [image for image in labels if part[image] in TRAINVAL]
    yield "trainval", trainval
    classes = [*zip(*(labels[image] for image in trainval), strict=True)]
    members = [np.flatnonzero(column) for column in classes]
    if task == "colon":
        members.append(np.flatnonzero(np.array(classes[0]) == 0))
    for experiment in range(1, 6):
        rng = np.random.default_rng(experiment)
        for shots in (1, 5, 10):
            chosen = [trainval[at] for each in members for at in rng.permutation(each)[:shots]]
            yield f"{task}_{shots}-shot_train_exp{experiment}", chosen
            rest = [image for image in trainval if image not in chosen]
            yield f"{task}_{shots}-shot_val_exp{experiment}", rest or trainval[:1]


def _write_boxes(source: Path, folder: Path) -> None:
    """Where polyps are, from their masks."""
    folder.mkdir()
    rows = []
    for path in sorted((source / "endo_hyperkvasir/masks").glob("*.jpg")):
        with Image.open(path) as opened:
            y, x = np.nonzero(np.asarray(opened.convert("L")) > 127)
        box = {"top": y.min(), "left": x.min(), "bottom": y.max() + 1, "right": x.max() + 1}
        rows.append({"task": "endo", "image": path.name, "finding": "polyp"} | box)
    pd.DataFrame(rows).to_csv(folder / "boxes.csv", index=False)
