"""Long predictions that survive a kill: each case's result is appended to a file at once."""

import base64
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reprise.step.command import say
from reprise.step.lock import locked

Arrays = dict[str, np.ndarray]


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
        InputError: another process works in the folder.
    """
    path = folder / f"{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()}.jsonl"
    with locked(folder):
        for other in set(folder.glob("*.jsonl")) - {path}:
            other.unlink()
        done = _read(path)
        if done:
            say(f"{len(done)} of {len(cases)} cases were done before")
        todo = [case for case in cases if case not in done]
        with path.open("ab") as stream:
            for case, arrays in zip(todo, compute(todo), strict=True):
                stream.write(_line(case, arrays))
                stream.flush()
                os.fsync(stream.fileno())
                done[case] = arrays
        return [done[case] for case in cases]


def _line(case: str, arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return json.dumps([case, base64.b64encode(buffer.getvalue()).decode()]).encode() + b"\n"


def _read(path: Path) -> dict[str, Arrays]:
    """The complete lines of a file; a partial line at the end is cut off."""
    done: dict[str, Arrays] = {}
    if not path.exists():
        return done
    with path.open("r+b") as stream:
        end = 0
        for line in stream:
            if not line.endswith(b"\n"):
                break
            try:
                case, content = json.loads(line)
                with np.load(io.BytesIO(base64.b64decode(content))) as arrays:
                    done[case] = dict(arrays)
            except (ValueError, OSError):
                break
            end += len(line)
        stream.truncate(end)
    return done
