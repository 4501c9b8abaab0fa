"""Draw traced test images with both contours, from the lowest Dice to a high one."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from echonet.figure_data import figure_parser, masks_of, read_segmented, read_table
from reprise.command import run
from reprise.plots.segmentation import dice, draw_examples
from reprise.plots.style import save_figure
from reprise.store import open_store

# Places among the test videos ranked by Dice, so that nobody picks the examples.
PLACES = {0.0: "lowest", 0.1: "10th percentile", 0.5: "median", 0.9: "90th percentile"}


def arguments() -> argparse.ArgumentParser:
    parser = figure_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="store with images and tracings")
    parser.add_argument("--overlap", type=Path, required=True, help="overlap.csv: Dice of each image")
    parser.add_argument("--areas", type=Path, required=True, help="areas.csv: which frame each mask is of")
    parser.add_argument("--masks", type=Path, required=True, help="masks.npy")
    return parser


def main(args: argparse.Namespace) -> None:
    store = open_store(args.store)
    segmented = read_segmented(args.areas, args.masks)
    ranked = ranked_by_dice(args.overlap)
    ranks = {round(place * (len(ranked) - 1)): name for place, name in PLACES.items()}
    chosen = ranked.iloc[list(ranks)].assign(place=list(ranks.values()))
    cases = store.cases.set_index("case").loc[chosen.index]
    traced = cases["traced"].to_numpy()
    images, human = (np.asarray(store.arrays[name][traced]) for name in ("traced_frames", "traced_masks"))
    row = pd.Series(segmented.areas.index, pd.MultiIndex.from_frame(segmented.areas[["case", "frame"]]))
    rows = [row[case, frame] for case, *frames in cases[["ed_frame", "es_frame"]].itertuples() for frame in frames]
    predicted = masks_of(segmented, rows, human.shape[-1]).reshape(human.shape)
    titles = [f"{item.place}\nED {item.large:.2f}  ES {item.small:.2f}" for item in chosen.itertuples()]
    figure = draw_examples(images, human, predicted, titles)
    table = chosen.reset_index()
    for column, masks in (("human", human), ("predicted", predicted)):
        table[[f"{column}_ed_px", f"{column}_es_px"]] = np.count_nonzero(masks, axis=(2, 3))
    save_figure(figure, args.figure, table, args.table)


def ranked_by_dice(path: Path) -> pd.DataFrame:
    """Dice of each test video, from the lowest overall: columns overall, large, small by case."""
    columns = ["case", "split", "image", "intersection", "union"]
    test = read_table(path, columns).query("split == 'test'")
    counts = test.pivot(index="case", columns="image", values=["intersection", "union"])
    both = counts["intersection"].sum(axis=1), counts["union"].sum(axis=1)
    table = pd.DataFrame({"overall": dice(*both)})
    for image in ("large", "small"):
        table[image] = dice(counts["intersection"][image], counts["union"][image])
    return table.dropna().sort_values("overall", kind="stable")


if __name__ == "__main__":
    run(main, arguments())
