"""Refusals of many lines of one file: the first few, and how many more there are."""

from collections.abc import Sequence

from reprise.data.findings import Findings

MOST_SHOWN = 5


def refuse_first(
    findings: Findings, file: str, lines: Sequence[tuple[str, str]], rest: str, where_rest: str = ""
) -> None:
    """Refuse lines of a file.

    Args:
        findings: gets the problems.
        file: below the root of the data set.
        lines: where each is, and what is wrong with it.
        rest: what those that are not shown are, such as `lines of this kind`.
        where_rest: where these are.
    """
    for where, problem in lines[:MOST_SHOWN]:
        findings.refuse(file, where, problem)
    if len(lines) > MOST_SHOWN:
        findings.refuse(file, where_rest, f"{len(lines) - MOST_SHOWN} more {rest}")
