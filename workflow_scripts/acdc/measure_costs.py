"""Measure what each network and each ensemble of the sound protocol costs, and what it gains for that."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from acdc.analysis.costs import MODES, Cost, optimiser_bytes, row, together, with_gains
from acdc.analysis.shown import best_network
from acdc.data.conversion import slices_of
from reprise.data.store import open_store
from reprise.evaluation.runs import run_of
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.files import outputs
from reprise.step.tables import read_table

if TYPE_CHECKING:
    import torch

    from acdc.learning.measuring import Stack

METRICS = {"protocol": str, "quantity": str, "value": float}
WEIGHTS = {"method": str, "member": str, "weight": float}
BENCHMARK = "s"  # the column of Snakemake's benchmark files with the seconds of a job
DICE = "/test/dice"  # ends the name of a quantity
DIGITS = 6  # significant ones, of the table


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="RUN/sound/weights.safetensors")
    parser.add_argument("--members", type=Path, required=True, help="weights.csv: the members of each ensemble")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv")
    parser.add_argument(
        "--benchmarks", type=Path, required=True, help="folder with RUN/sound.tsv, where Snakemake keeps times"
    )
    parser.add_argument("--settings", type=json_object, required=True, help='{"repeats": how many calls to time}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--costs", type=Path, required=True, help="CSV to write: a row per method and way of running")
    return parser


def main(args: argparse.Namespace) -> None:
    """Measure every network once, and add up what the ensembles take."""
    from reprise.step.device import pick_device

    device, patient = pick_device(args.device), first_test_patient(args.store)
    runs = {run_of(path, "protocol").run: path for path in args.weights}
    measured = {
        name: cost_of(path, patient, args.settings["repeats"], device, training_seconds(args.benchmarks, name))
        for name, path in progress(list(runs.items()), "networks")
    }
    first, members = first_runs(runs), read_table(args.members, WEIGHTS)
    best = best_network(members)
    flips = cost_of(runs[first[best]], patient, args.settings["repeats"], device, flips=True)
    flips = flips._replace(training_s=measured[first[best]].training_s)
    known = measured | {network: measured[name] for network, name in first.items()} | {f"{best}/flips": flips}
    rows = [row(network, "network", "alone", known[network]) for network in first]
    for method, parts in members[members["weight"] > 0].groupby("method", sort=False):
        if str(method) not in first:
            rows += ensemble_rows(str(method), list(parts["member"]), known)
    dice = test_dice(read_table(args.metrics, METRICS))
    with outputs(args.costs) as (file,):
        with_gains(pd.DataFrame(rows), dice, best).to_csv(file, index=False, float_format=f"%.{DIGITS}g")


def first_test_patient(folder: Path) -> list["Stack"]:
    """Both phases of the first test patient in the store."""
    from acdc.learning.measuring import Stack

    store = open_store(folder)
    tested = store.cases[store.cases["official"] == "testing"]
    return [
        Stack(slices_of(store.arrays["image"], case), (case["slice_mm"], case["row_mm"], case["column_mm"]))
        for case in tested[tested["patient"] == tested["patient"].iloc[0]].to_dict("records")
    ]


def first_runs(runs: Iterable[str]) -> dict[str, str]:
    """By network the first of its runs, whose results have the network's name."""
    found: dict[str, str] = {}
    for name in runs:
        found.setdefault(name.rpartition("-seed")[0], name)
    return found


def training_seconds(folder: Path, name: str) -> float:
    """How long the job took that ended a run's training, as Snakemake noted it; NaN if it did not."""
    path = folder / name / "sound.tsv"
    return float(pd.read_csv(path, sep="\t")[BENCHMARK].iloc[-1]) if path.is_file() else float("nan")


def cost_of(
    path: Path,
    patient: Sequence["Stack"],
    repeats: int,
    device: "torch.device",
    training_s: float = float("nan"),
    flips: bool = False,
) -> Cost:
    """The cost of the network in a file of weights, measured on a patient."""
    from acdc.learning.measuring import measure
    from acdc.learning.prediction import load_heart_network

    model, info = load_heart_network(path, device)
    found = measure(model, info, patient, repeats, device, flips)
    size = path.stat().st_size
    full = size + optimiser_bytes(found.parameters, optimiser_of(info))
    slices = sum(len(stack.slices) for stack in patient)
    sizes = (found.parameters, found.multiply_adds, size, full)
    return Cost(*sizes, training_s, found.peak_mb, slices, found.slice_ms, found.patient_ms)


def optimiser_of(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of the optimiser that a network was trained with."""
    return info["settings"]["optimiser"]


def test_dice(metrics: pd.DataFrame) -> dict[str, float]:
    """By method the mean Dice of the test patients, by the sound protocol."""
    rows = metrics[(metrics["protocol"] == "sound") & metrics["quantity"].str.endswith(DICE)]
    return dict(zip(rows["quantity"].str.removesuffix(DICE), rows["value"], strict=True))


def ensemble_rows(method: str, members: Sequence[str], known: Mapping[str, Cost]) -> list[dict[str, Any]]:
    """The rows of an ensemble: its members one after another, and in parallel if there are several.

    A member is a run, RUN/flips, or RUN/snapshotN, which costs what the run does and no further training.
    """
    costs = [known[name] if name in known else known[name.partition("/")[0]] for name in members]
    trained = [name.partition("/")[0] for name in members]
    own = [trained.index(run) == place for place, run in enumerate(trained)]
    modes = MODES if len(members) > 1 else MODES[:1]
    return [row(method, "ensemble", mode, together(costs, mode, own)) for mode in modes]


if __name__ == "__main__":
    run(main, arguments())
