"""Find what a user's own images show: scores of each finding, heat maps of the highest, and a page.

Writes to the output folder: scores.csv (one row per image), maps/CASE-FINDING.webp (the image as the network sees it,
and beside it the heat map), and index.html. Nothing of an image's file but its pixels gets there.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medfm.analysis.gallery import GROUPS, finding_name
from medfm.analysis.map_pictures import GAP, LARGE
from medfm.analysis.protocols import TASKS
from medfm.data.own_images import find_images
from reprise.data.findings import Findings, refuse_nothing
from reprise.data.own_files import OwnFile, read_key
from reprise.inference.own_files_options import own_files_parser
from reprise.report.own_files_page import Case, Media, write_own_files_page
from reprise.report.page_tables import number
from reprise.step.command import progress, run, say
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs

TEXTS = {
    "title": "Findings in your images",
    "kind": "images",
    "warnings": [
        "The network cannot tell whether an image is of the kind that it learnt from. Scores of any other image mean "
        "nothing. A heat map shows what the score comes from, not where a finding is.",
        "Scores can only be as good as the data that the network learnt from. The network of the demo has seen "
        "phantoms only, and little of them.",
        "Text that is written into the pixels of an image stays in the pictures. Look at them before you pass them on.",
    ],
    "overview_caption": "The findings with the highest scores, from 0 to 1",
}
KEYS = ["network", "task", "protocol", "epoch", "size"]
TOGETHER = 16  # images that are in memory at once


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = own_files_parser(__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="weights of train.py")
    parser.add_argument("--task", choices=TASKS, help="what the images show; the weights must be of this task")
    return parser


def main(args: argparse.Namespace) -> None:
    """Score each image, then write pictures, the table and the page."""
    from medfm.learning.own_answers import answers
    from medfm.learning.prediction import load_finding_network
    from reprise.inference.parts import Arrays, resumed
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    model, info = load_finding_network(args.weights, device)
    if args.task not in (None, info["task"]):
        raise InputError(f"{args.weights}: expected weights of {args.task}, found those of {info['task']}")
    findings = Findings()
    images = {file.digest: file for file in find_images(read_key(args.key), findings)}
    refuse_nothing(images, "no image in the folder", findings)

    def answers_of(todo: list[str]) -> Iterator[Arrays]:
        for start in progress(range(0, len(todo), TOGETHER), f"times {TOGETHER} images scored"):
            files = [images[digest] for digest in todo[start : start + TOGETHER]]
            yield from answers(model, info, files, args.settings["store_size"])

    identity = [args.settings, file_sha256(args.weights)]
    parts = resumed(args.checkpoints, identity, list(images), answers_of)
    with outputs(args.output, args.findings) as (folder, findings_file):
        (folder / "maps").mkdir(parents=True)
        made = [write_image(folder, *each, info["task"], findings) for each in zip(images.values(), parts, strict=True)]
        findings.table().to_csv(findings_file, index=False)
        write_tables(folder, made, findings, info)
    say(f"{len(made)} images, {findings.excluded()} files left out")


def write_image(
    folder: Path, file: OwnFile, part: Mapping[str, np.ndarray], task: str, findings: Findings
) -> tuple[dict[str, Any], Case]:
    """Write the pictures of an image; its row of the table, and what the page shows."""
    scores = dict(zip(TASKS[task], part["scores"].tolist(), strict=True))
    media = []
    for rank, at in enumerate(part["shown"]):
        finding = TASKS[task][at]
        target = folder / "maps" / f"{file.case}-{finding}.webp"
        target.write_bytes(part[f"picture{rank}"].tobytes())
        name = finding_name(finding)
        caption = f"Heat map of {name}, score {number(scores[finding], 3)}."
        alt = f"{file.case} as the network sees it, and beside it the heat map of {name}."
        media.append(Media(target, alt, caption, (LARGE, 2 * LARGE + GAP)))
    height, width = part["sides"].tolist()
    row = {"case": file.case, "task": task, **scores, "height": height, "width": width, "sha256": file.digest}
    notes = [finding for _, name, _, finding in findings.rows if name == file.case]
    ranked = sorted(scores.items(), key=lambda each: -each[1])
    table = pd.DataFrame([(finding_name(name), score) for name, score in ranked], columns=["finding", "score"])
    facts = f"{GROUPS[task]}; {width} x {height} pixels."
    return row, Case(file.case, facts, notes, media, {"Scores of all findings": table})


def write_tables(
    folder: Path, made: Sequence[tuple[dict[str, Any], Case]], findings: Findings, info: Mapping[str, Any]
) -> None:
    """Write scores.csv and index.html."""
    table = pd.DataFrame([row for row, _ in made])
    table.to_csv(folder / "scores.csv", index=False, float_format="%.6g")
    names = TASKS[info["task"]]
    highest = table[list(names)].to_numpy().argmax(axis=1)
    overview = pd.DataFrame({"case": table["case"], "highest": [finding_name(names[at]) for at in highest]})
    overview = overview.assign(score=table[list(names)].max(axis=1))
    networks = pd.DataFrame([{key: str(info.get(key, "")) for key in KEYS}])
    write_own_files_page(folder / "index.html", [case for _, case in made], overview, TEXTS, findings.table(), networks)


if __name__ == "__main__":
    run(main, arguments())
