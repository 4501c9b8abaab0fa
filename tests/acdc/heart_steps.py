"""The heart study's steps that measure, draw and describe, called on the small tree of `heart_tables`."""

import importlib
import json
from pathlib import Path

import yaml

from heart_tables import BASELINE, NETWORKS, TRAINING
from project import ROOT

FIGURES = ["training", "examples", "ef", "mass", "pareto", "reliability"]


def write_weights(folder: Path) -> list[Path]:
    """Narrow networks with random weights, as trainings by `sound` leave them."""
    import torch

    from acdc.learning.networks import heart_network
    from reprise.models.weights import save_model

    torch.manual_seed(0)
    paths = []
    for network in (*NETWORKS, BASELINE):
        path = folder / f"{network}-seed0" / "sound" / "weights.safetensors"
        optimiser = {"name": "adamw", "lr": 1e-3, "momentum": 0.9, "weight_decay": 0}
        settings = {"network": network, "precision": "fp32", "optimiser": optimiser}
        info = {"kind": "heart", "protocol": "sound", "network": network, "width": 0.1, "size": 64}
        info |= {"normalisation": {"spacing_mm": 2.0}, "settings": settings}
        save_model(path, heart_network(network, 0.1), info)
        paths.append(path)
    return paths


def run_step(name: str, options: list[object]) -> None:
    """Run a step of the study in this process."""
    step = importlib.import_module(f"acdc.{name}")
    step.main(step.arguments().parse_args([str(option) for option in options]))


def step_options(study: Path, name: str) -> list[object]:
    """What a figure's step is called with, but for its outputs."""
    ensembles = study / "ensembles"
    return {
        "training": ["--history", *sorted(study.glob("*/*/log.csv"))],
        "examples": [
            *("--store", study / "store", "--scores", ensembles / "scores.csv", "--masks", ensembles / "masks"),
            *("--settings", '{"patients": 2}'),
        ],
        "ef": ["--patients", study / "patients.csv", "--size", "ef"],
        "mass": ["--patients", study / "patients.csv", "--size", "mass"],
        "reliability": ["--bins", ensembles / "bins.csv"],
        "pareto": ["--costs", study / "costs.csv"],
    }[name]


def draw_by_step(study: Path, folder: Path, name: str) -> Path:
    """Draw one figure by its step; return its SVG."""
    options = [*step_options(study, name), "--figure", folder / f"{name}.svg", "--table", folder / f"{name}.csv"]
    run_step("plot_agreement" if name in ("ef", "mass") else f"plot_{name}", options)
    return folder / f"{name}.svg"


def measure(study: Path, weights: list[Path]) -> Path:
    """Measure the costs by their step; return the table."""
    ensembles = study / "ensembles"
    options = ["--store", study / "store", "--weights", *weights, "--members", ensembles / "weights.csv"]
    options += [
        "--metrics",
        study / "metrics.csv",
        "--benchmarks",
        study / "benchmarks",
        "--settings",
        '{"repeats": 3}',
    ]
    run_step("measure_costs", [*options, "--device", "cpu", "--costs", study / "costs.csv"])
    return study / "costs.csv"


def follow(study: Path, weights: list[Path]) -> Path:
    """Follow a cine by its step; return the folder."""
    options = ["--store", study / "store", "--weights", *weights, "--members", study / "ensembles" / "weights.csv"]
    run_step("follow_cine", [*options, "--device", "cpu", "--output", study / "cine"])
    return study / "cine"


def describe(study: Path, folder: Path, figures: list[Path]) -> Path:
    """Describe the study by its step; return the section."""
    recipe = yaml.safe_load((ROOT / "config" / "acdc.yaml").read_text())["published"]
    settings = {
        "data": "phantom",
        "models": {"segmentation": list(NETWORKS), "baselines": [BASELINE]},
        "measures": yaml.safe_load((ROOT / "config" / "published.yaml").read_text())["measures"],
        **{name: recipe[name] for name in ("training", "validation", "grid", "slices", "search", "snapshots")},
    }
    settings["validation"] = len(TRAINING)
    tables = [
        part for name in ("metrics", "quirks", "findings", "costs") for part in (f"--{name}", study / f"{name}.csv")
    ]
    ensembles = {"members": "weights", "calibration": "calibration", "diversity": "diversity"}
    tables += [part for name, file in ensembles.items() for part in (f"--{name}", study / "ensembles" / f"{file}.csv")]
    written = [
        part
        for name in ("protocols", "structures", "agreement", "ensembles", "calibrated", "priced")
        for part in (f"--{name}", folder / f"{name}.csv")
    ]
    options = ["--store", study / "store", "--settings", json.dumps(settings), "--cine", study / "cine"]
    section = ["--section", folder / "section.json"]
    run_step("describe", [*options, *tables, "--figures", *figures, *written, *section])
    return folder / "section.json"
