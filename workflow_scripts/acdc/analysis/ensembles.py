"""Which networks and ensembles there are, with weights fitted on validation patients only."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations, permutations
from math import comb

import numpy as np

from acdc.analysis.members import Cached, Method, Part, units_of
from acdc.analysis.protocols import STRUCTURES
from acdc.analysis.votes import VOTES
from acdc.analysis.weightings import contest, rounded, scores
from reprise.data.store import Store
from reprise.evaluation.mask_scores import class_dice

MOST_POINTS = 10_000  # of the grid on the simplex
FINEST_STEP = 2**10  # parts of 1 in which the simplex is searched at last
ROUNDS = 25  # members that greedy selection may draw

Objective = Callable[[np.ndarray], np.ndarray]


def methods(cached: Cached, models: Mapping[str, Sequence[str]], draws: int, seed: int) -> tuple[list[Method], str]:
    """All networks and ensembles, and the name of the network with the best mean Dice on validation patients.

    Args:
        cached: probabilities of all runs.
        models: names of networks: `segmentation`, whose first runs are the ensembles' members, and `baselines`.
        draws: of the random search.
        seed: of the draws.
    """
    networks = list(models["segmentation"])
    parts = [Part(name) for name in networks]
    decided = contest(units_of(cached, parts, "val"))
    objective = partial(scores, decided, score=partial(mean_dice, structures=cached.structures))
    best = networks[int(objective(np.eye(len(networks))).argmax())]
    fitted = {
        "equal": np.ones(len(networks)),
        "random_search": random_search(objective, len(networks), draws, seed),
        "simplex": simplex(objective, len(networks)),
        "greedy": greedy(objective, len(networks)),
    }
    found = [Method(name, (Part(name),)) for name in (*networks, *models["baselines"])]
    found += [
        Method(name, tuple(part._replace(weight=float(weight)) for part, weight in zip(parts, weights, strict=True)))
        for name, weights in fitted.items()
    ]
    found += [Method(rule, tuple(parts), rule) for rule in VOTES]
    return [*found, *_of_one_network(cached.members, networks, best)], best


def _of_one_network(members: Mapping[str, Store], networks: Sequence[str], best: str) -> list[Method]:
    """Ensembles without another network: the best one under flips and over its snapshots, and seeds of each."""
    arrays = members[best].arrays
    found = [Method(f"flips:{best}", (Part(best, "flips"),))]
    snapshots = sorted((name for name in arrays if name.startswith("snapshot")), key=lambda name: int(name[8:]))
    found += [Method(f"snapshots:{best}", tuple(Part(best, name) for name in snapshots))] if snapshots else []
    for network in networks:
        seeds = [run for run in members if run == network or run.rpartition("-seed")[0] == network]
        if len(seeds) > 1:
            found.append(Method(f"seeds:{network}", tuple(Part(run) for run in seeds)))
    return found


def mean_dice(counts: np.ndarray, structures: Sequence[str]) -> np.ndarray:
    """The mean Dice (...) over cases and structures from numbers of voxels (..., K, C, C)."""
    dice = class_dice(counts, [STRUCTURES[name] for name in structures])
    # flat and in order, so that the sum, and its rounding, is the same for one weighting and for many
    return np.ascontiguousarray(dice).reshape(*dice.shape[:-2], -1).mean(axis=-1)


def random_search(objective: Objective, members: int, draws: int, seed: int) -> np.ndarray:
    """The best of weightings (M,) drawn evenly from the simplex; the first of equally good ones."""
    drawn = rounded(np.random.default_rng(seed).dirichlet(np.ones(members), draws))
    return drawn[int(objective(drawn).argmax())]


def simplex(objective: Objective, members: int) -> np.ndarray:
    """The best weighting (M,) of the simplex: of a grid, then of ever smaller moves of weight between two members.

    The grid has the corners, which are the members alone; its step is halved as long as it has at most 10,000 points.
    Of equally good weightings, the one nearest to equal weights is taken.
    """
    if members == 1:
        return np.ones(1)
    step = 1
    while comb(2 * step + members - 1, members - 1) <= MOST_POINTS and step < FINEST_STEP:
        step *= 2
    best = _nearest_to_equal(_grid(members, step) / step, objective)
    while step < FINEST_STEP:
        step *= 2
        moves = np.array([np.eye(members)[to] - np.eye(members)[of] for of, to in permutations(range(members), 2)])
        around = np.concatenate([best[None], best + moves.reshape(-1, members) / step])
        best = _nearest_to_equal(around[(around >= 0).all(axis=1)], objective)
    return best


def greedy(objective: Objective, members: int) -> np.ndarray:
    """How often (M,) each member is drawn by greedy selection with replacement (Caruana et al., ICML 2004).

    Each round adds the member with which the mean of all drawn is best. Of all rounds, the first of the best is kept.
    """
    counts = np.zeros(members)
    path, values = [], []
    for _ in range(ROUNDS):
        tried = counts + np.eye(members)
        found = objective(tried)
        counts = tried[int(found.argmax())]
        path.append(counts)
        values.append(found.max())
    return path[int(np.argmax(values))]


def _nearest_to_equal(weights: np.ndarray, objective: Objective) -> np.ndarray:
    values = objective(weights)
    best = weights[values == values.max()]
    return best[int(((best - 1 / weights.shape[1]) ** 2).sum(axis=1).argmin())]


def _grid(members: int, step: int) -> np.ndarray:
    """All ways (P, M) to write `step` as a sum of M whole numbers."""
    bars = np.array(list(combinations(range(step + members - 1), members - 1)), dtype=int).reshape(-1, members - 1)
    ends = np.full((len(bars), 1), step + members - 1)
    return np.diff(np.concatenate([np.full((len(bars), 1), -1), bars, ends], axis=1), axis=1) - 1
