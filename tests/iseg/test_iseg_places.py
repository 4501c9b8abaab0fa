"""Crops are those of the published generator, bit for bit; what it would search for ever is told beforehand."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from iseg.learning.crops import Crops, Subject, gathered
from iseg.learning.normalisation import PUBLISHED, image_of, normalised, of_crops
from iseg.learning.places import Places, accepted_corners, published_places
from reprise.step.errors import InputError

SHAPE, CROP = (20, 18, 14), (9, 8, 14)  # along Z the crop is as long as the volume
NAMES = ("subject-10", "subject-2", "subject-3")
FILE_LABELS = (0, 10, 150, 250)
SEED, LEAST = 1777777, 0.35


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Analyze pairs as released, with a trailing axis of one."""
    folder = tmp_path_factory.mktemp("raw")
    random = np.random.default_rng(0)
    for number, name in enumerate(NAMES):
        x, y, z = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        radius = np.hypot(np.hypot(x - 8 - number, y - 9), z - 7)
        labels = sum((radius < edge).astype(int) for edge in (6.5, 5, 3))
        save(folder / f"{name}-label.img", np.array(FILE_LABELS)[labels].astype(np.uint8))
        for modality in ("T1", "T2"):
            save(folder / f"{name}-{modality}.img", ((labels > 0) * random.gamma(3, 90, SHAPE)).astype(np.int16))
    return folder


def save(path: Path, voxels: np.ndarray) -> None:
    nibabel.save(nibabel.AnalyzeImage(voxels[..., None], np.eye(4)), path)


def loaded(path: Path) -> np.ndarray:
    return np.squeeze(nibabel.load(path).get_fdata(dtype=np.float32))


def slow_image(path: Path, normalisation: str) -> torch.Tensor:
    """A whole volume as the published code prepares it: outliers clipped in place, then normalised."""
    values = loaded(path)
    low, high = np.percentile(values, 0.1), np.percentile(values, 99.8)
    values[values < low] = low
    values[values > high] = high
    image = torch.from_numpy(values)
    mean, std, most, least = image.mean(), image.std(), image.max(), image.min()
    if normalisation == "full_volume_mean":
        return (image - mean) / std
    if normalisation == "max_min":
        return (image - least) / (most - least)
    if normalisation == "mean":
        brain = image[image.ne(0.0)]
        return (image - brain.mean()) / brain.std()
    if normalisation == "max":
        return image / most
    scored = torch.where(image == 0.0, image, (image - mean) / std)
    return torch.where(image == 0.0, image, 100.0 * ((scored - least) / (most - least)) + 10.0)


def slow_crops(folder: Path, names: tuple[str, ...], count: int, normalisation: str) -> list[tuple[np.ndarray, ...]]:
    """Crops as published: all files are read anew for each proposal, by NumPy's one generator."""
    crops = []
    for _ in range(count):
        name = names[np.random.randint(len(names))]
        while True:
            corner = [np.random.randint(n - c) if n != c else 0 for n, c in zip(SHAPE, CROP, strict=True)]
            box = tuple(slice(first, first + side) for first, side in zip(corner, CROP, strict=True))
            brain = torch.from_numpy((loaded(folder / f"{name}-label.img") > 0).astype(np.float32))
            if brain[box].sum() / brain.sum() >= LEAST:
                break
        images = [slow_image(folder / f"{name}-{modality}.img", normalisation)[box] for modality in ("T1", "T2")]
        labels = np.searchsorted(FILE_LABELS, loaded(folder / f"{name}-label.img")[box])
        crops.append((torch.stack(images).numpy(), labels))
    return crops


@pytest.mark.parametrize("normalisation", PUBLISHED)
def test_crops_are_the_published_ones_bit_for_bit(files: Path, normalisation: str) -> None:
    parts, counts = (NAMES[:2], NAMES[2:]), (12, 5)
    np.random.seed(SEED)
    expected = [slow_crops(files, names, count, normalisation) for names, count in zip(parts, counts, strict=True)]
    labels = {name: np.searchsorted(FILE_LABELS, loaded(files / f"{name}-label.img")) for name in NAMES}
    by_part = [{name: labels[name] for name in names} for names in parts]
    for names, places, crops in zip(parts, published_places(by_part, CROP, counts, LEAST, SEED), expected, strict=True):
        subjects = []
        for name in names:
            volumes = [np.ascontiguousarray(loaded(files / f"{name}-{m}.img")).astype(np.int16) for m in ("T1", "T2")]
            image = torch.stack([normalised(volume, normalisation) for volume in volumes])
            subjects.append(Subject(name, image, torch.from_numpy(labels[name].astype(np.uint8))))
        images, truth = gathered(Crops(subjects, places, CROP, normalisation), np.arange(len(crops)))
        assert images.numpy().tobytes() == np.stack([image for image, _ in crops]).tobytes()
        assert np.array_equal(truth, np.stack([label for _, label in crops]))


def test_crops_of_the_thesis_are_scored_by_their_own_voxels() -> None:
    random = torch.Generator().manual_seed(0)
    image = torch.rand(2, *SHAPE, generator=random) * 200 * (torch.rand(2, *SHAPE, generator=random) < 0.4)
    image[1, :9] = 0  # no brain in a modality
    subject = Subject("subject-1", image, torch.zeros(SHAPE, dtype=torch.uint8))
    places = Places(np.zeros(2, int), np.array([[0, 3, 0], [5, 0, 0]]))
    found, _ = gathered(Crops([subject], places, CROP, "crop"), np.arange(2))
    for crop, (x, y, z) in zip(found, places.corners, strict=True):
        for seen, raw in zip(crop, image[:, x : x + CROP[0], y : y + CROP[1], z : z + CROP[2]], strict=True):
            brain = raw[raw != 0].double()
            expected = (raw - brain.mean()) / brain.std() if len(brain) else raw  # as published, air is moved, too
            torch.testing.assert_close(seen.double(), expected.double(), rtol=0, atol=1e-6)
    assert not of_crops(torch.full((1, 2, 3, 3, 3), 7.0)).any(), "no contrast"


@settings(max_examples=60, deadline=None)
@given(st.data(), arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(0, 3)))
def test_a_corner_is_accepted_by_its_share_of_the_labels(data: st.DataObject, labels: np.ndarray) -> None:
    crop = tuple(data.draw(st.integers(1, length)) for length in labels.shape)
    least = data.draw(st.sampled_from([0, 0.1, 0.25, 0.5, 1]))
    drawn = [max(1, length - side) for length, side in zip(labels.shape, crop, strict=True)]
    expected = np.zeros(drawn, bool)
    for corner in np.ndindex(*drawn):
        box = tuple(slice(first, first + side) for first, side in zip(corner, crop, strict=True))
        inside = (labels[box] > 0).sum()
        expected[corner] = inside > 0 and np.float32(inside) / np.float32((labels > 0).sum()) >= np.float32(least)
    if expected.any():
        assert np.array_equal(accepted_corners("one", labels, crop, least), expected)
    else:
        with pytest.raises(InputError, match=r"^one: expected places where a crop of"):
            accepted_corners("one", labels, crop, least)


def test_an_endless_search_and_a_crop_too_large_are_one_line() -> None:
    labels, empty = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    labels[3:17, 3:15, 3:11] = 1
    for crop, least, second, line in (
        ((4, 4, 4), 0.1, labels, r"^subject-1: .* a crop of 4 x 4 x 4 holds 10 % .*; none holds more than 4.8 %$"),
        ((4, 4, 4), 0, empty, r"^subject-2: .* holds a labelled voxel; none holds more than 0 %$"),
        ((21, 4, 4), 0, labels, r"^subject-1: .* fits into the volume 20 x 18 x 14, found 21 x 4 x 4$"),
    ):
        with pytest.raises(InputError, match=line):
            published_places([{"subject-1": labels}, {"subject-2": second}], crop, (1, 1), least, 0)


def test_a_volume_without_contrast_is_one_line() -> None:
    volume = np.zeros(SHAPE, np.int16)
    volume[0, 0, 0] = 9
    with pytest.raises(InputError, match="expected a volume with contrast, found 0 almost everywhere"):
        normalised(volume, "full_volume_mean")
    assert normalised(volume, "brain").count_nonzero() == 0


def test_what_divides_by_0_or_has_no_name_is_one_line() -> None:
    flat, below = np.zeros((2, *SHAPE), np.int16)
    flat[5:], below[5:] = 9, np.arange(SHAPE[2]) - 40
    for volume, name in ((flat, "mean"), (below, "max")):
        with pytest.raises(InputError, match=f"^subject-1: the normalisation {name} divides by 0 on this"):
            image_of([volume, volume], "subject-1", name)
    for name in PUBLISHED:
        if name != "max":
            assert normalised(below, name).isfinite().all()
    for name in ("full_volume_means", "", "CROP"):
        with pytest.raises(InputError, match=f"expected a normalisation of full_volume_mean, .*brain, found {name}$"):
            normalised(flat, name)
