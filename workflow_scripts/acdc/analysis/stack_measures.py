"""What follows from the labels of a stack or a cine: volumes, the two phases, ejection fractions and mass."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from acdc.analysis.patients import MASS_G_PER_ML
from acdc.analysis.protocols import STRUCTURES

MM3_PER_ML = 1000
VOLUMES = [f"{name}_ml" for name in STRUCTURES]


class Phases(NamedTuple):
    """The frames, from 0 on, of end-diastole and of end-systole."""

    ed: int
    es: int


def volumes_of(labels: np.ndarray, spacing_mm: tuple[float, float, float]) -> pd.DataFrame:
    """The volumes of the structures in ml: one row per frame, and the columns `VOLUMES`.

    Args:
        labels: (T, N, H, W).
        spacing_mm: between slices, rows and columns.
    """
    voxel_ml = float(np.prod(spacing_mm)) / MM3_PER_ML
    counts = [[int((frame == label).sum()) for label in STRUCTURES.values()] for frame in labels]
    return pd.DataFrame(np.array(counts) * voxel_ml, columns=VOLUMES)


def phases_of(volumes: pd.DataFrame) -> Phases | None:
    """End-diastole is the frame with the largest left ventricle, end-systole that with the smallest.

    None if there is one frame only, or if the left ventricle is equally large in all of them.
    """
    left = volumes["lv_ml"]
    return Phases(int(left.argmax()), int(left.argmin())) if left.max() > left.min() else None


def measures_of(volumes: pd.DataFrame) -> dict[str, float]:
    """Volumes at both phases in ml, ejection fractions (EDV - ESV) / EDV in %, and the mass at end-diastole in g.

    Empty if the phases are not known. An ejection fraction of a ventricle that is empty at end-diastole is NaN.
    """
    phases = phases_of(volumes)
    if phases is None:
        return {}
    at_ed, at_es = volumes.iloc[phases.ed], volumes.iloc[phases.es]
    found: dict[str, float] = {}
    for ventricle in ("lv", "rv"):
        full, empty = float(at_ed[f"{ventricle}_ml"]), float(at_es[f"{ventricle}_ml"])
        found |= {f"{ventricle}_edv_ml": full, f"{ventricle}_esv_ml": empty}
        found[f"{ventricle}_ef"] = 100 * (full - empty) / full if full else float("nan")
    return found | {"lv_mass_g": MASS_G_PER_ML * float(at_ed["myo_ml"])}
