"""The study's tab on the page on which networks can be tried: a FLAIR volume to its lesions."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from mslesion.analysis.lesions import label_lesions, lesion_load_ml
from mslesion.analysis.outlines import outline
from mslesion.data.own_volumes import problem_of
from mslesion.data.scan_volume import from_slices, to_slices
from mslesion.learning.scan_prediction import load_lesion_network, segment_scan
from reprise.data.nifti import Volume, ending_of, half_of, mask_content, read_volume, without_text
from reprise.evaluation.runs import first_runs
from reprise.plots.confusion_map import as_grey
from reprise.plots.slice_pictures import display_size, encoded
from reprise.plots.style import VERMILLION
from reprise.report.page_tables import number
from reprise.report.tab import Answer, Tab, View, learnt_from
from reprise.step.device import pick_device
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

TEXT = """Give one FLAIR volume of a brain with multiple sclerosis, as NIfTI. On a CPU a large volume takes minutes.
The network cannot tell whether a volume is such an image, and was prepared as those that it learnt from. Numbers of any
other image mean nothing."""
MOST_VOXELS = 2**26
KEYS = ("width", "protocol", "fold", "epoch")
Network = tuple[nn.Module, Mapping[str, Any]]


def lesion_tab(weights: Sequence[Path], shares: Path | None, trained_on: str, device: str) -> Tab:
    """The tab, with the networks of these files loaded.

    Args:
        weights: files of lesion networks, each of another network.
        shares: must be None: this study has no ensemble.
        trained_on: what the networks learnt from, in words.
        device: auto, cpu or cuda.

    Raises:
        InputError: see `load_lesion_network`; or two files are of one network, or there are shares.
    """
    if shares is not None:
        raise InputError(f"{shares}: lesion networks have no ensemble, so they have no shares in it")
    where = pick_device(device)
    networks, rows = {}, []
    for path in weights:
        model, info = load_lesion_network(path, where)
        if info["network"] in networks:
            raise InputError(f"expected weights of different networks, found two files of {info['network']}")
        networks[str(info["network"])] = (model, info)
        known = {key: str(info.get(key, "")) for key in KEYS}
        rows.append({"network": info["network"], **known, "SHA-256": file_sha256(path)[:12], "trained on": trained_on})
    answer = partial(_answer, networks, where)
    return Tab("Lesions", TEXT, {"lesion (outlined)": VERMILLION}, pd.DataFrame(rows), list(networks), answer)


def trained_here(results: Path) -> tuple[list[Path], Path | None, str]:
    """The weights of the first fold by the sound protocol, of each network's first run, and what they learnt from.

    Raises:
        InputError: there are no weights.
    """
    study = results / "mslesion"
    first = first_runs(study.glob("*-seed*/sound/fold1/weights.safetensors"))
    if not first:
        raise InputError(f"{study}: expected weights.safetensors of trained networks; run `make report`, or name files")
    return list(first.values()), None, learnt_from(study)


def _answer(networks: Mapping[str, Network], device: torch.device, paths: Sequence[Path]) -> Answer:
    heads = {half_of(path, "hdr") if ending_of(path) else None for path in paths}
    head = heads.pop()
    if heads or head is None:
        raise InputError("expected one NIfTI file")
    volume = read_volume(head)
    if volume.voxels.size > MOST_VOXELS:
        raise InputError(
            f"expected at most {MOST_VOXELS >> 20} million voxels, found {volume.voxels.size >> 20} million"
        )
    if problem := problem_of(volume):
        raise InputError(problem)
    scan = np.ascontiguousarray(to_slices(volume.voxels), np.float32)
    grey = as_grey(scan)
    views = {name: _view(volume, grey, segment_scan(*network, scan, device)) for name, network in networks.items()}
    notes = [volume.oddity] if volume.oddity else []
    return Answer(views, 1, len(scan), len(scan) // 2, notes)


def _view(volume: Volume, grey: np.ndarray, mask: np.ndarray) -> View:
    width, height = volume.spacing_mm[:2]

    def picture(_frame: int, at: int) -> bytes:
        size = display_size((mask.shape[1], mask.shape[2]), (height, width))
        return encoded(".png", np.ascontiguousarray(outline(grey[at], mask[at], size)[..., ::-1]))

    def mask_picture(_frame: int, at: int) -> bytes:
        return encoded(".png", mask[at].astype(np.uint8) * 255)

    load = lesion_load_ml(mask, float(abs(np.linalg.det(volume.affine[:3, :3]))))
    rows = [("lesion load", number(load, 2), "ml"), ("lesions", str(label_lesions(mask)[1]), "")]
    content = mask_content(from_slices(mask.astype(np.uint8)), without_text(volume.header), packed=True)
    table = pd.DataFrame(rows, columns=["quantity", "value", "unit"])
    return View(table, picture, mask_picture, {"mask.nii.gz": content})
