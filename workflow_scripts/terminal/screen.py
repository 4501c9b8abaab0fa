"""Lines of text and, on a terminal, two lines below them: a bar, and what runs now."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TextIO

from tqdm import tqdm

TICK_SECONDS = 1.0
TEXT = "{desc}{bar:0}"  # tqdm cuts a line to the width of the terminal only if it has a bar


class Status(NamedTuple):
    """What the two lines show: jobs done and planned, for how long still, what runs now."""

    done: int
    planned: int
    left: str
    now: str


class Screen:
    """A terminal, or a file that gets the lines alone: without a bar, without colour, without control characters."""

    def __init__(self, stream: TextIO, status: Callable[[], Status]) -> None:
        self._stream, self._status = stream, status
        self._ended = threading.Event()
        self._bars: list[tqdm] = []
        if stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
            tqdm.monitor_interval = 0  # this class has its own clock
            self._bars = [
                tqdm(total=1, file=stream, dynamic_ncols=True, leave=False, position=place, bar_format=TEXT)
                for place in (0, 1)
            ]
            self.draw()
            threading.Thread(target=self._tick, daemon=True).start()

    def say(self, line: str) -> None:
        """Add a line above the bar. A reader that has gone away does not end the run."""
        with suppress(OSError):
            if self._bars:
                tqdm.write(line, file=self._stream)
            else:
                print(line, file=self._stream, flush=True)

    def draw(self) -> None:
        """Draw the two lines anew, if there is a terminal."""
        with tqdm.get_lock(), suppress(OSError):
            if not self._bars:
                return
            status, (bar, now) = self._status(), self._bars
            if status.planned:
                bar.bar_format = f"{status.done}/{status.planned} |{{bar}}| {status.left}"
            bar.total, bar.n = status.planned or 1, status.done
            bar.set_description_str(status.left, refresh=False)
            now.set_description_str(status.now, refresh=False)
            bar.refresh()
            now.refresh()

    def close(self) -> None:
        """Take the two lines away."""
        self._ended.set()
        with tqdm.get_lock():
            for bar in reversed(self._bars):
                bar.close()
            self._bars = []

    def _tick(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            self.draw()
