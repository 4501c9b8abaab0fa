"""Tracking of trainings by MLflow: parameters, measures of each epoch, and digests of files, in one SQLite file.

MLflow is imported only if a training is tracked. What fails here costs a line of the log, never a training.
"""

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from reprise.step.command import say
from reprise.step.files import file_sha256
from reprise.step.lock import locked

DATABASE = Path("results/tracking/mlflow.db")
ARTEFACTS = DATABASE.parent / "artefacts"
ARTEFACT_ROOT = "mlflow-artifacts:/"  # stands for ARTEFACTS, so that no path of this machine is in the database
# Before MLflow is imported: it tells nobody anything, and prints no traceback of an error that is one line here.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_LOGGING_LEVEL": "CRITICAL"}
PATIENCE_S = 20.0  # as long as MLflow itself waits for another process that writes
MAKING_S = 120.0  # the longest that another process may take to make the tables
MOST_AT_ONCE = 100  # parameters in one call of MLflow
UNKNOWN_USER = ""


class Tracker:
    """A training's run in the database: the one that an earlier process of the same training began, or a new one.

    `history` is the training's own list, one row per epoch, which grows. After a failure nothing is tried until the
    training ends; then all that is missing is written.
    """

    def __init__(
        self, folder: Path, parameters: Mapping[str, Any], identity: str, history: list[dict[str, float]]
    ) -> None:
        self.experiment, self.name = _names(folder)
        self.parameters, self.identity, self.history = _flat(parameters), identity, history
        self.store: Any = None
        self.run, self.logged, self.failed = "", 0, False

    def __enter__(self) -> Self:
        self.follow()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.failed = False
        self.follow("FINISHED" if kind is None else "KILLED" if issubclass(kind, SystemExit) else "FAILED")

    def follow(self, status: str = "RUNNING") -> None:
        """Write the epochs that are not in the database yet."""
        if not self.failed:
            self.failed = True
            with _never_fatal():
                self._write(status)
                self.failed = False

    def _write(self, status: str) -> None:
        store = self.store or open_store()
        from mlflow.entities import Metric, RunStatus

        if not self.store:
            self.run = self._found_run(store) or self._new_run(store)
            self.logged = max((each.step for each in store.get_metric_history(self.run, "train_loss")), default=0)
            store.update_run_info(self.run, RunStatus.RUNNING, None, None)
            self.store = store
        for row in self.history[self.logged :]:
            names = [name for name in row if name != "epoch"]
            metrics = [Metric(_key(name), row[name], _now_ms(), int(row["epoch"])) for name in names]
            store.log_batch(self.run, metrics, [], [])
            self.logged = int(row["epoch"])
        if status != "RUNNING":
            store.update_run_info(self.run, RunStatus.from_string(status), _now_ms(), None)

    def _found_run(self, store: Any) -> str | None:
        """The newest run of this training. One that has ended counts only if the training still has its checkpoint."""
        run = next((run for run in _runs(store, self.experiment, self.name) if _identity(run) == self.identity), None)
        return run.info.run_id if run and (self.history or run.info.status != "FINISHED") else None

    def _new_run(self, store: Any) -> str:
        from mlflow.entities import Param, RunTag

        experiment = store.get_experiment_by_name(self.experiment)
        number = experiment.experiment_id if experiment else store.create_experiment(self.experiment)
        tags = [RunTag("identity", self.identity)]
        run = store.create_run(number, UNKNOWN_USER, _now_ms(), tags, self.name).info.run_id
        parameters = [Param(_key(name), value) for name, value in self.parameters.items()]
        for first in range(0, len(parameters), MOST_AT_ONCE):
            store.log_batch(run, [], parameters[first : first + MOST_AT_ONCE], [])
        return str(run)


def tracker_of(
    tracking: str,
    folder: Path,
    settings: Mapping[str, Any],
    data: Any,
    identity: str,
    history: list[dict[str, float]],
) -> AbstractContextManager[Tracker | None]:
    """What tracks a training, or None if `tracking` is `off`.

    Args:
        tracking: `off` or `mlflow`.
        folder: of the checkpoints; its name names the run.
        settings: the recipe.
        data: what else the result depends on, such as digests of a store.
        identity: digest of both. A training of the same folder and identity goes on with the same run.
        history: the training's own list of rows, one per epoch.
    """
    return Tracker(folder, {**settings, "data": data}, identity, history) if tracking == "mlflow" else nullcontext()


def track_files(tracking: str, folder: Path, *files: Path) -> None:
    """Add to the newest run of a training what its step has written: path and SHA-256 of each file, and the tables.

    Args:
        tracking: as for `tracker_of`; nothing is done if it is `off`.
        folder: of the training's checkpoints.
        files: or folders with files.
    """
    if tracking != "mlflow":
        return
    with _never_fatal():
        store = open_store()
        from mlflow.entities import RunTag

        run = next(_runs(store, *_names(folder)), None)
        if run is None:  # the training is from before it was tracked
            return
        for name, file in _named_files(files):
            store.set_tag(run.info.run_id, RunTag(_key(name), f"{_shown(file)} sha256:{file_sha256(file)}"))
            if file.suffix == ".csv":
                target = ARTEFACTS / run.info.artifact_uri.removeprefix(ARTEFACT_ROOT) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def open_store() -> Any:
    """MLflow's store of runs in DATABASE; one process at a time makes its tables.

    Raises:
        Exception: of any kind, as MLflow, SQLAlchemy and SQLite have it.
    """
    os.environ.update(QUIET)
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with locked(DATABASE.parent, MAKING_S):
        refuse_unusable(DATABASE)
        return SqlAlchemyStore(f"sqlite:///{DATABASE.absolute()}", ARTEFACT_ROOT)


def refuse_unusable(database: Path) -> None:
    """Raise sqlite3.Error, with its reason, if this is no database or cannot be written within PATIENCE_S.

    MLflow itself would try ten times, for minutes.
    """
    with closing(sqlite3.connect(database, timeout=PATIENCE_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


@contextmanager
def _never_fatal() -> Iterator[None]:
    """Whatever is raised in this block becomes one line of the log."""
    try:
        yield
    except Exception as error:  # MLflow, SQLAlchemy and SQLite raise errors of any kind
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        say(f"{DATABASE}: {reason}; the training goes on without tracking")


def _runs(store: Any, experiment: str, name: str) -> Iterator[Any]:
    """The runs of a training, the newest first."""
    from mlflow.entities import ViewType

    found = store.get_experiment_by_name(experiment)
    if found:
        query, order = f"attributes.run_name = '{name}'", ["attributes.start_time DESC"]
        yield from store.search_runs([found.experiment_id], query, ViewType.ACTIVE_ONLY, order_by=order)


def _identity(run: Any) -> str | None:
    return run.data.tags.get("identity")


def _names(folder: Path) -> tuple[str, str]:
    """Experiment and run: a study and a training in it, by the folder of the checkpoints.

    Of any other folder only the last name counts, because the others may name a person.
    """
    parts = () if folder.is_absolute() else folder.parts
    study, *training = parts[parts.index("checkpoints") + 1 :] if "checkpoints" in parts[:-1] else [folder.name]
    return _key(study), _key("/".join(training) or study)


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested settings as text by dotted name; a list without mappings is one text."""
    if isinstance(value, Mapping):
        parts: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        parts = enumerate(value)
    else:
        return {name: value if isinstance(value, str) else json.dumps(value)}
    before = f"{name}." if name else ""
    return {key: text for inner, part in parts for key, text in _flat(part, f"{before}{inner}").items()}


def _key(name: str) -> str:
    """A name with the characters that MLflow allows."""
    return re.sub(r"[^\w\-. :/]", "_", name)


def _named_files(files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Each file, and each file of a folder, with a name that is the same in other runs."""
    for file in files:
        inside = sorted(path for path in file.rglob("*") if path.is_file()) if file.is_dir() else [file]
        yield from ((path.relative_to(file.parent).as_posix(), path) for path in inside)


def _shown(file: Path) -> str:
    """A path below the working directory; of any other file its name."""
    return file.name if file.is_absolute() or ".." in file.parts else file.as_posix()


def _now_ms() -> int:
    return int(time.time() * 1000)
