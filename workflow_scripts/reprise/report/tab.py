"""What the page on which networks can be tried (`make ui`) shows of a study: a tab, and the answers that it gives."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd


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
