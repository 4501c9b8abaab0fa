"""A job's journal tells whether its outputs still hold what its step wrote."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.engine.journal import changed_files, journal_path, note_end, note_start, read_journal
from reprise.step.files import outputs, remove_partials

LOG = Path("results/logs/study/train/net-seed0.log")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A small table, a large file and a folder, as a step wrote them."""
    monkeypatch.chdir(tmp_path)
    table, large, folder = Path("results/a.csv"), Path("results/large.npy"), Path("results/store")
    (folder / "deep").mkdir(parents=True)
    table.write_text("case,ef\na,55\n")
    large.write_bytes(bytes(1_000_001))
    (folder / "deep/cases.csv").write_text("case\n")
    journal = journal_path(LOG)
    assert journal == Path("results/fingerprints/jobs/study/train/net-seed0.json")
    note_start(journal, "c0de")
    assert read_journal(LOG) == {"code": "c0de"}
    note_end(journal, "c0de", [table, large, folder])
    return [table, large, folder / "deep/cases.csv"]


def test_what_is_deleted_cut_or_edited_is_named(written: list[Path]) -> None:
    files = read_journal(LOG)["files"]
    assert list(files) == [str(path) for path in written] and changed_files(files) == []
    table, large, inner = written
    table.touch()
    os.utime(inner, ns=(0, 0))
    assert changed_files(files) == []
    table.write_text("case,ef\na,56\n")
    large.write_bytes(bytes(1_000_000))
    inner.unlink()
    assert changed_files(files) == [str(table), str(large), str(inner)]


def test_a_log_elsewhere_has_no_journal(tmp_path: Path) -> None:
    assert journal_path(tmp_path / "x.log") is None and journal_path(Path("x.log")) is None
    assert read_journal(Path("x.log")) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda value: st.lists(value) | st.dictionaries(st.sampled_from(["code", "files", "a"]) | st.text(), value),
)


@given(value=JSON, cut=st.integers(0, 40))
def test_a_damaged_journal_counts_as_of_a_job_that_failed(
    value: object, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = Path.cwd()
    os.chdir(tmp_path_factory.getbasetemp())
    try:
        journal = journal_path(LOG)
        assert journal is not None
        for text in (json.dumps(value), json.dumps({"code": "c0de", "files": {"a": value}})[: cut or None]):
            journal.parent.mkdir(parents=True, exist_ok=True)
            journal.write_text(text)
            record = read_journal(LOG)
            assert isinstance(record["code"], str)
            changed_files(record.get("files", {}))
        journal.write_bytes(b"\xff\x00")
        assert read_journal(LOG) == {"code": ""}
    finally:
        os.chdir(here)


def test_half_written_files_of_killed_steps_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [tmp_path / "a/x.part", tmp_path / ".hidden", tmp_path / "a/.store/x.csv"]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(KeyboardInterrupt), outputs(tmp_path / "a/store", tmp_path / "b.csv") as (store, table):
        store.mkdir()
        (store / "frames.npy").touch()
        table.touch()
        left = [store, table]
        for path in left:
            path.rename(path.with_name(path.name.replace(str(os.getpid()), "1")))
        raise KeyboardInterrupt
    assert len(list(tmp_path.rglob(".*.part"))) == 2
    remove_partials(tmp_path)
    assert list(tmp_path.rglob(".*.part")) == [] and all(path.exists() for path in kept)
