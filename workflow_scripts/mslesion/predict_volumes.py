"""Segment the lesions of a user's own FLAIR volumes (NIfTI): masks, lesion load and count, slices and a page.

Writes to the output folder: volumes.csv (one row per volume), masks/CASE.nii.gz (on the grid of the volume, without the
free text of its header), slices/CASE-NNN.png (some slices with the lesions outlined), and index.html.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mslesion.analysis.lesions import label_lesions, lesion_load_ml
from mslesion.analysis.outlines import outlined_slices
from mslesion.data.own_volumes import OwnVolume, find_volumes, read_again
from mslesion.data.scan_volume import from_slices, to_slices
from reprise.data.findings import Findings, refuse_nothing
from reprise.data.nifti import Volume, without_text, write_mask
from reprise.data.own_files import read_key
from reprise.inference.own_files_options import own_files_parser
from reprise.report.own_files_page import Case, Media, write_own_files_page
from reprise.report.page_tables import number
from reprise.step.command import progress, run, say
from reprise.step.files import file_sha256, outputs

TEXTS = {
    "title": "Lesions in your volumes",
    "kind": "volumes",
    "warnings": [
        "The network learnt from FLAIR images of the brain. It cannot tell whether a volume is such an image, and was "
        "prepared in the same way. Numbers of any other image mean nothing.",
        "The numbers can only be as good as the data that the network learnt from. The network of the demo has seen "
        "phantoms only.",
    ],
    "overview_caption": "Volume of all lesions together (lesion load) and number of lesions: voxels that touch by "
    "faces, edges or corners are one lesion",
}
HEADINGS = {"load_ml": "lesion load (ml)", "voxel_mm3": "voxel (mm³)"}
SHOWN = ["case", "load_ml", "lesions", "voxel_mm3", "slices"]
COLUMNS = ["case", "load_ml", "lesions", "voxel_mm3", "slices", "height", "width", "orientation", "sha256"]
SLICES = 4
KEYS = ["network", "width", "epoch", "protocol", "fold"]


class Predicted(NamedTuple):
    """The results of one volume: its row of the table, and what the page shows."""

    row: dict[str, object]
    case: Case


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = own_files_parser(__doc__)
    parser.add_argument(
        "--alone", choices=["yes", "no"], default="yes", help="no: there are files for other studies, too"
    )
    parser.add_argument("--weights", type=Path, required=True, help="weights of a lesion network")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment each volume, then write masks, pictures, the table and the page."""
    from mslesion.learning.scan_prediction import load_lesion_network, packed, segment_scan, unpacked
    from reprise.inference.parts import Arrays, resumed
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    model, info = load_lesion_network(args.weights, device)
    findings = Findings()
    volumes = find_volumes(read_key(args.key), findings)
    if args.alone == "yes":
        refuse_nothing(volumes, "no FLAIR volume in the folder", findings)
    by_digest = {volume.digest: volume for volume in volumes}

    def masks_of(todo: list[str]) -> Iterator[Arrays]:
        for digest in progress(todo, "volumes segmented"):
            scan = np.ascontiguousarray(to_slices(read_again(by_digest[digest]).voxels), np.float32)
            yield packed(segment_scan(model, info, scan, device))

    identity = [args.settings.get("code"), file_sha256(args.weights)]
    parts = resumed(args.checkpoints, identity, list(by_digest), masks_of)
    with outputs(args.output, args.findings) as (folder, findings_file):
        for name in ("masks", "slices"):
            (folder / name).mkdir(parents=True)
        made = []
        for volume, part in zip(volumes, parts, strict=True):
            content = read_again(volume)
            note_resized(volume, content, info["size"], findings)
            made.append(write_volume(folder, volume, content, unpacked(part), findings))
        findings.table().to_csv(findings_file, index=False)
        write_tables(folder, made, findings, info)
    say(f"{len(made)} volumes, {findings.excluded()} files left out")


def note_resized(volume: OwnVolume, content: Volume, size: int | None, findings: Findings) -> None:
    """Note if the network has seen resized slices, because it was trained on slices of a fixed size."""
    width, height = content.voxels.shape[:2]
    if size and (height, width) != (size, size):
        cut = ", of which only the middle was segmented" if width > height else ""
        what = f"its slices of {height} x {width} pixels were resized to a height of {size}{cut}"
        findings.note(volume.case, "", what)


def write_volume(folder: Path, volume: OwnVolume, content: Volume, mask: np.ndarray, findings: Findings) -> Predicted:
    """Write a volume's mask (N, H, W) bool and pictures."""
    case = volume.case
    write_mask(folder / "masks" / f"{case}.nii.gz", from_slices(mask.astype(np.uint8)), without_text(content.header))
    voxel_mm3 = float(abs(np.linalg.det(content.affine[:3, :3])))
    lesions, load = label_lesions(mask)[1], lesion_load_ml(mask, voxel_mm3)
    width, height, apart = content.spacing_mm
    pictures = []
    for shown in outlined_slices(to_slices(content.voxels), mask, SLICES, (height, width)):
        file = folder / "slices" / f"{case}-{shown.place:03}.png"
        file.write_bytes(shown.png)
        which = f"Slice {shown.place} of {len(mask)}"
        found = f"{number(shown.pixels, 0)} pixels outlined" if shown.pixels else "nothing outlined"
        alt = f"{which} of {case}, seen from below, front at the top: {found} as lesion."
        pictures.append(Media(file, alt, f"{which}, {found}.", shown.size))
    row = {"case": case, "load_ml": round(load, 4), "lesions": lesions, "voxel_mm3": round(voxel_mm3, 6)}
    row |= zip(("slices", "height", "width"), mask.shape, strict=True)
    row |= {"orientation": content.orientation, "sha256": volume.digest}
    facts = (
        f"{len(mask)} axial slices of {mask.shape[1]} x {mask.shape[2]} pixels, {apart:.3g} mm apart, pixels of "
        f"{height:.3g} x {width:.3g} mm. Lesions: {lesions}, together {number(load, 2)} ml. "
        "The patient's right is on the left."
    )
    notes = [finding for _, file, _, finding in findings.rows if file == case]
    return Predicted(row, Case(case, facts, notes, pictures))


def write_tables(folder: Path, made: list[Predicted], findings: Findings, info: dict[str, Any]) -> None:
    """Write volumes.csv and index.html."""
    table = pd.DataFrame([each.row for each in made], columns=COLUMNS)
    table.to_csv(folder / "volumes.csv", index=False)
    overview = table[SHOWN].rename(columns=HEADINGS)
    network = pd.DataFrame([{key: str(info.get(key, "")) for key in KEYS}])
    cases = [each.case for each in made]
    write_own_files_page(folder / "index.html", cases, overview, TEXTS, findings.table(), network)


if __name__ == "__main__":
    run(main, arguments())
