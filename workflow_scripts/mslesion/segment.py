"""Segment every scan by the network that did not train on it: NIfTI masks on the scans' grids, and their measures."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mslesion.analysis.protocols import PROTOCOLS, scored
from mslesion.analysis.results import COUNTS
from reprise.data.store import open_store, store_identity
from reprise.evaluation.confusion import confusion
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights of each fold, from fold 1 on")
    parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
    parser.add_argument("--settings", type=json_object, default={}, help='{"code": without which no old mask counts}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--masks", type=Path, required=True, help="folder to write: CASE.nii.gz")
    parser.add_argument("--volumes", type=Path, required=True, help="CSV to write: one row per scan and rater")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment scan by scan, then write all masks and measures."""
    from mslesion.data.conversion import write_scan_mask
    from mslesion.learning.scan_prediction import packed, segment_scan, unpacked
    from reprise.data.store import slices_of
    from reprise.inference.parts import Arrays, resumed
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    cases, arrays = open_store(args.store)
    folds = enumerate(args.weights, 1)
    chosen = pd.concat([scored(cases, args.protocol, len(args.weights), fold).assign(fold=fold) for fold, _ in folds])
    scans = {scan["case"]: scan for scan in chosen.assign(row=chosen.index).to_dict("records")}
    network = lru_cache(maxsize=1)(partial(load_fold, args.weights, args.protocol, device))

    def masks_of(todo: list[str]) -> Iterator[Arrays]:
        for case in progress(todo, "scans"):
            model, info = network(scans[case]["fold"])
            yield packed(segment_scan(model, info, slices_of(arrays["flair"], scans[case]), device))

    weights = [file_sha256(path) for path in args.weights]
    identity = [args.settings, weights, store_identity(args.store), args.protocol]
    masks = map(unpacked, resumed(args.checkpoints, identity, list(scans), masks_of))
    with outputs(args.masks, args.volumes) as (folder, volumes):
        folder.mkdir()
        table: list[dict[str, object]] = []
        for (case, scan), mask in zip(scans.items(), masks, strict=True):
            write_scan_mask(folder / f"{case}.nii.gz", mask, arrays["headers"][scan["row"]])
            table += measured(scan, mask, arrays)
        pd.DataFrame(table).to_csv(volumes, index=False)


def load_fold(weights: Sequence[Path], protocol: str, device: Any, fold: int) -> tuple[Any, dict[str, Any]]:
    """The network of a fold, from 1, with the info of its weights.

    Raises:
        InputError: weights of another fold or protocol, or see `load_lesion_network`.
    """
    from mslesion.learning.scan_prediction import load_lesion_network

    path = weights[fold - 1]
    model, info = load_lesion_network(path, device)
    found = [info.get("protocol"), info.get("fold"), info["settings"].get("folds")]
    if found != [protocol, fold, len(weights)]:
        expected = f"{protocol}, fold {fold} of {len(weights)}"
        raise InputError(f"{path}: expected weights of {expected}, found {found[0]}, fold {found[1]} of {found[2]}")
    return model, info


def measured(case: Mapping[Any, Any], mask: np.ndarray, arrays: dict[str, np.ndarray]) -> Iterator[dict[str, object]]:
    """One row per rater: measures of the volume, and pixel counts of all slices and of those with a lesion."""
    from mslesion.analysis.lesions import lesion_measures
    from reprise.data.store import slices_of

    voxel_mm3 = float(case["slice_mm"] * case["row_mm"] * case["column_mm"])
    for rater in (1, 2):
        if f"mask{rater}" in arrays:
            true = slices_of(arrays[f"mask{rater}"], case) != 0
            with_lesion = true.any(axis=(1, 2))
            row = {key: case[key] for key in ("case", "patient", "timepoint", "fold")} | {"rater": rater}
            row |= lesion_measures(mask, true, voxel_mm3)
            by_slice = confusion(mask, true)
            for name, pixels in {"all": by_slice, "lesion_slices": by_slice[with_lesion]}.items():
                row |= {f"{kind}_{name}": int(count) for kind, count in zip(COUNTS, pixels.sum(axis=0), strict=True)}
            yield row


if __name__ == "__main__":
    run(main, arguments())
