"""Segment the lesions of one's own FLAIR volumes (NIfTI): a mask each, lesion load and count, slices and a page.

Writes to the output folder: volumes.csv (a row a volume), masks/CASE.nii.gz on the volume's own grid, its header's
free text blank, slices/CASE-NNN.png (some slices, lesions outlined), and index.html about all of them.
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
from reprise.data.findings import Findings
from reprise.data.nifti import Volume, without_text, write_mask
from reprise.report.page_tables import number
from reprise.report.volumes_page import Picture, VolumePart, write_volumes_page
from reprise.step.command import json_object, progress, run, say, step_parser
from reprise.step.files import file_sha256, outputs

TEXTS = {
    "title": "Lesions in your volumes",
    "warning_title": "For research only",
    "warnings": [
        "Not a medical device: no number on this page may serve a decision about a patient.",
        "The network learnt from FLAIR images of the brain and cannot tell whether a volume is one, or was prepared "
        "like those. On any other image its numbers mean nothing.",
        "How far the numbers hold depends on what the network learnt from. That of the demo has seen phantoms only.",
    ],
    "overview_caption": "Volume of all lesions together (lesion load) and number of lesions: voxels that touch by "
    "faces, edges or corners are one lesion",
    "findings_caption": "What was odd about the files, and which were left out",
}
HEADINGS = {"load_ml": "lesion load (ml)", "voxel_mm3": "voxel (mm³)"}
SHOWN = ["case", "load_ml", "lesions", "voxel_mm3", "slices", "file"]
SLICES = 4
KEYS = ["network", "width", "epoch", "protocol", "fold"]


class Predicted(NamedTuple):
    """A row of the table, and a part of the page."""

    row: dict[str, object]
    part: VolumePart


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="folder of volumes, searched to any depth")
    parser.add_argument("--weights", type=Path, required=True, help="weights of a lesion network")
    parser.add_argument("--settings", type=json_object, default={}, help='{"code": without which no old mask counts}')
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--findings", type=Path, required=True, help="CSV of what is odd, unreadable or left out")
    return parser


def main(args: argparse.Namespace) -> None:
    """Segment volume by volume, then write masks, pictures, table and page."""
    from mslesion.learning.scan_prediction import load_lesion_network, packed, segment_scan, unpacked
    from reprise.inference.parts import Arrays, resumed
    from reprise.step.device import pick_device

    device = pick_device(args.device)
    model, info = load_lesion_network(args.weights, device)
    report = Findings()
    volumes = find_volumes(args.input, report)
    by_digest = {volume.digest: volume for volume in volumes}

    def masks_of(todo: list[str]) -> Iterator[Arrays]:
        for digest in progress(todo, "volumes segmented"):
            scan = np.ascontiguousarray(to_slices(read_again(by_digest[digest]).voxels), np.float32)
            yield packed(segment_scan(model, info, scan, device))

    identity = [args.settings.get("code"), file_sha256(args.weights)]
    parts = resumed(args.checkpoints, identity, list(by_digest), masks_of)
    with outputs(args.output, args.findings) as (folder, findings):
        for name in ("masks", "slices"):
            (folder / name).mkdir(parents=True)
        made = []
        for volume, part in zip(volumes, parts, strict=True):
            content = read_again(volume)
            note_cut(volume, content, info["size"], report)
            made.append(write_volume(folder, volume, content, unpacked(part), report))
        report.table().to_csv(findings, index=False)
        write_tables(folder, made, report.table(), info)
    say(f"{len(made)} volumes, {report.excluded()} files left out")


def note_cut(volume: OwnVolume, content: Volume, size: tuple[int, int] | None, report: Findings) -> None:
    """Note that a network for slices of a fixed size has seen their middle only."""
    width, height = content.voxels.shape[:2]
    if size and (height > size[0] or width > size[1]):
        seen = f"{min(height, size[0])} x {min(width, size[1])} of {height} x {width}"
        report.note(volume.shown, volume.case, f"only the middle of its slices was segmented, {seen} pixels")


def write_volume(folder: Path, volume: OwnVolume, content: Volume, mask: np.ndarray, report: Findings) -> Predicted:
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
        place = f"Slice {shown.place} of {len(mask)}"
        found = f"{number(shown.pixels, 0)} pixels outlined" if shown.pixels else "nothing outlined"
        alt = f"{place} of {case}, seen from below, front at the top: {found} as lesion."
        pictures.append(Picture(file, shown.size, f"{place}, {found}.", alt))
    row = {
        **{"case": case, "load_ml": round(load, 4), "lesions": lesions, "voxel_mm3": round(voxel_mm3, 6)},
        **dict(zip(("slices", "height", "width"), mask.shape, strict=True)),
        **{"orientation": content.orientation, "file": volume.shown, "sha256": volume.digest},
    }
    facts = (
        f"{len(mask)} axial slices of {mask.shape[1]} x {mask.shape[2]} pixels, {apart:.3g} mm apart, pixels of "
        f"{height:.3g} x {width:.3g} mm. Lesions: {lesions}, together {number(load, 2)} ml. "
        "The patient's right is on the left."
    )
    notes = [finding for _, _, where, finding in report.rows if where == case]
    return Predicted(row, VolumePart(case, facts, notes, pictures))


def write_tables(folder: Path, made: list[Predicted], findings: pd.DataFrame, info: dict[str, Any]) -> None:
    """Write volumes.csv and index.html."""
    table = pd.DataFrame([one.row for one in made])
    table.to_csv(folder / "volumes.csv", index=False)
    overview = table[SHOWN].rename(columns=HEADINGS)
    network = pd.DataFrame([{key: str(info.get(key, "")) for key in KEYS}])
    parts = [one.part for one in made]
    write_volumes_page(folder / "index.html", parts, overview, TEXTS, findings=findings, networks=network)


if __name__ == "__main__":
    run(main, arguments())
