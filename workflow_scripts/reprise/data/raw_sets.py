"""Brings a set of raw data into a folder, whole or not at all. What is there and right is not fetched again.

Beside a folder `NAME` lie its record `NAME.json` (source, SHA-256 of each file) and, until it is whole, what has
arrived so far, in `.NAME/`.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from reprise.data.archives import safe_path, unpack
from reprise.data.web_file import LONGEST_S, download, refuse_small_disk
from reprise.engine.folders import files_below, one_line
from reprise.engine.links import link_path, reveal, shown
from reprise.engine.records import read_record
from reprise.step.command import progress, reading, say, tell
from reprise.step.errors import InputError, first_lines
from reprise.step.files import file_sha256, outputs
from reprise.step.lock import locked

LARGEST_BYTES = 1 << 37  # of an archive whose size nobody has said
MOST_NAMED = 5
READ_ONLY = 0o444
Record = dict[str, Any]


def fetch_set(source: Mapping[str, Any], folder: Path, mirror: str = "") -> Record:
    """Fetch a set of raw data, unless it is there.

    Args:
        source: a row of config/datasets.yaml, or only `archive`, a link to one. `files` names a table of the paths of
            single files below `url`, each with its Git blob id.
        folder: that gets the set.
        mirror: where to fetch from instead: its URL, below which each host is a folder.

    Returns:
        The record: `source`, `sha256` (of an archive), `files` (SHA-256 by path), and what the row says of the set.

    Raises:
        InputError: the set cannot be had, is not what was expected, or was changed after it was downloaded.
    """
    work = folder.with_name(f".{folder.name}")
    fetch = _fetch_files if "files" in source else _fetch_archive
    # Downloads that others share with this user may be there to be read only.
    may_write = os.access(folder.parent, os.W_OK) or not folder.exists()
    try:
        with locked(work, LONGEST_S) if may_write else nullcontext():
            return fetch(source, folder, work, mirror)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{error.filename}: expected a folder, found a file") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(f"{folder.parent}: the disk is full; what has arrived is kept for the next try") from error


def mirrored(url: str, mirror: str) -> str:
    """Where a mirror has what is at a URL: the host is a folder there. Without a mirror, the URL."""
    place = urlsplit(url)
    return f"{mirror.rstrip('/')}/{place.netloc}{place.path}" if mirror else url


def git_blob_id(path: Path) -> str:
    """The SHA-1 by which Git names a file's content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def read_blob_ids(table: Path) -> dict[str, str]:
    """Git blob id by path, from a table with the columns `path` and `git_blob_id`.

    Raises:
        InputError: it is no such table, or a path leads elsewhere.
    """
    with reading(table, "expected a table with the columns path and git_blob_id"):
        rows = pd.read_csv(table, sep="\t", dtype=str, comment="#")
        ids = dict(zip(rows["path"], rows["git_blob_id"], strict=True))
    if not ids or len(ids) != len(rows) or rows.isna().any(axis=None):
        raise InputError(f"{table}: expected paths and ids, each path once")
    return {safe_path(path, str(table)).as_posix(): known for path, known in ids.items()}


def _fetch_files(source: Mapping[str, Any], folder: Path, work: Path, mirror: str) -> Record:
    """Fetch the files that are missing, each verified by its id."""
    if "sha256" in _read_record(folder):
        raise InputError(f"{folder}: from an archive, not by name; move it away with {_record_file(folder)}")
    ids = read_blob_ids(Path(source["files"]))
    changed = [path for path in ids if (folder / path).exists() and git_blob_id(folder / path) != ids[path]]
    _refuse_changes(folder, changed, "delete them, and they are downloaded again")
    missing = [path for path in ids if not (folder / path).exists()]
    if missing:
        megabytes = source["megabytes"] * len(missing) / len(ids)
        _announce(source, folder, f"{len(missing)} of {len(ids)} files, about {megabytes:.0f} MB")
        refuse_small_disk(work, round(1e6 * megabytes), source["title"])
    for number, path in enumerate(missing, start=1):
        say(f"file {number} of {len(missing)}: {path}")
        _fetch_file(mirrored(f"{source['url']}/{path}", mirror), work / "files" / path, ids[path], source["megabytes"])
    if missing:
        _move(work / "files", folder, missing)
    return _write_record(folder, source, {"source": source["url"], "files": _digests(folder)})


def _fetch_file(url: str, target: Path, blob_id: str, megabytes: float) -> None:
    if target.exists() and git_blob_id(target) == blob_id:
        return
    partial = target.with_name(f".{target.name}.part")
    download(url, partial, round(megabytes * 1e6))
    if (found := git_blob_id(partial)) != blob_id:
        partial.unlink()
        raise InputError(f"{shown(url)}: expected content with the Git blob id {blob_id}, found {found}")
    partial.replace(target)


def _move(files: Path, folder: Path, paths: list[str]) -> None:
    """Give the files to the folder: all at once if there is no folder yet."""
    for path in paths:
        (files / path).chmod(READ_ONLY)
    if not folder.exists():
        files.rename(folder)
        return
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (files / path).rename(folder / path)
    shutil.rmtree(files)


def _fetch_archive(source: Mapping[str, Any], folder: Path, work: Path, mirror: str) -> Record:
    """Fetch and unpack an archive. If its content is on record, it must still be the same."""
    record = _read_record(folder)
    if folder.exists():
        if not record:
            raise InputError(f"{folder}: not from a download; write its path into config.yaml, or move it away")
        there = _digests(folder)
        changed = [path for path, sha256 in record["files"].items() if there.get(path) != sha256]
        _refuse_changes(folder, changed, "remove the folder, and it is downloaded again")
        local = link_path(source["archive"])
        if record.get("source") == source["archive"] and not (local and local.exists()):
            return record
    archive = _archive(source, folder, work, mirror)
    found = {"source": source["archive"], "sha256": file_sha256(archive)}
    say(f"{archive}: SHA-256 {found['sha256']}")
    if folder.exists() and record.get("sha256") == found["sha256"]:
        found = _write_record(folder, source, found | {"files": record["files"]})
    else:
        found = _take_content(archive, source, folder, work, found)
    if archive.parent == work:
        archive.unlink()
    return found


def _archive(source: Mapping[str, Any], folder: Path, work: Path, mirror: str) -> Path:
    """The archive as a local file, downloaded if it is not one."""
    link = source["archive"]
    if local := link_path(link):
        if not local.is_file():
            raise InputError(f"{local}: no such archive")
        return local
    _announce(source, folder, shown(link))
    most = round(source["megabytes"] * 2e6) if "megabytes" in source else LARGEST_BYTES
    download(mirrored(link, mirror) if "title" in source else reveal(link), work / "archive", most, copies=2)
    return work / "archive"


def _take_content(archive: Path, source: Mapping[str, Any], folder: Path, work: Path, found: Record) -> Record:
    """Unpack an archive, compare it with the record, and make it the folder, if that is not there yet.

    If all lies in one folder, then that folder is what counts.
    """
    name, record, files = shown(source["archive"]), _read_record(folder), work / "files"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir()
    try:
        unpack(archive, files, name)
        inside = [path for path in files.iterdir() if not path.name.startswith((".", "__MACOSX"))]
        root = inside[0] if len(inside) == 1 and inside[0].is_dir() else files
        content = _digests(root)
        if not content:
            raise InputError(f"{name}: no file is in it")
        if record and content != record["files"]:
            differing = _named(sorted({path for path, _ in content.items() ^ record["files"].items()}))
            remedy = f"to take it, remove {folder} and {_record_file(folder)}"
            raise InputError(f"{name}: another content than at the first download: {differing}; {remedy}")
        found = _write_record(folder, source, found | {"files": content})
        if not folder.exists():
            for path in content:
                (root / path).chmod(READ_ONLY)
            root.rename(folder)
        return found
    finally:
        shutil.rmtree(files, ignore_errors=True)


def _announce(source: Mapping[str, Any], folder: Path, what: str) -> None:
    """Say on the terminal, before anything is fetched, what comes from where and under which terms."""
    if "title" not in source:
        tell(f"downloading {what} to {folder}; its terms are those that you agreed to")
        return
    tell(f"downloading {source['title']} ({what}) to {folder}")
    tell(f"  terms: {source['terms']}; read them at {source['page']}")
    tell(f"  cite: {source['citation']}")


def _refuse_changes(folder: Path, changed: list[str], remedy: str) -> None:
    if changed:
        raise InputError(f"{folder}: changed since the download: {_named(changed)}; {remedy}")


def _named(paths: list[str]) -> str:
    return ", ".join(first_lines([one_line(path) for path in paths], MOST_NAMED))


def _digests(folder: Path) -> dict[str, str]:
    files = files_below(folder)
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in progress(files, f"verifying {folder}")}


def _record_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _read_record(folder: Path) -> Record:
    record = read_record(_record_file(folder))
    return record if isinstance(record, dict) and isinstance(record.get("files"), dict) else {}


def _write_record(folder: Path, source: Mapping[str, Any], found: Record) -> Record:
    """Write the record of a folder, if it says something new, with what is known of the source; give it back."""
    record = {key: source[key] for key in ("title", "terms", "page", "citation") if key in source} | found
    if record != _read_record(folder):
        with outputs(_record_file(folder)) as (partial,):
            partial.write_text(json.dumps(record, indent=1))
    return record
