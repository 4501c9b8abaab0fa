"""Clips against a plain formulation of the published loader, one video at a time in NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import echonet.learning.clips as loaded_clips
from echonet.learning.clips import (
    clip_rows,
    downsample,
    gather_clips,
    n_starts,
    normalise,
    normalise_clips,
)
from reprise.data.placed import as_tensor, placed

CPU = torch.device("cpu")
MEAN, STD = [31.0, 32.5, 33.0], [49.0, 50.0, 51.5]


def plain_clip(video, start, length, period, crop=None, pad=0):
    """Normalise the whole video (F, H, W, 3), lengthen it with zeros, cut out the clip, pad and crop: (3, L, H, W)."""
    frames = (video.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    lacking = max(0, length * period - len(video))
    frames = np.concatenate([frames, np.zeros((lacking, *video.shape[1:]), np.float32)])
    assert 0 <= start < len(frames) - (length - 1) * period
    clip = frames[start : start + length * period : period]
    assert len(clip) == length
    if crop is not None:
        clip = np.pad(clip, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        height, width = video.shape[1:3]
        clip = clip[:, crop[0] : crop[0] + height, crop[1] : crop[1] + width]
    return clip.transpose(3, 0, 1, 2)


@pytest.mark.parametrize("writer", ["write_clip_by_clip", "write_all_at_once"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_clips_equal_the_plain_loader(writer, monkeypatch, data):
    length, period, pad = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 7))
    n_frames = np.array(data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=4)))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    frames = random.integers(0, 256, (n_frames.sum(), 7, 6, 3), dtype=np.uint8)
    offsets = np.cumsum(n_frames) - n_frames
    starts = random.integers(n_starts(n_frames, length, period))
    crops = random.integers(2 * pad + 1, size=(len(n_frames), 2))
    clips, valid = gather_clips(as_tensor(frames), offsets, n_frames, starts, length=length, period=period, device=CPU)
    # The second writer is the GPU's; here it writes in the same way.
    monkeypatch.setattr(loaded_clips, "write_clip_by_clip", getattr(loaded_clips, writer))
    buffer = torch.full((*clips.shape[:-1], 3), torch.nan)
    cropped = normalise_clips(clips, valid, MEAN, STD, crops=crops, pad=pad, out=buffer)
    whole = normalise_clips(clips, valid, MEAN, STD)
    for k, (start, crop) in enumerate(zip(starts, crops, strict=True)):
        video = frames[offsets[k] : offsets[k] + n_frames[k]]
        assert np.array_equal(whole[k].numpy(), plain_clip(video, start, length, period))
        assert np.array_equal(cropped[k].numpy(), plain_clip(video, start, length, period, crop, pad))
    assert cropped.data_ptr() == buffer.data_ptr()


def test_starts_are_as_published():
    assert [n_starts(frames, 32, 2) for frames in (28, 63, 64, 65, 176, 1002)] == [2, 2, 2, 3, 114, 940]
    assert n_starts(np.array([28, 176]), 32, 2).tolist() == [2, 114]
    rows, valid = clip_rows([100], [50], [1], length=32, period=2)
    assert rows[0, :25].tolist() == list(range(101, 151, 2))[:25]
    assert valid[0].sum() == 25
    assert rows.max() == 149  # never a frame of the next video


@pytest.mark.parametrize("writer", ["write_clip_by_clip", "write_all_at_once"])
def test_grey_frames_become_three_equal_channels(writer, monkeypatch):
    monkeypatch.setattr(loaded_clips, "write_clip_by_clip", getattr(loaded_clips, writer))
    grey = torch.arange(2 * 4 * 5, dtype=torch.uint8).reshape(1, 2, 4, 5, 1)
    valid = torch.tensor([[True, False]])
    clip = normalise_clips(grey, valid, [10.0], [2.0])
    assert clip.shape == (1, 3, 2, 4, 5)
    assert clip.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(clip[0, 0, 0], (grey[0, 0, ..., 0].float() - 10) / 2)
    assert torch.equal(clip[:, 0], clip[:, 2])
    assert not clip[:, :, 1].any()
    assert torch.equal(normalise(grey, [10.0], [2.0])[:, :, :1], clip[:, :, :1])
    # A grey clip for a network that learnt from colours.
    assert normalise(grey, MEAN, STD)[0, 2, 0, 0, 1] == pytest.approx((1 - MEAN[2]) / STD[2])
    assert torch.equal(normalise_clips(grey, valid, MEAN, STD)[:, :, :1], normalise(grey, MEAN, STD)[:, :, :1])


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_downsampling_averages_squares_of_pixels(factor):
    clips = normalise(torch.randint(0, 255, (2, 3, 8, 7, 3), dtype=torch.uint8), MEAN, STD)
    small = downsample(clips, factor)
    assert torch.allclose(small, torch.nn.functional.avg_pool3d(clips, (1, factor, factor)), atol=1e-6)
    assert small.is_contiguous(memory_format=torch.channels_last_3d)


def test_frames_stay_in_the_memory_map(tmp_path):
    np.save(tmp_path / "frames.npy", np.arange(6, dtype=np.uint8).reshape(3, 2, 1, 1))
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    on_cpu = placed(mapped, CPU)
    assert on_cpu.data_ptr() == mapped.ctypes.data
    assert on_cpu.tolist() == mapped.tolist()
