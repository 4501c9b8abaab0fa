"""Images that are there twice, found by their hashes without a comparison of all pairs, and groups joined by them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BITS = 64
# Hashes of two images of one kind may agree by chance, above all of X-rays. So two images count as one if their hashes
# differ by so many bits or fewer, and small copies of both are correlated so well.
TWIN_DISTANCE, TWIN_CORRELATION = 6, 0.98
COMPARED = 2048  # pairs of small copies at a time


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """All pairs (P, 2) of positions i < j whose hashes differ by at most so many bits, in order.

    Args:
        hashes: (N,) uint64.
        distance: from 0 to 31.
    """
    values, codes = np.unique(hashes, return_inverse=True)
    near = [np.zeros(0, np.int64)]
    for first, second in near_pieces(values, distance):
        near.append(np.minimum(first, second) * len(values) + np.maximum(first, second))
    keys = np.unique(np.concatenate(near))
    of_values = np.stack([keys // max(len(values), 1), keys % max(len(values), 1)], axis=1)
    return _expanded(of_values, codes, len(values))


def near_pieces(hashes: np.ndarray, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same pairs in pieces of at most N, as the positions of both, each pair once.

    Two hashes that differ by `distance` bits or fewer agree in at least one of `distance + 1` bands of bits. So only
    hashes that agree in a band are compared (pigeonhole principle).
    """
    before: list[np.uint64] = []
    for low, high in pairwise(np.linspace(0, BITS, distance + 2).astype(int).tolist()):
        band = np.uint64(((1 << (high - low)) - 1) << low)
        for first, second in _equal_pairs(hashes & band):
            differing = hashes[first] ^ hashes[second]
            close = np.bitwise_count(differing) <= distance
            for earlier in before:  # pairs that agree in an earlier band have come there
                close &= (differing & earlier) != 0
            yield first[close], second[close]
        before.append(band)


def twin_clusters(hashes: Sequence[str], thumbnails: np.ndarray) -> np.ndarray:
    """The number of each image's cluster of twins, from 1 on; 0 if it has no twin.

    No list of all pairs is made, because images of one kind may all have similar hashes: pairs are compared in pieces,
    and those that are in one cluster already are not.

    Args:
        hashes: perceptual hashes of N images, 16 hexadecimal digits each.
        thumbnails: (N, P) uint8, small copies of the images.
    """
    numbers = np.array([int(text, 16) for text in hashes], np.uint64)
    looks = np.concatenate([numbers.view(np.uint8).reshape(-1, 8), thumbnails], axis=1)
    _, first, codes = np.unique(looks, axis=0, return_index=True, return_inverse=True)  # exact copies are one
    shapes, of_looks = _shapes(thumbnails[first]), np.arange(len(first))
    for piece in near_pieces(numbers[first], TWIN_DISTANCE):
        pairs = np.stack(piece, axis=1)
        pairs = pairs[of_looks[pairs[:, 0]] != of_looks[pairs[:, 1]]]
        for start in range(0, len(pairs), COMPARED):
            part = pairs[start : start + COMPARED]
            alike = np.einsum("ij,ij->i", shapes[part[:, 0]], shapes[part[:, 1]]) >= TWIN_CORRELATION
            if alike.any():
                of_looks = _components(len(first), of_looks[part[alike]])[of_looks]
    labels = of_looks[codes.reshape(-1)]
    shared = np.bincount(labels, minlength=1)[labels] > 1
    clusters = np.zeros(len(labels), int)
    clusters[shared] = pd.factorize(labels[shared])[0] + 1
    return clusters


def joined_groups(*keys: pd.Series) -> pd.Series:
    """What must stay together: rows that share a value of any of the keys, by the first key of their first row.

    Empty values of a key join nothing.
    """
    first = keys[0]
    pairs = [np.zeros((0, 2), np.int64)]
    for key in keys:
        named = np.flatnonzero((key != "").to_numpy())
        values = key.iloc[named]
        leaders = named[values.groupby(values, sort=False).transform("cumcount").to_numpy() == 0]
        lead = pd.Series(leaders, index=values.iloc[np.searchsorted(named, leaders)].to_numpy())
        pairs.append(np.stack([named, lead.loc[values].to_numpy()], axis=1))
    labels = _components(len(first), np.concatenate(pairs))
    return first.groupby(labels).transform("first")


def _shapes(thumbnails: np.ndarray) -> np.ndarray:
    """Thumbnails (N, P) as float32 of mean 0 and length 1, so that the product of two is their correlation."""
    shapes = thumbnails.astype(np.float32)
    shapes -= shapes.mean(axis=1, keepdims=True)
    shapes[np.ptp(thumbnails, axis=1) == 0] = 1  # without contrast: like others without, and unlike all else
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    return shapes


def _components(count: int, pairs: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def _equal_pairs(band: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of positions with an equal value, in pieces."""
    order = np.argsort(band, kind="stable")
    ordered = band[order]
    at = np.arange(len(band))
    step = 1
    while len(at):
        at = at[at + step < len(band)]
        at = at[ordered[at] == ordered[at + step]]
        yield order[at], order[at + step]
        step += 1


def _expanded(pairs: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Pairs of different values, and of equal ones, as pairs of positions in order."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes, minlength=count)
    starts = np.cumsum(sizes) - sizes
    same = np.flatnonzero(sizes > 1)
    pairs = np.concatenate([pairs, np.stack([same, same], axis=1)])
    repeats = sizes[pairs[:, 0]] * sizes[pairs[:, 1]]
    which = np.repeat(np.arange(len(pairs)), repeats)
    within = np.arange(len(which)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    one, other = pairs[which, 0], pairs[which, 1]
    first = order[starts[one] + within // sizes[other]]
    second = order[starts[other] + within % sizes[other]]
    kept = (one != other) | (first < second)
    found = np.sort(np.stack([first[kept], second[kept]], axis=1), axis=1)
    return found[np.lexsort((found[:, 1], found[:, 0]))]
