"""How well a segmentation network's masks agree with the tracings of the validation and test videos."""

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from echonet.analysis.overlap import dice
from reprise.data.store import Store, open_store
from reprise.evaluation.confusion import confusion
from reprise.step.command import progress, run, step_parser
from reprise.step.files import outputs

if TYPE_CHECKING:
    import torch

IMAGES = ("large", "small")
CASES_AT_A_TIME = 32


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--weights", type=Path, required=True, help="weights of a segmentation network")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--overlap", type=Path, required=True, help="CSV to write: pixels in common, one row per image")
    parser.add_argument("--val-dice", type=Path, required=True, help="CSV to write: Dice of each validation video")
    parser.add_argument("--test-dice", type=Path, required=True, help="CSV to write: Dice of each test video")
    return parser


def main(args: argparse.Namespace) -> None:
    """Count the overlaps, then write them and the Dice of each video."""
    from echonet.learning.segmentation_network import MASK_INFO, segmentation_network
    from reprise.models.weights import load_model
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    counts = count_overlaps(
        *load_model(args.weights, device, "segmentation", segmentation_network, *MASK_INFO),
        open_store(args.store),
        device,
    )
    with outputs(args.overlap, args.val_dice, args.test_dice) as (overlap, val_dice, test_dice):
        counts.to_csv(overlap, index=False)
        for split, path in (("val", val_dice), ("test", test_dice)):
            write_dice(path, counts[counts["split"] == split])


def count_overlaps(
    model: "torch.nn.Module", info: dict[str, Any], store: Store, device: "torch.device"
) -> pd.DataFrame:
    """Intersection and union in px: one row per traced image of the validation and test videos."""
    from echonet.learning.segmentation_masks import segment_frames

    cases = store.cases[store.cases["split"].isin(["val", "test"]) & (store.cases["traced"] >= 0)]
    counts = []
    chunks = [cases["traced"].iloc[at : at + CASES_AT_A_TIME] for at in range(0, len(cases), CASES_AT_A_TIME)]
    for rows in progress(chunks, "tracings, in batches"):
        images, truth = store.arrays["traced_frames"][rows], store.arrays["traced_masks"][rows]
        masks = segment_frames(model, info, images.reshape(-1, *images.shape[2:]), device)
        counts.append(confusion(masks.reshape(truth.shape), truth, axis=2).reshape(-1, 4))
    table = cases.loc[cases.index.repeat(len(IMAGES)), ["case", "split", "tracing_ok", "order_ok"]]
    table = table.assign(image=list(IMAGES) * len(cases))
    pixels = np.concatenate([np.empty((0, 4), np.int64), *counts])
    table["intersection"], table["union"] = pixels[:, 0], pixels[:, :3].sum(axis=1)
    return table[["case", "split", "image", "intersection", "union", "tracing_ok", "order_ok"]]


def write_dice(path: Path, counts: pd.DataFrame) -> None:
    """Write Dice of each video in the published form: both images together, the large one, the small one."""
    pixels = counts.set_index(["case", "image"])[["intersection", "union"]].unstack("image")
    pixels = pixels.loc[counts["case"].unique()]
    large, small = (dice(pixels["intersection", image], pixels["union", image]) for image in IMAGES)
    both = dice(*(pixels[kind, "large"] + pixels[kind, "small"] for kind in ("intersection", "union")))
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write("Filename, Overall, Large, Small\n")
        names = [f"{case}.avi" for case in pixels.index]
        csv.writer(stream, lineterminator="\n").writerows(zip(names, both, large, small, strict=True))


if __name__ == "__main__":
    run(main, arguments())
