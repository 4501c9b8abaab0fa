"""Find the tissues of a user's own brains, from T1 and T2: maps of tissues, their volumes, slices and a page.

Writes to the output folder: brains.csv (one row per brain), tissues/CASE.nii.gz, or CASE.hdr and CASE.img for a pair of
Analyze files (on the grid of T1, without the free text of its header; 0, 10, 150, 250 for air, CSF, grey and white
matter), slices/CASE-NNN.png (some slices, T1 beside the tissues), and index.html.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from iseg.analysis.brain_pictures import tissue_pictures
from iseg.analysis.protocols import TISSUES
from iseg.analysis.shown import CLASS_NAMES, COLOUR_NAMES
from iseg.data.conversion import on_store_axes
from iseg.data.own_brains import OwnBrain, find_brains, read_again
from iseg.data.own_tissues import write_own_tissues
from reprise.data.findings import Findings, refuse_nothing
from reprise.data.nifti import Volume
from reprise.data.own_files import read_key
from reprise.inference.own_files_options import own_files_parser
from reprise.report.own_files_page import Case, Media, write_own_files_page
from reprise.report.page_tables import number
from reprise.step.command import progress, run, say
from reprise.step.files import file_sha256, outputs

TEXTS = {
    "title": "Tissues in your brains",
    "kind": "brains",
    "warnings": [
        "The networks learnt from T1 and T2 images of infants' brains at six months, without the skull. They cannot "
        "tell whether your images are such. Numbers of any other image mean nothing.",
        "The numbers can only be as good as the data that the networks learnt from. The networks of the demo have seen "
        "phantoms only.",
    ],
    "overview_caption": "Volumes of cerebrospinal fluid (CSF), grey matter (GM), white matter (WM), and all together",
}
VOLUMES = [*(f"{tissue}_ml" for tissue in TISSUES), "brain_ml"]
COLUMNS = ["case", "t2", *VOLUMES, "x", "y", "z", "voxel_mm3", "orientation", "sha256"]
SHOWN = {"case": "case", **{f"{tissue}_ml": f"{CLASS_NAMES[tissue]} (ml)" for tissue in TISSUES}}
SHOWN |= {"brain_ml": "brain (ml)", "voxel_mm3": "voxel (mm³)"}
KEYS = ["network", "width", "epoch", "protocol", "fold"]
SLICES = 4
SPACING_DIFFERS = 0.1  # of the spacing that the networks have seen


class Predicted(NamedTuple):
    """The results of one brain: its row of the table, and what the page shows."""

    row: dict[str, object]
    case: Case


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = own_files_parser(__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="weights, such as those of each fold")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment each brain, then write maps, pictures, the table and the page."""
    from iseg.learning.prediction import load_tissue_networks, tissue_labels
    from reprise.inference.parts import Arrays, resumed
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    networks = load_tissue_networks(args.weights, device)
    infos = [info for _, info in networks]
    stated = infos[0]["axes_stated"]  # in the data that the networks learnt from
    findings = Findings()
    brains = {brain.digest: brain for brain in find_brains(read_key(args.key), findings)}
    refuse_nothing(brains, "no T1 and T2 of a brain in the folder", findings)

    def labels_of(todo: list[str]) -> Iterator[Arrays]:
        for digest in progress(todo, "brains segmented"):
            t1, t2 = (on_store_axes(each.voxels, stated) for each in read_again(brains[digest]))
            yield {"labels": on_store_axes(tissue_labels(networks, t1, t2, device), stated)}

    identity = [args.settings.get("code"), *map(file_sha256, args.weights)]
    parts = resumed(args.checkpoints, identity, list(brains), labels_of)
    with outputs(args.output, args.findings) as (folder, findings_file):
        for name in ("tissues", "slices"):
            (folder / name).mkdir(parents=True)
        made = []
        for brain, part in zip(brains.values(), parts, strict=True):
            t1 = read_again(brain)[0]
            note_spacing(brain, t1, infos[0], findings)
            made.append(write_brain(folder, brain, t1, part["labels"], findings))
        findings.table().to_csv(findings_file, index=False)
        write_tables(folder, made, findings, infos)
    say(f"{len(made)} brains, {findings.excluded()} files left out")


def note_spacing(brain: OwnBrain, t1: Volume, info: dict[str, Any], findings: Findings) -> None:
    """Note voxels of another size than the network has seen: a network sees voxels, not mm."""
    own, learnt = np.array(t1.spacing_mm), np.array(info["spacing_mm"])
    if (np.abs(own / learnt - 1) > SPACING_DIFFERS).any():
        shown = [" x ".join(f"{length:.3g}" for length in lengths) for lengths in (own, learnt)]
        findings.note(brain.case, "", f"voxels of {shown[0]} mm; the networks learnt from voxels of {shown[1]} mm")


def write_brain(folder: Path, brain: OwnBrain, t1: Volume, labels: np.ndarray, findings: Findings) -> Predicted:
    """Write a brain's map of tissues, from canonical labels (X, Y, Z), and its pictures."""
    write_own_tissues(folder / "tissues", brain, t1, labels)
    voxel_mm3 = float(abs(np.linalg.det(t1.affine[:3, :3])))
    volumes = {f"{tissue}_ml": int((labels == label).sum()) * voxel_mm3 / 1000 for tissue, label in TISSUES.items()}
    volumes["brain_ml"] = sum(volumes.values())
    media = []
    names = ", ".join(f"{COLOUR_NAMES[tissue]} is {CLASS_NAMES[tissue]}" for tissue in TISSUES)
    for shown in tissue_pictures(t1.voxels, labels, t1.spacing_mm, SLICES):
        file = folder / "slices" / f"{brain.case}-{shown.number:03}.png"
        file.write_bytes(shown.png)
        which = f"Axial slice {shown.number} of {labels.shape[2]}"
        media.append(
            Media(file, f"{which} of {brain.case}: T1, and beside it the tissues; {names}.", f"{which}.", shown.size)
        )
    row: dict[str, object] = {"case": brain.case, "t2": brain.t2} | {name: round(ml, 4) for name, ml in volumes.items()}
    row |= dict(zip("xyz", labels.shape, strict=True)) | {"voxel_mm3": round(voxel_mm3, 6)}
    row |= {"orientation": t1.orientation, "sha256": brain.digest}
    parts = ", ".join(f"{CLASS_NAMES[tissue]} {number(volumes[f'{tissue}_ml'], 1)} ml" for tissue in TISSUES)
    side = " The patient's right is on the left." if t1.stated else ""
    facts = f"{' x '.join(map(str, labels.shape))} voxels of {voxel_mm3:.4g} mm³; its T2 is {brain.t2}. {parts}. "
    facts += f"In the pictures, {names}.{side}"
    notes = [finding for _, file, _, finding in findings.rows if file == brain.case]
    return Predicted(row, Case(brain.case, facts, notes, media))


def write_tables(folder: Path, made: list[Predicted], findings: Findings, infos: list[dict[str, Any]]) -> None:
    """Write brains.csv and index.html."""
    table = pd.DataFrame([each.row for each in made], columns=COLUMNS)
    table.to_csv(folder / "brains.csv", index=False)
    networks = pd.DataFrame([{key: str(info.get(key, "")) for key in KEYS} for info in infos])
    overview = table[list(SHOWN)].rename(columns=SHOWN)
    cases = [each.case for each in made]
    write_own_files_page(folder / "index.html", cases, overview, TEXTS, findings.table(), networks)


if __name__ == "__main__":
    run(main, arguments())
