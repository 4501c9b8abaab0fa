"""Which study answers with which weights: a study adds its tab to the page by a line here."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from acdc.analysis import tab as acdc
from mslesion.analysis import tab as mslesion
from reprise.models.weights import read_info
from reprise.report.tab import Tab
from reprise.step.errors import InputError

NOT_STATED = "not stated in the file"


class StudyTab(NamedTuple):
    """How a study makes its tab.

    make: from files of weights, a table of shares or None, what they learnt from, and the device.
    trained_here: the same first three from a folder of results; raises InputError if nothing was trained.
    """

    make: Callable[[Sequence[Path], Path | None, str, str], Tab]
    trained_here: Callable[[Path], tuple[Sequence[Path], Path | None, str]]


# By the kind of their weights.
STUDIES = {
    "heart": StudyTab(acdc.heart_tab, acdc.trained_here),
    "lesions": StudyTab(mslesion.lesion_tab, mslesion.trained_here),
}


def tabs_of_results(results: Path, device: str) -> list[Tab]:
    """The tab of each study with trained weights in a folder of results.

    Raises:
        InputError: no study has any.
    """
    tabs, missing = [], []
    for study in STUDIES.values():
        try:
            found = study.trained_here(results)
        except InputError as error:
            missing.append(str(error))
            continue
        tabs.append(study.make(*found, device))
    if not tabs:
        raise InputError("\n".join(missing))
    return tabs


def tabs_of_files(weights: Sequence[Path], shares: Path | None, device: str) -> list[Tab]:
    """The tabs for files of weights, each file in the tab of its kind.

    Raises:
        InputError: a file that is no weights, or of a kind for which there is no tab.
    """
    kinds: dict[str, list[Path]] = {}
    for path in weights:
        kind = read_info(path)["kind"]
        if kind not in STUDIES:
            raise InputError(f"{path}: expected weights of a kind with a tab ({', '.join(STUDIES)}), found {kind}")
        kinds.setdefault(kind, []).append(path)
    return [STUDIES[kind].make(paths, shares, NOT_STATED, device) for kind, paths in kinds.items()]
