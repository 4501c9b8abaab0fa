"""The phantom of infants' brains: in the form of the release, with its volumes, and hard to segment."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from iseg.data.raw_subjects import check_dataset
from iseg.phantom.infant_brain import VOLUMES_ML, acquire, draw_labels
from iseg.phantom.phantom_subjects import write_phantom
from iseg_dataset import TESTING, TRAINING
from reprise.data.phantom_voxels import Grid, make_grid
from reprise.step.errors import InputError

SMALL, FULL = (40, 48, 56), (144, 192, 256)
MEDIAN_ML = np.array([178, 376, 242])  # CSF, grey and white matter of the released subjects
SHARES = np.array([0.87, 0.03, 0.06, 0.04])  # of the voxels of a released volume, air first


def grid(shape: tuple[int, int, int]) -> Grid:
    return make_grid(shape, [FULL[0] / shape[0]] * 3)


def brain(number: int, shape: tuple[int, int, int] = SMALL, seed: int = 0) -> np.ndarray:
    return draw_labels(np.random.default_rng([seed, number]), grid(shape))


def volumes_ml(labels: np.ndarray) -> np.ndarray:
    """Volumes of air and the three tissues."""
    return np.bincount(labels.ravel(), minlength=4) * (FULL[0] / labels.shape[0]) ** 3 / 1000


def faces(mask: np.ndarray) -> int:
    """Number of faces between voxels inside and outside."""
    return sum(int(np.count_nonzero(np.diff(mask.astype(np.int8), axis=axis))) for axis in range(3))


@pytest.mark.parametrize("shape", [SMALL, FULL])
def test_volumes_are_those_of_the_release(shape: tuple[int, int, int]) -> None:
    volumes = np.array([volumes_ml(brain(number, shape)) for number in range(1, 24)])[:, 1:]
    assert np.allclose(volumes, [*VOLUMES_ML.values()], rtol=0.13), "each has the size and the shares that it may have"
    assert np.allclose(volumes, MEDIAN_ML, rtol=0.23), "each beside the median of the release"
    median = np.median(volumes, axis=0)
    assert np.allclose(median, MEDIAN_ML, rtol=0.1)
    assert np.allclose(median / (np.prod(FULL) / 1000), SHARES[1:], rtol=0.1)
    spread = volumes.std(axis=0) / volumes.mean(axis=0)
    assert (spread > 0.03).all() and (spread < 0.1).all()  # subjects differ, else there is nothing to agree on


def test_a_brain_on_the_full_grid() -> None:
    labels = brain(13, FULL)
    assert np.allclose(np.bincount(labels.ravel()) / labels.size, SHARES, rtol=0.1)
    white, whole = labels == 3, labels > 0
    for mask, times in ((white, 2.5), (white | (labels == 2), 2.5), (whole, 0.9)):
        sphere = 1.5 * 4.836 * np.count_nonzero(mask) ** (2 / 3)  # faces of voxels, 1.5 times the area
        assert times < faces(mask) / sphere < 2 * times  # both surfaces of the cortex are folded, the whole is not
    edge = np.ones(FULL, bool)
    edge[1:-1, 1:-1, 1:-1] = False
    assert not whole[edge].any()


def test_grey_and_white_matter_are_nearly_equally_bright() -> None:
    labels, rng = brain(13), np.random.default_rng(1)
    for modality, brighter in (("T1", (1, 2, 3)), ("T2", (3, 2, 1))):
        image = acquire(rng, labels, grid(SMALL), modality)
        assert image.dtype == np.int16 and np.array_equal(image > 0, labels > 0)
        means, spreads = zip(*((image[labels == k].mean(), image[labels == k].std()) for k in brighter), strict=True)
        assert list(means) == sorted(means)
        apart = abs(image[labels == 2].mean() - image[labels == 3].mean()) / np.mean(spreads)
        assert 0.5 < apart < 2


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "raw"
    write_phantom(folder, 3, 2, SMALL, 0, processes=1)
    return folder


def test_files_are_those_of_the_release(phantom: Path) -> None:
    names = sorted(path.relative_to(phantom).as_posix() for path in phantom.rglob("*.*"))
    contents = {number: ("T1", "T2", "label") if number < 4 else ("T1", "T2") for number in range(1, 6)}
    assert names == sorted(
        f"{TRAINING if number < 4 else TESTING}/subject-{number}-{content}.{half}"
        for number, found in contents.items()
        for content in found
        for half in ("hdr", "img")
    )
    orders = set()
    for name in names:
        if name.endswith(".img"):
            image = nibabel.load(phantom / name)
            assert image.shape == (*SMALL, 1) and type(image) is nibabel.Spm2AnalyzeImage
            assert image.get_data_dtype().newbyteorder("=") == (np.uint8 if "label" in name else np.int16)
            orders.add(image.header.endianness)
    assert orders == {"<", ">"}
    assert set(np.unique(image_of(phantom, 2, "label"))) == {0, 10, 150, 250}
    checked = check_dataset(phantom)
    assert list(checked.cases["labelled"]) == [1, 1, 1, 0, 0] and len(checked.findings) == 1


def image_of(folder: Path, number: int, content: str) -> np.ndarray:
    return np.asanyarray(nibabel.load(next(folder.rglob(f"subject-{number}-{content}.img"))).dataobj)


def test_a_subject_depends_on_the_seed_and_its_number_only(phantom: Path, tmp_path: Path) -> None:
    for name, labelled, seed in (("more", 4, 0), ("other", 3, 1)):
        write_phantom(tmp_path / name, labelled, 0, SMALL, seed, processes=1)
    for number, content in ((2, "T2"), (3, "label"), (4, "T1")):
        assert np.array_equal(image_of(phantom, number, content), image_of(tmp_path / "more", number, content))
    assert not np.array_equal(image_of(phantom, 2, "label"), image_of(tmp_path / "other", 2, "label"))


def test_a_grid_too_small_for_a_brain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="expected a grid of 120x152x114 mm or more, 144 mm wide; found 144x144x144 mm"
    ):
        write_phantom(tmp_path / "raw", 3, 0, (40, 40, 40), 0, processes=1)
    assert not any(tmp_path.iterdir())
