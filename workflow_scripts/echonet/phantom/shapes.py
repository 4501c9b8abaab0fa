"""Labelled shapes that move along straight lines, and their painting onto the polar grid of a sector."""

from typing import NamedTuple

import cv2
import numpy as np

from echonet.phantom.ultrasound import BEAMS, SAMPLES, Sector, to_polar

_FRACTION_BITS = 4  # of a pixel, in OpenCV's drawing


class Shape(NamedTuple):
    """One structure in px of the frame, x to the right and y down; each array is (P, 2)."""

    label: int
    thickness: float  # of a line; 0 for a filled outline
    points: np.ndarray  # at end-diastole, valves closed
    contracting: np.ndarray  # displacement at activation 1
    opening: np.ndarray  # displacement at valve opening 1


def stacked(shapes: list[Shape]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of all shapes, one after the other, and their displacements by contraction and by opening; (P, 2) each."""
    points, contracting, opening = zip(*(shape[2:] for shape in shapes), strict=True)
    return np.concatenate(points), np.concatenate(contracting), np.concatenate(opening)


def painted(sector: Sector, shapes: list[Shape], points: np.ndarray) -> np.ndarray:
    """Labels on the polar grid, uint8 (SAMPLES, BEAMS); each shape covers those before it.

    Args:
        points: (P, 2) current positions of the points of all shapes, in the order of `stacked`.
    """
    labels = np.zeros((SAMPLES, BEAMS), np.uint8)
    fixed = np.rint(to_polar(sector, points) * (1 << _FRACTION_BITS)).astype(np.int32)[None]
    first = 0
    for shape in shapes:
        outline = fixed[:, first : first + len(shape.points)]
        first += len(shape.points)
        if shape.thickness == 0:
            cv2.fillPoly(labels, outline, shape.label, shift=_FRACTION_BITS)
        else:
            thickness = max(1, round(shape.thickness * SAMPLES / sector.depth))
            cv2.polylines(labels, outline, False, shape.label, thickness, shift=_FRACTION_BITS)
    return labels
