"""Windows of three neighbouring slices as index arrays (N, 3): before, centre, after. Only the centre is segmented."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

CENTRE = 1


def list_windows(slices: ArrayLike) -> NDArray[np.int64]:
    """Windows of neighbours in a list of slices (n,), whatever scan they are from: (n - 2, 3), or none if n < 3.

    The first and the last slice of the list are never a centre.
    """
    rows = np.asarray(slices, dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(rows, 3).copy() if len(rows) > 2 else np.empty((0, 3), np.int64)


def scan_windows(depths: ArrayLike) -> NDArray[np.int64]:
    """Windows of neighbours inside their scan: (N, 3), each of the N slices is a centre once, in order.

    At the ends of a scan the centre stands in for the neighbour that is not there.

    Args:
        depths: numbers of slices of scans that are stored one after the other, N in all.
    """
    counts = np.asarray(depths, dtype=np.int64)
    ends = np.repeat(np.cumsum(counts), counts)
    starts = ends - np.repeat(counts, counts)
    centres = np.arange(counts.sum())
    return np.stack([np.maximum(centres - 1, starts), centres, np.minimum(centres + 1, ends - 1)], axis=1)
