"""What networks and ensembles cost: counts against formulas, ensembles against their members, gains against times."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import heart_steps as steps
import heart_tables as example
from acdc.analysis.costs import Cost, frontier, optimiser_bytes, together, with_gains
from acdc.learning.measuring import Stack, measure
from acdc.learning.networks import heart_network, logits_of


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, list[Path]]:
    """The table of the step on narrow networks, and their files."""
    study = example.make_study(tmp_path_factory.mktemp("study"))
    weights = steps.write_weights(study)
    benchmark = study / "benchmarks" / "unet-seed0" / "sound.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\n12.5\t0:00:12\n")
    return pd.read_csv(steps.measure(study, weights)), weights


def of(costs: pd.DataFrame, method: str, mode: str) -> pd.Series:
    return costs.set_index(["method", "mode"]).loc[(method, mode)]


def test_a_network_has_the_parameters_and_bytes_of_its_file(costs) -> None:
    table, weights = costs
    for path, network in zip(weights, (*example.NETWORKS, example.BASELINE), strict=True):
        row = of(table, network, "alone")
        assert row["bytes"] == path.stat().st_size
        assert 4 * row["parameters"] <= row["bytes"] < 4.3 * row["parameters"], "float32, statistics and a header"
        assert row["bytes_with_optimiser"] - row["bytes"] == 8 * row["parameters"], "Adam keeps two moments"
        assert row["peak_mb"] * 2**20 > 4 * row["parameters"]
        assert 0 < row["slice_ms_p50"] <= row["slice_ms_p95"] and row["patient_ms_p50"] <= row["patient_ms_p95"]
        assert np.isclose(row["slices_per_s"] * row["patient_ms_p50"] / 1000, 2 * example.SHAPE[0], rtol=1e-4)


def test_an_ensemble_costs_what_its_members_cost(costs) -> None:
    table, _ = costs
    members = [of(table, network, "alone") for network in example.NETWORKS]
    for mode in ("sequence", "parallel"):
        equal = of(table, "equal", mode)
        for column in ("parameters", "multiply_adds", "bytes", "bytes_with_optimiser"):
            assert equal[column] == pytest.approx(sum(member[column] for member in members), rel=1e-5)
    sequence, parallel = (of(table, "equal", mode) for mode in ("sequence", "parallel"))
    assert sequence["patient_ms_p50"] > max(member["patient_ms_p50"] for member in members)
    assert parallel["patient_ms_p50"] < sequence["patient_ms_p50"] and parallel["peak_mb"] > sequence["peak_mb"]


def test_flips_are_four_passes_of_one_network_and_snapshots_need_no_training(costs) -> None:
    table, _ = costs
    unet, flips = of(table, "unet", "alone"), of(table, "flips:unet", "sequence")
    assert flips["parameters"] == unet["parameters"] and flips["training_s"] == unet["training_s"] == 12.5
    assert flips["multiply_adds"] == pytest.approx(4 * unet["multiply_adds"], rel=1e-3)
    snapshots = of(table, "snapshots:unet", "sequence")
    assert snapshots["parameters"] == 2 * unet["parameters"] and snapshots["training_s"] == 12.5
    assert np.isnan(of(table, "fpn", "alone")["training_s"]), "no benchmark, no time"
    assert ("flips:unet", "parallel") not in set(table[["method", "mode"]].itertuples(index=False, name=None))


def test_multiply_adds_are_those_of_the_convolutions_of_a_slice() -> None:
    torch.manual_seed(0)
    model, counted = heart_network("fpn", 0.125).eval(), []

    def count(layer: nn.Conv2d, _: object, made: torch.Tensor) -> None:
        counted.append(made[0].numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size))

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    info = {"network": "fpn", "size": 64, "normalisation": {"spacing_mm": 2.0}, "settings": {"precision": "fp32"}}
    with torch.inference_mode():
        logits_of(model, torch.zeros(1, 1, 64, 64))
    expected = sum(counted)
    patient = [Stack(np.random.default_rng(0).random((slices, 50, 40)), (8.0, 1.5, 2.0)) for slices in (3, 2)]
    assert measure(model, info, patient, 1, torch.device("cpu"), False).multiply_adds == expected


def test_a_gain_is_the_difference_from_the_best_network_for_each_further_ms(costs) -> None:
    table, _ = costs
    best = of(table, "unet", "alone")
    assert np.isnan(best["gain"]) and np.isnan(best["gain_per_ms"])
    equal = of(table, "equal", "sequence")
    assert equal["gain"] == pytest.approx(0.03)
    assert equal["gain_per_ms"] == pytest.approx(0.03 / (equal["patient_ms_p50"] - best["patient_ms_p50"]), rel=1e-3)
    simple = pd.DataFrame({"method": ["a", "b"], "patient_ms_p50": [10.0, 5.0]})
    faster = with_gains(simple, {"a": 0.8, "b": 0.9}, "a").iloc[1]
    assert faster["gain"] == pytest.approx(0.1) and np.isnan(faster["gain_per_ms"]), "no further ms to divide by"


def test_bytes_of_an_optimiser_are_its_arrays() -> None:
    by_name = {"adamw": 8, "rmsprop": 4, "nesterov": 4, "sgd": 4}
    assert {name: optimiser_bytes(1, {"name": name, "momentum": 0.9}) for name in by_name} == by_name
    assert (
        optimiser_bytes(1, {"name": "sgd", "momentum": 0}) == 0 < optimiser_bytes(1, {"name": "adamw", "momentum": 0})
    )


TIMES = st.lists(st.floats(0.1, 100), min_size=3, max_size=3).map(np.array)


@given(st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=4))
def test_times_of_members_add_up_or_the_slowest_decides_call_by_call(times) -> None:
    members = [Cost(1000, 10, 4000, 12000, 60.0, 5.0, 8, *pair) for pair in times]
    for mode, combine in (("sequence", sum), ("parallel", max)):
        both = together(members, mode, [True] + [False] * (len(members) - 1))
        assert np.allclose(both.slice_ms, [combine(call) for call in zip(*(pair[0] for pair in times), strict=True)])
        assert np.allclose(both.patient_ms, [combine(call) for call in zip(*(pair[1] for pair in times), strict=True)])
        assert both.training_s == 60.0
    assert together(members, "parallel", [True] * len(members)).peak_mb == pytest.approx(5 * len(members))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_the_frontier_has_what_nothing_else_beats(points) -> None:
    table = pd.DataFrame(points, columns=["ms", "dice"]).astype(float)
    kept = {tuple(row) for row in frontier(table, "ms", "dice").itertuples(index=False)}
    unbeaten = {
        point
        for point in points
        if not any((ms <= point[0] and dice >= point[1]) and (ms, dice) != point for ms, dice in points)
    }
    assert kept == unbeaten
