"""Sample order and augmentation as functions of (seed, epoch, sample), so that resuming changes nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def batches(count: int, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """Shuffled indices of an epoch's samples in full batches; samples that do not fill a batch are left out.

    If there are fewer samples than `batch_size`, all of them are one batch.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    size = min(batch_size, count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def steps_in_all(settings: Mapping[str, Any], samples: int) -> int:
    """The number of batches of a whole training, by the recipe's `epochs` and `batch_size`."""
    return settings["epochs"] * max(1, samples // settings["batch_size"])


def uniform(seed: int, epoch: int, samples: np.ndarray, stream: int | np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each sample (int array of any shape); it does not depend on batch and process.

    Each use has its own `stream`, or an array of streams that samples broadcast with. The mixing is
    SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    """
    with np.errstate(over="ignore"):
        state = np.zeros(np.shape(samples), np.uint64)
        for word in (seed, epoch, stream, samples):
            state = _mix(state + np.asarray(word).astype(np.uint64) + _GOLDEN)
    return (state >> np.uint64(11)) * 2.0**-53


def integers(seed: int, epoch: int, samples: np.ndarray, stream: int, below: np.ndarray | int) -> np.ndarray:
    """A whole number in [0, below) for each sample; `below` is one bound, or one bound per sample."""
    return np.floor(uniform(seed, epoch, samples, stream) * below).astype(np.int64)


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
