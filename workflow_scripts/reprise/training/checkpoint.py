"""Checkpoints that survive a kill at any time: written to a temporary file, flushed, renamed, verified on load.

A checkpoint is one line of JSON (its identity and the SHA-256 of the rest) and the state as PyTorch writes it.
"""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import torch

from reprise.step.command import say


def save_checkpoint(path: Path, state: dict[str, Any], identity: str) -> bool:
    """Write a whole checkpoint; if the disk is full, change nothing, say so and return False."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    header = json.dumps({"identity": identity, "sha256": hashlib.sha256(payload).hexdigest()})
    partial = path.with_name(".checkpoint.part")
    try:
        with partial.open("wb") as stream:
            stream.write(header.encode() + b"\n")
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        partial.unlink(missing_ok=True)
        say(f"{path.parent}: no checkpoint written ({error.strerror}); the last good one is kept")
        return False
    partial.replace(path)
    _flush_folder(path.parent)
    return True


def checkpoint_path(folder: Path, kind: str, number: int) -> Path:
    """The path of checkpoint `number` of a kind; names sort by number."""
    return folder / f"{kind}-{number:09d}.ckpt"


def checkpoints(folder: Path, kind: str) -> list[Path]:
    """The checkpoints of a kind, newest first."""
    return sorted(folder.glob(f"{kind}-*.ckpt"), reverse=True)


def read_checkpoint(path: Path, identity: str, device: torch.device) -> dict[str, Any]:
    """The state in a checkpoint of this run.

    Raises:
        ValueError: the file is missing, damaged, or made by other code, data or settings.
    """
    if not path.is_file():
        raise ValueError("missing")
    header, _, payload = path.read_bytes().partition(b"\n")
    try:
        about = json.loads(header)
        of_this_run, intact = about["identity"] == identity, about["sha256"] == hashlib.sha256(payload).hexdigest()
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("damaged header") from error
    if not intact:
        raise ValueError("damaged: its content does not match its checksum")
    if not of_this_run:
        raise ValueError("made by other code, data or settings")
    return torch.load(io.BytesIO(payload), map_location=device, weights_only=True)


def _flush_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, so that a rename survives a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
