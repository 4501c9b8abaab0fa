"""A small tree of the infant brain study's results, made up, as the pipeline leaves it, and its steps of figures."""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

import iseg_tables as example
from project import ROOT

FIGURES = ("training", "classes", "folds", "slices", "maps", "confusion", "volumes")


def make_study(folder: Path) -> Path:
    """Write what the steps read: made-up predictions and histories, their real scores, and made-up costs."""
    example.make_results(folder)
    example.score(folder)
    costs = [
        ("unet3d", 1_781_744, 7.2e9, 1, 210.0, 900.0, 3.1),
        ("vnet", 45_613_956, 94.1e9, 1, 800.0, 2500.0, 9.5),
        ("densenet1", 2_697_811, 706e9, 0, np.nan, np.nan, np.nan),
        ("nnunet_3d", 5_000_000, 60e9, 1, 500.0, 1500.0, 6.0),
    ]
    names = ["network", "parameters", "multiply_adds", "trained", "step_ms", "peak_mb", "volume_s"]
    _csv(folder / "costs.csv", names, costs)
    (folder / "findings.csv").write_text("severity,file,where,finding\n")
    volumes = [("subject-11", 10.5, 20.25, 15.0)]
    _csv(folder / "test_volumes.csv", ["case", "csf_ml", "gm_ml", "wm_ml"], volumes)
    return folder


def _csv(path: Path, columns: list[str], rows: list[tuple]) -> None:
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def run_step(name: str, options: list[object]) -> None:
    """Run a step of the study in this process."""
    step = importlib.import_module(f"iseg.{name}")
    step.main(step.arguments().parse_args([str(option) for option in options]))


def histories(study: Path) -> list[Path]:
    """The logs of all runs in the order of a workflow: by protocol, then by network and fold."""
    runs = [(protocol, network) for protocol, networks in example.PROTOCOLS.items() for network in networks]
    return [path for protocol, network in runs for path in sorted(study.glob(f"{network}-*/{protocol}/*/log.csv"))]


def draw(study: Path, folder: Path, step: str) -> list[Path]:
    """Draw the figures of one step; return their SVGs."""
    names, options = {
        "plot_training": (FIGURES[:3], ["--history", *histories(study)]),
        "plot_tissues": (
            ("confusion", "volumes"),
            ["--confusion", study / "confusion.csv", "--scores", study / "scores.csv"],
        ),
        "plot_slices": (
            ("slices", "maps"),
            [
                *("--store", study / "store", "--predictions", study / "unet3d-seed0" / "sound" / "predictions"),
                *("--scores", study / "scores.csv", "--settings", '{"subjects": 2}'),
                *("--picture", folder / "brain.webp", "--overlay", folder / "brain.png"),
            ],
        ),
    }[step]
    figures = [folder / f"{name}.svg" for name in names]
    run_step(step, [*options, "--figures", *figures, "--tables", *(path.with_suffix(".csv") for path in figures)])
    return figures


def draw_all(study: Path, folder: Path) -> list[Path]:
    """Draw the figures of all steps; return their SVGs in the order of `FIGURES`."""
    return [path for step in ("plot_training", "plot_slices", "plot_tissues") for path in draw(study, folder, step)]


def describe(study: Path, folder: Path, figures: list[Path]) -> Path:
    """Describe the study by its step; return the section."""
    recipe = yaml.safe_load((ROOT / "config" / "iseg.yaml").read_text())["published"]
    settings = {
        "data": "phantom",
        "models": {"networks": list(example.NETWORKS), "baselines": [example.BASELINE]},
        "measures": yaml.safe_load((ROOT / "config" / "published.yaml").read_text())["measures"],
        **{name: recipe[name] for name in ("thesis", "master", "sound", "width")},
        "folds": 3,
        "printed": 0.1234,
    }
    tables = [
        part
        for name in ("metrics", "quirks", "findings", "costs", "scores", "test_volumes")
        for part in (f"--{name.replace('_', '-')}", study / f"{name}.csv")
    ]
    written = [
        part
        for name in ("protocols", "tissues", "family", "unlabelled")
        for part in (f"--{name}", folder / f"{name}.csv")
    ]
    pictures = ["--picture", figures[0].with_name("brain.webp"), "--overlay", figures[0].with_name("brain.png")]
    options = ["--store", study / "store", "--settings", json.dumps(settings), *tables, *pictures]
    run_step("describe", [*options, "--figures", *figures, *written, "--section", folder / "section.json"])
    return folder / "section.json"
