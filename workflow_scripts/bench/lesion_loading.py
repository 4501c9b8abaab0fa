"""How fast training gets its windows of brain slices: as the study does, and as published, from PNG files per item."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from rows import Row, faster, verdict
from torch import Tensor
from torchvision.transforms.functional import to_grayscale, to_tensor

from mslesion.data.conversion import convert_dataset
from mslesion.data.raw_scans import check_dataset
from mslesion.data.scan_volume import MASK_LEVEL, to_slices
from mslesion.learning.scan_inputs import BrainSlices, brain_slices
from mslesion.learning.slice_tasks import window_samples
from mslesion.learning.windows import CENTRE, list_windows
from mslesion.phantom import brain
from reprise.data.phantom_voxels import make_grid
from reprise.data.slices import cut_or_pad
from reprise.data.store import open_store
from reprise.engine.configuration import study_settings

NAME = "lesion training samples a second, against PNG decode per item"
# The part of ISBI 2015's grid that a brain fills, and the number of its scans.
SHAPE, SPACING_MM, SCANS = (181, 217, 121), (1.0, 1.0, 1.0), 21
LESIONS, RADII_MM, TIMEPOINTS = 28, (2.5, 10.0), 2
BATCHES = 100  # from memory, each round; of decoded samples one batch
TOLERANCE = 1e-5
CPU = torch.device("cpu")


def lesion_loading_row(folder: Path) -> Row:
    """Windows of three slices, each with the mask of its centre; both ways must give the same."""
    settings = study_settings("mslesion", "published")
    batch, normalisation = (settings["training"][name] for name in ("batch_size", "normalisation"))
    in_a_scan = write_tree(folder / "tree", settings["size"])
    slices, paths = slices_of_tree(folder, settings), in_a_scan * SCANS
    windows = list_windows(np.flatnonzero(slices.masks.flatten(1).any(1)))
    random = np.random.default_rng(0)

    def prepared(samples: np.ndarray) -> tuple[Tensor, Tensor]:
        return window_samples(slices.images, slices.masks, windows[samples])

    def decoded(samples: np.ndarray) -> tuple[Tensor, Tensor]:
        images, masks = zip(*(decoded_window(paths[at : at + 3], normalisation) for at in samples), strict=True)
        return torch.stack(images), torch.stack(masks)

    def ours() -> int:
        for _ in range(BATCHES):
            prepared(random.integers(len(windows), size=batch))
        return BATCHES * batch

    def reference() -> int:
        decoded(random.integers(len(windows), size=batch))
        return batch

    of_a_scan = np.arange(len(in_a_scan))
    row = faster(NAME, ours, reference, required=90)
    return row._replace(ok=verdict(row.ok == "yes" and agree(prepared(of_a_scan), decoded(of_a_scan))))


def agree(ours: tuple[Tensor, Tensor], published: tuple[Tensor, Tensor]) -> bool:
    """Whether slices (B, 3, 1, H, W) and masks of centres (B, H, W) are those (B, 3, 3, H, W) and (B, 3, H, W)."""
    images, masks = published
    same_images = torch.allclose(ours[0].expand_as(images), images, rtol=0, atol=TOLERANCE)
    return same_images and torch.equal(ours[1].long(), masks[:, CENTRE])


def write_tree(root: Path, size: int) -> list[Path]:
    """Write a phantom's scan as the published code reads it; return its masks that have a lesion, in order."""
    random, grid = np.random.default_rng(0), make_grid(SHAPE, SPACING_MM)
    head = brain.draw_brain(random, grid)
    lesions = brain.draw_lesions(random, head, grid, LESIONS, RADII_MM, TIMEPOINTS)
    distance = brain.border_distance(lesions, TIMEPOINTS - 1, grid)
    flair = brain.acquire(random, head, distance, grid, "flair")
    volumes = {"train1/P1_T1/flair_pp": flair / flair.max(), "train1annot/P1_T1/mask1": distance < 0}
    for name, voxels in volumes.items():
        (root / name).parent.mkdir(parents=True)
        pixels = cut_or_pad(torch.from_numpy(to_slices(255 * voxels).astype(np.uint8)), (size, size)).numpy()
        for number, image in enumerate(pixels):
            Image.fromarray(image).save(root / f"{name}_{number:03}.png")
    masks = sorted((root / "train1annot/P1_T1").iterdir())
    return [path for path in masks if Image.open(path).getbbox()]


def slices_of_tree(folder: Path, settings: dict[str, Any]) -> BrainSlices:
    """Convert the tree below `folder` and prepare its scan `SCANS` times, as training does before its first step."""
    checked = check_dataset(folder / "tree")
    convert_dataset(folder / "tree", checked.manifest, checked.cases, folder / "lesion_store")
    store = open_store(folder / "lesion_store")
    cases = pd.concat([store.cases] * SCANS, ignore_index=True)
    return brain_slices(cases, store.arrays, settings["size"], settings["training"]["normalisation"], CPU)


def decoded_window(paths: Sequence[Path], normalisation: dict[str, float]) -> tuple[Tensor, Tensor]:
    """A window (3, 3, H, W) and its masks (3, H, W) int64 as published: six files decoded, fitted for each slice."""
    files = [path.parents[2] / "train1/P1_T1" / path.name.replace("mask1", "flair_pp") for path in paths]
    pictures = [Image.open(file).convert("RGB") for file in [*files, *paths]]
    images, masks = [], []
    for place in range(len(paths)):
        fitted = [picture.crop((0, 0, *picture.size)) for picture in pictures]  # they have the size already
        images.append(normalised(fitted[place], **normalisation))
        masks.append(labels(fitted[len(paths) + place]))
    return torch.stack(images), torch.stack(masks)


def normalised(picture: Image.Image, mean: float, std: float) -> Tensor:
    """An image (3, H, W) scaled to its own range, less `mean`, over `std`."""
    image = to_tensor(to_grayscale(picture, 3))
    low, high = image.min(), image.max()
    return ((image - low) / (high - low) - mean) / std


def labels(picture: Image.Image) -> Tensor:
    """A mask (H, W) int64, 0 or 1, of a picture's first channel."""
    mask = to_tensor(picture)[0]
    return (mask / mask.max() > MASK_LEVEL).long()
