"""How fast ensembles and surfaces of hearts are scored against plain formulations, with the same numbers."""

from functools import partial

import numpy as np
from rows import Row, faster, verdict
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter, generate_binary_structure

from acdc.analysis.ensembles import mean_dice
from acdc.analysis.protocols import STRUCTURES
from acdc.analysis.weightings import CLASSES, contest, rounded, scores, weighted_sum
from reprise.evaluation.mask_scores import confusions
from reprise.evaluation.surfaces import surface_distances

SHAPE, SPACING_MM = (10, 216, 256), (10.0, 1.5, 1.5)
PATIENTS = 20  # that validate: a fifth of the training patients of ACDC
MEMBERS, WEIGHTINGS, LOOPED = 3, 10_000, 2
SURE, NOISE = 12.0, 24.0  # of logits; three members choose different classes in 0.8 % of the voxels, Dice is 0.94
TOLERANCE_MM = 1e-6

Unit = tuple[np.ndarray, np.ndarray]


def heart_scoring_rows() -> list[Row]:
    """Rows on the scores of a made-up heart at ED and ES, which stands for all patients."""
    random = np.random.default_rng(0)
    hearts = [made_up_heart(size) for size in (1.0, 0.7)]
    maps = [np.stack([probabilities(heart, random) for _ in range(MEMBERS)]) for heart in hearts]
    return [_weightings_row(list(zip(maps, hearts, strict=True)), random), _surfaces_row(maps, hearts)]


def made_up_heart(size: float) -> np.ndarray:
    """Classes (N, H, W) of two ventricles and a wall; the cavity of the left one has a radius of `size` * 25 mm."""
    z, y, x = (SPACING_MM[axis] * place for axis, place in enumerate(np.ogrid[tuple(map(slice, SHAPE))]))
    heart = np.zeros(SHAPE, np.uint8)
    left = np.hypot(y - 160, x - 200) + 0 * z
    heart[np.hypot(y - 160, x - 145) + 0 * z < 28 * size] = 1
    heart[left < 25 * size + 9] = 2
    heart[left < 25 * size] = 3
    heart[[0, -1]] = 0
    return heart


def probabilities(heart: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Probabilities (N, H, W, C) float16 of a network that is unsure at edges, and sometimes wrong."""
    logits = np.stack([
        SURE * gaussian_filter((heart == label).astype(np.float32), (0, 2, 2))
        + NOISE * gaussian_filter(random.normal(size=heart.shape).astype(np.float32), (0, 3, 3))
        for label in range(len(STRUCTURES) + 1)
    ], axis=-1)  # fmt: skip
    powers = np.exp(logits)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float16)


def _weightings_row(frames: list[Unit], random: np.random.Generator) -> Row:
    """10,000 weightings against a loop over some of them and over all slices; the scores are equal to the last bit."""
    units = frames * PATIENTS
    weights = rounded(random.dirichlet(np.ones(MEMBERS), WEIGHTINGS))
    dice = partial(mean_dice, structures=list(STRUCTURES))
    found: dict[str, np.ndarray] = {}

    def ours() -> int:
        flat = ((maps.reshape(MEMBERS, -1, maps.shape[-1]), true.ravel()) for maps, true in units)
        found["ours"] = scores(contest(flat), weights, dice)
        return WEIGHTINGS

    def plain_loop() -> int:
        counts = [
            [sum(_counted(maps[:, n], true[n], factors) for n in range(len(true))) for maps, true in units]
            for factors in weights[:LOOPED]
        ]
        found["loop"] = dice(np.array(counts))
        return LOOPED

    row = faster(
        "weightings a second of three members, 10,000 over the validation set", ours, plain_loop, required=50, rounds=1
    )
    same = (found["ours"][:LOOPED] == found["loop"]).all()
    return row._replace(ok=verdict(row.ok == "yes" and bool(same)))


def _counted(maps: np.ndarray, true: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return confusions(true, weighted_sum(maps, weights).argmax(axis=-1), CLASSES)


def _surfaces_row(maps: list[np.ndarray], hearts: list[np.ndarray]) -> Row:
    """Distances of both frames' structures against distance transforms of whole volumes, equal to 1e-6 mm."""
    frames = list(zip((each[0].astype(np.float32).argmax(axis=-1) for each in maps), hearts, strict=True))
    pairs = [(found == label, true == label) for found, true in frames for label in STRUCTURES.values()]
    results: dict[str, list[tuple[float, float]]] = {}

    def ours() -> int:
        results["ours"] = [surface_distances(*pair, SPACING_MM)[:2] for pair in pairs]
        return len(pairs)

    def whole_volumes() -> int:
        results["whole"] = [_of_whole_volume(*pair) for pair in pairs]
        return len(pairs)

    row = faster(
        "pairs of masks a second, Hausdorff and surface distances of a patient", ours, whole_volumes, required=3
    )
    same = np.allclose(results["ours"], results["whole"], rtol=0, atol=TOLERANCE_MM)
    return row._replace(ok=verdict(row.ok == "yes" and same))


def _of_whole_volume(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    cross = generate_binary_structure(3, 1)
    edges = [mask ^ binary_erosion(mask, cross) for mask in (found, true)]
    nearest = [distance_transform_edt(~edges[1 - k], sampling=SPACING_MM)[edges[k]] for k in (0, 1)]
    return float(max(each.max() for each in nearest)), float(np.mean([each.mean() for each in nearest]))
