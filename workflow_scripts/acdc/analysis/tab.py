"""The study's tab on the page on which networks can be tried: stacks and cines to the heart's structures."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from acdc.analysis.stack_measures import measures_of, phases_of, volumes_of
from acdc.analysis.stack_pictures import COLOURS, NAMES, colour_mask, grey_frame, overlay, png_of
from acdc.data.own_stacks import Stack, is_label_map, label_files, read_stack
from acdc.learning.answers import Networks, labels_of, load_networks, methods_of, network_table
from reprise.evaluation.runs import first_runs, run_of
from reprise.report.page_tables import number
from reprise.report.tab import Answer, Tab, View, learnt_from
from reprise.step.device import pick_device
from reprise.step.errors import InputError
from reprise.step.tables import read_table

TEXT = """Give short-axis cine MRI of a heart: a NIfTI stack or cine (4-D), two NIfTI stacks of one heart at
end-diastole and end-systole, a DICOM series (its files, or a zip of them), or one grey PNG picture.

Of a cine or of two stacks, end-diastole (ED) is taken as the frame with the largest left ventricle, and end-systole
(ES) as that with the smallest. From these follow the ejection fraction (EF) and the mass of the left ventricle. The
networks cannot tell whether an image shows a heart. Numbers of any other image mean nothing."""
LABELS = {
    "lv_edv_ml": ("left ventricle at ED", "ml"),
    "lv_esv_ml": ("left ventricle at ES", "ml"),
    "lv_ef": ("EF of the left ventricle", "%"),
    "rv_edv_ml": ("right ventricle at ED", "ml"),
    "rv_esv_ml": ("right ventricle at ES", "ml"),
    "rv_ef": ("EF of the right ventricle", "%"),
    "lv_mass_g": ("mass of the left ventricle", "g"),
}


def heart_tab(weights: Sequence[Path], shares: Path | None, trained_on: str, device: str) -> Tab:
    """The tab, with the networks of these files loaded.

    Args:
        weights: files of heart networks.
        shares: the table of the ensembles' weights, None for equal shares.
        trained_on: what the networks learnt from, in words.
        device: auto, cpu or cuda.

    Raises:
        InputError: see `load_networks`.
    """
    networks = load_networks(weights, shares, pick_device(device))
    table = network_table(networks).assign(**{"trained on": trained_on})
    legend = {NAMES[name]: colour for name, colour in COLOURS.items()}
    return Tab("Heart", TEXT, legend, table, methods_of(networks), partial(_answer, networks))


def _answer(networks: Networks, paths: Sequence[Path]) -> Answer:
    stack = read_stack(paths)
    if stack.measured and is_label_map(stack.frames):
        raise InputError("by its content a mask or a map of labels, not an image")
    labels = labels_of(networks, stack)
    grey = [grey_frame(frame) for frame in stack.frames]
    views = {method: _view(stack, grey, labels[method]) for method in methods_of(networks)}
    frames, slices = stack.frames.shape[:2]
    return Answer(views, frames, slices, slices // 2, stack.notes)


def _view(stack: Stack, grey: Sequence[np.ndarray], labels: np.ndarray) -> View:
    def picture(frame: int, at: int) -> bytes:
        return png_of(overlay(grey[frame][at], labels[frame, at], stack.spacing_mm[1:]))

    def mask(frame: int, at: int) -> bytes:
        return png_of(colour_mask(labels[frame, at]))

    files = label_files(stack, labels)
    names = ["mask.nii.gz"] if len(files) == 1 else [f"mask-{place}.nii.gz" for place in range(1, len(files) + 1)]
    return View(value_table(stack, labels), picture, mask, dict(zip(names, files, strict=True)))


def value_table(stack: Stack, labels: np.ndarray) -> pd.DataFrame:
    """The values of a stack's labels (T, N, H, W), in words: columns quantity, value and unit."""
    if not stack.measured:
        rows = [(NAMES[name], str(int((labels == at).sum())), "pixels") for at, name in enumerate(NAMES, start=1)]
        return pd.DataFrame(rows, columns=["quantity", "value", "unit"])
    volumes = volumes_of(labels, stack.spacing_mm)
    measures, phases = measures_of(volumes), phases_of(volumes)
    if phases is None:
        rows = [(NAMES[name], number(float(volumes[f"{name}_ml"].iloc[0]), 1), "ml") for name in NAMES]
    else:
        rows = [("frame of ED", str(phases.ed + 1), ""), ("frame of ES", str(phases.es + 1), "")]
        rows += [(*LABELS[name][:1], number(value, 1), LABELS[name][1]) for name, value in measures.items()]
    return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


def trained_here(results: Path) -> tuple[list[Path], Path | None, str]:
    """The weights of the sound protocol in a folder of results, the table of their shares, and what they learnt from.

    Only the first run of each network counts, by the table if there is one, and else the lowest seed; and if there is a
    table, only its networks do.

    Raises:
        InputError: there are no weights.
    """
    study = results / "acdc"
    shares = study / "ensembles" / "weights.csv"
    table = read_table(shares, {"method": str, "member": str}) if shares.is_file() else None
    later = set() if table is None else {*table["member"]}  # runs after the first of a network have names of their own
    paths = study.glob("*-seed*/sound/weights.safetensors")
    first = first_runs(path for path in paths if run_of(path).run not in later)
    if table is not None:
        first = {name: first[name] for name in table.loc[table["method"] == "equal", "member"] if name in first}
    if not first:
        raise InputError(f"{study}: expected weights.safetensors of trained networks; run `make report`, or name files")
    return list(first.values()), None if table is None else shares, learnt_from(study)
