"""Real chest X-rays, stained sections and endoscopy, brought into the layout of MedFMC."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from medfm.analysis.protocols import TASKS
from medfm.data.label_tables import write_labels
from medfm.data.official_lists import write_list

# Names of NIH ChestX-ray14 that are findings of MedFMC under another name.
NIH = {
    "Effusion": "pleural_effusion",
    "Mass": "nodule",
    "Pleural_Thickening": "thickened_pleura",
    "Edema": "pulmonary_edema",
    "Infiltration": "increased_lung_markings",
}
POLYPS = {(0, 6), (2, 1), (2, 2), (2, 3), (0, 2), (1, 0), (2, 7)}  # rows and columns of HyperKvasir's banner, by eye
TILE, CUT = 280, 56  # sides in pixels: of a tile of the banner, and of a cut of a section
SHARES = {
    "train_20": 0.3,
    "val_20": 0.15,
    "test_WithLabel": 0.35,
}  # of the images of a task; the others are the val set
BOXES = ("top", "left", "bottom", "right")
Picture = tuple[Image.Image, str, list[int]]  # the picture, its study, and its labels


def write_real(root: Path, source: Path) -> Path:
    """Write real images as MedFMC; boxes.csv has where the polyps are, by their masks."""
    folder = source / "medfm_like"
    pictures = {"chest": chest(folder), "colon": colon(folder), "endo": endo(folder)}
    for task, in_order in pictures.items():
        rng = np.random.default_rng(len(task))
        of_task = [in_order[number] for number in rng.permutation(len(in_order))]
        table = pd.DataFrame([labels for _, _, labels in of_task], columns=list(TASKS[task]))
        table["study"] = [study for _, study, _ in of_task]
        ends = {"chest": "", "colon": "p{:04d}", "endo": "_{:08d}"}[task]
        table["image"] = [study + ends.format(at) + ".png" for at, study in enumerate(table["study"])]
        edges = np.cumsum([round(share * len(table)) for share in SHARES.values()])
        table["part"] = np.array([*SHARES, "test_WithoutLabel"])[np.searchsorted(edges, np.arange(len(table)), "right")]
        for official, rows in table.groupby(table["part"].map({"test_WithoutLabel": "val"}).fillna("train")):
            images = root / f"MedFMC_{official}/{task}/images"
            images.mkdir(parents=True)
            write_labels(images.parent / f"{task}_{official}.csv", rows)
            for number, name in zip(rows.index, rows["image"], strict=True):
                of_task[number][0].save(images / name, compress_level=1)
        write_lists(root / f"data_anns/MedFMC/{task}", table, task, rng)
    boxes = pd.DataFrame(polyp_boxes(folder), columns=list(BOXES)).assign(task="endo", finding="polyp")
    frames = dict(zip(table["study"], table["image"], strict=True))  # endo is the last task
    boxes["image"] = [frames[f"13333_2021.12_{at:04d}"] for at in range(len(boxes))]
    boxes.to_csv(root / "boxes.csv", index=False)
    return root


def write_lists(folder: Path, table: pd.DataFrame, task: str, rng: np.random.Generator) -> None:
    """All official lists; a support set has images of so many studies for each class."""
    labels = dict(zip(table["image"], table[list(TASKS[task])].to_numpy().tolist(), strict=True))
    for part, rows in table.groupby("part"):
        write_list(folder / f"{part}.txt", task, list(rows["image"]), labels)
    trainval = table[table["part"].isin(["train_20", "val_20"])]
    for shots in (1, 5, 10):
        for experiment in range(1, 6):
            support: list[str] = []
            for finding, label in [("tumor", 0)] * (task == "colon") + [(name, 1) for name in TASKS[task]]:
                having = trainval[trainval[finding] == label]
                studies = rng.permutation(having["study"].unique())[:shots]
                support += list(having["image"][having["study"].isin(studies)])
            name = f"{task}_{shots}-shot_{{}}_exp{experiment}.txt"
            write_list(folder / name.format("train"), task, support, labels)
            write_list(folder / name.format("val"), task, list(trainval["image"]), labels)


def chest(folder: Path) -> list[Picture]:
    """NIH ChestX-ray14; seven findings of MedFMC have no image."""
    table = pd.read_csv(folder / "chest_nih/labels_subset.csv")
    pictures = []
    for name, found in zip(table["Image Index"], table["Finding Labels"], strict=True):
        findings = {NIH.get(each, each.lower()) for each in found.split("|")}
        labels = [int(finding.lower() in findings) for finding in TASKS["chest"]]
        pictures.append((opened(folder / "chest_nih/images" / name), Path(name).stem, labels))
    return pictures


def colon(folder: Path) -> list[Picture]:
    """Cuts of NCT-CRC tiles. A quarter counts as a slide, as only one tile shows a tumour; so scores mean nothing."""
    pictures = []
    for path in sorted((folder / "colon_nctcrc").glob("*.tif")):
        tile = opened(path)
        for top in range(0, tile.height, CUT):
            for left in range(0, tile.width, CUT):
                quarter = f"{path.stem}_2020-01-01 10_00_00-lv1-{top // 112}-{left // 112}-224-224"
                cut = tile.crop((left, top, left + CUT, top + CUT))
                pictures.append((cut, quarter, [int(path.name.startswith("TUM"))]))
    return pictures


def endo(folder: Path) -> list[Picture]:
    """HyperKvasir: frames with polyps, and the tiles of its banner, with and without."""
    frames = [opened(path) for path in sorted((folder / "endo_hyperkvasir/images").iterdir())]
    labelled = [(frame, [0, 0, 1, 0]) for frame in frames]
    banner = opened(folder / "endo_hyperkvasir/banner.jpg")
    for row in range(3):
        for column in range(8):
            box = (column * TILE, row * TILE, (column + 1) * TILE, (row + 1) * TILE)
            labelled.append((banner.crop(box), [0, 0, int((row, column) in POLYPS), 0]))
    return [(image, f"13333_2021.12_{at:04d}", labels) for at, (image, labels) in enumerate(labelled)]


def polyp_boxes(folder: Path) -> Sequence[tuple[int, int, int, int]]:
    """Top, left, bottom and right of the polyps of each frame, by its mask, in the order of `endo`."""
    boxes = []
    for path in sorted((folder / "endo_hyperkvasir/masks").iterdir()):
        mask = np.asarray(opened(path).convert("L")) > 127
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append((int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1))
    return boxes


def opened(path: Path) -> Image.Image:
    """A picture in memory."""
    with Image.open(path) as image:
        image.load()
        return image.copy()
