"""Slices resized as published: against values worked out by hand, and against torch's own antialiased filter."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import interpolate

from mslesion.data.conversion import slices_with_lesion
from mslesion.data.own_volumes import OwnVolume
from mslesion.learning import scan_prediction
from mslesion.learning.published_slices import resized, resized_masks, restored
from mslesion.learning.scan_inputs import brain_slices
from mslesion.predict_volumes import note_resized
from reprise.data.findings import Findings
from reprise.data.nifti import Volume

CPU = torch.device("cpu")
CONSTANTS = {"mean": 0.1, "std": 0.2}


@pytest.mark.parametrize(
    ("shape", "whole", "cut"),
    [
        ((217, 181), (160, 160), (slice(0, 160), slice(0, 160))),  # higher than wide: the aspect is lost
        ((181, 217), (160, 191), (slice(0, 160), slice(16, 176))),  # 15.5 goes to the even 16
        ((90, 120), (160, 213), (slice(0, 160), slice(26, 186))),
        ((160, 203), (160, 203), (slice(0, 160), slice(22, 182))),  # one side fits already: only cut, at 21.5 as at 22
        ((205, 160), (205, 160), (slice(22, 182), slice(0, 160))),
        ((160, 160), (160, 160), (slice(0, 160), slice(0, 160))),
    ],
)
def test_slices_are_resized_bilinearly_and_cut_around_their_centre(shape: Any, whole: Any, cut: Any) -> None:
    slices = np.random.default_rng(0).integers(0, 3000, (2, *shape)).astype(np.int16)
    expected = interpolate(torch.from_numpy(slices)[:, None].double(), whole, mode="bilinear", antialias=True)
    found = resized(slices, 160)
    assert found.dtype == np.float32 and found.shape == (2, 160, 160)
    np.testing.assert_allclose(found, expected[:, 0].numpy()[:, *cut], atol=1e-3)


def test_values_of_8_bits_are_rounded_at_half_the_size() -> None:
    edge = np.zeros((1, 64, 64), np.uint8)
    edge[..., 32:] = 255
    found = resized(edge, 32)
    assert found.dtype == np.uint8
    # At half the size the filter weighs four pixels with 1, 3, 3, 1 eighths: 255 / 8 and 7 * 255 / 8.
    assert found[0, 9, 14:18].tolist() == [0, 32, 223, 255]


def test_lesions_grow_because_a_fifth_of_the_highest_value_is_enough() -> None:
    mask = np.zeros((3, 64, 64), np.uint8)
    mask[0, 20, 30] = 1
    mask[1, 20:40, 30:40] = 1
    found = resized_masks(mask, 32)
    # Three eighths of the pixel along each axis for the nearest, one eighth for the next: 9, 3, 3 and 1 of 64.
    assert np.argwhere(found[0]).tolist() == [[9, 15], [10, 14], [10, 15]]
    assert found[1].sum() == 10 * 5, "an eighth at the borders is not enough"
    assert found.dtype == np.uint8 and not found[2].any()


@pytest.mark.parametrize("shape", [(217, 181), (181, 217), (90, 120)])
def test_what_the_network_finds_lies_where_the_scan_has_it(monkeypatch: pytest.MonkeyPatch, shape: Any) -> None:
    lesion = np.zeros((4, *shape), bool)
    lesion[1:3, shape[0] // 4 : shape[0] // 4 + 30, 40:60] = True

    def bright(model: None, images: torch.Tensor, windows: np.ndarray) -> torch.Tensor:
        seen = images[torch.from_numpy(windows[:, 1])]
        return torch.stack([torch.zeros_like(seen), seen - 1.5], dim=1)

    monkeypatch.setattr(scan_prediction, "centre_logits", bright)
    info = {"network": "fc_densenet67", "size": 160, "normalisation": CONSTANTS, "settings": {"precision": "fp32"}}
    scan = np.where(lesion, 900, 100).astype(np.int16)
    found = scan_prediction.segment_scan(torch.nn.Identity(), info, scan, CPU)
    assert found.shape == scan.shape and not found[[0, 3]].any()
    assert 2 * (found & lesion).sum() / (found.sum() + lesion.sum()) > 0.97


def test_a_user_reads_that_slices_were_resized() -> None:
    findings = Findings()
    own = OwnVolume("case", Path("x.nii"), "digest")
    for shape, size in (((181, 217, 3), 160), ((217, 181, 3), 160), ((160, 160, 3), 160), ((181, 217, 3), None)):
        note_resized(own, Volume(np.zeros(shape), np.eye(4), (1, 1, 1), "LAS", True, b""), size, findings)
    height = "pixels were resized to a height of 160"
    cut = ", of which only the middle was segmented"
    assert [row[-1] for row in findings.rows] == [
        f"its slices of 217 x 181 {height}",
        f"its slices of 181 x 217 {height}{cut}",
    ]


def test_what_was_cut_off_is_background() -> None:
    logits = torch.ones(1, 2, 160, 160) * torch.tensor([0.0, 5.0])[:, None, None]
    lesion = restored(logits, (160, 300)).argmax(dim=1)[0]
    assert lesion[:, 70:230].all() and not lesion[:, :70].any() and not lesion[:, 230:].any()


def test_training_sees_resized_slices_and_lists_them_by_their_masks_before_the_cut() -> None:
    cases = pd.DataFrame({"case": ["a"], "offset": 0, "slices": 3, "height": 64, "width": 128})
    flair = np.random.default_rng(0).integers(0, 200, (3, 64, 128)).astype(np.uint8)
    mask = np.zeros((3, 64, 128), np.uint8)
    mask[0, 20:40, 60:70] = mask[2, 30:34, 2:6] = 1  # the last lies outside the cut
    arrays = {"flair": flair.ravel(), "mask1": mask.ravel()}
    assert slices_with_lesion(cases, arrays).tolist() == [True, False, True]
    found = brain_slices(cases, arrays, 32, CONSTANTS, CPU)
    small = resized(flair, 32).astype(float)
    low, high = small.min((1, 2), keepdims=True), small.max((1, 2), keepdims=True)
    np.testing.assert_allclose(found.images.numpy(), ((small - low) / (high - low) - 0.1) / 0.2, rtol=1e-5)
    assert found.masks.shape == (3, 32, 32) and found.masks.flatten(1).any(1).tolist() == [True, False, False]
