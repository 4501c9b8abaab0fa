"""All-clips inference: its memory beside the network's, and its time against predicting only the beats' clips."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rows import Row, at_most, faster, verdict
from small_study import published_settings

from echonet.analysis.beats import beat_starts, clip_starts_for_beats
from echonet.learning.clips import n_starts
from echonet.learning.ef_prediction import predict_clips, predict_videos
from echonet.learning.video_network import video_network
from echonet.phantom.echocardiogram import film
from reprise.engine.configuration import study_settings
from reprise.step.device import pick_device

LONG_VIDEO, CLIPS = 1000, 938
FILMS, MEAN_FRAMES = 4, 115
TOLERANCE = 1e-3  # EF points


def memory_row() -> Row:
    """Peak memory that predicting all clips of a 1,000-frame video takes beside the network, in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        extra_mb = pool.apply(extra_memory_mb)
    return at_most("peak MB of all-clips inference beside the network's, 1,000 frames", extra_mb, 300)


def extra_memory_mb() -> float:
    """Peak memory during all-clips inference with a network that needs none, less that before the video was there."""
    device = pick_device("auto")
    settings = published_settings("ef")
    info = {"frames": settings["frames"], "period": settings["period"], "settings": settings}
    info |= {"normalisation": {"mean": [32.0] * 3, "std": [50.0] * 3}}

    def predict(frames: np.ndarray, clips: int) -> None:
        predict_clips(FirstValue(), info, frames, np.arange(clips), device)

    predict(np.zeros((70, 112, 112, 3), np.uint8), 2)
    before = _memory_mb(device, peak=False)
    predict(np.full((LONG_VIDEO, 112, 112, 3), 7, np.uint8), CLIPS)
    return _memory_mb(device, peak=True) - before


class FirstValue(torch.nn.Module):
    """A network that takes no memory: the first value of each clip."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(B, C, L, H, W) to (B,)."""
        return clips[:, 0, 0, 0, 0].clone()


def _memory_mb(device: torch.device, peak: bool) -> float:
    """Memory of this process or of the GPU in MB: now, starting a new peak, or the peak since then."""
    if device.type == "cuda":
        if not peak:
            torch.cuda.reset_peak_memory_stats()
        return torch.cuda.max_memory_allocated() / 2**20
    if not peak:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def beats_row() -> Row:
    """Videos a second with the beats' clips only, against all clips, and the same EF of each by either rule."""
    device = pick_device("auto")
    model, info = _demo_network(device)
    lead, clip = study_settings("echonet", "demo")["beats"]["lead_frames"], (info["frames"], info["period"])
    films = [film(np.random.default_rng(seed), MEAN_FRAMES) for seed in range(FILMS)]
    systoles = [shown.beats[:, 1] for shown in films]
    frames = np.concatenate([shown.frames for shown in films])[..., None]
    starts = {
        "all": [np.arange(n_starts(MEAN_FRAMES, *clip))] * FILMS,
        "beats": [clip_starts_for_beats(of_video, MEAN_FRAMES, lead, *clip) for of_video in systoles],
    }
    found: dict[str, list[np.ndarray]] = {}

    def predict(mode: str) -> int:
        offsets, counts = MEAN_FRAMES * np.arange(FILMS), np.full(FILMS, MEAN_FRAMES)
        found[mode] = list(predict_videos(model, info, frames, offsets, counts, starts[mode], device))
        return FILMS

    name = "videos a second, beats mode against all clips"
    row = faster(name, lambda: predict("beats"), lambda: predict("all"), required=12, rounds=3)
    last = int(n_starts(MEAN_FRAMES, *clip)) - 1
    by_beats, by_all = ([*_beat_by_beat(systoles, starts[mode], found[mode], lead, last)] for mode in ("beats", "all"))
    return row._replace(ok=verdict(row.ok == "yes" and np.allclose(by_beats, by_all, rtol=0, atol=TOLERANCE)))


def _demo_network(device: torch.device) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A network of the demo's size with random weights that tell clips apart, and the info that goes with it."""
    settings = study_settings("echonet", "demo")["ef"] | {"precision": "fp32"}
    torch.manual_seed(0)
    model = video_network("r2plus1d_18", settings["width"])
    last: Any = model.get_submodule("fc")
    torch.nn.init.normal_(last.weight)
    info = {"frames": settings["frames"], "period": settings["period"], "settings": settings}
    info["normalisation"] = {"mean": [40.0], "std": [50.0]}
    return model.eval().to(device).to(memory_format=torch.channels_last_3d), info


def _beat_by_beat(
    systoles: list[np.ndarray], starts: list[np.ndarray], predictions: list[np.ndarray], lead: int, last: int
) -> Iterator[float]:
    """Mean over each video's beats by the published rule, then by the sound one; the first clip if it has none."""
    for ends, begins, values in zip(systoles, starts, predictions, strict=True):
        for sound in (False, True):
            wanted = beat_starts(ends, last, lead, move_late=sound, repeat=not sound)
            yield float(values[np.searchsorted(begins, wanted)].mean()) if len(wanted) else float(values[0])
