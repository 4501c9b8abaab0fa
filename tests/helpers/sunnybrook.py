"""Real hearts in the layout of ACDC: the Sunnybrook Cardiac Data, in which the left ventricle's cavity is drawn.

The pictures are one slice each at end-diastole or end-systole. A patient's frames are numbered through, 20 for each
slice, so the number modulo 20 tells the two phases apart: end-diastole is the one with the larger cavity. Used are
slices that were drawn in both phases. The pictures do not state how far pixels and slices are apart; taken are the
values of most patients of Sunnybrook.
"""

import re
from collections import defaultdict
from pathlib import Path

import cv2
import nibabel
import numpy as np

GROUPS = {
    "SC-HF-I": "MINF",
    "SC-HF-NI": "DCM",
    "SC-HYP": "HCM",
    "SC-N": "NOR",
}  # by the patient's name, the nearest one
NAME = re.compile(r"(?P<patient>(?P<group>SC-[A-Z-]+)-\d+)-IM-\d+-(?P<number>\d+)\.dcm\.png")
FRAMES = 20  # of each slice
CAVITY = 3
SPACING_MM = (1.3672, 1.3672, 8.0)
Stack = tuple[np.ndarray, np.ndarray]  # image and labels (N, H, W) uint8


def write_sunnybrook(real_data: Path, folder: Path) -> None:
    """Write all 15 patients: the last one of each group to `testing`, the others to `training`."""
    groups = defaultdict(list)
    for name, paths in _by_patient(real_data / "cardiac" / "segnetcmr" / "Test").items():
        groups[GROUPS[name.rpartition("-")[0]]].append(_phases(paths))
    number = 0
    for group, patients in groups.items():
        for place, (ed, es) in enumerate(patients, start=1):
            number += 1
            _write_patient(folder / ("testing" if place == len(patients) else "training"), number, group, ed, es)


def _by_patient(root: Path) -> dict[str, dict[int, Path]]:
    """By patient, the picture of each number."""
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(root.glob("Images/*/*.png")):
        match = NAME.fullmatch(path.name)
        assert match, path
        found[match["patient"]][int(match["number"])] = path
    return found


def _phases(paths: dict[int, Path]) -> tuple[Stack, Stack]:
    """The stacks at end-diastole and end-systole, of the slices that were drawn in both."""
    phases: dict[int, dict[int, Path]] = defaultdict(dict)
    for number, path in paths.items():
        place, frame = divmod(number - 1, FRAMES)
        phases[frame][place] = path
    assert len(phases) == 2, sorted(phases)
    first, second = phases.values()
    both = sorted(first.keys() & second.keys())
    stacks = [_stack([phase[place] for place in both]) for phase in (first, second)]
    ed, es = sorted(stacks, key=lambda stack: int(stack[1].sum()), reverse=True)
    return ed, es


def _stack(paths: list[Path]) -> Stack:
    labels = [Path(str(path).replace("/Images/", "/Labels/")) for path in paths]
    image, drawn = (np.stack([cv2.imread(str(path), 0) for path in each]) for each in (paths, labels))
    return image, CAVITY * (drawn > 127).astype(np.uint8)


def _write_patient(folder: Path, number: int, group: str, ed: Stack, es: Stack) -> None:
    name = f"patient{number:03}"
    place = folder / name
    place.mkdir(parents=True)
    (place / "Info.cfg").write_text(f"ED: 1\nES: 2\nGroup: {group}\nNbFrame: 2\n")
    _save(place / f"{name}_4d.nii.gz", np.stack([ed[0], es[0]]))
    for frame, (image, labels) in ((1, ed), (2, es)):
        _save(place / f"{name}_frame{frame:02}.nii.gz", image)
        _save(place / f"{name}_frame{frame:02}_gt.nii.gz", labels)


def _save(path: Path, slices: np.ndarray) -> None:
    """Write slices (N, H, W) or frames of them (T, N, H, W), so that rows run to the back and columns to the left."""
    image = nibabel.Nifti1Image(slices.T, np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1]))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
