"""What a step is in words, why it failed, and durations as people say them."""

import re
from collections.abc import Mapping
from itertools import takewhile


def step_in_words(rule: str, wildcards: Mapping[str, str]) -> str:
    """A job by its rule and wildcards, such as `lungs: train, unet_2d, seed 0, fold 3`.

    A rule's name begins with that of its study. A number says nothing without the name of its wildcard.
    """
    study, _, verb = rule.partition("_")
    named = [f"{name} {value}" if value.isdecimal() else value for name, value in wildcards.items()]
    return ", ".join([f"{study}: {verb.replace('_', ' ')}" if verb else study, *named]).replace("-seed", ", seed ")


def reason_in(text: str) -> str:
    """The line in a failed step's log that says why: its `error:` line, or the last one of a traceback; or nothing.

    An `error:` line that ends in a colon is the head of a list of problems: the first of them follows it.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    told = next((place for place, line in enumerate(lines) if line.startswith("error: ")), None)
    if told is not None:
        head, problems = lines[told].removeprefix("error: "), [*takewhile(_is_indented, lines[told + 1 :])]
        more = f"; {len(problems) - 1} more in the log" if len(problems) > 1 else ""
        return f"{head} {problems[0].strip()}{more}" if head.endswith(":") and problems else head
    return lines[-1] if any(line.startswith("Traceback (most recent") for line in lines) else ""


def _is_indented(line: str) -> bool:
    return line.startswith("  ")


def end_in_words(message: str) -> str:
    """How a program ended that left no message, from Snakemake's words about it."""
    found = re.search(r"died with <Signals\.(\w+)|non-zero (exit status \d+)", message)
    if found is None:
        return "it left no message"
    return f"killed by {found[1]}" if found[1] else found[2]


def left_in_words(seconds: float, *, known: bool) -> str:
    """How long a run will still take, no finer than it can be known: `about 8 min left`.

    Args:
        known: the steps were timed in an earlier run; else the words are more careful.
    """
    minutes = max(round(seconds / 60), 1)
    time = f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
    return f"{'about' if known else 'perhaps'} {time} left"
