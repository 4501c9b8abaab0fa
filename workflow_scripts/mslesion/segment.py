"""Segment the scans of a scored fold: a NIfTI mask on each scan's own grid, and its measures against each rater."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mslesion.protocols import scored
from reprise.command import json_object, progress, run, step_parser
from reprise.files import file_sha256, outputs
from reprise.store import open_store, store_identity


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, required=True, help="weights of a lesion network")
    parser.add_argument("--protocol", required=True, choices=["published", "sound"])
    parser.add_argument("--fold", type=int, required=True, help="the fold to segment, from 1")
    parser.add_argument("--settings", type=json_object, required=True, help='{"folds"}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--masks", type=Path, required=True, help="folder to write: CASE.nii.gz")
    parser.add_argument("--volumes", type=Path, required=True, help="CSV to write: a row a scan and rater")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment scan by scan, then write all masks and measures."""
    from reprise.device import pick_device
    from reprise.formats.ms_convert import scan_of, write_scan_mask
    from reprise.inference.lesions import packed, segment_scan, unpacked
    from reprise.inference.parts import Arrays, resumed
    from reprise.models.lesions import lesion_network
    from reprise.models.weights import load_model

    device = pick_device(args.device)
    model, info = load_model(args.weights, device, "lesions", lesion_network)
    cases, arrays = open_store(args.store)
    chosen = scored(cases, args.protocol, args.settings["folds"], args.fold)
    scans = {scan["case"]: scan for scan in chosen.assign(row=chosen.index).to_dict("records")}

    def masks_of(todo: list[str]) -> Iterator[Arrays]:
        for case in progress(todo, "scans"):
            yield packed(segment_scan(model, info, scan_of(arrays["flair"], scans[case]), device))

    identity = [args.settings, file_sha256(args.weights), store_identity(args.store), args.protocol, args.fold]
    parts = resumed(args.checkpoints, identity, list(scans), masks_of)
    masks = [unpacked(part) for part in parts]
    with outputs(args.masks, args.volumes) as (folder, volumes):
        folder.mkdir()
        table: list[dict[str, object]] = []
        for (case, scan), mask in zip(scans.items(), masks, strict=True):
            write_scan_mask(folder / f"{case}.nii.gz", mask, arrays["headers"][scan["row"]])
            table += measured(scan, mask, arrays)
        pd.DataFrame(table).to_csv(volumes, index=False)


def measured(case: Mapping[Any, Any], mask: np.ndarray, arrays: dict[str, np.ndarray]) -> Iterator[dict[str, object]]:
    """A row for each rater: measures of the volume, and pixel counts of all slices and of those with a lesion."""
    from reprise.formats.ms_convert import scan_of
    from reprise.metrics.lesions import lesion_measures

    voxel_mm3 = float(case["slice_mm"] * case["row_mm"] * case["column_mm"])
    for rater in (1, 2):
        if f"mask{rater}" in arrays:
            true = scan_of(arrays[f"mask{rater}"], case) != 0
            with_lesion = true.any(axis=(1, 2))
            row = {"case": case["case"], "patient": case["patient"], "timepoint": case["timepoint"], "rater": rater}
            row |= lesion_measures(mask, true, voxel_mm3) | counts(mask, true, "all")
            yield row | counts(mask[with_lesion], true[with_lesion], "lesion_slices")


def counts(mask: np.ndarray, true: np.ndarray, name: str) -> dict[str, int]:
    """True and false positives and negatives in px, named by the slices that they are of."""
    pairs = {"tp": mask & true, "fp": mask & ~true, "fn": ~mask & true, "tn": ~mask & ~true}
    return {f"{kind}_{name}": int(pixels.sum()) for kind, pixels in pairs.items()}


if __name__ == "__main__":
    run(main, arguments())
