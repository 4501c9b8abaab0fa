"""The anatomy of an apical four-chamber view around a left ventricle of known shape.

The other structures are placed along the long axis of the left ventricle (from its apex) and across it (positive
towards the lateral wall, on the right of the image). A structure is its label, its thickness (0 for a filled outline)
and its points (P, 2) in px, at one moment of the beat.
"""

from typing import NamedTuple

import numpy as np

from echonet.phantom.left_ventricle import LEVELS, Ventricle, half_widths, normal, walls
from echonet.phantom.shapes import Shape

LABELS = (
    "backdrop", "lung", "pericardium", "atrial_wall", "right_wall", "septum", "lateral_wall", "apical_wall",
    "right_blood", "atrial_blood", "left_blood", "trabecula", "cord", "valve", "annulus",
)  # fmt: skip
_DRAWN = np.array([0, 1, 3, 6, 10, 15, 22, 30, 40, 52, 66, 80, 95, 110, 125, 140, 155, 170, 185, 200])  # of LEVELS

Structures = list[tuple[str, float, np.ndarray]]


class Anatomy(NamedTuple):
    """What surrounds the left ventricle; sizes are fractions of its length unless stated otherwise."""

    septum: float
    lateral: float
    cap: float  # wall at the apex
    thickening: float  # growth of the walls at activation 1
    right_apex: float  # level along the septum where the right ventricle begins
    right_width: float
    right_wall: float
    right_shortening: float  # of the tricuspid ring, relative to the mitral ring's
    right_squeeze: float  # fraction of the right ventricle's width lost at activation 1
    left_atrium: float
    right_atrium: float
    atrial_septum: float
    pericardium: float
    valve: float  # thickness of a leaflet
    meeting: float  # how far beyond the ring, towards the atrium, the closed leaflets meet
    leaflet_lift: float  # how steeply an open leaflet points into the ventricle
    muscles: np.ndarray  # (M, 4) level, side (-1 septal, 1 lateral), depth into the cavity, radius
    specks: np.ndarray  # (K, 4) bright spots on the wall, with the same columns
    aorta: float  # radius of the descending aorta; 0 if it is not in view


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Random surroundings."""
    low, high = [0.35, -1, 0, 0.02], [0.75, 1, 0.05, 0.06]
    muscles = rng.uniform(low, high, (rng.integers(0, 4), 4))
    muscles[:, 1] = np.where(muscles[:, 1] > -0.3, 1, -1)  # mostly lateral
    specks = rng.uniform([0.02, -1, -0.05, 0.008], [0.9, 1, 0.02, 0.02], (rng.integers(0, 15), 4))
    specks[:, 1] = np.where(specks[:, 1] > 0, 1, -1)
    return Anatomy(
        septum=rng.uniform(0.1, 0.18),
        lateral=rng.uniform(0.1, 0.22),
        cap=rng.uniform(0.06, 0.14),
        thickening=rng.uniform(0.15, 0.6),
        right_apex=rng.uniform(0.15, 0.4),
        right_width=rng.uniform(0.28, 0.52),
        right_wall=rng.uniform(0.06, 0.16),
        right_shortening=rng.uniform(0.8, 1.5),
        right_squeeze=rng.uniform(0.1, 0.35),
        left_atrium=rng.uniform(0.35, 0.6),
        right_atrium=rng.uniform(0.3, 0.55),
        atrial_septum=rng.uniform(0.03, 0.09),
        pericardium=rng.uniform(0.03, 0.1),
        valve=rng.uniform(0.02, 0.04),
        meeting=rng.uniform(-0.08, 0.03),
        leaflet_lift=rng.uniform(0.6, 1.0),
        muscles=muscles,
        specks=specks,
        aorta=max(0.0, rng.uniform(-0.1, 0.13)),
    )


def draw_shapes(ventricle: Ventricle, anatomy: Anatomy) -> list[Shape]:
    """All structures in the order in which they are painted."""
    moments = [_structures(ventricle, anatomy, *moment) for moment in ((0, 0), (1, 0), (0, 1))]
    return [
        Shape(LABELS.index(label), thickness, points, contracted - points, opened - points)
        for (label, thickness, points), (_, _, contracted), (_, _, opened) in zip(*moments, strict=True)
    ]


def _structures(ventricle: Ventricle, anatomy: Anatomy, activation: float, opening: float) -> Structures:
    """Every structure at one moment."""
    septal, lateral = (wall[_DRAWN] for wall in walls(ventricle, activation))
    septal_outer, lateral_outer = _outer_walls(ventricle, anatomy, septal, lateral, activation)
    meeting = septal[-1] + 0.6 * (lateral[-1] - septal[-1]) + anatomy.meeting * ventricle.length * ventricle.axis
    return [
        *_surroundings(ventricle, anatomy, septal[-1], lateral[-1], lateral_outer),
        *_right_heart(ventricle, anatomy, septal_outer, activation, opening),
        ("apical_wall", 0, np.vstack([septal_outer[::-1], lateral_outer])),
        ("septum", 0, np.vstack([septal_outer[5:], septal[:4:-1]])),
        ("lateral_wall", 0, np.vstack([lateral_outer[5:], lateral[:4:-1]])),
        ("left_blood", 0, np.vstack([septal[::-1], lateral])),
        *_trabeculae(ventricle, anatomy, meeting, activation),
        *_mitral_valve(ventricle, anatomy, septal[-1], lateral[-1], meeting, opening),
    ]


def _outer_walls(
    ventricle: Ventricle, anatomy: Anatomy, septal: np.ndarray, lateral: np.ndarray, activation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Outer borders of the septum and of the lateral wall, (20, 2) each, from the apex."""
    outline = np.vstack([septal[:0:-1], lateral])
    tangent = np.gradient(outline, axis=0)
    outward = np.column_stack([tangent[:, 1], -tangent[:, 0]]) / np.linalg.norm(tangent, axis=1, keepdims=True)
    rise = np.clip(LEVELS[_DRAWN] / 0.35, 0, 1)
    septum, wall = (anatomy.cap + (side - anatomy.cap) * rise for side in (anatomy.septum, anatomy.lateral))
    thickness = np.concatenate([septum[:0:-1], wall]) * ventricle.length * (1 + anatomy.thickening * activation)
    outer = outline + outward * thickness[:, None]
    apex = len(_DRAWN) - 1
    return outer[apex::-1], outer[apex:]


def _place(ventricle: Ventricle, along: np.ndarray | float, across: np.ndarray | float) -> np.ndarray:
    """(..., 2) x, y of positions along and across the long axis, in px from the apex."""
    along, across = np.broadcast_arrays(along, across)
    return ventricle.apex + along[..., None] * ventricle.axis + across[..., None] * normal(ventricle)


def _pouch(start: np.ndarray, end: np.ndarray, deepest: np.ndarray, bulge: float) -> np.ndarray:
    """(14, 2): a rounded bag that hangs between two points and reaches down to `deepest`."""
    turn = np.linspace(0, np.pi, 14)[:, None]
    sideways = -np.cos(turn) * (1 + bulge * np.sin(turn) ** 2)
    middle = (start + end) / 2
    return middle + sideways * (end - start) / 2 + np.sin(turn) ** 0.8 * (deepest - middle)


def _surroundings(
    ventricle: Ventricle, anatomy: Anatomy, septal_ring: np.ndarray, lateral_ring: np.ndarray, outer: np.ndarray
) -> Structures:
    """Lung and pericardium beside the lateral wall, left atrium and descending aorta below the valve."""
    size = ventricle.length
    floor = size * (1 + anatomy.left_atrium)
    atrium = _pouch(septal_ring, lateral_ring, _place(ventricle, floor, 0.1 * size * anatomy.left_atrium), 0.4)
    beside = outer[4:] + normal(ventricle) * anatomy.pericardium * size / 2
    far = _place(ventricle, np.array([2.2, 2.2, 0.0]) * size, np.array([0.1, 2.0, 2.0]) * size)
    turn = np.linspace(0, 2 * np.pi, 12)
    aorta = anatomy.aorta * size * np.column_stack([np.cos(turn), np.sin(turn)])
    aorta = aorta + _place(ventricle, floor + 0.12 * size, 0.25 * size)
    return [
        ("lung", 0, np.vstack([beside, atrium[:7:-1], far])),
        ("pericardium", anatomy.pericardium * size, np.vstack([beside, atrium[:9:-1]])),
        ("atrial_wall", 0.05 * size, atrium),
        ("atrial_wall", 0.04 * size, aorta),
        ("atrial_blood", 0, aorta),
        ("atrial_blood", 0, atrium),
    ]


def _right_heart(
    ventricle: Ventricle, anatomy: Anatomy, septal_outer: np.ndarray, activation: float, opening: float
) -> Structures:
    """Right ventricle and atrium, the tricuspid valve and the septum between the atria."""
    size, axis = ventricle.length, ventricle.axis
    seam = septal_outer[LEVELS[_DRAWN] >= anatomy.right_apex]
    crux = seam[-1]
    width = anatomy.right_width * size * (1 - anatomy.right_squeeze * activation)
    ring = crux - width * normal(ventricle)
    ring = ring - 0.3 * anatomy.right_shortening * size * ventricle.shortening * activation * axis
    climb = np.linspace(0, 1, 12)[:, None]
    free = seam[0] + climb * (ring - seam[0]) - np.sin(np.pi * climb**0.8) * width * 0.3 * normal(ventricle)
    below = -ventricle.septal[-1] - 0.6 * anatomy.right_width * size
    atrium = _pouch(crux, ring, _place(ventricle, size * (1 + anatomy.right_atrium), below), 0.3)
    meeting = (crux + ring) / 2 - 0.1 * width * axis
    tips = [meeting + opening * (0.5 * (hinge - meeting) - 0.2 * width * axis) for hinge in (crux, ring)]
    return [
        ("right_wall", anatomy.right_wall * size, free),
        ("atrial_wall", 0.05 * size, atrium),
        ("right_blood", 0, np.vstack([seam[::-1], free])),
        ("atrial_blood", 0, atrium),
        ("valve", anatomy.valve * size, np.vstack([crux, tips[0]])),
        ("valve", anatomy.valve * size, np.vstack([ring, tips[1]])),
        ("atrial_wall", anatomy.atrial_septum * size, np.vstack([crux, _place(ventricle, 1.4 * size, below / 2)])),
    ]


def _trabeculae(ventricle: Ventricle, anatomy: Anatomy, meeting: np.ndarray, activation: float) -> Structures:
    """Papillary muscles, their cords to where the leaflets meet, and bright specks; all move with the walls."""
    size = ventricle.length
    base = size * (1 - ventricle.shortening * activation)
    turn = np.linspace(0, 2 * np.pi, 9)
    sides = dict(zip((-1, 1), half_widths(ventricle, np.array(activation)), strict=True))
    found: Structures = []
    for label, blobs, stretch in (("trabecula", anatomy.muscles, 2.0), ("annulus", anatomy.specks, 1.0)):
        for level, side, depth, radius in blobs:
            half = np.interp(level, LEVELS, sides[int(side)]) - depth * size
            along = level * base + stretch * radius * (1 - 0.3 * activation) * size * np.cos(turn)
            found.append((label, 0, _place(ventricle, along, side * (half + radius * size * np.sin(turn)))))
            if label == "trabecula":
                tip = _place(ventricle, level * base + stretch * radius * size, side * half)
                found.append(("cord", 0.01 * size, np.vstack([tip, meeting])))
    return found


def _mitral_valve(
    ventricle: Ventricle,
    anatomy: Anatomy,
    septal_ring: np.ndarray,
    lateral_ring: np.ndarray,
    meeting: np.ndarray,
    opening: float,
) -> Structures:
    """Two leaflets, and the bright ring that they hang on."""
    size, axis = ventricle.length, ventricle.axis
    turn = np.linspace(0, 2 * np.pi, 8)
    disc = 0.025 * size * np.column_stack([np.cos(turn), np.sin(turn)])
    leaflets: Structures = []
    for hinge, fraction in ((septal_ring, 0.6), (lateral_ring, 0.4)):
        inward = (meeting - hinge) / np.linalg.norm(meeting - hinge)
        lifted = 0.3 * inward - anatomy.leaflet_lift * axis
        length = fraction * np.linalg.norm(lateral_ring - septal_ring) / np.linalg.norm(lifted)
        tip = meeting + opening * (hinge + length * lifted - meeting)
        belly = (hinge + tip) / 2 + 0.03 * size * axis * (1 - opening)
        leaflets.append(("valve", anatomy.valve * size, np.vstack([hinge, belly, tip])))
    return [*leaflets, ("annulus", 0, septal_ring + disc), ("annulus", 0, lateral_ring + disc)]
