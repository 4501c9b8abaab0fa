"""Clips of a stored video: where they start, how they are gathered, normalised and shifted, a batch at a time.

The conventions are those of the loader that came with EchoNet-Dynamic (Ouyang et al., Nature 2020): a clip is
`length` frames, `period` source frames apart; a video shorter than `length * period` frames is lengthened by
frames that are zero after normalisation.
"""

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d

DEVICE_MEMORY_SHARE = 0.6  # of the free device memory may hold the store; the rest is for training


def n_starts(n_frames: Any, length: int, period: int) -> Any:
    """Number of valid starts, 0 .. n - 1, of a video of `n_frames` frames (an integer or an array of them)."""
    return np.maximum(n_frames, length * period) - (length - 1) * period


def place_frames(frames: np.ndarray, device: torch.device) -> Tensor:
    """A store's frames as a tensor: copied to the device if they fit there, or else left in the memory map."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        mapped = torch.from_numpy(frames)
    if device.type == "cuda" and mapped.nbytes < DEVICE_MEMORY_SHARE * torch.cuda.mem_get_info(device)[0]:
        return mapped.to(device)
    return mapped


def gather_clips(
    frames: Tensor, offsets: Any, n_frames: Any, starts: Any, *, length: int, period: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Gather one clip for each entry of `offsets`, `n_frames` and `starts`.

    Args:
        frames: (N, H, W, C) uint8, all videos one after another, on any device.
        offsets: (B,) integers, index in `frames` of the first frame of each clip's video.
        n_frames: (B,) integers, frames of that video.
        starts: (B,) integers, source frame in that video at which the clip starts.
        length: frames of a clip.
        period: source frames from one frame of a clip to the next.
        device: where the clips are wanted.

    Returns:
        clips (B, length, H, W, C) uint8, and valid (B, length) bool, false where the video had ended; such a
        frame of a clip repeats the video's last one.
    """
    last = np.asarray(n_frames, np.int64)[:, None] - 1
    wanted = np.asarray(starts, np.int64)[:, None] + period * np.arange(length)
    rows = torch.from_numpy(np.asarray(offsets, np.int64)[:, None] + np.minimum(wanted, last))
    valid = torch.from_numpy(wanted <= last)
    return take_frames(frames, rows, device), valid.to(device, non_blocking=True)


def take_frames(frames: Tensor, rows: Tensor, device: torch.device) -> Tensor:
    """Rows of `frames` (N, ...) as a tensor (*rows.shape, ...) on the device; host memory is left asynchronously."""
    flat = rows.reshape(-1)
    shape = (*rows.shape, *frames.shape[1:])
    if frames.device.type != "cpu" or device.type != "cuda":
        return frames.index_select(0, flat.to(frames.device)).reshape(shape).to(device)
    staged = torch.empty((len(flat), *frames.shape[1:]), dtype=frames.dtype, pin_memory=True)
    torch.index_select(frames, 0, flat, out=staged)
    return staged.reshape(shape).to(device, non_blocking=True)


def normalise(images: Tensor, mean: Any, std: Any, valid: Tensor | None = None) -> Tensor:
    """Normalise uint8 images or clips per channel, (x - mean) / std, and put the channels first.

    Args:
        images: (B, ..., H, W, C) uint8; grey images (C = 1) become three equal channels.
        mean: C values on the scale 0..255.
        std: C values on the scale 0..255.
        valid: (B, ...) bool; images where it is false become zero.

    Returns:
        (B, 3, ..., H, W) float32, its memory laid out with the channels last.
    """
    out = images.float()
    out.sub_(torch.as_tensor(mean, dtype=torch.float32).to(out.device))
    out.div_(torch.as_tensor(std, dtype=torch.float32).to(out.device))
    if valid is not None:
        out.mul_(valid[..., None, None, None])
    if out.shape[-1] == 1:
        out = out.expand(*out.shape[:-1], 3).contiguous()
    return out.movedim(-1, 1)


def pad_crop(clips: Tensor, offsets: Any, pad: int) -> Tensor:
    """Zero-pad height and width by `pad` on each side, then crop each clip to its former size.

    Args:
        clips: (B, C, L, H, W), normalised.
        offsets: (B, 2) integers, row and column of each clip's crop, 0 .. 2 * pad.
        pad: pixels.

    Returns:
        (B, C, L, H, W) in the memory layout of `clips`.
    """
    out = torch.zeros_like(clips)
    height, width = clips.shape[-2:]
    for clip, target, (i, j) in zip(clips, out, np.asarray(offsets).tolist(), strict=True):
        to_rows, from_rows = _overlap(height, i - pad)
        to_columns, from_columns = _overlap(width, j - pad)
        target[..., to_rows, to_columns] = clip[..., from_rows, from_columns]
    return out


def downsample(clips: Tensor, factor: int) -> Tensor:
    """Clips (B, C, L, H, W) with `factor` times fewer rows and columns, each pixel a mean; 1 changes nothing."""
    return clips if factor == 1 else avg_pool3d(clips, (1, factor, factor))


def _overlap(size: int, shift: int) -> tuple[slice, slice]:
    """Where an axis lands, and where it comes from, when position k takes the value at k + shift."""
    return slice(max(0, -shift), size - max(0, shift)), slice(max(0, shift), size - max(0, -shift))
