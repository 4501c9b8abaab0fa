"""How often a training run saves its state."""

from typing import NamedTuple


class Interval(NamedTuple):
    """How much work a kill may cost, in seconds or in steps."""

    seconds: float = float("inf")
    steps: float = float("inf")


def interval(text: str) -> Interval:
    """An interval from words: `60 seconds` or `500 steps`.

    Raises:
        ValueError: the text is neither.
    """
    count, unit = text.split()
    if unit not in Interval._fields or not float(count) > 0:
        raise ValueError("expected a number above 0 of seconds or steps")
    return Interval(**{unit: float(count)})
