"""A folder of heat maps with made-up pictures and numbers."""

from pathlib import Path

import numpy as np
import pandas as pd

from medfm.analysis.gallery import FILE, TYPES
from medfm.analysis.map_pictures import map_picture, write_pictures
from medfm.analysis.protocols import TASKS


def write_maps(folder: Path) -> None:
    """Write into a folder what explain.py writes, with two images a finding; one finding has none."""
    rows = [(task, finding, rank) for task, findings in TASKS.items() for finding in findings for rank in (1, 2)]
    table = pd.DataFrame(rows, columns=["task", "finding", "rank"])
    table["case"] = table["task"] + "-0000" + table["rank"].astype(str)
    table["picture"] = table["task"] + "-" + table["finding"] + "-" + table["rank"].astype(str) + ".webp"
    table = table.assign(truth=2 - table["rank"], pointing=np.where(table["rank"] == 1, 1.0, np.nan))
    table = table.assign(
        score=0.9, empty=table["rank"] - 1, overlap=0.5, box=0.1, deletion=0.2, insertion=0.8, deletion_chance=0.5
    )
    table = table.assign(insertion_chance=0.6, randomised_r=[0.25, np.nan] * 24)
    table = table[table["finding"] != "nodule"]
    rng = np.random.default_rng(0)
    pictures = [map_picture(rng.integers(0, 256, (64, 64, 3), np.uint8), rng.random((64, 64))) for _ in table["case"]]
    write_pictures(folder, list(table["picture"]), pictures)
    table[list(TYPES)].to_csv(folder / FILE, index=False)
