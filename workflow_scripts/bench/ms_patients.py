"""Train on real patients with multiple sclerosis, leaving one out in turn, for as many epochs as some minutes allow."""

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from mslesion_work import lesion_training
from work import StudyData, Training, timed_training

from reprise.data.store import open_store
from reprise.engine.configuration import study_settings
from reprise.step.command import run, say, step_parser
from reprise.step.device import pick_device
from reprise.step.files import outputs

STEPS = Path(__file__).resolve().parents[1] / "mslesion"
PROTOCOL, BASELINE, NETWORK = "sound", "unet_3d", "fc_densenet67"
SHOWN = ["network", "epochs", "minutes", "case", "dice", "ltpr", "load_ml", "true_load_ml"]


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = step_parser(__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="patients as `data: mslesion` of config.yaml has them")
    parser.add_argument("--minutes", type=float, required=True, help="that all trainings may take together")
    parser.add_argument("--schedule", default="published", choices=["published", "demo"], help="whose recipe")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--work", type=Path, required=True, help="folder for store, weights and masks")
    parser.add_argument("--output", type=Path, required=True, help="table to write: a row per network and scan")
    return parser


def main(args: argparse.Namespace) -> None:
    """Check, convert, train, segment and measure by the steps that the workflow runs."""
    tables = [args.work / f"{name}.csv" for name in ("manifest", "cases", "findings")]
    store = args.work / "store"
    _step("check", raw=args.raw, manifest=tables[0], cases=tables[1], findings=tables[2])
    _step("convert", raw=args.raw, manifest=tables[0], cases=tables[1], store=store)
    folds = open_store(store).cases["patient"].nunique()
    settings = study_settings("mslesion", args.schedule)
    parts = {BASELINE: settings["baselines"][BASELINE], NETWORK: settings["training"]}
    found = []
    for network, part in parts.items():
        recipe = part | {"folds": folds, "network": network, "seed": 0, "precision": "bf16"}
        recipe["epochs"] = _epochs(store, recipe, 60 * args.minutes / len(parts) / folds, args.device)
        found.append(_left_out(args.work, store, recipe, args.device))
    with outputs(args.output) as (path,):
        pd.concat(found)[SHOWN].to_csv(path, index=False, float_format="%.4g")
        print(path.read_text())


def _epochs(store: Path, recipe: dict[str, Any], seconds: float, device_name: str) -> int:
    """How many epochs of the first fold's training some seconds allow: at least 1, at most those of the recipe."""
    device, data = pick_device(device_name), StudyData(*open_store(store), str(store))
    choices = argparse.Namespace(compile="off", deterministic="no", processes=1)  # minutes are too short to compile
    work = Training(recipe["network"], folds := recipe["folds"], recipe, partial(lesion_training, data, PROTOCOL), {})
    times = timed_training(work, device, choices)
    epochs = min(recipe["epochs"], max(1, int(seconds / times.epoch)))
    say(f"{recipe['network']}: {epochs} epochs of {times.epoch:.3g} s for each of {folds} folds")
    return epochs


def _left_out(work: Path, store: Path, recipe: dict[str, Any], device: str) -> pd.DataFrame:
    """Measures of each scan by the network that did not see its patient, with the epochs and minutes of a training."""
    folder = work / recipe["network"]
    weights = [folder / f"fold{fold}.safetensors" for fold in range(1, recipe["folds"] + 1)]
    began = time.perf_counter()
    for fold, path in enumerate(weights, 1):
        kept = {"checkpoints": folder / f"kept{fold}", "tensorboard": folder / f"tensorboard{fold}", "weights": path}
        options = kept | {"history": folder / f"fold{fold}.csv", "settings": json.dumps(recipe), "device": device}
        _step("train", store=store, protocol=PROTOCOL, fold=fold, compile="off", **options)
    minutes = (time.perf_counter() - began) / 60 / len(weights)
    volumes, kept = folder / "volumes.csv", {"checkpoints": folder / "kept", "masks": folder / "masks"}
    _step("segment", store=store, weights=weights, protocol=PROTOCOL, volumes=volumes, device=device, **kept)
    return pd.read_csv(volumes).assign(network=recipe["network"], epochs=recipe["epochs"], minutes=minutes)


def _step(name: str, **options: Any) -> None:
    """Run a step of the study; its log lies beside its outputs."""
    words = [str(word) for key, value in options.items() for word in (f"--{key}", *_listed(value))]
    subprocess.run([sys.executable, STEPS / f"{name}.py", *words], check=True)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    run(main, arguments())
