"""Slices as the published code fits them to its network: resized, then cut around their centre; and the way back.

The published code resizes images and masks with Pillow's bilinear filter, and so does this module.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from mslesion.data.scan_volume import MASK_LEVEL

WHITE = 255  # of a lesion in the published masks, which are images of 8 bits


def resized(slices: np.ndarray, size: int) -> np.ndarray:
    """Slices (N, H, W) resized and cut to (N, size, size): 8-bit values are rounded to 8 bits, others are float32."""
    pixels = np.ascontiguousarray(slices, slices.dtype if slices.dtype == np.uint8 else np.float32)
    height, width = _resized_shape(slices.shape[1:], size)
    pictures = [Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR) for picture in pixels]
    return np.stack([np.asarray(picture)[_centre(height, size), _centre(width, size)] for picture in pictures])


def resized_masks(masks: np.ndarray, size: int) -> np.ndarray:
    """Masks (N, H, W) uint8, 0 or 1, resized like slices: lesion is what is above 0.2 of a slice's highest value.

    So lesions grow. If the masks of an image tree have values between, the published code resizes these; here they were
    divided into 0 and 1 when the tree was read.
    """
    soft = resized(masks * np.uint8(WHITE), size)
    return (soft > MASK_LEVEL * soft.max(axis=(1, 2), keepdims=True)).astype(np.uint8)


def restored(logits: Tensor, shape: Sequence[int]) -> Tensor:
    """Logits (B, 2, size, size) of resized slices on the slices' own grid (B, 2, H, W); 0 where they were cut off."""
    size = logits.shape[-1]
    height, width = _resized_shape(shape, size)
    whole = logits.new_zeros((*logits.shape[:2], height, width))
    whole[..., _centre(height, size), _centre(width, size)] = logits
    return interpolate(whole, tuple(shape), mode="bilinear", antialias=True)


def _resized_shape(shape: Sequence[int], size: int) -> tuple[int, int]:
    """Height and width before the cut: slices higher than wide lose their aspect, others keep it."""
    height, width = shape
    if min(height, width) == size:
        return height, width
    return size, size if width < height else int(size * width / height)


def _centre(length: int, size: int) -> slice:
    """The part that the cut keeps. A half is rounded to the even number, as in the published code."""
    first = round((length - size) / 2)
    return slice(first, first + size)
