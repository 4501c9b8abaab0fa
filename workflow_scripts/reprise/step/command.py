"""What every step shares: arguments, a log file, progress, and one clear line for a user's mistake."""

import argparse
import errno
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from reprise.engine.fingerprint import CODE_ROOT, code_digest
from reprise.engine.journal import journal_path, note_end, note_start
from reprise.engine.orphans import bind_to_snakemake
from reprise.step.errors import InputError
from reprise.step.files import WRITTEN

Item = TypeVar("Item")
BAD_INPUT = 2
LINES_EVERY_SECONDS = 10.0
_terminal = sys.stderr
_in_log = False


def step_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the options that all steps share: `--log`, `--environment`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--log", type=Path, help="write messages here instead of to the terminal")
    parser.add_argument("--environment", type=Path, help="end if Python is not that of this environment of conda")
    return parser


def json_object(text: str) -> dict[str, Any]:
    """Argument type: a JSON object, or the path of a file that holds one."""
    try:
        value = json.loads(Path(text).read_text() if text.endswith(".json") else text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"neither JSON nor a JSON file: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, found {type(value).__name__}")
    return value


def run(main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> None:
    """Run a step: 0 if all went well, 2 after bad input (one message), 1 after a defect (traceback)."""
    args = parser.parse_args()
    os.environ["PYTHONSAFEPATH"] = "1"  # processes that this one starts import nothing from the working directory
    if args.log:
        _log_to(args.log)
    try:
        _check_environment(args.environment)
        bind_to_snakemake()
        with _journal(args):
            main(args)
    except InputError as error:
        _fail(str(error), BAD_INPUT)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.ENOENT, errno.EACCES, errno.EROFS):
            raise
        with suppress(OSError):
            traceback.print_exc()
        _fail(f"{error.filename or 'output'}: {error.strerror}", BAD_INPUT)


@contextmanager
def reading(name: str | Path, fault: str, advice: str = "") -> Iterator[None]:
    """The boundary of a file: whatever a library raises in this block becomes one line about the file.

    The log, if the step writes one, keeps the traceback.

    Args:
        name: of the file; the line begins with it.
        fault: what is wrong. The system's reason follows if it has one, such as a file that is missing.
        advice: what to do; it ends the line.

    Raises:
        InputError: anything was raised.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if _in_log:
            traceback.print_exc()
        reason = "it takes more memory than there is" if isinstance(error, MemoryError) else ""
        reason = error.strerror or "" if isinstance(error, OSError) else reason
        raise InputError(f"{name}: {fault}{f': {reason}' if reason else ''}{advice}") from error


def _check_environment(environment: Path | None) -> None:
    """After a failed activation the shell goes on, with the Python that comes next on PATH."""
    if environment and environment.resolve() != Path(sys.prefix).resolve():
        raise InputError(
            f"{os.path.relpath(environment)}: activating this environment of conda failed, for the step runs with the "
            f"Python of {os.path.relpath(sys.prefix)}; see whether `conda activate` works in bash, or remove the "
            "environment, so that Snakemake makes it again"
        )


@contextmanager
def _journal(args: argparse.Namespace) -> Iterator[None]:
    """Keep the journal of a workflow's job; with torchrun, only the first process does.

    The digest of the code that the step really loaded also replaces the planned one in its settings.
    """
    journal = args.log and journal_path(args.log)
    if not journal:
        yield
        return
    code = code_digest(Path(sys.argv[0]).resolve().relative_to(CODE_ROOT).as_posix())
    if "code" in getattr(args, "settings", {}):
        args.settings["code"] = code
    writes = os.environ.get("RANK", "0") == "0"
    if writes:
        note_start(journal, code)
    yield
    if writes:
        note_end(journal, code, WRITTEN)


def say(message: str) -> None:
    """Print a line to the log at once; with torchrun, only the first process does."""
    if os.environ.get("RANK", "0") == "0":
        with suppress(OSError):  # the log may lie on a disk that is full
            print(message, file=sys.stderr, flush=True)


def tell(message: str) -> None:
    """Print a line to the log, and to the terminal if it is another place."""
    for stream in {sys.stderr, _terminal}:
        with suppress(OSError):
            print(message, file=stream, flush=True)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Pass items through; show a bar on a terminal, and elsewhere a line every ten seconds."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    if _terminal.isatty() and "RANK" not in os.environ:
        from tqdm import tqdm

        yield from tqdm(items, desc=what, total=total, file=_terminal, leave=False)
        return
    began = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said >= LINES_EVERY_SECONDS or done == total:
            say(f"{what}: {done}{f' of {total}' if total else ''}, {now - began:.0f} s")
            said = now


def _log_to(path: Path) -> None:
    """Send standard output and error to a new file; processes of torchrun append to the file of their launcher.

    The terminal is kept for the progress bar.
    """
    global _terminal, _in_log
    path.parent.mkdir(parents=True, exist_ok=True)
    _terminal, _in_log = os.fdopen(os.dup(2), "w"), True
    if "RANK" not in os.environ:
        path.write_text("")
    with path.open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _fail(message: str, status: int) -> None:
    tell(f"error: {message}")
    sys.exit(status)
