"""A pseudo terminal to run a command on, and what a person sees on it."""

import fcntl
import os
import pty
import struct
import termios
from pathlib import Path

from project import environment

ROWS = 24


def type_on_terminal(command: str, folder: Path, columns: int, **variables: str) -> tuple[int, str]:
    """Type a command on a terminal of this width: its status, and all that it wrote."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        os.chdir(folder)
        words = command.split()
        os.execvpe(words[0], words, environment() | {"TERM": "xterm"} | variables)
    written = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # Linux says so when the command has ended
            break
        if not read:
            break
        written += read
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), written.decode()


def seen(written: str, columns: int) -> list[str]:
    """The lines that a terminal of this width shows in the end; a line that is too long goes on in the next.

    Raises:
        AssertionError: there is a control sequence other than that for one line up.
    """
    rows: list[list[str]] = [[]]
    row = column = 0
    text = written.replace("\x1b[A", "\v")
    assert "\x1b" not in text
    for letter in text:
        if letter == "\r":
            column = 0
        elif letter == "\v":
            row -= 1
        else:
            if letter == "\n" or column == columns:
                row, column = row + 1, column if letter == "\n" else 0
                rows += [[] for _ in range(row + 1 - len(rows))]
            if letter != "\n":
                rows[row] += [" "] * (column + 1 - len(rows[row]))
                rows[row][column] = letter
                column += 1
    return ["".join(letters).rstrip() for letters in rows]
