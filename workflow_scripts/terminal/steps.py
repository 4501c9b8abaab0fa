"""The steps of a run, as Snakemake's events tell of them."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from reprise.step.durations import duration_text
from reprise.step.errors import printable
from terminal.remaining import earlier_seconds, seconds_left
from terminal.screen import Screen, Status
from terminal.words import end_in_words, left_in_words, reason_in, step_in_words

# Snakemake's words without an event of their own: a request to stop, and a failure that other words have told.
STOPPING = ("Will exit after finishing", "Terminating processes on user request")
TOLD = ("Exiting because a job execution failed", "WorkflowError:\nAt least one job did not complete")


class Job(NamedTuple):
    """A job that runs or has failed. `began` is in seconds of the epoch."""

    rule: str
    words: str
    began: float
    log: Path | None


class Steps:
    """What is planned, done, running and failed; each end of a step becomes a line on the screen."""

    def __init__(self, terminal: TextIO, log: Path) -> None:
        self.log = log  # all that Snakemake prints
        self.earlier = earlier_seconds(Path("results/jobs.csv"))
        self.planned: dict[str, int] = {}
        self.done: Counter[str] = Counter()
        self.running: dict[int, Job] = {}
        self.failed: dict[int, tuple[Job, str]] = {}
        self.errors: list[str] = []
        self.stopping = False
        self.started = self.began = time.time()
        self.screen = Screen(terminal, self.status)

    def take(self, record: logging.LogRecord) -> None:
        """Take one of Snakemake's messages."""
        event: Any = getattr(record, "event", None)
        text = record.getMessage()
        if event in self._events:
            self._events[event](self, record)
            self.screen.draw()
        elif record.levelno >= logging.ERROR and not text.startswith(TOLD):
            self.errors.append(text)
        elif text.startswith(STOPPING) and not self.stopping:
            self.stopping = True
            self.screen.say("stopping as asked, when the steps that run have ended")

    def status(self) -> Status:
        """What the two lines on a terminal show."""
        now, running = time.time(), [*self.running.values()]
        if not self.planned:
            return Status(0, 0, f"planning ({duration_text(now - self.started)})", "")
        ages = [(job.rule, now - job.began) for job in running]
        left = seconds_left(now - self.began, self.planned, self.done.copy(), ages, self.earlier)
        about = (
            duration_text(now - self.began)
            if left is None
            else left_in_words(left, known=self.planned.keys() <= self.earlier.keys())
        )
        words = "; ".join(f"{job.words} ({duration_text(now - job.began)})" for job in running)
        return Status(self.done.total(), sum(self.planned.values()), about, words and f"now {words}")

    def last_lines(self, target: str, status: int, message: str) -> Iterator[str]:
        """What to say at the end of a run; the steps that failed come last, each with its reason and its log."""
        done, planned = self.done.total(), sum(self.planned.values())
        spent = duration_text(time.time() - self.started)
        if status == 0:
            yield f"{target}: {_counted(done)} in {spent}" if planned else f"{target}: nothing to do"
            return
        unended = [(job, "it did not end well") for job in self.running.values()]
        if done or self.failed or unended:
            yield f"{target}: {done} of {_counted(planned)} done in {spent}; the same command goes on from there"
            yield f"  all that Snakemake printed: {self.log}"
        if message or not self.failed:
            yield message or "\n".join(self.errors) or ("stopped" if self.stopping else f"it failed; see {self.log}")
        for job, end in [*self.failed.values(), *unended]:
            text = job.log.read_text(errors="replace") if job.log and job.log.is_file() else ""
            yield printable(f"{job.words}: {reason_in(text) or end}")
            yield f"  log: {job.log if text else self.log}"

    def _plan(self, record: Any) -> None:
        self.planned = {rule: count for rule, count in record.stats.items() if rule != "total"}
        self.began = record.created

    def _begin(self, record: Any) -> None:
        words = step_in_words(record.rule_name, record.wildcards)
        self.failed.pop(record.jobid, None)  # it is tried again
        log = Path(record.log[0]) if record.log else None
        self.running[record.jobid] = Job(record.rule_name, words, record.created, log)

    def _end(self, record: Any) -> None:
        job = self.running.pop(record.job_id)
        self.done[job.rule] += 1
        self.screen.say(f"{job.words} ({duration_text(record.created - job.began)})")

    def _fail(self, record: Any) -> None:
        job = self.running.pop(record.jobid)
        told = [text for text in self.errors if record.shellcmd in text]  # two jobs may fail at once
        self.failed[record.jobid] = job, end_in_words("".join(told[-1:]))
        self.screen.say(f"{job.words} failed ({duration_text(record.created - job.began)})")

    _events: ClassVar[dict[LogEvent, Callable[["Steps", Any], None]]] = {
        LogEvent.RUN_INFO: _plan,
        LogEvent.JOB_INFO: _begin,
        LogEvent.JOB_FINISHED: _end,
        LogEvent.JOB_ERROR: _fail,
    }


def _counted(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"
