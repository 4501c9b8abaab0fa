"""Odd values and damaged bytes, for the fuzzer."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

ODD = [None, True, -1, 0, 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("inf"), float("nan"), "", "NA", "nan", "\0"]
ODD += [
    "a,b",
    "$_{$",
    "=1+1",
    '"',
    "\n",
    "\ud800",
    "x" * 10_000,
    b"\xff\xfe",
    [],
    {},
    [[]],
    [1] * 1000,
    {"a": {"a": 1}},
]


def value(rng: random.Random) -> Any:
    """A value that a header may state, but hardly ever does."""
    return copy.deepcopy(rng.choice(ODD))


def flip_bytes(path: Path, rng: random.Random) -> None:
    """Change, cut, repeat or insert some bytes of a file."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(min(len(data), rng.choice((64, 600, 10**9))) or 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            data[at : at + rng.choice((1, 4, 40))] = rng.randbytes(rng.choice((0, 1, 4)))
        elif kind == 2:
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\1\0\0\0"))
        else:
            del data[at + rng.randrange(4000) :]
    path.write_bytes(data)


def mutate(tree: Any, rng: random.Random) -> Any:
    """Replace, drop or add one value somewhere in a tree of mappings and lists."""
    if isinstance(tree, dict) and tree and rng.random() < 0.8:
        key, action = rng.choice(list(tree)), rng.randrange(6)
        if action == 0:
            del tree[key]
        elif action == 1:
            tree[rng.choice(("extra", "settings", "__proto__"))] = value(rng)
        else:
            tree[key] = mutate(tree[key], rng)
        return tree
    if isinstance(tree, list) and tree and rng.random() < 0.6:
        tree[rng.randrange(len(tree))] = value(rng)
        return tree
    return value(rng)


def odd_tensor(rng: random.Random) -> Any:
    """A tensor of a kind that no state dict should hold."""
    kinds: list[Callable[[], Any]] = [
        lambda: torch.ones(1).expand(2 ** rng.randrange(40)),
        lambda: torch.empty(3, device="meta"),
        lambda: torch.ones(3).to_sparse(),
        lambda: torch.ones(3, dtype=rng.choice((torch.complex64, torch.int64, torch.float8_e5m2, torch.bfloat16))),
        lambda: torch.tensor([float("nan")]),
        lambda: torch.nn.Parameter(torch.ones(2)),
        lambda: torch.empty(0),
        lambda: value(rng),
    ]
    return rng.choice(kinds)()


def write_odd_dicom(path: Path, rng: random.Random) -> None:
    """Write a multi-frame clip of which some elements are odd."""
    import pydicom
    from pydicom.dataelem import RawDataElement
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

    clip = pydicom.Dataset()
    clip.file_meta = pydicom.dataset.FileMetaDataset()
    clip.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    clip.SOPClassUID = clip.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    clip.SOPInstanceUID = clip.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    clip.Rows = clip.Columns = 16
    clip.NumberOfFrames, clip.SamplesPerPixel, clip.PhotometricInterpretation = 4, 1, "MONOCHROME2"
    clip.BitsAllocated = clip.BitsStored = 8
    clip.HighBit, clip.PixelRepresentation, clip.FrameTime, clip.CineRate = 7, 0, 33.0, 30
    clip.PixelData = np.arange(4 * 256, dtype=np.uint8).tobytes()
    for tag in rng.sample(list(clip.keys()), rng.choice((0, 1, 2))):
        raw = rng.choice(
            (b"", b"inf ", b"nan ", b"-1", b"65535\\3 ", b"\xff\xff", b"\xff\xff\xff\xff", b"1e99", b"x" * 99)
        )
        clip._dict[tag] = RawDataElement(
            tag, rng.choice(("IS", "DS", "US", "UN", "SQ", "LO")), len(raw), raw, 0, False, True
        )
    try:
        clip.save_as(path, enforce_file_format=True)
    except Exception:  # pydicom cannot write it either
        path.write_bytes(b"\0" * 128 + b"DICM")
    if rng.random() < 0.4:
        flip_bytes(path, rng)
