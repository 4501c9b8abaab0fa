"""Draw slices of unseen subjects in three planes, found beside true, and the maps of a network's last layer."""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from iseg.analysis.protocols import CLASSES, TISSUES
from iseg.analysis.slice_figures import (
    PLANES,
    Slice,
    draw_maps,
    draw_slices,
    painted,
    plane_of,
    slice_of,
    thinned,
    three_planes,
    truth_is_first,
)
from iseg.data.conversion import volume_of
from reprise.data.store import Store, open_store
from reprise.evaluation.runs import run_of
from reprise.plots.confusion_map import as_grey
from reprise.plots.slice_pictures import display_size, encoded
from reprise.plots.steps import DECIMALS, figures_parser
from reprise.plots.style import Drawn, save_figures
from reprise.step.command import json_object, run
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.tables import read_table

SCORES = {"network": str, "protocol": str, "subject": int, "tissue": str, "dice": float}
FIGURES = ("slices", "maps")
TINT = 130  # of 255: how opaque tissues are over T1 in the study's picture
QUALITY = 75  # of the picture's WebP


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figures_parser(__doc__, len(FIGURES))
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--predictions", type=Path, required=True, help="RUN/sound/predictions: a store of labels")
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv: a row per network, subject and tissue")
    parser.add_argument("--settings", type=json_object, required=True, help='{"subjects": how many}')
    for name, what in (("picture", "WebP"), ("overlay", "PNG")):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{what} to write: stands for the study")
    return parser


def main(args: argparse.Namespace) -> None:
    """Choose subjects at evenly spaced ranks of Dice, draw three slices of each, and the maps of the last one."""
    store, predictions = open_store(args.store), open_store(args.predictions)
    ranked = ranked_subjects(args.scores, run_of(args.predictions, "protocol").network)
    ranks = np.unique(np.linspace(0, len(ranked) - 1, args.settings["subjects"]).round()).astype(int)
    subjects, rows = [], []
    for rank in ranks:
        name, dice = name_of(store, int(ranked.index[rank])), float(ranked.iloc[rank])
        volumes = three_volumes(store, predictions, name)
        slices = three_planes(*volumes, spacing_of(store, name))
        subjects.append((name, slices))
        truth = "A" if truth_is_first(name) else "B"
        labels = {"subject": name, "rank": rank + 1, "of": len(ranked), "dice": dice, "truth": truth}
        rows += [labels | counted(volumes, one) for one in slices]
    shown, maps, table = mapped(store, predictions, subjects[-1][0])
    slices_table = pd.DataFrame(rows).round(DECIMALS)
    drawn = draw_slices(subjects), draw_maps(shown, maps)
    with outputs(args.picture, args.overlay) as (picture, overlay):
        write_picture(shown, picture, overlay)
        save_figures(*map(Drawn, drawn, args.figures, (slices_table, table.round(DECIMALS)), args.tables))


def ranked_subjects(path: Path, network: str) -> pd.Series:
    """The mean Dice over tissues of each subject (index: its number) that a network did not see, lowest first.

    Raises:
        InputError: the table is damaged, or has no subject of this network by the sound protocol.
    """
    table = read_table(path, SCORES)
    own = table[(table["network"] == network) & (table["protocol"] == "sound")]
    if own.empty:
        raise InputError(f"{path}: no subject of {network} by the sound protocol")
    return own.groupby("subject", sort=False)["dice"].mean().sort_values(kind="stable")


def name_of(store: Store, number: int) -> str:
    """The name of the subject with a number."""
    return str(store.cases.loc[store.cases["subject"] == number, "case"].iloc[0])


def row_of(table: pd.DataFrame, column: str, name: str) -> dict[str, Any]:
    """The row of a subject."""
    return dict(table[table[column] == name].iloc[0])


def three_volumes(store: Store, predictions: Store, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """T1 and the labels found and true (X, Y, Z) of a subject."""
    case = row_of(store.cases, "case", name)
    found = volume_of(predictions.arrays["labels"], row_of(predictions.cases, "of", name))
    t1, true = (volume_of(store.arrays[array], case) for array in ("t1", "labels"))
    return np.asarray(t1), np.asarray(found), np.asarray(true)


def spacing_of(store: Store, name: str) -> list[float]:
    """Sides of a subject's voxels in mm."""
    case = row_of(store.cases, "case", name)
    return [float(case[column]) for column in ("x_mm", "y_mm", "z_mm")]


def counted(volumes: tuple[np.ndarray, ...], one: Slice) -> dict[str, Any]:
    """Plane and number (from 1) of a slice, and the voxels of each tissue found and true in it."""
    _, found, true = (plane_of(volume, one.plane, one.number) for volume in volumes)
    counts = {
        f"{tissue}_{what}": int((labels == label).sum())
        for tissue, label in TISSUES.items()
        for what, labels in (("found", found), ("true", true))
    }
    return {"plane": one.plane, "slice": one.number + 1, **counts}


def mapped(store: Store, predictions: Store, name: str) -> tuple[Slice, np.ndarray, pd.DataFrame]:
    """A subject's axial slice with maps, the maps (4, H, W) of its classes, and their extremes and means."""
    row = row_of(predictions.cases, "of", name)
    shape, first = (len(CLASSES), int(row["x"]), int(row["y"])), int(row["map_offset"])
    flat = np.asarray(predictions.arrays["maps"][first : first + int(np.prod(shape))], dtype=np.float32)
    maps = plane_of(flat.reshape(*shape, 1), PLANES[0], 0)
    t1, found, true = three_volumes(store, predictions, name)
    across, up, _ = spacing_of(store, name)
    shown, box = slice_of((as_grey(t1), found, true), PLANES[0], int(row["map_z"]), up / across)
    table = pd.DataFrame({"subject": name, "slice": shown.number + 1, "class": CLASSES})
    extremes = {what: getattr(np, what)(maps, axis=(1, 2)) for what in ("min", "mean", "max")}
    return shown, thinned(maps[..., *box]), table.assign(**extremes)


def write_picture(one: Slice, picture: Path, overlay: Path) -> None:
    """Write T1 of a slice, and on a transparent ground the tissues found in it."""
    size = display_size(one.t1.shape, (one.aspect, 1.0))  # type: ignore[arg-type]
    grey = cv2.resize(one.t1, size[::-1], interpolation=cv2.INTER_CUBIC)
    labels = cv2.resize(one.found, size[::-1], interpolation=cv2.INTER_NEAREST)
    opacity = np.where(labels > 0, TINT, 0).astype(np.uint8)
    marks = np.concatenate([painted(labels)[..., ::-1], opacity[..., None]], axis=-1)
    picture.write_bytes(encoded(".webp", grey, cv2.IMWRITE_WEBP_QUALITY, QUALITY))
    overlay.write_bytes(encoded(".png", np.ascontiguousarray(marks)))


if __name__ == "__main__":
    run(main, arguments())
