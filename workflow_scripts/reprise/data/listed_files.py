"""The files of a data set by their names, before any is opened."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from reprise.data.findings import Findings
from reprise.engine.folders import files_below, one_line


def listed_files(root: Path, findings: Findings) -> list[str]:
    """The paths below a folder of all files in it, in order; a folder that cannot be listed is a problem.

    Args:
        root: the folder.
        findings: gets the problems.
    """
    unreadable: dict[Path, str] = {}
    files = files_below(root, lambda folder, why: unreadable.update({folder: why}))
    for folder, why in unreadable.items():
        findings.refuse(one_line(f"{folder.relative_to(root)}"), "", f"cannot be listed ({why})")
    return [path.relative_to(root).as_posix() for path in files]


def note_others(names: Iterable[str], known: Mapping[str, str], findings: Findings) -> None:
    """One finding for all files that are not read and named alike, but for numbers.

    Args:
        names: paths of these files.
        known: what a file of a name is, such as {"LICENCE.md": "licence of the data set"}.
        findings: gets the findings.
    """
    kinds = Counter(re.sub(r"\d+", "N", PurePosixPath(name).name) for name in names)
    for kind, count in kinds.items():
        what = known.get(kind, "not of the kinds that are read")
        findings.note(one_line(kind), "", f"{count} file{'s' if count > 1 else ''} of this name, {what}")
