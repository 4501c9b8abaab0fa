"""A network of echo clips in a bundle: masks, or ejection fraction, as the step `predict_clips.py` computes them."""

import atexit
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from echonet.data.avi import read_video
from echonet.data.standard_clips import import_clips
from echonet.learning.clips import n_starts
from echonet.learning.ef_prediction import predict_clips
from echonet.learning.segmentation_masks import segment_frames
from echonet.learning.segmentation_network import MASK_INFO, segmentation_network
from echonet.learning.video_network import EF_INFO, video_network
from reprise.data.findings import Findings
from reprise.data.own_files import OwnFile
from reprise.models.weights import load_model, read_info


class OwnClip(NamedTuple):
    """A clip in the form of EchoNet-Dynamic's: its name, and its video."""

    case: str
    video: Path


def find(files: Sequence[OwnFile], findings: Findings) -> list[OwnClip]:
    """Every readable clip among a user's files; what it is converted to goes when the process ends."""
    videos = Path(mkdtemp(prefix="clips-"))
    atexit.register(shutil.rmtree, videos, ignore_errors=True)
    clips = import_clips(files, videos, findings)
    return [OwnClip(case, videos / f"{case}.avi") for case in clips["case"]]


def load(path: Path, device: torch.device) -> tuple[nn.Module, dict[str, Any]]:
    """The network of either kind, and the info of its weights."""
    if read_info(path)["kind"] == "segmentation":
        return load_model(path, device, "segmentation", segmentation_network, *MASK_INFO)
    return load_model(path, device, "ef", video_network, *EF_INFO)


def read(case: OwnClip, info: Mapping[str, Any]) -> dict[str, Any]:
    """The frames of a clip (F, 112, 112, 3) uint8."""
    return {"case": case.case, "image": read_video(case.video).frames}


def infer(
    inputs: Mapping[str, Any], network: nn.Module, info: Mapping[str, Any], device: torch.device
) -> np.ndarray | pd.DataFrame:
    """Masks (F, H, W) bool; or EF in percent from each frame on, as far as a whole clip lies behind it."""
    frames = inputs["image"]
    if info["kind"] == "segmentation":
        return segment_frames(network, info, frames, device)
    starts = np.arange(int(n_starts(len(frames), info["frames"], info["period"])))
    return pd.DataFrame({"start": starts, "ef": predict_clips(network, info, frames, starts, device)})


def save(folder: Path, inputs: Mapping[str, Any], pred: np.ndarray | pd.DataFrame) -> None:
    """Write the masks of a clip, as an array `masks`; or add its rows to ef.csv."""
    case = inputs["case"]
    if isinstance(pred, np.ndarray):
        np.savez_compressed(folder / f"{case}.npz", masks=pred)
        return
    table = folder / "ef.csv"
    rows = pred.assign(clip=case)[["clip", "start", "ef"]]
    rows.to_csv(table, mode="a", header=not table.exists(), index=False, float_format="%.4f")
