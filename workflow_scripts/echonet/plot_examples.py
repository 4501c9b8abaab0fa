"""Draw traced test images with both contours, from the lowest Dice to a high one."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from echonet.analysis.figure_data import masks_of, read_segmented
from echonet.analysis.overlap import dice
from echonet.analysis.results import OVERLAP
from echonet.analysis.segmentation_figures import draw_examples
from reprise.data.store import open_store
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.tables import read_table

# Ranks of the examples among the test videos, from 0 (the lowest Dice) to 1, so that no hand picks them.
RANKS = {0.0: "lowest", 0.1: "10th percentile", 0.5: "median", 0.9: "90th percentile"}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--overlap", type=Path, required=True, help="overlap.csv: Dice of each image")
    parser.add_argument("--areas", type=Path, required=True, help="areas.csv: which frame each mask is of")
    parser.add_argument("--masks", type=Path, required=True, help="masks.npy")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw the chosen videos and write their Dice and areas."""
    store, segmented = open_store(args.store), read_segmented(args.areas, args.masks)
    chosen = choose(ranked_by_dice(args.overlap))
    cases = store.cases.set_index("case").loc[chosen.index]
    images, tracings = (np.asarray(store.arrays[name][cases["traced"]]) for name in ("traced_frames", "traced_masks"))
    row = pd.Series(segmented.areas.index, pd.MultiIndex.from_frame(segmented.areas[["case", "frame"]]))
    frames = cases[["ed_frame", "es_frame"]].astype(int)
    rows = [row[case, frame] for case, *both in frames.itertuples() for frame in both]
    predicted = masks_of(segmented, rows, tracings.shape[-1]).reshape(tracings.shape)
    titles = [
        f"{name}\nED {large:.2f}  ES {small:.2f}"
        for name, large, small in chosen[["place", "large", "small"]].itertuples(index=False)
    ]
    table = chosen.reset_index()
    for name, masks in (("traced", tracings), ("predicted", predicted)):
        table[[f"{name}_ed_px", f"{name}_es_px"]] = np.count_nonzero(masks, axis=(2, 3))
    save_figure(draw_examples(images, tracings, predicted, titles), args.figure, table, args.table)


def ranked_by_dice(path: Path) -> pd.DataFrame:
    """Dice of each test video, from the lowest overall: columns overall, large, small by case."""
    test = read_table(path, OVERLAP).query("split == 'test'")
    values = {}
    for name, images in {"overall": ["large", "small"], "large": ["large"], "small": ["small"]}.items():
        counts = test[test["image"].isin(images)].groupby("case")[["intersection", "union"]].sum()
        values[name] = pd.Series(dice(counts["intersection"], counts["union"]), counts.index)
    table = pd.DataFrame(values).round(DECIMALS)
    return table.dropna().sort_values("overall", kind="stable")


def choose(ranked: pd.DataFrame) -> pd.DataFrame:
    """The rows at `RANKS`, with the columns place, rank and of in front; fewer rows if two ranks are the same."""
    ranks: dict[int, str] = {}
    for rank, name in RANKS.items():
        ranks.setdefault(round(rank * (len(ranked) - 1)), name)
    labels = pd.DataFrame({"place": ranks.values(), "rank": [rank + 1 for rank in ranks], "of": len(ranked)})
    chosen = ranked.iloc[list(ranks)]
    return pd.concat([labels.set_index(chosen.index), chosen], axis=1)


if __name__ == "__main__":
    run(main, arguments())
