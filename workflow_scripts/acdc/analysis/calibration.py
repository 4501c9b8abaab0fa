"""Whether probabilities are frequencies: NLL, Brier score, ECE and reliability, before and after one temperature.

Only voxels near the heart count, see `near_heart`. Far away all is background and all methods are sure of it, so that
more field of view would make any method look better calibrated.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from acdc.analysis.members import Cached, Method, Part, probabilities
from acdc.analysis.votes import VOTES
from acdc.analysis.weightings import CLASSES
from reprise.evaluation.reliability import calibration_error, reliability
from reprise.evaluation.surfaces import bounding_box

MARGIN_MM = 20.0
FLOOR = 2.0**-24  # the smallest probability above 0 that a store holds; also stands for 0, whose logarithm is infinite
COLDEST, HOTTEST = 0.05, 20.0


class Voxels(NamedTuple):
    """Voxels near the heart: their probabilities (V, C) float32 by a method, and their true classes (V,)."""

    probabilities: np.ndarray
    true: np.ndarray


def near_heart(true: np.ndarray, case: Mapping[Any, Any]) -> tuple[slice, ...]:
    """The box around the reference's heart (N, H, W), with 20 mm more on each side within the slices.

    It is empty if the reference is. `case` has the spacing of the voxels.
    """
    rows, columns = (round(MARGIN_MM / float(case[name])) for name in ("row_mm", "column_mm"))
    return bounding_box(true > 0, (0, rows, columns))


def calibrate(cached: Cached, methods: Sequence[Method]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Calibration of each method that has probabilities, on val and test; reliability on test.

    The temperature is fitted on the validation patients.

    Returns: method, split, temperature, nll, brier, ece, nll_scaled, brier_scaled, ece_scaled; and method, scaled,
        bin (from 1), confidence, accuracy, share.
    """
    rows: list[dict[str, Any]] = []
    bins: list[pd.DataFrame] = []
    for method in methods:
        if method.rule in VOTES:
            continue
        splits = {split: _gather(cached, method, split) for split in ("val", "test")}
        temperature = fit_temperature(splits["val"])
        for split, voxels in splits.items():
            scaled = voxels._replace(probabilities=at_temperature(voxels.probabilities, temperature))
            after = {f"{name}_scaled": value for name, value in measures(scaled).items()}
            rows.append({"method": method.name, "split": split, "temperature": temperature} | measures(voxels) | after)
        bins += [
            reliability_of(part).assign(method=method.name, scaled=place) for place, part in enumerate((voxels, scaled))
        ]
    columns = ["method", "scaled", "bin", "confidence", "accuracy", "share"]
    return pd.DataFrame(rows), pd.concat(bins, ignore_index=True)[columns]


def measures(voxels: Voxels) -> dict[str, float]:
    """Negative log-likelihood (nats), Brier score (sum over classes, 0 to 2) and expected calibration error."""
    own = np.take_along_axis(voxels.probabilities, voxels.true[:, None].astype(np.intp), axis=1)[:, 0]
    squares = np.square(voxels.probabilities).sum(axis=1, dtype=np.float64)
    return {
        "nll": float(-np.log(np.maximum(own, FLOOR), dtype=np.float64).mean()),
        "brier": float((squares - 2 * own + 1).mean()),
        "ece": calibration_error(reliability_of(voxels)),
    }


def reliability_of(voxels: Voxels) -> pd.DataFrame:
    """Reliability of the class chosen, see `reliability`."""
    chosen = voxels.probabilities.argmax(axis=1)
    return reliability(voxels.probabilities.max(axis=1), chosen == voxels.true)


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (V, C) whose logarithms are divided by a temperature; float32."""
    return _softmax(_logarithms(probabilities) / np.float32(temperature))


def fit_temperature(voxels: Voxels) -> float:
    """The temperature from 0.05 to 20 with the lowest negative log-likelihood."""
    logarithms = _logarithms(voxels.probabilities)
    own = np.take_along_axis(logarithms, voxels.true[:, None].astype(np.intp), axis=1)[:, 0]

    def nll(power: float) -> float:
        scaled = logarithms * np.float32(np.exp(-power))
        return float(np.log(np.exp(scaled).sum(axis=1), dtype=np.float64).mean() - np.exp(-power) * own.mean())

    found = minimize_scalar(nll, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def diversity(cached: Cached, names: Sequence[str]) -> pd.DataFrame:
    """How two members differ on the test voxels near the heart: first, second, disagreement, double_fault, q.

    `disagreement` is the share of voxels where exactly one of the two is right, `double_fault` where both are wrong.
    `q` is Yule's Q of being right: 1 if both are wrong on the same voxels, 0 if their errors are independent, NaN
    without errors (Kuncheva and Whitaker, Machine Learning 2003).
    """
    right = {}
    for name in names:
        voxels = _gather(cached, Method(name, (Part(name),)), "test")
        right[name] = voxels.probabilities.argmax(axis=1) == voxels.true
    rows: list[dict[str, Any]] = []
    for first, second in combinations(names, 2):
        rows.append({"first": first, "second": second} | pair_diversity(right[first], right[second]))
    return pd.DataFrame(rows, columns=["first", "second", "disagreement", "double_fault", "q"])


def pair_diversity(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """The measures of `diversity` from where each of two members is right (V,) bool."""
    both, neither = float((first & second).mean()), float((~first & ~second).mean())
    only = [float((one & ~other).mean()) for one, other in ((first, second), (second, first))]
    alike, unlike = both * neither, only[0] * only[1]
    q = (alike - unlike) / (alike + unlike) if alike + unlike else float("nan")
    return {"disagreement": sum(only), "double_fault": neither, "q": q}


def _gather(cached: Cached, method: Method, split: str) -> Voxels:
    maps, true = [np.zeros((0, CLASSES), np.float32)], [np.zeros(0, np.uint8)]
    for case in cached.of(split):
        labels = cached.labels[case["case"]]
        box = near_heart(labels, case)
        maps.append(probabilities(cached.members, method, case, box).reshape(-1, CLASSES).astype(np.float32))
        true.append(labels[box].ravel())
    return Voxels(np.concatenate(maps), np.concatenate(true))


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, np.float32(FLOOR)))


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
