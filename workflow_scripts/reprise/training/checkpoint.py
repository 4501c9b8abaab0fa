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

LONGEST_HEADER = 2**12  # bytes


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
    try:
        with path.open("rb") as stream:
            header = stream.readline(LONGEST_HEADER)
            about = dict(json.loads(header))
            if about["identity"] != identity:
                raise ValueError("made by other code, data or settings")
            if hashlib.file_digest(stream, "sha256").hexdigest() != about["sha256"]:
                raise ValueError("damaged: its content does not match its checksum")
            stream.seek(len(header))
            state = torch.load(io.BytesIO(stream.read()), map_location=device, weights_only=True)
            return dict(state)
    except ValueError as error:
        own = not isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
        raise ValueError(str(error) if own else "damaged header") from error
    except Exception as error:  # PyTorch raises errors of any kind
        raise ValueError(f"damaged ({type(error).__name__})") from error


def _flush_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, so that a rename survives a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
