"""Trainings tracked by MLflow: what the database holds, kills, two processes at once, and databases of no use."""

import getpass
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from browser import chromium
from project import ROOT
from reprise.step.errors import InputError
from reprise.training import tracking
from reprise.training.interval import interval
from reprise.training.loop import fit
from reprise.training.task import Task
from test_training import SETTINGS, assert_same, network, task
from ui import track

FOLDER = Path("results/checkpoints/brains/net-seed7/fold1")
DATA = [{"cases.csv": "ab" * 32}, None, "sound", 1]
TRAIN = f"""
import sys
sys.path[:0] = {[str(ROOT / "tests" / place) for place in ("library", "helpers")]!r}
from test_tracking import FOLDER, train
train(sys.argv[1], FOLDER.parent / sys.argv[2], epochs=int(sys.argv[3]))
print([name for name in sys.modules if name.partition(".")[0] in ("mlflow", "sqlalchemy", "alembic")])
"""


def train(tracking: str = "mlflow", folder: Path = FOLDER, work: Task | None = None, **changes: Any) -> tuple:
    every = interval("60 seconds")
    settings = SETTINGS | changes
    return fit(network(), work or task(), settings, DATA, folder, folder / "tb", every, None, tracking)


@pytest.fixture(scope="module")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without runs, because MLflow takes seconds to make one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("new"))
        assert tracking.open_store()
        return tracking.DATABASE.absolute()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, new_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracking.DATABASE.parent.mkdir(parents=True)
    shutil.copyfile(new_database, tracking.DATABASE)


def rows(query: str) -> list[tuple]:
    with closing(sqlite3.connect(tracking.DATABASE)) as database:
        return database.execute(query).fetchall()


def runs() -> list[tuple]:
    return rows("SELECT run_uuid, name, status FROM runs ORDER BY start_time")


def epochs(run: str, metric: str = "train_loss") -> list[tuple]:
    return rows(f"SELECT step, value FROM metrics WHERE run_uuid = '{run}' AND key = '{metric}' ORDER BY step")


def test_a_killed_training_goes_on_with_the_same_run_and_no_epoch_stands_twice(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for stop_after in (17, 12):
        with pytest.raises(SystemExit):
            train(work=task(stop_after))
        assert [status for *_, status in runs()] == ["KILLED"]
    chosen, history = train()
    assert_same((chosen, history), train("off", Path("elsewhere")))
    assert_same((chosen, history), train())  # trained before
    ((run, name, status),) = runs()
    assert (name, status) == ("net-seed7/fold1", "FINISHED")
    for column in ("train_loss", "val_loss", "lr"):
        assert epochs(run, column) == [*zip(history["epoch"], history[column], strict=True)]
    parameters = dict(rows("SELECT key, value FROM params"))
    assert parameters["optimiser.lr"] == "0.05" and parameters["optimiser.name"] == "sgd"
    assert parameters["data.0.cases.csv"] == "ab" * 32 and parameters["data.3"] == "1"
    assert rows("SELECT name FROM experiments ORDER BY experiment_id") == [("Default",), ("brains",)]
    assert "mlflow" not in capfd.readouterr().err, "the log says nothing of tracking if all is well"


def test_what_is_trained_anew_or_with_other_settings_is_another_run() -> None:
    train(epochs=1)
    train(epochs=2)
    for checkpoint in FOLDER.glob("*.ckpt"):
        checkpoint.unlink()
    train(epochs=2)
    assert [len(epochs(run)) for run, *_ in runs()] == [1, 2, 2]


def test_files_of_a_step_are_there_by_digest_and_nothing_tells_who_and_where(tmp_path: Path) -> None:
    train(epochs=1, code="c0de")
    snapshots, log = Path("results/brains/snapshots"), Path("results/brains/log.csv")
    snapshots.mkdir(parents=True)
    (snapshots / "best dice.safetensors").write_bytes(b"weights")
    log.write_text("epoch,train_loss\n1,2.5\n")
    tracking.track_files("mlflow", FOLDER, snapshots, log, tmp_path / "results/brains/log.csv")
    tags = dict(rows("SELECT key, value FROM tags"))
    digest = sha256(b"weights").hexdigest()
    assert tags["snapshots/best dice.safetensors"] == f"{snapshots}/best dice.safetensors sha256:{digest}"
    assert tags["log.csv"] == f"log.csv sha256:{sha256(log.read_bytes()).hexdigest()}", "the last one is absolute"
    ((run, uri),) = rows("SELECT run_uuid, artifact_uri FROM runs")
    assert uri == f"mlflow-artifacts:/1/{run}/artifacts"
    assert (tracking.ARTEFACTS / f"1/{run}/artifacts/log.csv").read_bytes() == log.read_bytes()
    assert rows("SELECT user_id, source_name, entry_point_name FROM runs") == [("", "", "")]
    with closing(sqlite3.connect(tracking.DATABASE)) as database:
        cells = {
            str(cell)
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for row in database.execute(f"SELECT * FROM {table}").fetchall()
            for cell in row
        }
    assert "c0de" in cells
    named = {getpass.getuser(), socket.gethostname(), str(tmp_path), str(Path.home())}
    assert [cell for cell in cells if cell.startswith("/") or any(name in cell.split("/") for name in named)] == []
    assert [cell for cell in cells if str(tmp_path) in cell] == []


def test_each_step_that_trains_adds_its_files() -> None:
    steps = {path: path.read_text() for path in (ROOT / "workflow_scripts").glob("*/*.py")}
    trains = [path for path, text in steps.items() if "training_parser(" in text]
    assert len(trains) >= 5
    assert [path.name for path in trains if "track_files(" not in steps[path]] == []


def test_a_training_from_before_it_was_tracked_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    train("off", epochs=1)
    Path("log.csv").write_text("epoch,train_loss\n1,2.5\n")
    tracking.track_files("mlflow", FOLDER, Path("log.csv"))
    assert runs() == [] and "without tracking" not in capsys.readouterr().err


def started(*words: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *words], env=environment, text=True, **pipes)


def test_two_processes_at_once_make_one_database_and_lose_nothing() -> None:
    tracking.DATABASE.unlink()
    processes = [started("-c", TRAIN, "mlflow", name, "20") for name in ("a", "b")]
    for process in processes:
        loaded, said = process.communicate()
        assert process.returncode == 0 and "without tracking" not in said, said
        assert "mlflow" in loaded
    assert sorted((name, status) for _, name, status in runs()) == [
        ("net-seed7/a", "FINISHED"),
        ("net-seed7/b", "FINISHED"),
    ]
    for run, *_ in runs():
        assert [step for step, _ in epochs(run)] == [*range(1, 21)]


def test_without_tracking_nothing_of_mlflow_is_loaded_or_written() -> None:
    before = tracking.DATABASE.read_bytes()
    process = started("-c", TRAIN, "off", "a", "1")
    assert process.communicate()[0].strip() == "[]" and process.returncode == 0
    assert tracking.DATABASE.read_bytes() == before


def spoil(fault: str) -> Any:
    """Make the database useless; what it returns undoes this."""
    content = tracking.DATABASE.read_bytes()
    if fault == "a folder instead":
        tracking.DATABASE.unlink()
        tracking.DATABASE.mkdir()
        return lambda: (tracking.DATABASE.rmdir(), tracking.DATABASE.write_bytes(content))
    if fault == "locked":
        other = sqlite3.connect(tracking.DATABASE)
        other.execute("BEGIN EXCLUSIVE")
        return other.close
    if fault == "of another version":
        with closing(sqlite3.connect(tracking.DATABASE)) as database:
            database.execute("UPDATE alembic_version SET version_num = 'f00'")
            database.commit()
    damage = {"no database": b"no database" * 99, "cut": content[: len(content) // 2]}
    tracking.DATABASE.write_bytes(damage.get(fault, tracking.DATABASE.read_bytes()))
    return lambda: tracking.DATABASE.write_bytes(content)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("no database", "file is not a database"),
        ("cut", "malformed"),
        ("locked", "database is locked"),
        ("of another version", "out-of-date database schema"),
        ("a folder instead", "unable to open database file"),
    ],
)
def test_a_database_of_no_use_costs_a_line_and_no_training(
    fault: str, reason: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.2)
    repair = spoil(fault)
    capfd.readouterr()
    result = train()
    lines = [line for line in capfd.readouterr().err.splitlines() if str(tracking.DATABASE) in line]
    assert len(lines) == 2, "one at the start, one at the end"
    assert all(reason in line and line.endswith("the training goes on without tracking") for line in lines), lines
    assert_same(result, train("off", Path("elsewhere")))
    repair()
    train()  # it has ended, but its epochs are not in the database yet
    assert [len(epochs(run)) for run, name, _ in runs() if name == "net-seed7/fold1"] == [3]


def test_a_database_that_works_again_gets_the_epochs_that_it_has_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "PATIENCE_S", 0.2)
    end_the_fault = spoil("locked")
    work = task()

    def summary(found: dict[str, Any]) -> dict[str, float]:
        end_the_fault()
        return task().summary(found)

    train(work=work._replace(summary=summary))
    assert [(name, status, len(epochs(run))) for run, name, status in runs()] == [("net-seed7/fold1", "FINISHED", 3)]


def test_the_page_shows_the_runs_and_asks_nobody_but_this_machine() -> None:
    train(epochs=1)
    with track.listen("127.0.0.1", 0, others=False) as free:
        port = free.getsockname()[1]
    server = started(str(ROOT / "workflow_scripts/ui/track.py"), "--port", str(port))
    try:
        assert server.stderr and f"http://127.0.0.1:{port}" in server.stderr.readline()
        for line in server.stderr:
            if "Uvicorn running" in line:
                break
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ajax-api/3.0/mlflow/ui-telemetry") as answer:
            assert json.load(answer)["disable_ui_telemetry"] is True
        with chromium() as browser:
            page, asked = browser.new_page(), []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"http://127.0.0.1:{port}/#/experiments/1/runs")
            page.get_by_text("net-seed7/fold1").first.wait_for(timeout=180_000)
        hosts = {url.split("/")[2] for url in asked if url.startswith("http")}
        assert hosts == {f"127.0.0.1:{port}"}
    finally:
        server.terminate()
        server.communicate()


def test_the_page_refuses_in_one_line_what_it_cannot_show() -> None:
    args = track.arguments().parse_args([])
    tracking.DATABASE.unlink()
    with pytest.raises(InputError, match="no training has been tracked; set `tracking: mlflow`"):
        track.main(args)
    tracking.DATABASE.write_bytes(b"no database" * 99)
    with pytest.raises(InputError, match=r"mlflow.db: cannot be used: damaged"):
        track.main(args)
