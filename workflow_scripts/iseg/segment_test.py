"""Segment the subjects of the challenge's test set, whose labels are hidden, by the networks of all folds together."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from iseg.analysis.protocols import TISSUES
from reprise.data.store import open_store, store_identity
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.files import file_sha256, outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights of each fold, from fold 1 on")
    parser.add_argument("--settings", type=json_object, required=True, help='{"code": ...}: old labels are ignored')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--labels", type=Path, required=True, help="folder to write: SUBJECT-label.hdr and .img")
    parser.add_argument("--volumes", type=Path, required=True, help="CSV to write: tissue volumes of each subject")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment subject by subject, then write all labels and their volumes."""
    from iseg.data.conversion import volume_of, write_tissues
    from iseg.learning.prediction import load_tissue_networks, tissue_labels
    from reprise.inference.parts import resumed
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    cases, arrays = open_store(args.store)
    tests = cases[(cases["official"] == "testing") & (cases["labelled"] == 0)]
    by_name = {case["case"]: case | {"row": row} for row, case in tests.to_dict("index").items()}
    networks = load_tissue_networks(args.weights, device)

    def labels_of(todo: list[str]) -> Iterator[dict[str, np.ndarray]]:
        for name in progress(todo, "test subjects"):
            t1, t2 = (volume_of(arrays[image], by_name[name]) for image in ("t1", "t2"))
            yield {"labels": tissue_labels(networks, t1, t2, device)}

    identity = [args.settings, [*map(file_sha256, args.weights)], store_identity(args.store)]
    parts = resumed(args.checkpoints, identity, list(by_name), labels_of)
    with outputs(args.labels, args.volumes) as (folder, volumes):
        folder.mkdir()
        rows = []
        for case, part in zip(by_name.values(), parts, strict=True):
            write_tissues(folder / f"{case['case']}-label.img", part["labels"], arrays["headers"][case["row"]])
            voxel_ml = case["x_mm"] * case["y_mm"] * case["z_mm"] / 1000
            found = {f"{name}_ml": voxel_ml * int((part["labels"] == label).sum()) for name, label in TISSUES.items()}
            rows.append({"case": case["case"], "subject": case["subject"], **found})
        columns = ["case", "subject", *(f"{name}_ml" for name in TISSUES)]
        pd.DataFrame(rows, columns=columns).to_csv(volumes, index=False)


if __name__ == "__main__":
    run(main, arguments())
