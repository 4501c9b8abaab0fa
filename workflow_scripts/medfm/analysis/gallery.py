"""The gallery of heat maps in the study's section, and the numbers about it."""

from pathlib import Path
from typing import Any

import pandas as pd

from medfm.analysis.map_pictures import GAP, SIDE
from medfm.analysis.protocols import TASKS
from medfm.analysis.shown import FINDING_NAMES
from reprise.report.page_tables import number
from reprise.step.tables import read_table

FILE = "maps.csv"
NUMBERS = ("score", "pointing", "overlap", "box", "deletion", "deletion_chance", "insertion", "insertion_chance")
TYPES: dict[str, type] = {"task": str, "finding": str, "rank": int, "case": str, "truth": int, "picture": str}
TYPES |= {"empty": int}
TYPES |= dict.fromkeys((*NUMBERS, "randomised_r"), float)
GROUPS = {"chest": "Chest X-rays", "colon": "Sections of the colon", "endo": "Endoscopy"}
SOURCES = {"chest": "Chest X-ray", "colon": "Section of the colon", "endo": "Endoscopic image"}


def read_maps(folder: Path) -> pd.DataFrame:
    """The table of a folder of heat maps, see `explain.py`.

    Raises:
        InputError: it is damaged.
    """
    return read_table(folder / FILE, TYPES)


def gallery_block(folder: Path) -> dict[str, Any]:
    """The files of a block of kind `gallery` for `reprise.report.section`: a class a finding, a picture an image.

    Args:
        folder: results/medfm/{run}/sound/maps, see `explain.py`.

    Raises:
        InputError: its table is damaged.
    """
    table = read_maps(folder)
    groups = []
    for task, findings in TASKS.items():
        rows = {finding: table[(table["task"] == task) & (table["finding"] == finding)] for finding in findings}
        classes = [
            {"name": finding_name(finding), "pictures": [_picture(folder, row) for row in part.to_dict("records")]}
            for finding, part in rows.items()
        ]
        groups.append({"name": GROUPS[task], "classes": classes})
    return {"kind": "gallery", "csv": str(folder / FILE), "groups": groups}


def gallery_numbers(folder: Path) -> dict[str, Any]:
    """What a caption says of all heat maps together; means leave out what is not defined.

    Returns: images (rows), right (those with the finding), boxes (those with a box), empty (maps of 0 everywhere),
        means of the columns `NUMBERS` and randomised_r, and random_none (maps whose correlation with those of random
        weights is not defined).
    """
    table = read_maps(folder)
    found = table["truth"] == 1
    means = {name: float(table[name].mean()) for name in (*NUMBERS, "randomised_r")}
    undefined = int(table["randomised_r"].isna().sum())
    return means | {
        "images": len(table),
        "right": int(found.sum()),
        "boxes": int(table["pointing"].notna().sum()),
        "random_none": undefined,
        "empty": int(table["empty"].sum()),
    }


def finding_name(finding: str) -> str:
    """A finding as a page writes it."""
    return FINDING_NAMES[finding]


def _picture(folder: Path, row: dict[Any, Any]) -> dict[str, Any]:
    name = finding_name(row["finding"])
    truth = "present" if row["truth"] else "absent"
    place = {1.0: " Its highest place lies in the box.", 0.0: " Its highest place lies outside the box."}
    alt = f"{SOURCES[row['task']]} {row['case']}, and beside it the heat map of {name}.{place.get(row['pointing'], '')}"
    caption = f"{row['rank']}. {row['case']}: score {number(row['score'], 3)}, truth: {truth}; "
    caption += f"deletion {number(row['deletion'], 2)}, insertion {number(row['insertion'], 2)}"
    caption += "; nothing speaks for it, so the map is empty" if row["empty"] else ""
    size = {"width": 2 * SIDE + GAP, "height": SIDE}
    return {"image": str(folder / row["picture"]), "alt": alt, "caption": caption, **size}
