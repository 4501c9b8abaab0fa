"""What the check of a data set found: problems, which stop the run together, and findings, which do not."""

from collections.abc import Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from reprise.step.errors import InputError, first_lines

COLUMNS = ["severity", "file", "where", "finding"]


class Checked(NamedTuple):
    """What a study's `check_dataset` returns: its files, its usable cases, and what is worth knowing."""

    manifest: pd.DataFrame
    cases: pd.DataFrame
    findings: pd.DataFrame


@dataclass
class Findings:
    """What was found so far: problems, one line each, and rows (severity, file, where, finding)."""

    problems: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def refuse(self, file: str, where: str, problem: str) -> None:
        """Add a problem; `raise_problems` raises it with all the others."""
        self.problems.append(f"{file} {where}: {problem}" if where else f"{file}: {problem}")

    def note(self, file: str, where: str, finding: str) -> None:
        """Add a finding that a reader should know, and that changes nothing."""
        self.rows.append(("note", file, where, finding))

    def exclude(self, file: str, where: str, finding: str) -> None:
        """Add a finding that keeps a case or a file out of the study."""
        self.rows.append(("excluded", file, where, finding))

    def add(self, other: "Findings") -> None:
        """Add all problems and rows of another part of the check."""
        self.problems += other.problems
        self.rows += other.rows

    def excluded(self) -> int:
        """How many cases and files are left out."""
        return sum(severity == "excluded" for severity, *_ in self.rows)

    def table(self) -> pd.DataFrame:
        """The findings as a table: severity (note | excluded), file, where, finding."""
        return pd.DataFrame(self.rows, columns=COLUMNS)

    def raise_problems(self, root: Path) -> None:
        """Raise all problems as one message about `root`, one line each; at most 50 are spelt out.

        Raises:
            InputError: there is at least one problem.
        """
        if self.problems:
            head = f"{root}: {len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}:"
            raise InputError("\n  ".join([head, *first_lines(self.problems)]))


def refuse_nothing(cases: Sized, what: str, findings: Findings) -> None:
    """Raise InputError, with the findings, if there is no case; `what` says what cannot be read."""
    if not len(cases):
        lines = [f"{file}: {finding}" for _, file, _, finding in findings.rows]
        raise InputError("\n  ".join([f"{what} can be read; key.csv leads to the files:", *first_lines(lines)]))
