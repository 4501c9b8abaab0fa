"""What a network sees: batches cut from the store's squares, resized and normalised on the device.

A box is cut from each square and resized to the network's size in one step, by a triangle as wide as the pixels that it
leaves (bilinear, antialiased), as Pillow and torchvision resize. Random boxes are those of torchvision's
RandomResizedCrop. They depend on (seed, epoch, sample) only.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from reprise.data.placed import placed, taken
from reprise.step.device import on_device
from reprise.training.sampler import uniform

# Of ImageNet, on the scale 0..1. All networks get it, whatever their own authors trained with.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AREA = (0.08, 1.0)  # of a random box, as a part of the image
RATIO = (3 / 4, 4 / 3)  # of its width to its height, in pixels of the original image
TRIES = 10  # to draw a box that lies in the image; after them it is the largest box at the centre
FLIP_STREAM = 4 * TRIES  # of random numbers; boxes use the streams below


class Images(NamedTuple):
    """The images of one task, by their row in the task's array."""

    squares: Tensor  # (N, S, S, C) uint8; grey or red, green, blue
    sides: np.ndarray  # (N, 2) height and width of the original images, px


def images_of(cases: pd.DataFrame, array: np.ndarray, device: torch.device) -> Images:
    """The images of one task, on the device if they fit there.

    Args:
        cases: of the task, with the columns row, height and width.
        array: of the task, (N, S, S, C) uint8.
        device: where the network is.
    """
    sides = np.ones((len(array), 2), np.int64)
    sides[cases["row"].to_numpy()] = cases[["height", "width"]].to_numpy()
    return Images(placed(array, device), sides)


def training_batch(
    images: Images, rows: np.ndarray, samples: np.ndarray, size: int, seed: int, epoch: int, device: torch.device
) -> Tensor:
    """Random boxes of images, half of them flipped: (B, 3, size, size) float32, normalised.

    Args:
        images: of a task.
        rows: (B,) of the images.
        samples: (B,) numbers that tell apart what is drawn for each.
        size: height and width, px.
        seed: of the training.
        epoch: of the training.
        device: where the network is.
    """
    boxes = random_boxes(images.sides[rows], samples, seed, epoch)
    flips = uniform(seed, epoch, samples, FLIP_STREAM) < 0.5
    return cut(images, rows, boxes, size, device, flips)


def evaluation_batch(images: Images, rows: np.ndarray, size: int, resize: int | None, device: torch.device) -> Tensor:
    """Whole images squashed to squares, or their centres: (B, 3, size, size) float32, normalised.

    Args:
        images: of a task.
        rows: (B,) of the images.
        size: height and width, px.
        resize: the short side, px, of an image of whose centre a square of `size` px is taken; None takes all of it.
        device: where the network is.
    """
    sides = images.sides[rows]
    shown = sides if resize is None else sides.min(axis=1, keepdims=True) * (size / resize)
    corner = (sides - shown) / 2
    return cut(images, rows, np.stack([corner, corner + shown], axis=1) / sides[:, None], size, device)


def random_boxes(sides: np.ndarray, samples: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Boxes (B, 2, 2) in parts of an image: top and left, bottom and right.

    Args:
        sides: (B, 2) height and width of the images, px.
        samples: (B,) their numbers.
        seed: of the training.
        epoch: of the training.
    """
    drawn = uniform(seed, epoch, samples, np.arange(4 * TRIES).reshape(4, TRIES, 1))
    area = sides.prod(axis=1) * (AREA[0] + (AREA[1] - AREA[0]) * drawn[0])
    ratio = RATIO[0] * (RATIO[1] / RATIO[0]) ** drawn[1]
    shapes = np.rint(np.sqrt(np.stack([area / ratio, area * ratio], axis=2)))  # (tries, B, 2)
    fits = ((shapes >= 1) & (shapes <= sides)).all(axis=2)
    corners = np.floor(np.stack([drawn[2], drawn[3]], axis=2) * (sides - shapes + 1))
    first = fits.argmax(axis=0), np.arange(len(sides))
    fitted = fits.any(axis=0)[:, None]
    shape = np.where(fitted, shapes[first], largest_shapes(sides))
    corner = np.where(fitted, corners[first], (sides - shape) // 2)
    return np.stack([corner, corner + shape], axis=1) / sides[:, None]


def largest_shapes(sides: np.ndarray) -> np.ndarray:
    """Height and width (B, 2), px, of the largest box in each image whose ratio is allowed."""
    height, width = sides.T
    return np.rint(np.stack([np.minimum(height, width / RATIO[0]), np.minimum(width, height * RATIO[1])], axis=1))


def cut(
    images: Images,
    rows: np.ndarray,
    boxes: np.ndarray,
    size: int,
    device: torch.device,
    flips: np.ndarray | None = None,
) -> Tensor:
    """Boxes of images, resized and normalised: (B, 3, size, size) float32.

    A CPU resizes one after the other in whole numbers, as Pillow does. A GPU resizes all at once by products of
    matrices. They differ by about one of 255 levels.

    Args:
        images: of a task.
        rows: (B,) of the images.
        boxes: (B, 2, 2) in parts of an image; they are rounded to pixels of the stored squares.
        size: height and width, px.
        device: where the network is.
        flips: (B,) which of them are mirrored; None mirrors none.
    """
    side = images.squares.shape[1]
    first = np.rint(boxes[:, 0] * side).astype(np.int64).clip(0, side - 1)
    edges = np.stack([first, np.rint(boxes[:, 1] * side).astype(np.int64).clip(first + 1, side)], axis=2)
    mirrored = np.zeros(len(rows), bool) if flips is None else flips
    with torch.autocast(device.type, enabled=False):
        if device.type == "cpu":
            pixels = _one_by_one(images.squares, rows, edges, mirrored, size)
        else:
            squares = taken(images.squares, torch.from_numpy(rows), device)
            where = on_device(torch.from_numpy(edges), device)
            pixels = all_at_once(squares, where, on_device(torch.from_numpy(mirrored), device), size)
        mean, std = (on_device(255 * torch.tensor(values)[:, None, None], device) for values in (MEAN, STD))
        return pixels.sub_(mean).div_(std)


def all_at_once(squares: Tensor, edges: Tensor, mirrored: Tensor, size: int) -> Tensor:
    """Boxes (B, 3, size, size) float32 of squares (B, S, S, C) uint8, on the scale 0..255.

    Args:
        squares: whole squares.
        edges: (B, 2, 2) first row and the row after the last, then the same of columns.
        mirrored: (B,) bool.
        size: height and width, px.
    """
    down, across = (_weights(edges[:, axis], squares.shape[1], size) for axis in (0, 1))
    across = torch.where(mirrored[:, None, None], across.flip(1), across)
    pixels = down[:, None] @ squares.movedim(-1, 1).float() @ across[:, None].transpose(-1, -2)
    return pixels.expand(-1, 3, -1, -1).contiguous()


def _weights(edges: Tensor, side: int, size: int) -> Tensor:
    """Of each pixel (S) of a side in each pixel (size) of the results: (B, size, S), by edges (B, 2)."""
    start, stop = edges[:, 0, None, None], edges[:, 1, None, None]
    pixels = torch.arange(side, device=edges.device)
    scale = (stop - start).float() / size
    centres = start + (torch.arange(size, device=edges.device)[:, None] + 0.5) * scale
    triangle = (1 - (pixels + 0.5 - centres).abs() / scale.clamp(min=1)).clamp(min=0)
    inside = triangle * ((pixels >= start) & (pixels < stop))
    return inside / inside.sum(dim=-1, keepdim=True)


def _one_by_one(squares: Tensor, rows: np.ndarray, edges: np.ndarray, mirrored: np.ndarray, size: int) -> Tensor:
    """The same as `all_at_once`, of rows of all squares (N, S, S, C); only the boxes are read from the disk."""
    pixels = torch.empty(len(rows), 3, size, size)
    for out, row, ((top, bottom), (left, right)), mirror in zip(pixels, rows, edges, mirrored, strict=True):
        box = squares[row, top:bottom, left:right].movedim(-1, 0)[None]
        resized = interpolate(box, (size, size), mode="bilinear", antialias=True)[0]
        out.copy_(resized.flip(-1) if mirror else resized)
    return pixels
