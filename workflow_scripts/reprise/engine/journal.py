"""The journal of each job: the code that its step really loaded, and the files that it wrote.

Snakemake records the plan only. The step may load other code, if a user edits it in between, and a result may be cut
or edited later. So the step writes a journal of its own, and the next run compares.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from reprise.engine.records import FOLDER, read_record, write_quietly
from reprise.step.files import file_sha256

LOGS = Path("results/logs")
# Larger files are compared by size only. Snakemake has the same limit for its checksums.
LARGEST_HASHED = 1_000_000


def journal_path(log: Path) -> Path | None:
    """Where the record of the job with this log lies; None if the log is not below results/logs/."""
    if log.is_absolute() or not log.is_relative_to(LOGS):
        return None
    return FOLDER / "jobs" / log.relative_to(LOGS).with_suffix(".json")


def note_start(journal: Path, code: str) -> None:
    """Record that a job has begun, with the digest of the code that it loaded."""
    write_quietly(journal, json.dumps({"code": code}))


def note_end(journal: Path, code: str, outputs: Iterable[Path]) -> None:
    """Record that a job ended well, and what its outputs hold."""
    write_quietly(journal, json.dumps({"code": code, "files": dict(_states(outputs))}))


def read_journal(log: Path) -> dict[str, Any]:
    """The record of the job with this log: `code`, and once it has ended well `files`. Empty if there is none.

    A damaged record means that the job did not end well.
    """
    path = journal_path(log)
    if not path or not path.exists():
        return {}
    record = read_record(path)
    return record if _is_whole(record) else {"code": ""}


def changed_files(files: dict[str, list[Any]]) -> list[str]:
    """The recorded files that are missing or no longer hold what the job wrote, in their order."""
    return [name for name, (size, time_ns, sha256) in files.items() if _differs(Path(name), size, time_ns, sha256)]


def _is_whole(record: Any) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("code"), str):
        return False
    files = record.get("files", {})
    return isinstance(files, dict) and all(
        isinstance(state, list) and [type(value) for value in state] in ([int, int, str], [int, int, type(None)])
        for state in files.values()
    )


def _states(outputs: Iterable[Path]) -> Iterator[tuple[str, list[Any]]]:
    for output in outputs:
        for file in sorted(output.rglob("*")) if output.is_dir() else [output]:
            if file.is_file():
                stat = file.stat()
                sha256 = file_sha256(file) if stat.st_size <= LARGEST_HASHED else None
                yield str(file), [stat.st_size, stat.st_mtime_ns, sha256]


def _differs(path: Path, size: int, time_ns: int, sha256: str | None) -> bool:
    try:
        stat = path.stat()
        if stat.st_size != size:
            return True
        # Snakemake touches outputs once their job has ended, so another time says nothing yet.
        return stat.st_mtime_ns != time_ns and sha256 is not None and file_sha256(path) != sha256
    except OSError:
        return True
