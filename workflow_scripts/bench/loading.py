"""How fast training gets its samples: from the store, and as the published loader does, one video file at a time."""

from pathlib import Path

import cv2
import numpy as np
import torch
from rows import Row, faster
from small_study import SmallStudy, published_settings

from echonet.data.tracings import rasterise
from echonet.learning.ef_task import clip_regression_task
from echonet.learning.segmentation_task import segmentation_task

CPU = torch.device("cpu")
MEAN, STD = np.array([[32.5, 32.6, 32.9], [49.9, 49.9, 50.1]], np.float32)
BATCHES = 10  # from the store, each round; of decoded samples one batch


def loading_rows(study: SmallStudy) -> list[Row]:
    """Samples a second of EF and of segmentation training; the networks cost nothing here."""
    return [clip_row(study), traced_row(study)]


def clip_row(study: SmallStudy) -> Row:
    """EF training: clips of 32 frames, padded and cropped."""
    settings = published_settings("ef")
    frames, train = study.store.arrays["frames"], study.train
    task = clip_regression_task(frames, train, train, "ef", study.normalisation, settings, CPU)
    random = np.random.default_rng(0)
    batch = settings["batch_size"]

    def ours() -> int:
        for epoch in range(BATCHES):
            task.predict(NoNetwork(1), task.load(random.integers(len(train), size=batch), epoch))
        return BATCHES * batch

    def reference() -> int:
        chosen = train["case"].iloc[random.integers(len(train), size=batch)]
        np.stack([decoded_clip(study.videos / f"{case}.avi", settings, random) for case in chosen])
        return batch

    return faster("EF training samples a second", ours, reference, required=40)


def traced_row(study: SmallStudy) -> Row:
    """Segmentation training: the two traced frames of a video with their masks."""
    settings = published_settings("segmentation")
    traced = study.train["traced"].to_numpy()
    images, masks, tracings = (study.store.arrays[f"{name}"] for name in ("traced_frames", "traced_masks", "tracings"))
    task = segmentation_task(images, masks, traced, traced, study.normalisation, settings, CPU)
    random = np.random.default_rng(0)
    batch = settings["batch_size"]

    def ours() -> int:
        for epoch in range(BATCHES):
            task.predict(NoNetwork(*masks.shape[-2:]), task.load(random.integers(len(traced), size=batch), epoch))
        return BATCHES * batch

    def reference() -> int:
        for place in random.integers(len(traced), size=batch):
            case = study.train.iloc[place]
            frames = normalised(decode(study.videos / f"{case['case']}.avi"))
            for frame, tracing in zip(case[["ed_frame", "es_frame"]], tracings[case["traced"]], strict=True):
                np.ascontiguousarray(frames[:, frame]), rasterise(tracing, *frames.shape[2:]).astype(np.float32)
        return batch

    return faster("segmentation training samples a second", ours, reference, required=190)


class NoNetwork(torch.nn.Module):
    """Answers with zeros: what remains of a training step's time is what its data takes."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, images: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        """Zeros (B, 1) for clips, or logits (B, 1, H, W) for images."""
        zeros = torch.zeros(len(images), 1, *self.shape[1:], self.shape[-1])
        return {"out": zeros} if len(self.shape) == 2 else zeros


def decoded_clip(path: Path, settings: dict, random: np.random.Generator) -> np.ndarray:
    """A training sample (3, L, H, W) as published: decode and normalise the whole video, cut out a clip, pad, crop."""
    length, period, pad = settings["frames"], settings["period"], settings["pad"]
    frames = normalised(decode(path))
    lacking = max(0, length * period - frames.shape[1])
    frames = np.concatenate([frames, np.zeros_like(frames, shape=(3, lacking, *frames.shape[2:]))], axis=1)
    start = random.integers(frames.shape[1] - (length - 1) * period)
    clip = frames[:, start + period * np.arange(length)]
    padded = np.pad(clip, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    row, column = random.integers(2 * pad, size=2)
    return padded[:, :, row : row + clip.shape[2], column : column + clip.shape[3]]


def decode(path: Path) -> np.ndarray:
    """All frames (3, F, H, W) uint8 of a video file."""
    capture = cv2.VideoCapture(str(path))
    count, height, width = (
        int(capture.get(of)) for of in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH)
    )
    frames = np.empty((count, height, width, 3), np.uint8)
    for at in range(count):
        frames[at] = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
    capture.release()
    return frames.transpose(3, 0, 1, 2)


def normalised(frames: np.ndarray) -> np.ndarray:
    """Frames (3, F, H, W) as float32, normalised per channel."""
    images = frames.astype(np.float32)
    images -= MEAN.reshape(3, 1, 1, 1)
    images /= STD.reshape(3, 1, 1, 1)
    return images
