"""The one error that a user's input may cause."""

from reprise.engine.folders import UNPRINTABLE

MOST_LINES = 50


class InputError(Exception):
    """Bad input: the message says which file, which row, what was expected and what was found.

    Steps print the message and end with status 2; users see no traceback. What a message quotes from a file is shown in
    printable characters; only its own line breaks stay.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(message: str) -> str:
    """A message in which characters that no terminal prints are spelt out, such as `\\x1b`."""
    return UNPRINTABLE.sub(lambda found: found[0] if found[0] == "\n" else ascii(found[0])[1:-1], message)


def first_lines(lines: list[str], most: int = MOST_LINES) -> list[str]:
    """At most `most` lines, then one that says how many more there are."""
    left = len(lines) - most
    return [*lines[:most], f"... and {left} more"] if left > 0 else lines
