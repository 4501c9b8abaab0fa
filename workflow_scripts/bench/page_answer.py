"""How long the page takes to answer: one slice, by the demo's networks and their ensemble, on a CPU."""

import tempfile
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from rows import ROUNDS, Row, at_most

from acdc.analysis.tab import heart_tab
from acdc.learning.networks import heart_network
from reprise.engine.configuration import study_settings
from reprise.models.weights import save_model

MEMBERS = ("unet", "linknet", "fpn")
SLICE = (256, 216)  # px, as many of the study's slices have


def page_row() -> Row:
    """Seconds from an uploaded slice to the picture, the values and the mask of each network and of the ensemble."""
    with tempfile.TemporaryDirectory() as folder:
        tab = heart_tab(_weights(Path(folder)), None, "nothing", "cpu")
        upload = Path(folder) / "slice.png"
        grey = np.random.default_rng(0).integers(0, 256, SLICE, np.uint8)
        upload.write_bytes(cv2.imencode(".png", grey)[1].tobytes())

        def seconds() -> float:
            began = time.perf_counter()
            answer = tab.answer([upload])
            for view in answer.views.values():
                view.picture(0, 0), view.mask(0, 0)
            return time.perf_counter() - began

        seconds()  # once to warm up
        found = median(seconds() for _ in range(ROUNDS))
    return at_most("seconds to answer one slice on the page, three networks and their ensemble, CPU", found, 1)


def _weights(folder: Path) -> list[Path]:
    """Networks of the demo's size with random weights."""
    settings = study_settings("acdc", "demo")
    grid, width = settings["grid"], settings["training"]["width"]
    info = {"kind": "heart", "protocol": "sound", "width": width, "size": grid["size"]}
    info |= {"normalisation": {"spacing_mm": grid["spacing_mm"]}, "settings": {"precision": "fp32"}}
    torch.manual_seed(0)
    for name in MEMBERS:
        save_model(folder / f"{name}.safetensors", heart_network(name, width), info | {"network": name})
    return [folder / f"{name}.safetensors" for name in MEMBERS]
