"""Run Snakemake with one line a step on the terminal, and all that it prints in a log: `make report`."""

import os
import sys
import threading
from datetime import datetime
from logging import LogRecord
from pathlib import Path
from typing import ClassVar

from snakemake.cli import main as snakemake
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from reprise.step.errors import printable
from terminal.steps import Steps

LOGS = Path(".snakemake/log")  # beside Snakemake's own: both name the machine and the user, so they are no results


class LogHandler(LogHandlerBase):
    """Gives Snakemake's messages to the steps of this run. Snakemake's own output goes on, to the log."""

    steps: ClassVar[Steps]
    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        """Take one message. A defect here must not end the thread that brings the messages; the log gets it."""
        try:
            self.steps.take(record)
        except Exception:
            self.handleError(record)


def main() -> None:
    target, *options = sys.argv[1:]
    log = LOGS / f"{datetime.now():%Y-%m-%dT%H%M%S.%f}.report.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")
    steps = Steps(os.fdopen(os.dup(2), "w", errors="backslashreplace"), log)
    steps.screen.say(f"all that Snakemake prints: {log}")
    said = _redirect(log, steps)
    try:
        status, message = _run([target, *options, "--logger", "steps"], steps)
    except KeyboardInterrupt:
        steps.screen.close()
        steps.screen.say(f"{target}: stopped")
        raise
    with Path(os.devnull).open("w") as nothing:  # the last copies of the pipe's end in this process close
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    said.join(timeout=2)  # a step that still runs may keep the pipe open
    steps.screen.close()
    for line in steps.last_lines(target, status, message):
        steps.screen.say(line)
    sys.exit(status)


def _redirect(log: Path, steps: Steps) -> threading.Thread:
    """Send what Snakemake prints to the log, and what steps print to a thread that passes it on; returns the thread."""
    read, write = os.pipe()
    os.dup2(write, 1)
    os.dup2(write, 2)
    os.close(write)
    sys.stdout = sys.stderr = log.open("a", buffering=1)
    said = threading.Thread(target=_pass_on, args=(read, log, steps), daemon=True)
    said.start()
    return said


def _pass_on(read: int, log: Path, steps: Steps) -> None:
    """Write what steps print, such as the terms of data, to log and screen; why they failed is said at the end."""
    with os.fdopen(read, errors="replace") as lines, log.open("a", buffering=1) as copy:
        for line in lines:
            copy.write(line)
            if not line.startswith("error: "):
                steps.screen.say(printable(line.rstrip("\n")))


def _run(words: list[str], steps: Steps) -> tuple[int, str]:
    """Run Snakemake in this process, so that signals reach it; its status, and the last words of a Snakefile."""
    LogHandler.steps = steps
    LoggerPluginRegistry().register_plugin("snakemake_logger_plugin_steps", sys.modules[__name__])
    sys.argv = ["snakemake", *words]
    try:
        snakemake()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1, end.code
        return end.code or 0, ""
    return 0, ""


if __name__ == "__main__":
    main()
