"""Images that are there twice are found, whatever they were saved as, and nothing else is; and groups are joined."""

import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medfm.data import twins
from medfm.data.pictures import perceptual_hash, squared
from medfm.data.twins import TWIN_CORRELATION, TWIN_DISTANCE, joined_groups, near_pairs, twin_clusters
from medfm.phantom.findings_drawn import drawn

NEIGHBOURS = st.lists(
    st.sampled_from([0, 1, 3, 2**63, 2**63 + 1, 2**40, 0xFFFF, 2**64 - 1]) | st.integers(0, 2**64 - 1)
)


@settings(max_examples=60, deadline=None)
@given(NEIGHBOURS, st.sampled_from([0, 1, 4, 6, 9]))
def test_near_pairs_are_those_of_a_loop(numbers: list[int], distance: int) -> None:
    count = len(numbers)
    pairs = [
        (i, j) for i in range(count) for j in range(i + 1, count) if (numbers[i] ^ numbers[j]).bit_count() <= distance
    ]
    assert [tuple(pair) for pair in near_pairs(np.array(numbers, np.uint64), distance).tolist()] == pairs


def faces(images: list[np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Hashes and small copies of images."""
    return [perceptual_hash(image) for image in images], np.stack([squared(image, 32, 1).ravel() for image in images])


@pytest.mark.parametrize("task", ["chest", "colon", "endo"])
def test_copies_are_twins_and_other_images_of_the_kind_are_not(task: str) -> None:
    count = 19 if task == "chest" else 4 if task == "endo" else 1
    style = np.random.default_rng(1)
    images = [drawn(np.random.default_rng(seed), style, task, [0] * count, 96)[0] for seed in range(40)]
    picture = Image.fromarray(images[7].squeeze())
    small = picture.resize((70, 60), Image.Resampling.LANCZOS).point(lambda value: value * 0.9)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=50)
    with Image.open(stream) as pressed:
        copies = [np.atleast_3d(np.asarray(small)), np.atleast_3d(np.asarray(pressed))]
    clusters = twin_clusters(*faces([*images, *copies]))
    assert np.flatnonzero(clusters).tolist() == [7, 40, 41] and set(clusters[[7, 40, 41]]) == {1}


def plain_clusters(hashes: list[str], thumbnails: np.ndarray) -> list[int]:
    """The clusters by a comparison of all pairs in 64 bits."""
    clusters = [{number} for number in range(len(hashes))]
    shapes = thumbnails.astype(float) - thumbnails.mean(axis=1, keepdims=True)
    for i, first in enumerate(shapes):
        for j, second in enumerate(shapes[:i]):
            near = (int(hashes[i], 16) ^ int(hashes[j], 16)).bit_count() <= TWIN_DISTANCE
            if near and first @ second >= TWIN_CORRELATION * np.linalg.norm(first) * np.linalg.norm(second):
                together = clusters[i] | clusters[j]
                for number in together:
                    clusters[number] = together
    names: dict[int, int] = {}
    return [0 if len(each) == 1 else names.setdefault(min(each), len(names) + 1) for each in clusters]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([1, 3, 2048]))
def test_clusters_are_those_of_a_loop_over_all_pairs(seed: int, kinds: int, at_a_time: int) -> None:
    """Few kinds of hashes and of looks, with noise around the limits of both; exact copies; pieces of any size."""
    random = np.random.default_rng(seed)
    kind, look = random.integers(0, 2**64 - 1, kinds, np.uint64), random.integers(0, 200, (kinds, 64))
    hashes = kind[random.integers(kinds, size=40)]
    for _ in range(4):
        hashes = hashes ^ (np.uint64(1) << random.integers(0, 64, 40, np.uint64))
    noise = random.normal(size=(40, 64)) * random.choice([0, 5, 12, 40], (40, 1))
    thumbnails = np.clip(look[random.integers(kinds, size=40)] + noise, 0, 255).astype(np.uint8)
    hashes[:3], thumbnails[:3] = hashes[3], thumbnails[3]
    texts = [f"{number:016x}" for number in hashes.tolist()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twins, "COMPARED", at_a_time)
        assert twin_clusters(texts, thumbnails).tolist() == plain_clusters(texts, thumbnails)


def test_like_hashes_of_many_images_need_no_memory_for_all_pairs() -> None:
    """All hashes are near each other. As a list with both small copies of each pair, 18 GB would be compared."""
    count, random = 1500, np.random.default_rng(0)
    thumbnails = random.integers(0, 256, (count, 1024), np.uint8)
    thumbnails[1::50] = thumbnails[::50] ^ 1
    hashes = [f"{1 << place:016x}" for place in random.integers(0, 64, count).tolist()]
    tracemalloc.start()
    clusters = twin_clusters(hashes, thumbnails)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.flatnonzero(clusters).tolist() == sorted([*range(0, count, 50), *range(1, count, 50)])
    assert peak < 100 * 2**20


def test_images_without_contrast_are_twins_of_each_other_alone() -> None:
    images = [np.full((16, 16, 1), value, np.uint8) for value in (0, 90)]
    images += [np.zeros((16, 16, 1), np.uint8), np.random.default_rng(0).integers(0, 256, (16, 16, 1), np.uint8)]
    assert (twin_clusters(*faces(images)) > 0).tolist() == [True, True, True, False]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "x", "y"]), st.sampled_from(["", "1", "2"]))))
def test_groups_are_joined_as_long_as_any_two_rows_share_a_key(rows: list[tuple[str, str, str]]) -> None:
    groups = [{number} for number in range(len(rows))]
    for i, first in enumerate(rows):
        for j, second in enumerate(rows):
            if any(one == other != "" for one, other in zip(first, second, strict=True)):
                together = groups[i] | groups[j]
                for number in together:
                    groups[number] = together
    table = pd.DataFrame(rows, columns=["study", "id", "twin"], dtype=object)
    found = joined_groups(table["study"], table["id"], table["twin"])
    assert list(found) == [rows[min(group)][0] for group in groups]
