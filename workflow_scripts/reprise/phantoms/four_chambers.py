"""The anatomy of an apical four-chamber view about a left ventricle of known shape.

The view is a list of shapes, painted in order, whose points move along straight lines with the activation of
the ventricle and with the opening of the valves. Lengths are in px; positions of the other chambers are given
along the long axis of the left ventricle (from its apex) and across it (positive towards the lateral wall,
which lies to the right of the image).
"""

from typing import NamedTuple

import cv2
import numpy as np

from reprise.phantoms.left_ventricle import LEVELS, Ventricle, half_widths, normal, walls

LABELS = (
    "backdrop", "lung", "pericardium", "atrial_wall", "right_wall", "septum", "lateral_wall", "apical_wall",
    "right_blood", "atrial_blood", "left_blood", "trabecula", "cord", "valve", "annulus",
)  # fmt: skip
_DRAWN = np.array([0, 1, 3, 6, 10, 15, 22, 30, 40, 52, 66, 80, 95, 110, 125, 140, 155, 170, 185, 200])
_FRACTION_BITS = 4  # of a pixel, in OpenCV's drawing


class Anatomy(NamedTuple):
    """Sizes of what surrounds the left ventricle, as fractions of its length unless said otherwise."""

    septum: float
    lateral: float
    cap: float
    thickening: float  # growth of the walls at activation 1
    right_apex: float  # level along the septum where the right ventricle begins
    right_width: float
    right_wall: float
    right_shortening: float  # of the tricuspid plane, relative to the mitral plane's
    right_squeeze: float  # share of the right ventricle's width lost at activation 1
    left_atrium: float
    right_atrium: float
    atrial_septum: float
    pericardium: float
    valve: float  # thickness of a leaflet
    meeting: float  # how far beyond the ring, towards the atrium, the closed leaflets meet
    leaflet_lift: float  # share of a leaflet's length that points into the ventricle when open
    muscles: np.ndarray  # (M, 4) level, side (-1 septal, 1 lateral), depth into the cavity, radius
    specks: np.ndarray  # (K, 4) bright spots on the wall, likewise
    aorta: float  # radius of the descending aorta; 0 if it is not in view


class Shape(NamedTuple):
    """One structure: `thickness` 0 for a filled outline; each array is (P, 2)."""

    label: int
    thickness: float
    points: np.ndarray  # at end-diastole, valves closed
    contracting: np.ndarray  # displacement at activation 1
    opening: np.ndarray  # displacement at valve opening 1


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """A random surrounding."""
    muscles = np.column_stack(
        [rng.uniform(0.35, 0.75, 3), rng.choice([-1, 1, 1], 3), rng.uniform(0, 0.05, 3), rng.uniform(0.02, 0.06, 3)]
    )
    specks = np.column_stack(
        [rng.uniform(0.02, 0.9, 14), rng.choice([-1, 1], 14), rng.uniform(-0.05, 0.02, 14), rng.uniform(0.008, 0.02, 14)]
    )
    return Anatomy(
        septum=rng.uniform(0.1, 0.18),
        lateral=rng.uniform(0.1, 0.22),
        cap=rng.uniform(0.06, 0.14),
        thickening=rng.uniform(0.15, 0.6),
        right_apex=rng.uniform(0.15, 0.4),
        right_width=rng.uniform(0.28, 0.52),
        right_wall=rng.uniform(0.03, 0.08),
        right_shortening=rng.uniform(0.8, 1.5),
        right_squeeze=rng.uniform(0.1, 0.35),
        left_atrium=rng.uniform(0.35, 0.6),
        right_atrium=rng.uniform(0.3, 0.55),
        atrial_septum=rng.uniform(0.03, 0.09),
        pericardium=rng.uniform(0.03, 0.1),
        valve=rng.uniform(0.02, 0.04),
        meeting=rng.uniform(-0.08, 0.03),
        leaflet_lift=rng.uniform(0.6, 1.0),
        muscles=muscles[: rng.integers(0, 4)],
        specks=specks[: rng.integers(0, 15)],
        aorta=max(0.0, rng.uniform(-0.1, 0.13)),
    )


def draw_shapes(ventricle: Ventricle, anatomy: Anatomy) -> list[Shape]:
    """All structures in the order in which they are painted."""
    still = _structures(ventricle, anatomy, 0.0, 0.0)
    contracted = _structures(ventricle, anatomy, 1.0, 0.0)
    opened = _structures(ventricle, anatomy, 0.0, 1.0)
    return [
        Shape(LABELS.index(label), thickness, points, moved - points, open_points - points)
        for (label, thickness, points), (_, _, moved), (_, _, open_points) in zip(still, contracted, opened, strict=True)
    ]


def paint(labels: np.ndarray, shapes: list[Shape], outlines: list[np.ndarray], px: float) -> None:
    """Paint the shapes into `labels` (uint8); `outlines` are (P, 2) in its pixels, `px` its pixels per px."""
    for shape, outline in zip(shapes, outlines, strict=True):
        fixed = np.rint(outline * (1 << _FRACTION_BITS)).astype(np.int32)[None]
        if shape.thickness == 0:
            cv2.fillPoly(labels, fixed, shape.label, shift=_FRACTION_BITS)
        else:
            thickness = max(1, round(shape.thickness * px))
            cv2.polylines(labels, fixed, False, shape.label, thickness, shift=_FRACTION_BITS)


def _structures(
    ventricle: Ventricle, anatomy: Anatomy, activation: float, opening: float
) -> list[tuple[str, float, np.ndarray]]:
    """Label, thickness and points of every structure at one moment."""
    septal, lateral = (wall[_DRAWN] for wall in walls(ventricle, activation))
    septal_outer, lateral_outer = _outer_walls(ventricle, anatomy, septal, lateral, activation)
    return [
        *_surroundings(ventricle, anatomy, lateral_outer, activation),
        *_right_heart(ventricle, anatomy, septal_outer, activation, opening),
        ("apical_wall", 0, np.vstack([septal_outer[::-1], lateral_outer])),
        ("septum", 0, np.vstack([septal_outer[5:], septal[:4:-1]])),
        ("lateral_wall", 0, np.vstack([lateral_outer[5:], lateral[:4:-1]])),
        ("left_blood", 0, np.vstack([septal[::-1], lateral])),
        *_trabeculae(ventricle, anatomy, _meeting(ventricle, anatomy, septal[-1], lateral[-1]), activation),
        *_mitral_valve(ventricle, anatomy, septal[-1], lateral[-1], opening),
    ]


def _outer_walls(
    ventricle: Ventricle, anatomy: Anatomy, septal: np.ndarray, lateral: np.ndarray, activation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Outer borders of the septum and of the lateral wall, (20, 2) each."""
    outline = np.vstack([septal[:0:-1], lateral])
    tangent = np.gradient(outline, axis=0)
    outward = np.column_stack([tangent[:, 1], -tangent[:, 0]]) / np.linalg.norm(tangent, axis=1, keepdims=True)
    rise = np.clip(LEVELS[_DRAWN] / 0.35, 0, 1)
    septum, wall = (anatomy.cap + (side - anatomy.cap) * rise for side in (anatomy.septum, anatomy.lateral))
    thickness = np.concatenate([septum[:0:-1], wall]) * ventricle.length * (1 + anatomy.thickening * activation)
    outer = outline + outward * thickness[:, None]
    middle = len(_DRAWN) - 1
    return outer[middle::-1], outer[middle:]


def _place(ventricle: Ventricle, along: np.ndarray | float, across: np.ndarray | float) -> np.ndarray:
    """(..., 2) x, y of positions along and across the long axis."""
    along, across = np.broadcast_arrays(along, across)
    return ventricle.apex + along[..., None] * ventricle.axis + across[..., None] * normal(ventricle)


def _base(ventricle: Ventricle, activation: float) -> float:
    """Length of the long axis."""
    return ventricle.length * (1 - ventricle.shortening * activation)


def _annulus(ventricle: Ventricle, activation: float) -> tuple[float, float]:
    septal, lateral = half_widths(ventricle, np.array(activation))
    return float(septal[-1]), float(lateral[-1])


def _pouch(start: np.ndarray, end: np.ndarray, deepest: np.ndarray, bulge: float) -> np.ndarray:
    """(14, 2): a rounded bag that hangs between two points and reaches down to a third."""
    turn = np.linspace(0, np.pi, 14)[:, None]
    middle = (start + end) / 2
    sideways = -np.cos(turn) * (1 + bulge * np.sin(turn) ** 2)
    return middle + sideways * (end - start) / 2 + np.sin(turn) ** 0.8 * (deepest - middle)


def _surroundings(
    ventricle: Ventricle, anatomy: Anatomy, lateral_outer: np.ndarray, activation: float
) -> list[tuple[str, float, np.ndarray]]:
    """Lung and pericardium beside the lateral wall, left atrium and descending aorta below the valve."""
    size, base = ventricle.length, _base(ventricle, activation)
    septal, lateral = _annulus(ventricle, activation)
    floor = size * (1 + anatomy.left_atrium)
    atrium = _pouch(
        _place(ventricle, base, -septal),
        _place(ventricle, base, lateral),
        _place(ventricle, floor, 0.1 * size * anatomy.left_atrium),
        0.4,
    )
    beside = lateral_outer[4:] + normal(ventricle) * anatomy.pericardium * size / 2
    lung = np.vstack([beside, atrium[:7:-1], _place(ventricle, np.array([2.2, 2.2, 0.0]) * size, np.array([0.1, 2, 2]) * size)])
    turn = np.linspace(0, 2 * np.pi, 12)
    aorta = _place(ventricle, floor + size * (0.12 + anatomy.aorta * np.cos(turn)), size * (0.25 + anatomy.aorta * np.sin(turn)))
    return [
        ("lung", 0, lung),
        ("pericardium", anatomy.pericardium * size, np.vstack([beside, atrium[:9:-1]])),
        ("atrial_wall", 0.05 * size, atrium),
        ("atrial_wall", 0.04 * size, aorta),
        ("atrial_blood", 0, aorta),
        ("atrial_blood", 0, atrium),
    ]


def _right_heart(
    ventricle: Ventricle, anatomy: Anatomy, septal_outer: np.ndarray, activation: float, opening: float
) -> list[tuple[str, float, np.ndarray]]:
    """Right ventricle and atrium, the tricuspid valve and the septum between the atria."""
    size, base = ventricle.length, _base(ventricle, activation)
    septal, _ = _annulus(ventricle, activation)
    seam = septal_outer[LEVELS[_DRAWN] >= anatomy.right_apex]
    crux = seam[-1]
    width = anatomy.right_width * size * (1 - anatomy.right_squeeze * activation)
    ring = crux - width * normal(ventricle) - anatomy.right_shortening * (ventricle.length - base) * ventricle.axis * 0.3
    climb = np.linspace(0, 1, 12)[:, None]
    free = seam[0] + climb * (ring - seam[0]) - np.sin(np.pi * climb**0.8) * width * 0.3 * normal(ventricle)
    floor = _place(ventricle, size * (1 + anatomy.right_atrium), -septal - 0.6 * anatomy.right_width * size)
    atrium = _pouch(crux, ring, floor, 0.3)
    hinge = (crux + ring) / 2 - 0.1 * width * (1 - opening) * ventricle.axis
    lift = opening * 0.3 * width * ventricle.axis
    return [
        ("right_wall", anatomy.right_wall * size * 2, free),
        ("atrial_wall", 0.05 * size, atrium),
        ("right_blood", 0, np.vstack([seam[::-1], free])),
        ("atrial_blood", 0, atrium),
        ("valve", anatomy.valve * size, np.vstack([crux, hinge - 0.5 * opening * (hinge - crux) - lift])),
        ("valve", anatomy.valve * size, np.vstack([ring, hinge - 0.5 * opening * (hinge - ring) - lift])),
        ("atrial_wall", anatomy.atrial_septum * size, np.vstack([crux, _place(ventricle, size * 1.4, -septal)])),
    ]


def _trabeculae(
    ventricle: Ventricle, anatomy: Anatomy, meeting: np.ndarray, activation: float
) -> list[tuple[str, float, np.ndarray]]:
    """Papillary muscles, their cords to where the leaflets meet, and bright specks, all riding on the walls."""
    size, base = ventricle.length, _base(ventricle, activation)
    shrink = 1 - 0.3 * activation
    turn = np.linspace(0, 2 * np.pi, 9)
    sides = dict(zip((-1, 1), half_widths(ventricle, np.array(activation)), strict=True))
    found = []
    for label, blobs, stretch in (("trabecula", anatomy.muscles, 2.0), ("annulus", anatomy.specks, 1.0)):
        for level, side, depth, radius in blobs:
            along = level * base + stretch * radius * shrink * size * np.cos(turn)
            half = np.interp(level, LEVELS, sides[int(side)]) - depth * size
            found.append((label, 0, _place(ventricle, along, side * (half + radius * size * np.sin(turn)))))
            if label == "trabecula":
                tip = _place(ventricle, level * base + stretch * radius * size, side * half)
                found.append(("cord", 0.01 * size, np.vstack([tip, meeting])))
    return found


def _meeting(ventricle: Ventricle, anatomy: Anatomy, septal: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """Where the closed leaflets of the mitral valve meet."""
    return septal + 0.6 * (lateral - septal) + anatomy.meeting * ventricle.length * ventricle.axis


def _mitral_valve(
    ventricle: Ventricle, anatomy: Anatomy, septal: np.ndarray, lateral: np.ndarray, opening: float
) -> list[tuple[str, float, np.ndarray]]:
    """Two leaflets, and the bright ring that they hang on."""
    size = ventricle.length
    ring = np.linalg.norm(lateral - septal)
    meeting = _meeting(ventricle, anatomy, septal, lateral)
    turn = np.linspace(0, 2 * np.pi, 8)
    disc = 0.025 * size * np.column_stack([np.cos(turn), np.sin(turn)])
    leaflets = []
    for hinge, length in ((septal, 0.6 * ring), (lateral, 0.4 * ring)):
        along = (meeting - hinge) / np.linalg.norm(meeting - hinge)
        lifted = -anatomy.leaflet_lift * ventricle.axis + 0.3 * along
        tip = meeting + opening * (hinge + length * lifted / np.linalg.norm(lifted) - meeting)
        belly = (hinge + tip) / 2 + 0.03 * size * ventricle.axis * (1 - opening)
        leaflets.append(("valve", anatomy.valve * size, np.vstack([hinge, belly, tip])))
    return [*leaflets, ("annulus", 0, septal + disc), ("annulus", 0, lateral + disc)]
