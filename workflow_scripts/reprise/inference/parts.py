"""Long predictions that survive a kill: each case's result is appended to a file at once."""

import base64
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reprise.step.command import say
from reprise.step.errors import InputError
from reprise.step.lock import locked

Arrays = dict[str, np.ndarray]
LARGEST_BYTES = 2**30  # of the arrays of one case
LONGEST_LINE = 2**30


def resumed(
    folder: Path, identity: Any, cases: Sequence[str], compute: Callable[[list[str]], Iterable[Arrays]]
) -> list[Arrays]:
    """Arrays of each case, computed now or by an earlier, killed run with the same `identity`.

    The results stay on the disk, so that a step whose outputs were lost gives them again at once.

    Args:
        folder: keeps the file of results; those of another identity are deleted.
        identity: all that the results depend on, as JSON can write it.
        cases: names of the cases.
        compute: gives the arrays of some cases, in their order.

    Raises:
        InputError: another process works in the folder, or the disk is full.
    """
    path = folder / f"{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()}.jsonl"
    with locked(folder):
        for other in set(folder.glob("*.jsonl")) - {path}:
            other.unlink()
        done = _read(path)
        if done:
            say(f"{len(done)} of {len(cases)} cases were done before")
        todo = [case for case in cases if case not in done]
        for case, arrays in zip(todo, compute(todo), strict=True):
            _append(path, _line(case, arrays))
            done[case] = arrays
        return [done[case] for case in cases]


def _append(path: Path, line: bytes) -> None:
    try:
        with path.open("ab") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise InputError(f"{path.parent}: {error.strerror}; the results before are kept for the next try") from error


def _line(case: str, arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    content = base64.b64encode(buffer.getvalue()).decode()
    return json.dumps([case, content, _digest(case, content)]).encode() + b"\n"


def _digest(case: str, content: str) -> str:
    return hashlib.sha256(json.dumps([case, content]).encode()).hexdigest()


def _read(path: Path) -> dict[str, Arrays]:
    """The whole lines of a file; the first damaged line, such as a partial one at the end, and all after it are cut."""
    done: dict[str, Arrays] = {}
    if not path.exists():
        return done
    with path.open("r+b") as stream:
        end = 0
        while line := stream.readline(LONGEST_LINE):
            try:
                case, arrays = _part(line)
            except Exception as error:  # a damaged archive makes NumPy and zipfile raise errors of many kinds
                say(f"{path}: line {len(done) + 1} is damaged ({type(error).__name__}); made anew from there on")
                break
            done[case] = arrays
            end += len(line)
        stream.truncate(end)
    return done


def _part(line: bytes) -> tuple[str, Arrays]:
    """The name of a case, and its arrays."""
    case, content, digest = json.loads(line)
    if digest != _digest(case, content) or not line.endswith(b"\n"):
        raise ValueError("another content than was written")
    packed = io.BytesIO(base64.b64decode(content))
    with zipfile.ZipFile(packed) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_BYTES:
            raise ValueError("larger than any result")
    with np.load(packed) as arrays:
        return str(case), dict(arrays)
