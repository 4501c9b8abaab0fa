"""How fast images that are there twice are found by their hashes, against a comparison of all pairs."""

import numpy as np
from rows import Row, faster

from medfm.data.published_counts import IMAGES
from medfm.data.twins import BITS, TWIN_DISTANCE, near_pairs

OTHER_SETS = 2235 + 1392  # images of the data set that the three tasks do not take
LIKENESSES, FLIPPED = 200, 12  # each hash is one of so many, with bits flipped
TWIN_EVERY, LOOPED = 20, 1500  # every twentieth hash is a copy of the one before; hashes that the loop compares


def twins_row() -> Row:
    """A row of pairs a second, among as many hashes as the whole data set has; both ways find the same pairs."""
    random = np.random.default_rng(0)
    count = sum(sum(parts.values()) for parts in IMAGES.values()) + OTHER_SETS
    hashes = random.integers(0, 2**BITS, LIKENESSES, np.uint64)[random.integers(LIKENESSES, size=count)]
    for _ in range(FLIPPED):
        hashes ^= np.uint64(1) << random.integers(0, BITS, count, np.uint64)
    copies = hashes[1::TWIN_EVERY]
    copies[:] = hashes[::TWIN_EVERY][: len(copies)] ^ np.uint64(5)
    looped = [int(number) for number in hashes[:LOOPED]]
    if near_pairs(hashes[:LOOPED], TWIN_DISTANCE).tolist() != compared(looped):
        raise ValueError("both ways should find the same pairs")

    def ours() -> int:
        near_pairs(hashes, TWIN_DISTANCE)
        return count * (count - 1) // 2

    def loop() -> int:
        compared(looped)
        return LOOPED * (LOOPED - 1) // 2

    name = f"pairs of hashes a second, {count:,} images, {TWIN_DISTANCE} bits or fewer; a loop over all pairs"
    return faster(name, ours, loop, 50)


def compared(hashes: list[int]) -> list[list[int]]:
    """All pairs that differ by few bits, by a loop over all pairs."""
    numbers = range(len(hashes))
    return [[i, j] for i in numbers for j in numbers[i + 1 :] if (hashes[i] ^ hashes[j]).bit_count() <= TWIN_DISTANCE]
