"""Clips of a stored video: where they start, how they are gathered, normalised and shifted, a batch at a time.

The conventions are those of the loader behind Ouyang et al., Nature 580:252 (2020): a clip is
`length` frames, `period` source frames apart; a video shorter than `length * period` frames is lengthened by
frames that are zero after normalisation.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reprise.data.placed import taken
from reprise.step.device import on_device


def n_starts(n_frames: Any, length: int, period: int) -> Any:
    """Number of valid starts, 0 .. n - 1, of a video of `n_frames` frames (an integer or an array of them)."""
    return np.maximum(n_frames, length * period) - (length - 1) * period


def clip_rows(
    offsets: Any, n_frames: Any, starts: Any, *, length: int, period: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which stored frames clips consist of, one clip for each entry of `offsets`, `n_frames` and `starts`.

    Args:
        offsets: (B,) integers, index of the first frame of each clip's video among all stored frames.
        n_frames: (B,) integers, frames of that video.
        starts: (B,) integers, source frame in that video at which the clip starts.
        length: frames of a clip.
        period: source frames from one frame of a clip to the next.

    Returns:
        rows (B, length), and valid (B, length), false where the video had ended; there the row is its last one.
    """
    last = np.asarray(n_frames, np.int64)[:, None] - 1
    wanted = np.asarray(starts, np.int64)[:, None] + period * np.arange(length)
    return np.asarray(offsets, np.int64)[:, None] + np.minimum(wanted, last), wanted <= last


def gather_clips(
    frames: Tensor, offsets: Any, n_frames: Any, starts: Any, *, length: int, period: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Gather clips from `frames`, (N, H, W, C) uint8 on any device; the other arguments are those of `clip_rows`.

    Returns:
        clips (B, length, H, W, C) uint8 on `device`, and valid (B, length) bool on the host, false where the video
        had ended.
    """
    rows, valid = clip_rows(offsets, n_frames, starts, length=length, period=period)
    return taken(frames, torch.from_numpy(rows), device), torch.from_numpy(valid)


def normalise(images: Tensor, mean: Any, std: Any) -> Tensor:
    """Normalise uint8 images per channel, (x - mean) / std, and put the channels first.

    Args:
        images: (B, ..., H, W, C) uint8; grey images (C = 1) become three equal channels.
        mean: C or 3 values on the scale 0..255.
        std: likewise.

    Returns:
        (B, 3, ..., H, W) float32, its memory laid out with the channels last.
    """
    out = images.new_empty((*images.shape[:-1], 3), dtype=torch.float32)
    _normalise_into(out, images, *_on_device(mean, std, out.device))
    return out.movedim(-1, 1)


def normalise_clips(
    clips: Tensor, valid: Tensor, mean: Any, std: Any, *, crops: Any = None, pad: int = 0, out: Tensor | None = None
) -> Tensor:
    """Normalise clips, make frames beyond a video's end zero, then pad with zeros and crop to the former size.

    On a CPU this costs as much as a small network, so it is one pass over the memory, clip by clip. On a GPU it is a
    few kernels for the whole batch. Both give the same bits.

    Args:
        clips: (B, L, H, W, C) uint8; C as for `normalise`, and so are `mean` and `std`.
        valid: (B, L) bool on the host, false beyond the video's end.
        crops: (B, 2) integers from 0 to 2 * pad, row and column at which each padded clip is cropped; `pad` if None.
        pad: pixels on each side.
        out: contiguous (B, L, H, W, 3) float32 on the clips' device to write to, for a caller that reuses its memory.

    Returns:
        (B, 3, L, H, W) float32, its memory laid out with the channels last.
    """
    out = clips.new_empty((*clips.shape[:-1], 3), dtype=torch.float32) if out is None else out
    shifts = np.zeros((len(clips), 2), np.int64) if crops is None else np.asarray(crops, np.int64) - pad
    write = write_clip_by_clip if out.device.type == "cpu" else write_all_at_once
    write(out, clips, valid, shifts, *_on_device(mean, std, out.device))
    return out.movedim(-1, 1)


def write_clip_by_clip(
    out: Tensor, clips: Tensor, valid: Tensor, shifts: NDArray[np.int64], mean: Tensor, std: Tensor
) -> None:
    """What `normalise_clips` does, with the pixel at row and column k of `out` from k + shift, `shifts` (B, 2)."""
    height, width = clips.shape[2:4]
    for clip, ok, target, (down, right) in zip(clips, valid, out, shifts.tolist(), strict=True):
        (to_rows, from_rows), (to_columns, from_columns) = _overlap(height, down), _overlap(width, right)
        _normalise_into(target[:, to_rows, to_columns], clip[:, from_rows, from_columns], mean, std)
        for edge in _outside(target, to_rows, to_columns):
            edge.zero_()
        if not ok.all():
            target[int(ok.sum()) :] = 0


def write_all_at_once(
    out: Tensor, clips: Tensor, valid: Tensor, shifts: NDArray[np.int64], mean: Tensor, std: Tensor
) -> None:
    """The same as `write_clip_by_clip`, in a number of kernels that does not depend on the number of clips."""
    device, (clip_count, length, height, width) = out.device, clips.shape[:4]
    down, right = on_device(torch.from_numpy(shifts.T.copy()), device)[:, :, None]
    rows, columns = torch.arange(height, device=device) + down, torch.arange(width, device=device) + right
    inside = on_device(valid, device)[:, :, None, None]
    inside = inside & _within(rows, height)[:, None, :, None] & _within(columns, width)[:, None, None, :]
    each_clip, each_frame = torch.arange(clip_count, device=device), torch.arange(length, device=device)
    rows, columns = rows.clamp(0, height - 1)[:, None, :, None], columns.clamp(0, width - 1)[:, None, None, :]
    moved = clips[each_clip[:, None, None, None], each_frame[:, None, None], rows, columns]
    values = moved[..., : len(mean)].float().sub(mean).div_(std)
    torch.where(inside[..., None], values.expand_as(out), values.new_zeros(()), out=out)


def _within(places: Tensor, size: int) -> Tensor:
    return (places >= 0) & (places < size)


def downsample(clips: Tensor, factor: int) -> Tensor:
    """Clips (B, C, L, H, W) with `factor` times fewer rows and columns, each pixel a mean; 1 changes nothing."""
    if factor == 1:
        return clips
    height, width = (size // factor for size in clips.shape[-2:])
    channels_last = clips[..., : height * factor, : width * factor].movedim(1, -1)
    # Whole rows first: adding long vectors is three times as fast as pooling three channels.
    rows = channels_last.reshape(clips.shape[0], clips.shape[2], height, factor, -1).sum(dim=3)
    pixels = rows.reshape(*rows.shape[:3], width, factor, -1).sum(dim=4)
    return pixels.div_(factor**2).movedim(-1, 1)


def _on_device(mean: Any, std: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (on_device(torch.as_tensor(values, dtype=torch.float32), device) for values in (mean, std))
    return mean, std


def _normalise_into(target: Tensor, images: Tensor, mean: Tensor, std: Tensor) -> None:
    """Write images (..., W, C), normalised, to a target (..., W, 3)."""
    if len(mean) == 1:
        grey = images[..., 0].float().sub_(mean).div_(std)
        for channel in target.unbind(-1):
            channel.copy_(grey)
        return
    target.copy_(images)
    # Rows of pixels as long vectors: a loop over three channels at a time is slow.
    width = target.shape[-2]
    target.flatten(-2).sub_(mean.repeat(width)).div_(std.repeat(width))


def _overlap(size: int, shift: int) -> tuple[slice, slice]:
    """Where an axis of `size` lands, and where it comes from, when position k takes the value at k + shift."""
    before, after = min(size, max(0, -shift)), min(size, max(0, shift))
    return slice(before, size - after), slice(after, size - before)


def _outside(clip: Tensor, rows: slice, columns: slice) -> list[Tensor]:
    """The parts of a clip (L, H, W, C) above, below, left and right of a window."""
    return [clip[:, : rows.start], clip[:, rows.stop :], clip[:, :, : columns.start], clip[:, :, columns.stop :]]
