"""Probabilities of the structures in all slices on which a network is scored, by its chosen epoch and its snapshots."""

import argparse
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from acdc.analysis.protocols import PROTOCOLS, splits
from reprise.data.store import Rows, Store, open_store, store_identity, write_store
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.files import file_sha256

# A network in evaluation mode, and the info of its weights, by name: plain, snapshot1 and so on.
Networks = dict[str, tuple[Any, dict[str, Any]]]
KEPT = ["case", "patient", "phase", "split", "slices", "height", "width"]
SPACING = ["slice_mm", "row_mm", "column_mm"]
TYPE = np.dtype(np.float16)


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data, or of published slices")
    parser.add_argument("--weights", type=Path, required=True, help="weights of the chosen epoch")
    parser.add_argument("--snapshots", type=Path, required=True, help="folder of weights of other epochs")
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--settings", type=json_object, required=True, help='{"flips": flip slices, too}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--probabilities", type=Path, required=True, help="store to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Predict case by case, then write all probabilities."""
    from acdc.learning.prediction import load_heart_network
    from reprise.inference.parts import resumed
    from reprise.step.device import pick_device

    device, store = pick_device(args.device), open_store(args.store)
    paths = {"plain": args.weights} | {path.stem: path for path in sorted(args.snapshots.glob("*.safetensors"))}
    networks = {name: load_heart_network(path, device, args.protocol) for name, path in paths.items()}
    cases = scored_cases(store.cases, args.protocol, networks["plain"][1]["settings"])
    predict = of_slices if args.protocol == "published" else of_stacks

    def parts_of(todo: list[str]) -> Iterator[dict[str, np.ndarray]]:
        chosen = cases[cases["case"].isin(todo)]
        return progress(predict(store, chosen, networks, device, args.settings["flips"]), "cases", len(chosen))

    identity = [args.settings, list(map(file_sha256, paths.values())), store_identity(args.store), args.protocol]
    parts = resumed(args.checkpoints, identity, list(cases["case"]), parts_of)
    voxels = int((cases["slices"] * cases["height"] * cases["width"]).sum())
    arrays = {name: Rows((voxels, 4), TYPE, map(itemgetter(name), parts)) for name in parts[0]}
    spacing = [name for name in (*SPACING, "slice", "augmented", "draw") if name in cases]
    size = (cases["slices"] * cases["height"] * cases["width"]).to_numpy()
    table = cases[KEPT + spacing].assign(offset=np.cumsum(size) - size)
    write_store(args.probabilities, table, arrays)


def scored_cases(cases: pd.DataFrame, protocol: str, settings: dict[str, Any]) -> pd.DataFrame:
    """The rows to predict: the published test slices, or the stacks of `sound` that are not trained on."""
    if protocol == "published":
        size = settings["size"]
        return cases[cases["split"] == "test"].assign(slices=1, height=size, width=size)
    split = splits(cases, settings["validation"])
    return cases.assign(split=split)[split != "train"]


def of_slices(store: Store, cases: pd.DataFrame, networks: Networks, device: Any, flips: bool) -> Iterator[Any]:
    """Probabilities (size * size, 4) of each published slice."""
    import torch

    from acdc.learning.prediction import FLIPS, flipped_mean
    from acdc.learning.slice_tasks import SLICES_AT_A_TIME
    from reprise.inference.network import in_batches

    model, info = networks["plain"]
    rows = cases.index.to_numpy()

    def compute(chunk: slice) -> "torch.Tensor":
        images = torch.from_numpy(store.arrays["image"][rows[chunk]]).to(device)
        return flipped_mean(model, info, images[:, None], FLIPS[:1]).movedim(1, -1)

    for batch in in_batches(len(rows), SLICES_AT_A_TIME, compute, device):
        for probabilities in batch.numpy():
            yield {"plain": packed(probabilities)}


def of_stacks(store: Store, cases: pd.DataFrame, networks: Networks, device: Any, flips: bool) -> Iterator[Any]:
    """Probabilities (V, 4) of each case's stack by each network, and by the first one with flips."""
    from acdc.data.conversion import slices_of
    from acdc.learning.prediction import probabilities_of

    for case in cases.to_dict("records"):
        stack, spacing = slices_of(store.arrays["image"], case), [case[name] for name in SPACING]
        found = {name: probabilities_of(*pair, stack, spacing, device) for name, pair in networks.items()}
        if flips:
            found["flips"] = probabilities_of(*networks["plain"], stack, spacing, device, flips=True)
        yield {name: packed(probabilities) for name, probabilities in found.items()}


def packed(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (..., 4) as (V, 4) float16."""
    return probabilities.reshape(-1, probabilities.shape[-1]).astype(TYPE)


if __name__ == "__main__":
    run(main, arguments())
