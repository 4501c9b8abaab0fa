"""What a network sees, against Pillow one image at a time, and torchvision's choice of boxes."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from medfm.learning.images import (
    AREA,
    MEAN,
    RATIO,
    STD,
    all_at_once,
    cut,
    evaluation_batch,
    images_of,
    largest_shapes,
    random_boxes,
    training_batch,
)
from reprise.models.lean_torchvision import import_torchvision

CPU = torch.device("cpu")
SIDE, SIZE = 40, 24


def images_like(sides, channels=3, side=SIDE, seed=0):
    random = np.random.default_rng(seed)
    squares = random.integers(0, 256, (len(sides), side, side, channels), np.uint8)
    rows = np.arange(len(sides))[::-1]  # the table has another order than the array
    heights, widths = np.array(sides)[rows].T
    cases = pd.DataFrame({"row": rows, "height": heights, "width": widths})
    return images_of(cases, squares, CPU), squares


def plain(square, box, flip, size):
    """One image by Pillow: cut out, resized, flipped, normalised; (3, size, size)."""
    top, left, bottom, right = (round(float(edge) * len(square)) for edge in np.ravel(box))
    image = Image.fromarray(square.squeeze(-1) if square.shape[-1] == 1 else square).convert("RGB")
    image = image.crop((left, top, right, bottom)).resize((size, size), Image.Resampling.BILINEAR)
    values = np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image) / 255
    return torch.from_numpy((values - MEAN) / STD).movedim(-1, 0).float()


def close(found, expected, levels):
    return (found - expected).abs().max() <= levels / 255 / min(STD) + 1e-5


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_is_what_pillow_makes_of_each_image(channels):
    sides = [(60, 80), (200, 100), (40, 40), (31, 97), (64, 64)]
    images, squares = images_like(sides, channels)
    rows, samples = np.array([3, 0, 2, 4, 1, 0, 3]), np.array([5, 6, 7, 8, 9, 10, 11])
    boxes = random_boxes(images.sides[rows], samples, 3, 2)
    batch = training_batch(images, rows, samples, SIZE, 3, 2, CPU)
    flipped = []
    for found, row, box in zip(batch, rows, boxes, strict=True):
        fits = [close(found, plain(squares[row], box, flip, SIZE), 1) for flip in (False, True)]
        assert sum(fits) == 1
        flipped.append(fits[1])
    assert 0 < sum(flipped) < len(rows)
    assert torch.equal(training_batch(images, rows[4:], samples[4:], SIZE, 3, 2, CPU), batch[4:])
    assert not torch.equal(training_batch(images, rows, samples, SIZE, 3, 3, CPU), batch)


@pytest.mark.parametrize("channels", [1, 3])
def test_products_of_matrices_resize_as_pillow_does(channels):
    images, squares = images_like([(SIDE, SIDE)] * 4, channels)
    edges = torch.tensor([[[0, 40], [0, 40]], [[3, 9], [10, 40]], [[39, 40], [0, 1]], [[5, 29], [5, 29]]])
    mirrored = torch.tensor([False, True, False, True])
    found = all_at_once(images.squares, edges, mirrored, SIZE)
    rows, boxes = np.arange(4), edges.movedim(1, 2).numpy() / SIDE
    one_by_one = cut(images, rows, boxes, SIZE, CPU, mirrored.numpy())
    scale = [torch.tensor(values)[:, None, None] for values in (MEAN, STD)]
    assert close((found / 255 - scale[0]) / scale[1], one_by_one, 1.01)
    for values, square, box, flip in zip(found, squares, boxes, mirrored, strict=True):
        assert close((values / 255 - scale[0]) / scale[1], plain(square, box, flip, SIZE), 1.01)


def test_boxes_are_drawn_as_torchvision_draws_them():
    transform = import_torchvision().transforms.RandomResizedCrop
    height, width, count = 512, 640, 4000
    boxes = random_boxes(np.tile([height, width], (count, 1)), np.arange(count), 0, 0) * [height, width]
    assert np.allclose(boxes, np.rint(boxes))
    torch.manual_seed(0)
    image = torch.zeros(1, height, width)
    other = np.array(
        [transform.get_params(image, AREA, RATIO) for _ in range(count)], float
    )  # top, left, height, width
    shapes = boxes[:, 1] - boxes[:, 0]
    for found, expected in (
        (shapes.prod(axis=1), other[:, 2:].prod(axis=1)),
        (np.log(shapes[:, 1] / shapes[:, 0]), np.log(other[:, 3] / other[:, 2])),
        (boxes[:, 0, 0], other[:, 0]),
        (boxes[:, 0, 1], other[:, 1]),
    ):
        error = np.hypot(found.std(), expected.std()) / np.sqrt(count)
        assert abs(found.mean() - expected.mean()) < 4 * error
        assert found.std() == pytest.approx(expected.std(), rel=0.05)


@pytest.mark.parametrize("sides", [(1000, 20), (20, 1000)])
def test_where_no_box_fits_it_is_the_largest_at_the_centre(sides):
    image = torch.zeros(1, *sides)
    transform = import_torchvision().transforms.RandomResizedCrop
    boxes = random_boxes(np.tile(sides, (50, 1)), np.arange(50), 0, 0) * sides
    shapes = boxes[:, 1] - boxes[:, 0]
    fallback = (shapes == largest_shapes(np.array([sides]))).all(axis=1)
    assert fallback.any()
    for seed in range(50):
        torch.manual_seed(seed)
        top, left, height, width = transform.get_params(image, AREA, RATIO)
        if (height, width) == tuple(shapes[fallback][0]):
            assert (boxes[fallback][:, 0] == [top, left]).all()
            break
    else:
        pytest.fail("torchvision never took the box at the centre")


def test_evaluation_takes_all_or_the_centre():
    images, squares = images_like([(30, 60), (60, 30)], side=48)
    rows = np.array([0, 1])
    whole = evaluation_batch(images, rows, SIZE, None, CPU)
    centre = evaluation_batch(images, rows, SIZE, 32, CPU)  # three quarters of the short side
    for row, box in enumerate(([1 / 8, 5 / 16, 7 / 8, 11 / 16], [5 / 16, 1 / 8, 11 / 16, 7 / 8])):
        assert close(whole[row], plain(squares[row], [0, 0, 1, 1], False, SIZE), 1)
        assert close(centre[row], plain(squares[row], box, False, SIZE), 1)
