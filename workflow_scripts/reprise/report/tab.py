"""What the page on which networks can be tried (`make ui`) shows of a study: a tab, and the answers that it gives."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from reprise.step.tables import read_table


class View(NamedTuple):
    """What one network, or an ensemble, found in what was uploaded.

    table: of values; its columns are headings.
    picture: a PNG file of a frame and a slice, both from 0 on.
    mask: the same of the mask alone, on the grid of the input.
    files: further downloads, by name.
    """

    table: pd.DataFrame
    picture: Callable[[int, int], bytes]
    mask: Callable[[int, int], bytes]
    files: Mapping[str, bytes]


class Answer(NamedTuple):
    """The views by name, the numbers of frames and slices, the slice to begin with (from 0), and notes (sentences)."""

    views: Mapping[str, View]
    frames: int
    slices: int
    first: int
    notes: Sequence[str]


class Tab(NamedTuple):
    """A study's tab.

    title: its name.
    text: what may be uploaded and what comes back, in Markdown.
    legend: colours (such as #D55E00) by what they mark.
    networks: one row per network: which weights, trained on what.
    views: the names of the views that an answer has.
    answer: from the uploaded files; raises InputError if they are no good.
    """

    title: str
    text: str
    legend: Mapping[str, str]
    networks: pd.DataFrame
    views: Sequence[str]
    answer: Callable[[Sequence[Path]], Answer]


def learnt_from(study: Path) -> str:
    """What the networks in a study's folder of results learnt from, in words.

    After a change of the data the phantom may still be there. So it counts only if it has all files of the manifest, in
    their sizes.

    Raises:
        InputError: the manifest is damaged.
    """
    phantom, manifest = study / "phantom", study / "manifest.csv"
    columns = {"path": str, "bytes": int}
    files = read_table(manifest, columns) if manifest.is_file() else pd.DataFrame(columns=[*columns])
    sizes = {phantom / name: size for name, size in zip(files["path"], files["bytes"], strict=True)}
    same = all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())
    return "phantoms" if phantom.is_dir() and same else "the data set of config.yaml"
