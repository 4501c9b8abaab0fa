"""What a network or an ensemble costs, and what an ensemble gains for it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

MODES = ("sequence", "parallel")  # how the members of an ensemble run: one after another, or each on its own device
QUANTILES = {"p50": 0.5, "p95": 0.95}
MOMENTS = {"adamw": 2, "rmsprop": 1, "nesterov": 1, "sgd": 1}  # arrays that an optimiser keeps for each parameter
WORD = 4  # bytes of a number


class Cost(NamedTuple):
    """What a network, or several together, cost; times in ms, one for each repeat."""

    parameters: int
    multiply_adds: int  # for a slice
    bytes: int  # of files of weights
    optimiser_bytes: int  # of files of weights with the optimiser's state
    training_s: float
    peak_mb: float
    slices: int  # of the patient
    slice_ms: np.ndarray
    patient_ms: np.ndarray


def optimiser_bytes(parameters: int, optimiser: Mapping[str, Any]) -> int:
    """Bytes of the arrays that an optimiser keeps, from its settings."""
    without = optimiser["name"] in ("sgd", "nesterov") and not optimiser["momentum"]
    return 0 if without else MOMENTS[optimiser["name"]] * WORD * parameters


def together(members: Sequence[Cost], mode: str, trained: Sequence[bool]) -> Cost:
    """The cost of several networks: run one after another their times add up, in parallel the slowest decides.

    Members that run one after another hold all weights, and the arrays of one network at a time.

    Args:
        members: at least one.
        mode: one of `MODES`.
        trained: for each member, whether it had a training of its own; others are snapshots of one that had.
    """
    combine = np.sum if mode == "sequence" else np.max
    weights = [WORD * member.parameters / 2**20 for member in members]
    arrays = [member.peak_mb - own for member, own in zip(members, weights, strict=True)]
    trainings = [member.training_s for member, own in zip(members, trained, strict=True) if own]
    return Cost(
        sum(member.parameters for member in members),
        sum(member.multiply_adds for member in members),
        sum(member.bytes for member in members),
        sum(member.optimiser_bytes for member in members),
        float(combine(trainings)),
        sum(weights) + (max(arrays) if mode == "sequence" else sum(arrays)),
        members[0].slices,
        combine([member.slice_ms for member in members], axis=0),
        combine([member.patient_ms for member in members], axis=0),
    )


def row(method: str, kind: str, mode: str, cost: Cost) -> dict[str, Any]:
    """The row of costs.csv, but for what the method gains."""
    times = {
        f"{what}_ms_{name}": float(np.quantile(values, share))
        for what, values in (("slice", cost.slice_ms), ("patient", cost.patient_ms))
        for name, share in QUANTILES.items()
    }
    return {
        "method": method,
        "kind": kind,
        "mode": mode,
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "bytes": cost.bytes,
        "bytes_with_optimiser": cost.optimiser_bytes,
        "training_s": cost.training_s,
        "peak_mb": cost.peak_mb,
        **times,
        "slices_per_s": 1000 * cost.slices / times["patient_ms_p50"],
    }


def with_gains(costs: pd.DataFrame, dice: dict[str, float], best: str) -> pd.DataFrame:
    """Add dice, gain over the best single network, and gain_per_ms: that for each further ms of a patient.

    Gain and gain_per_ms are missing for the best single network itself; gain_per_ms also where no time is added.
    """
    table = costs.assign(dice=costs["method"].map(dice))
    reference = table[table["method"] == best].iloc[0]
    others = table["method"] != best
    table["gain"] = (table["dice"] - reference["dice"]).where(others)
    further = table["patient_ms_p50"] - reference["patient_ms_p50"]
    table["gain_per_ms"] = (table["gain"] / further).where(further > 0)
    return table


def frontier(costs: pd.DataFrame, time: str, quality: str) -> pd.DataFrame:
    """The rows that no other row beats in time and quality, fastest first."""
    rows = costs.dropna(subset=[time, quality]).sort_values([time, quality], ascending=[True, False], kind="stable")
    return rows[rows[quality] > rows[quality].cummax().shift(fill_value=-np.inf)]
