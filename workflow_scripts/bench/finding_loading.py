"""How fast training gets batches of images: as medfm does, and decoded and changed item by item in two processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from PIL import Image
from rows import Row, faster, verdict
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from medfm.analysis.protocols import TASKS
from medfm.data.pictures import squared
from medfm.learning.images import FLIP_STREAM, MEAN, STD, Images, images_of, random_boxes, training_batch
from medfm.phantom.findings_drawn import drawn
from reprise.engine.configuration import study_settings
from reprise.models.lean_torchvision import import_torchvision
from reprise.training.sampler import uniform

NAME = "image training samples a second, against decode and augment from PNG per item in two processes"
# Images of each task in the proportion of the data set, and their published height, px. The phantom has its shapes.
COUNTS, HEIGHTS = {"chest": 5, "colon": 10, "endo": 4}, {"chest": 512, "colon": 1024, "endo": 1024}
WORKERS = 2
EPOCHS = 10  # from memory, each round; of files one
SEED = 0
LEVELS = 1.5  # of 255: squares of images of their own size are resized in whole numbers by both
CPU = torch.device("cpu")


class Source(NamedTuple):
    """The images of one task: their files, and their place in the store."""

    files: list[Path]
    images: Images


def finding_loading_row(folder: Path) -> Row:
    """Batches of all three tasks by the recipe of `sound`; images of the store's own size must come out the same."""
    settings = study_settings("medfm", "published")
    size, batch = settings["sound"]["size"], settings["sound"]["batch_size"]
    sources = {task: _source(folder / "findings", task, settings["store_size"]) for task in TASKS}
    epochs = iter(range(10**6))
    items = PerItem([file for source in sources.values() for file in source.files], size)
    order = EachEpoch(len(items))
    loader = DataLoader(items, batch, sampler=order, num_workers=WORKERS, persistent_workers=True)

    def ours() -> int:
        for _ in range(EPOCHS):
            order.epoch = next(epochs)
            for source in sources.values():
                samples = np.arange(len(source.files))
                training_batch(source.images, samples, samples, size, SEED, order.epoch, CPU)
        return EPOCHS * len(items)

    def reference() -> int:
        order.epoch = next(epochs)
        return sum(len(images) for images in loader)

    reference()  # starts the processes
    row = faster(NAME, ours, reference, required=10)
    return row._replace(ok=verdict(row.ok == "yes" and _agree(sources["chest"], items, size)))


class PerItem(Dataset[Tensor]):
    """Items by Pillow and torchvision: each is decoded, cut out, resized, flipped and normalised."""

    def __init__(self, files: list[Path], size: int) -> None:
        self.files, self.size = files, size
        self.functional: Any = import_torchvision().transforms.functional

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, numbered: tuple[int, int]) -> Tensor:
        """The item (3, size, size) of a pair of sample and epoch."""
        sample, epoch = numbered
        image = Image.open(self.files[sample]).convert("RGB")
        (box,) = random_boxes(np.array([[image.height, image.width]]), np.array([sample]), SEED, epoch)
        (top, left), (bottom, right) = np.rint(box * [image.height, image.width]).astype(int)
        resized = image.crop((left, top, right, bottom)).resize((self.size, self.size), Image.Resampling.BILINEAR)
        if uniform(SEED, epoch, np.array([sample]), FLIP_STREAM)[0] < 0.5:
            resized = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        changed: Tensor = self.functional.normalize(self.functional.to_tensor(resized), MEAN, STD)
        return changed


class EachEpoch(Sampler[tuple[int, int]]):
    """Pairs of sample and epoch, so that processes that go on know the epoch."""

    def __init__(self, count: int) -> None:
        self.count, self.epoch = count, 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((sample, self.epoch) for sample in range(self.count))

    def __len__(self) -> int:
        return self.count


def _source(folder: Path, task: str, side: int) -> Source:
    """Images of a task as files, and in memory as the store has them."""
    folder.mkdir(exist_ok=True)
    files, squares, shapes = [], [], []
    for number in range(COUNTS[task]):
        rng = np.random.default_rng([len(task), number])
        pixels, _ = drawn(rng, rng, task, rng.integers(0, 2, len(TASKS[task])).tolist(), HEIGHTS[task])
        files.append(folder / f"{task}-{number}.png")
        files[-1].write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
        squares.append(squared(pixels, side, pixels.shape[2]))
        shapes.append(pixels.shape[:2])
    heights, widths = zip(*shapes, strict=True)
    cases = pd.DataFrame({"row": np.arange(len(files)), "height": heights, "width": widths})
    return Source(files, images_of(cases, np.stack(squares), CPU))


def _agree(source: Source, items: PerItem, size: int) -> bool:
    """Whether both ways give the same for images that the store keeps at their size."""
    samples = np.arange(len(source.files))
    found = training_batch(source.images, samples, samples, size, SEED, 3, CPU)
    expected = torch.stack([items[int(sample), 3] for sample in samples])
    return bool((found - expected).abs().max() < LEVELS / 255 / min(STD))
