"""A phantom of ACDC: patients of its five groups, as released, with the cine of a beating heart.

By square metre of body surface, DCM has a large and weak left ventricle, MINF a weak one with a scar, HCM a thick wall
and a large mass, RV a large and weak right ventricle. `truth.csv` beside training and testing has the volumes, ejection
fractions and mass. A patient depends only on the seed and on its number.
"""

from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from acdc.phantom.beating_heart import Heart, borders, contraction, draw_labels, papillary_muscles
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.pool import mapped

# By group, each from least to most: LV volume at end-diastole (ml/m²), LV EF (%), RV volume, RV EF, LV mass (g/m²).
GROUPS = {
    "DCM": ((105, 150), (12, 35), (70, 95), (40, 55), (75, 100)),
    "HCM": ((55, 75), (60, 76), (60, 85), (50, 65), (115, 150)),
    "MINF": ((75, 105), (20, 38), (65, 90), (42, 58), (55, 80)),
    "NOR": ((60, 85), (55, 68), (65, 90), (48, 62), (45, 65)),
    "RV": ((55, 80), (52, 65), (115, 150), (20, 38), (45, 65)),
}
FIRST_TEST = 101  # the number of the first test patient, as released
LEAST_MM = 170  # of the field of view
SIGNAL = {"dark": 25, "body": 90, "blood": 230, "muscle": 95, "fat": 190}
CITATION = "This is a phantom in the form of the ACDC data set (Bernard et al., IEEE TMI 2018); no patient is in it.\n"


def write_phantom(
    folder: Path, training: int, testing: int, spacing_mm: float, size: int, frames: int, seed: int, processes: int
) -> None:
    """Write `training` and `testing` patients of each group to `folder`; the files do not depend on `processes`.

    Raises:
        InputError: a heart does not fit into `size` pixels of `spacing_mm`, or the disk is full.
    """
    if size * spacing_mm < LEAST_MM:
        raise InputError(f"phantom: expected slices of {LEAST_MM} mm or more, found {size} px of {spacing_mm:g} mm")
    first_test = max(FIRST_TEST, training * len(GROUPS) + 1)
    counts = {1: training, first_test: testing}
    patients = [each for first, n in counts.items() for each in enumerate(np.repeat([*GROUPS], n).tolist(), first)]
    with outputs(folder) as (partial_folder,):
        partial_folder.mkdir(parents=True)
        (partial_folder / "MANDATORY_CITATION.md").write_text(CITATION)
        make = partial(_write_patient, partial_folder, first_test, spacing_mm, size, frames, seed)
        rows = list(progress(mapped(make, patients, processes), "phantom patients", len(patients)))
        pd.DataFrame(rows).to_csv(partial_folder / "truth.csv", index=False)


def _write_patient(
    folder: Path, first_test: int, spacing_mm: float, size: int, frames: int, seed: int, patient: tuple[int, str]
) -> dict[str, Any]:
    """Write all files of one patient, given by number and group; return its row of the truth."""
    number, group = patient
    rng = np.random.default_rng([seed, number])
    height_cm, weight_kg = rng.uniform(155, 190), rng.uniform(52, 95)
    heart = _draw_heart(rng, group, float(np.sqrt(height_cm * weight_kg / 3600)))
    first = int(rng.choice([0, 0, 0, 1, frames - 1]))
    systole = max(1, round(frames * rng.uniform(0.3, 0.42)))
    phases = {"ED": first + 1, "ES": (first + systole) % frames + 1}
    spacing = round(spacing_mm * float(rng.uniform(0.92, 1.15)), 4)
    cine, labels = _scan(rng, heart, contraction(frames, first, systole), spacing, size)
    name, zooms = f"patient{number:03}", (spacing, spacing, heart.slab_mm)
    place = folder / ("testing" if number >= first_test else "training") / name
    place.mkdir(parents=True)
    lines = {**phases, "Group": group, "Height": f"{height_cm:.1f}", "NbFrame": frames, "Weight": f"{weight_kg:.1f}"}
    (place / "Info.cfg").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    _write(place / f"{name}_4d.nii.gz", cine.transpose(3, 2, 1, 0), (*zooms, 0.9 / frames))
    for frame in phases.values():
        _write(place / f"{name}_frame{frame:02}.nii.gz", cine[frame - 1].transpose(2, 1, 0), zooms)
        _write(place / f"{name}_frame{frame:02}_gt.nii.gz", labels[frame - 1].transpose(2, 1, 0), zooms)
    truth = {"lv_edv_ml": heart.lv_edv_ml, "lv_ef": 100 * heart.lv_ef, "lv_mass_g": heart.mass_g}
    truth |= {"rv_edv_ml": heart.rv_edv_ml, "rv_ef": 100 * heart.rv_ef}
    return {"patient": name, "group": group} | {key: round(value, 4) for key, value in truth.items()}


def _draw_heart(rng: np.random.Generator, group: str, surface_m2: float) -> Heart:
    lv, lv_ef, rv, rv_ef, mass = (float(rng.uniform(*limits)) for limits in GROUPS[group])
    length = 85 * np.cbrt(lv * surface_m2 / 140) * rng.uniform(0.72, 1.05)
    slab_mm = round(float(np.clip(rng.uniform(5, 10), length / 10, 10)), 2)
    slabs = int(np.clip(round(length / slab_mm), 5, 10))
    septum = float(np.pi + rng.uniform(-0.3, 0.5))
    return Heart(
        lv * surface_m2, lv_ef / 100, rv * surface_m2, rv_ef / 100, mass * surface_m2, septum,
        0.6 if group == "HCM" else 0.0, 1.0 if group == "MINF" else 0.0, septum + float(rng.uniform(-1.5, 1.5)),
        slabs, slab_mm, 0.2 * lv_ef / 100,
    )  # fmt: skip


def _scan(
    rng: np.random.Generator, heart: Heart, beats: np.ndarray, spacing: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The cine (T, N, H, W) int16 and its labels uint8: slices above the base and perhaps below the apex, too.

    Sometimes the patient breathes differently in one slice, so that the heart lies elsewhere in it.
    """
    below = int(rng.integers(2))
    shape = (len(beats), heart.slabs + 1 + below, size, size)
    image, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * spacing
    moved = np.zeros((shape[1], 2))
    moved[rng.integers(1, heart.slabs + 1)] = (rng.random() < 0.4) * rng.uniform(5, 8, 2) * rng.choice([-1, 1], 2)
    tissue = gaussian_filter(rng.standard_normal((size, size)), 14 / spacing)
    fat = SIGNAL["fat"] * (np.hypot(x, y) > 0.47 * size * spacing)
    body = np.where(tissue > 0, SIGNAL["body"], SIGNAL["dark"]) + fat
    curves = [np.stack(borders(heart, float(beat)), axis=1) for beat in beats]
    for place in range(shape[1]):
        tilt = (place - shape[1] / 2) * heart.slab_mm * np.array([0.1, 0.15])
        dy, dx = y - 4 - tilt[0] - moved[place, 0], x - 22 - tilt[1] - moved[place, 1]
        distance, angle, slab = np.hypot(dx, dy), np.arctan2(dy, dx), place - 1
        for frame, curve in enumerate(curves):
            above = slab < 0 or (slab < heart.slabs and not curve[slab].any())
            signal = np.where(distance < 24 * above, SIGNAL["blood"], body)  # an atrium
            if 0 <= slab < heart.slabs:
                label = labels[frame, place] = draw_labels(curve[slab], distance, angle)
                muscle = papillary_muscles(heart, curve[slab, 0], distance, angle) & (2 <= slab < heart.slabs - 1)
                values = np.array([0, SIGNAL["blood"], SIGNAL["muscle"], SIGNAL["blood"]])
                signal = np.where(label > 0, np.where(muscle & (label == 3), SIGNAL["muscle"], values[label]), signal)
            image[frame, place] = gaussian_filter(signal.astype(np.float32), 0.9 / spacing)
    coil = 1 + 0.25 * gaussian_filter(rng.standard_normal((size, size)), 40 / spacing) * 40 / spacing
    image = image * coil + 7 * rng.standard_normal(shape, np.float32)
    return np.clip(np.rint(image), 0, 4095).astype(np.int16), labels


def _write(path: Path, voxels: np.ndarray, zooms: tuple[float, ...]) -> None:
    """Write voxels (X, Y, Z) or (X, Y, Z, T); the first axis runs to the left, the second to the back."""
    image = nibabel.Nifti1Image(voxels, np.diag([-zooms[0], -zooms[1], zooms[2], 1.0]))
    image.header.set_zooms(zooms)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
