"""Segment a user's own short-axis stacks and cines of the heart: masks, volumes, EF, mass, pictures and a page.

Writes to the output folder: stacks.csv (one row per case and network: phases, volumes, EF, mass), volumes.csv (one row
per case, network and frame), masks/CASE-NETWORK.nii.gz (on the grid of the input, without the free text of its header;
masks/CASE-NETWORK-slice.png of a picture), pictures/CASE-NNN.png (some slices), and index.html.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from acdc.analysis.stack_measures import VOLUMES, measures_of, phases_of, volumes_of
from acdc.analysis.stack_pictures import colour_mask, grey_frame, overlay, png_of
from acdc.data.own_folder import OwnStack, find_stacks, read_again
from acdc.data.own_stacks import Stack, label_files
from reprise.data.findings import Findings, refuse_nothing
from reprise.data.own_files import read_key
from reprise.inference.own_files_options import own_files_parser
from reprise.report.own_files_page import Case, Media, write_own_files_page
from reprise.step.command import progress, run, say
from reprise.step.files import file_sha256, outputs

TEXTS = {
    "title": "Hearts in your stacks",
    "kind": "stacks",
    "warnings": [
        "The networks learnt from short-axis cine MRI of the heart. They cannot tell whether a file is such an image. "
        "Numbers of any other image mean nothing.",
        "The numbers can only be as good as the data that the networks learnt from. The networks of the demo have seen "
        "phantoms only.",
    ],
    "overview_caption": "Of a cine, end-diastole (ED) is taken as the frame with the largest left ventricle, "
    "end-systole (ES) as that with the smallest. Of a single stack only volumes are known",
}
MEASURES = ["lv_edv_ml", "lv_esv_ml", "lv_ef", "rv_edv_ml", "rv_esv_ml", "rv_ef", "lv_mass_g"]
COLUMNS = ["case", "method", "frames", "slices", "height", "width", "ed", "es", *MEASURES, "sha256"]
SHOWN = {
    "case": "case",
    "method": "network",
    "lv_edv_ml": "LV at ED (ml)",
    "lv_esv_ml": "LV at ES (ml)",
    "lv_ef": "LVEF (%)",
    "rv_ef": "RVEF (%)",
    "lv_mass_g": "LV mass (g)",
}
VOLUME_CAPTION, NETWORK = (
    "Volumes in each frame",
    {"method": "network", "rv_ml": "RV (ml)", "myo_ml": "myocardium (ml)", "lv_ml": "LV (ml)"},
)
PICTURES = 4


class Predicted(NamedTuple):
    """The results of one case: its rows of both tables, and what the page shows."""

    rows: list[dict[str, object]]
    volumes: pd.DataFrame
    case: Case


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = own_files_parser(__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights of heart networks")
    parser.add_argument("--shares", type=Path, help="table of the networks' shares in the ensemble; else equal ones")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment each stack, then write masks, tables, pictures and the page."""
    from acdc.learning.answers import labels_of, load_networks, network_table
    from reprise.inference.parts import Arrays, resumed
    from reprise.step.device import pick_device

    networks = load_networks(args.weights, args.shares, pick_device(args.device))
    findings = Findings()
    stacks = {stack.digest: stack for stack in find_stacks(read_key(args.key), findings)}
    refuse_nothing(stacks, "no stack of the heart in the folder", findings)

    def labels_of_all(todo: list[str]) -> Iterator[Arrays]:
        for digest in progress(todo, "stacks segmented"):
            yield labels_of(networks, read_again(stacks[digest]))

    weights = [file_sha256(path) for path in [*args.weights, *([args.shares] if args.shares else [])]]
    parts = resumed(args.checkpoints, [args.settings.get("code"), *weights], list(stacks), labels_of_all)
    with outputs(args.output, args.findings) as (folder, findings_file):
        for name in ("masks", "pictures"):
            (folder / name).mkdir(parents=True)
        made = [write_case(folder, own, part, findings) for own, part in zip(stacks.values(), parts, strict=True)]
        findings.table().to_csv(findings_file, index=False)
        write_tables(folder, made, findings, network_table(networks))
    say(f"{len(made)} stacks, {findings.excluded()} files left out")


def write_case(folder: Path, own: OwnStack, labels: Mapping[str, np.ndarray], findings: Findings) -> Predicted:
    """Write the masks and pictures of a case; `labels` (T, N, H, W) uint8 are by network."""
    stack = read_again(own)
    sizes = dict(zip(("frames", "slices", "height", "width"), stack.frames.shape, strict=True))
    rows, volumes = [], []
    for method, found in labels.items():
        write_masks(folder / "masks", f"{own.case}-{method}", stack, found)
        row: dict[str, object] = {"case": own.case, "method": method, **sizes, "sha256": own.digest}
        if stack.measured:
            table = volumes_of(found, stack.spacing_mm)
            phases = phases_of(table)
            row |= {"ed": phases.ed + 1, "es": phases.es + 1} if phases else {}
            rows.append(row | measures_of(table))
            volumes.append(pd.DataFrame({"case": own.case, "method": method, "frame": table.index + 1}).join(table))
        else:
            rows.append(row)
    for note in stack.notes:
        findings.note(own.case, "", note)
    facts = f"{sizes['frames']} frames of {sizes['slices']} slices of {sizes['height']} x {sizes['width']} pixels."
    notes = [finding for _, file, _, finding in findings.rows if file == own.case]
    method = list(labels)[-1]
    known = pd.concat(volumes) if volumes else pd.DataFrame()
    tables = {VOLUME_CAPTION: known.drop(columns="case").rename(columns=NETWORK)} if volumes else {}
    case = Case(own.case, facts, notes, write_pictures(folder, own.case, stack, labels[method], method), tables)
    return Predicted(rows, known, case)


def write_masks(folder: Path, name: str, stack: Stack, labels: np.ndarray) -> None:
    """Write a case's labels as NIfTI, and as PNG if it is a picture."""
    files = label_files(stack, labels)
    for place, content in enumerate(files, start=1):
        ending = f"-{place}" if len(files) > 1 else ""
        (folder / f"{name}{ending}.nii.gz").write_bytes(content)
    if not stack.measured:
        (folder / f"{name}.png").write_bytes(png_of(colour_mask(labels[0, 0])))


def write_pictures(folder: Path, name: str, stack: Stack, labels: np.ndarray, method: str) -> list[Media]:
    """Write some slices of the first frame with the structures in colour."""
    grey, media = grey_frame(stack.frames[0]), []
    for at in np.unique(np.linspace(0, len(grey) - 1, min(PICTURES, len(grey))).round().astype(int)):
        picture = overlay(grey[at], labels[0, at], stack.spacing_mm[1:])
        file = folder / "pictures" / f"{name}-{at + 1:03}.png"
        file.write_bytes(png_of(picture))
        which = f"Slice {at + 1} of {len(grey)}, first frame"
        alt = f"{which}, of {name}: blue is the right ventricle, yellow the myocardium, red the left ventricle."
        media.append(Media(file, alt, f"{which}, by {method}.", picture.shape[:2]))
    return media


def write_tables(folder: Path, made: list[Predicted], findings: Findings, networks: pd.DataFrame) -> None:
    """Write stacks.csv, volumes.csv and index.html."""
    table = pd.DataFrame([row for each in made for row in each.rows], columns=COLUMNS)
    table.astype({"ed": "Int64", "es": "Int64"}).round(4).to_csv(folder / "stacks.csv", index=False)
    known = [each.volumes for each in made if len(each.volumes)]
    volumes = pd.concat(known) if known else pd.DataFrame(columns=["case", "method", "frame", *VOLUMES])
    volumes.round(4).to_csv(folder / "volumes.csv", index=False)
    overview = table[list(SHOWN)].rename(columns=SHOWN)
    cases = [each.case for each in made]
    write_own_files_page(folder / "index.html", cases, overview, TEXTS, findings.table(), networks)


if __name__ == "__main__":
    run(main, arguments())
