"""What a format's check has to say: problems, which stop the run together, and findings, which do not."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from reprise.step.errors import InputError

MOST_LINES = 50
COLUMNS = ["severity", "file", "where", "finding"]


class Report(NamedTuple):
    """What was found so far: problems, a line each, and findings as (severity, file, where, finding)."""

    problems: list[str]
    findings: list[tuple[str, str, str, str]]

    def refuse(self, file: str, where: str, problem: str) -> None:
        """Add a problem, which `raise_problems` will raise with all the others."""
        self.problems.append(f"{file} {where}: {problem}" if where else f"{file}: {problem}")

    def note(self, file: str, where: str, finding: str) -> None:
        """Add something that a reader should know, and that changes nothing."""
        self.findings.append(("note", file, where, finding))

    def exclude(self, file: str, where: str, finding: str) -> None:
        """Add something that keeps a case or a file out of the study."""
        self.findings.append(("excluded", file, where, finding))

    def table(self) -> pd.DataFrame:
        """The findings as a table: severity (note | excluded), file, where, finding."""
        return pd.DataFrame(self.findings, columns=COLUMNS)


def raise_problems(root: Path, report: Report) -> None:
    """Raise all problems as one message, a line each, of which at most 50 are spelt out.

    Raises:
        InputError: there is at least one problem.
    """
    problems = report.problems
    if not problems:
        return
    lines = problems[:MOST_LINES]
    if len(problems) > MOST_LINES:
        lines = [*lines, f"... and {len(problems) - MOST_LINES} more"]
    head = f"{root}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
    raise InputError("\n  ".join([f"{head}:", *lines]))
