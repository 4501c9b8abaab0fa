"""Segment each subject that a protocol scores: whole volumes, and the sums of overlap of volumes and crops."""

import argparse
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iseg.analysis.protocols import PROTOCOLS
from reprise.data.store import Rows, Store, open_store, store_identity, write_store
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs

SCORED = {"by_thesis": "val", "by_master": "val", "sound": "test"}
KEPT = ["case", "of", "fold", "split", "x", "y", "z"]


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights of each fold, from fold 1 on")
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--settings", type=json_object, required=True, help='{"crops": which ones sound scores}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--predictions", type=Path, required=True, help="store to write")
    parser.add_argument("--sums", type=Path, required=True, help="CSV to write: a row a volume or crop, and class")
    return parser


def main(args: argparse.Namespace) -> None:
    """Predict subject by subject, then write all volumes and sums."""
    from reprise.inference.parts import resumed
    from reprise.step.device import pick_device

    device, store = pick_device(args.device), open_store(args.store)
    network = lru_cache(maxsize=1)(partial(load_fold, args.weights, args.protocol, device))
    recipe = network(1)[1]["settings"]
    cases = scored_cases(store.cases, args.protocol, len(args.weights))

    def parts_of(todo: list[str]) -> Iterator[dict[str, np.ndarray]]:
        for case in progress(cases[cases["case"].isin(todo)].to_dict("records"), "volumes", len(todo)):
            model, info = network(case["fold"])
            yield predicted(model, info, store, case, args.settings, device)

    identity = [args.settings, [*map(file_sha256, args.weights)], store_identity(args.store), args.protocol]
    parts = resumed(args.checkpoints, identity, list(cases["case"]), parts_of)
    with outputs(args.predictions, args.sums) as (predictions, sums):
        write_predictions(predictions, cases, parts)
        table_of(cases, parts, recipe["batch_size"]).to_csv(sums, index=False)


def scored_cases(cases: pd.DataFrame, protocol: str, folds: int) -> pd.DataFrame:
    """The subjects that each fold's network is scored on."""
    from iseg.analysis.protocols import split_of

    parts = []
    for fold in range(1, folds + 1):
        split = split_of(cases, protocol, fold, folds)
        rows = cases[split == SCORED[protocol]]
        names = f"fold{fold}-" + rows["case"]
        parts.append(rows.assign(of=rows["case"], case=names, fold=fold, split=SCORED[protocol]))
    return pd.concat(parts, ignore_index=True)


def load_fold(weights: Sequence[Path], protocol: str, device: Any, fold: int) -> tuple[Any, dict[str, Any]]:
    """The network of a fold, from 1, with the info of its weights.

    Raises:
        InputError: weights of another fold or protocol, or see `load_tissue_network`.
    """
    from iseg.learning.prediction import load_tissue_network

    path = weights[fold - 1]
    model, info = load_tissue_network(path, device, protocol)
    found, expected = [info.get("fold"), info["settings"].get("folds", 1)], [fold, len(weights)]
    if found != expected:
        raise InputError(f"{path}: expected weights of fold {fold} of {len(weights)}, found {found[0]} of {found[1]}")
    return model, info


def predicted(
    model: Any, info: dict[str, Any], store: Store, case: dict[Any, Any], settings: dict[str, Any], device: Any
) -> dict[str, np.ndarray]:
    """All that is kept of one subject: labels, the plane of logits and its number, sums, and numbers of crops."""
    from iseg.learning.crop_sums import crops_rich_in_brain, predicted_crops, predicted_volume
    from iseg.learning.crops import Crops
    from iseg.learning.protocol_tasks import crops_as_published, subjects_by_part
    from iseg.learning.volumes import subjects_of

    recipe, name = info["settings"], case["of"]
    if case["split"] == "val":
        chosen = subjects_by_part(store.cases, info["protocol"], case["fold"], recipe)
        places, scored = crops_as_published(chosen, store.arrays, recipe)["val"], chosen["val"]
    else:
        scored = store.cases[store.cases["case"] == name]
        places = None
    subjects = subjects_of(scored[scored["case"] == name], store.arrays, info["normalisation"], device)
    (subject,) = subjects
    if places is None:
        places = crops_rich_in_brain(name, subject.labels.cpu().numpy(), recipe["crop"], settings["crops"])
    here = np.flatnonzero(places.subjects == [*scored["case"]].index(name))
    own = places._replace(subjects=np.zeros_like(places.subjects))
    labels, sums, plane, z = predicted_volume(model, subject, recipe)
    of_crops = predicted_crops(
        model, Crops(subjects, own, recipe["crop"], info["normalisation"]), here, recipe["precision"]
    )
    return {"labels": labels, "map": plane, "z": np.array(z), "sums": sums, "crops": of_crops, "numbers": here + 1}


def write_predictions(folder: Path, cases: pd.DataFrame, parts: Sequence[dict[str, np.ndarray]]) -> None:
    """Write the store of labels and planes."""
    sizes, planes = (np.array([part[name].size for part in parts]) for name in ("labels", "map"))
    table = cases[KEPT].assign(offset=np.cumsum(sizes) - sizes, map_z=[int(part["z"]) for part in parts])
    arrays = {
        "labels": Rows((int(sizes.sum()),), np.dtype(np.uint8), (part["labels"].ravel() for part in parts)),
        "maps": Rows((int(planes.sum()),), np.dtype(np.float16), (part["map"].ravel() for part in parts)),
    }
    write_store(folder, table.assign(map_offset=np.cumsum(planes) - planes), arrays)


def table_of(cases: pd.DataFrame, parts: Sequence[dict[str, np.ndarray]], batch_size: int) -> pd.DataFrame:
    """The sums of all volumes and crops; the batch of a crop is that of the validation in training, from 1."""
    from iseg.learning.crop_sums import rows_of

    tables, none = [], np.zeros(1, np.int64)
    for case, part in zip(cases.to_dict("records"), parts, strict=True):
        of, numbers = {name: case[name] for name in ("fold", "of")}, part["numbers"]
        tables.append(rows_of(of, "volume", none, none, part["sums"][None]))
        tables.append(rows_of(of, "crop", numbers, (numbers - 1) // batch_size + 1, part["crops"]))
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    run(main, arguments())
