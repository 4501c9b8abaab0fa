"""Show where in images a trained network finds what it reports: heat maps by Grad-CAM, and tests of them.

Writes to the output folder maps.csv (for each finding of each task the images with the highest score: task, finding,
rank, case, truth, score, picture, and the numbers of `learning/explanation.py`), and for each row a picture (WebP): the
image, with the box of the finding if it is known, and beside it the map.
"""

import argparse
from pathlib import Path

import pandas as pd

from medfm.analysis.gallery import FILE, TYPES
from medfm.analysis.map_pictures import map_picture, write_pictures
from medfm.analysis.map_table import NO_BOXES, boxes_drawn, highest_scored, read_boxes
from medfm.analysis.protocols import TASKS, of_task
from reprise.data.store import open_store
from reprise.step.command import json_object, progress, run, say, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.tables import read_table


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--phantom", type=Path, help="folder with boxes.csv, which says where findings are")
    tasks = ", ".join(TASKS)
    parser.add_argument("--weights", type=Path, nargs=len(TASKS), required=True, help=f"weights of {tasks}")
    parser.add_argument("--scores", type=Path, nargs=len(TASKS), required=True, help=f"scores.csv of {tasks}")
    parser.add_argument("--settings", type=json_object, required=True, help='{"images": n, "steps": n, "draws": n}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Choose the images of each task, explain them, and write the table and the pictures."""
    from medfm.learning.explanation import explained, seen_by
    from medfm.learning.images import evaluation_batch, images_of
    from medfm.learning.prediction import load_finding_network
    from reprise.step.device import pick_device

    device, (every, arrays) = pick_device(args.device), open_store(args.store)
    boxes = read_boxes(args.phantom / "boxes.csv") if args.phantom else NO_BOXES
    tables, pictures = [], []
    for task, weights, scores in progress(list(zip(TASKS, args.weights, args.scores, strict=True)), "tasks explained"):
        model, info = load_finding_network(weights, device)
        if info["task"] != task:
            raise InputError(f"{weights}: expected weights of {task}, found those of {info['task']}")
        cases = of_task(every, task)
        scored = read_table(scores, {"case": str} | dict.fromkeys(TASKS[task], float))
        chosen = highest_scored(scored, cases, task, args.settings["images"])
        rows = cases.set_index("case").loc[chosen["case"], "row"].to_numpy()
        seen = images_of(cases, arrays[task], device)
        images = evaluation_batch(seen, rows, info["size"], info["settings"].get("resize"), device)
        truth = boxes_drawn(boxes, chosen, cases, info["size"])
        numbers = [TASKS[task].index(finding) for finding in chosen["finding"]]
        maps, found = explained(model, images, numbers, truth, args.settings["steps"], args.settings["draws"])
        tables.append(pd.concat([chosen, found], axis=1))
        pictures += [map_picture(*each) for each in zip(seen_by(images), maps, truth, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    table["picture"] = table["task"] + "-" + table["finding"] + "-" + table["rank"].astype(str) + ".webp"
    with outputs(args.output) as (folder,):
        folder.mkdir(parents=True)
        write_pictures(folder, list(table["picture"]), pictures)
        table[list(TYPES)].to_csv(folder / FILE, index=False, float_format="%.6g")
    report(table)


def report(table: pd.DataFrame) -> None:
    """Say what the tests of the maps found; means leave out what is not defined."""
    means = table.drop(columns=["task", "finding", "case", "picture"]).groupby(table["task"], sort=False).mean()
    for task, row in means.iterrows():
        empty = table["empty"][table["task"] == task]
        said = f"{task}: {len(empty)} heat maps, {empty.sum()} of them empty; correlation with those of random weights "
        said += f"{row['randomised_r']:.2f}; deletion {row['deletion']:.3f} (by chance {row['deletion_chance']:.3f}), "
        said += f"insertion {row['insertion']:.3f} ({row['insertion_chance']:.3f})"
        if row["box"] > 0:  # NaN if no place is known
            said += f"; pointing {row['pointing']:.2f}, overlap {row['overlap']:.2f} (by chance {row['box']:.2f})"
        say(said)


if __name__ == "__main__":
    run(main, arguments())
