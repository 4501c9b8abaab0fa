"""How fast training gets its slices of hearts: as `sound` does, and from the NIfTI files of each item."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import torch
from rows import Row, faster, verdict
from torch import Tensor
from torch.nn.functional import interpolate

from acdc.analysis.protocols import splits
from acdc.data.conversion import convert_dataset
from acdc.data.raw_patients import check_dataset
from acdc.data.short_axis import slice_spacing, to_slices
from acdc.learning.protocol_tasks import task_of
from acdc.learning.stacks import Grid, grid_of, prepared_labels
from acdc.phantom.phantom_patients import write_phantom
from reprise.data.slices import cut_or_pad
from reprise.data.store import open_store
from reprise.engine.configuration import study_settings
from reprise.training.augmentation import augment

NAME = "heart training samples a second, against resize, normalise and augment from NIfTI per item"
PATIENTS, FRAMES = 2, 4  # of each group in training, of which the second validates; and of a cine
BATCHES = 10  # from memory, each round; of files one batch
TOLERANCE = 1e-4
SEED = 0
CPU = torch.device("cpu")


def heart_loading_row(folder: Path) -> Row:
    """Slices with their labels; both ways must give the same."""
    settings = study_settings("acdc", "published")
    recipe: dict[str, Any] = settings["training"] | {"network": "unet", "seed": SEED, "precision": "fp32", "epochs": 1}
    recipe |= {"size": settings["grid"]["size"], "normalisation": {"spacing_mm": settings["grid"]["spacing_mm"]}}
    recipe |= {"snapshots": 1, "validation": PATIENTS}
    pixels = {name: settings["phantom"][name] for name in ("spacing_mm", "size")}
    write_phantom(folder / "hearts", PATIENTS, 1, **pixels, frames=FRAMES, seed=0, processes=1)
    checked = check_dataset(folder / "hearts")
    convert_dataset(folder / "hearts", checked.manifest, checked.cases, folder / "heart_store")
    store = open_store(folder / "heart_store")
    task = task_of("sound", *store, recipe, CPU)
    trained = store.cases[splits(store.cases, PATIENTS) == "train"]
    files, random = slices_in_files(folder / "hearts", trained, checked.manifest), np.random.default_rng(0)
    batch, count = recipe["batch_size"], iter(range(10**6))

    def from_files(samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
        items = [item_of(files[sample], grid_of(recipe), sample, epoch) for sample in samples]
        images, labels = zip(*items, strict=True)
        return torch.cat(images), torch.cat(labels)

    def ours() -> int:
        for _ in range(BATCHES):
            task.load(random.integers(task.samples, size=batch), next(count))
        return BATCHES * batch

    def reference() -> int:
        from_files(random.integers(task.samples, size=batch), next(count))
        return batch

    row = faster(NAME, ours, reference, required=20)
    every = np.arange(task.samples)[:: task.samples // batch]
    return row._replace(ok=verdict(row.ok == "yes" and agree(task.load(every, 3), from_files(every, 3))))


def agree(ours: tuple[Tensor, Tensor], from_files: tuple[Tensor, Tensor]) -> bool:
    """Whether slices (B, 1, H, W) and their labels (B, H, W) are the same."""
    (images, labels), (other_images, other_labels) = ours, from_files
    return torch.allclose(images, other_images, rtol=0, atol=TOLERANCE) and torch.equal(labels, other_labels)


def slices_in_files(root: Path, cases: pd.DataFrame, manifest: pd.DataFrame) -> list[tuple[Path, Path, int]]:
    """Image file, label file and number of each training slice, in the order of the task's samples."""
    paths = {name: part.set_index("case")["path"] for name, part in manifest.groupby("content")}
    return [
        (root / paths["image"][case["case"]], root / paths["labels"][case["case"]], number)
        for case in cases.to_dict("records")
        for number in range(case["slices"])
    ]


def item_of(files: tuple[Path, Path, int], grid: Grid, sample: int, epoch: int) -> tuple[Tensor, Tensor]:
    """An augmented slice (1, 1, H, W) and its labels (1, H, W), from the files of its volume."""
    *paths, number = files
    (stack, spacing), (classes, _) = map(opened, paths)
    values = stack.astype(np.float32)
    seen = torch.from_numpy((values - values.mean()) / values.std())[number, None, None]
    shape = [round(length * mm / grid.spacing_mm) for length, mm in zip(stack.shape[1:], spacing, strict=True)]
    fitted = cut_or_pad(interpolate(seen, shape, mode="bilinear", antialias=True), (grid.size, grid.size))
    target = prepared_labels(classes[number, None].astype(np.uint8), spacing, grid, CPU)
    changed, moved = augment(fitted, target[:, None], SEED, epoch, np.array([sample]))
    return changed, moved[:, 0]


def opened(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """The slices (N, H, W) of a NIfTI file, and the distances between rows and between columns."""
    image: Any = nibabel.load(path)
    canonical = nibabel.as_closest_canonical(image)
    orientation = "".join(nibabel.aff2axcodes(image.affine))
    mm: Any = slice_spacing(canonical.header.get_zooms()[:3], orientation)
    return to_slices(np.asanyarray(canonical.dataobj), orientation), mm[1:]
