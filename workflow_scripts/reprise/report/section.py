"""What studies' sections share: blocks of figures and tables with their words, and measures by both protocols."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.report.page_tables import number, with_interval
from reprise.report.scoreboard import PROTOCOLS
from reprise.step.errors import InputError
from reprise.step.tables import ONLY_EMPTY_IS_MISSING

METRICS = {
    **{"protocol": str, "quantity": str, "unit": str, "value": float},
    **{"ci_low": float, "ci_high": float, "ci_level": float, "n": int},
}
DECIMALS = {"1": 3}  # by unit; 2 of others

Block = dict[str, Any]


class Words(NamedTuple):
    """A figure's title, its caption, and what it shows in words."""

    title: str
    caption: str
    alt: str


Describe = Callable[[pd.DataFrame], Words]


def part_blocks(
    figures: Sequence[Path], parts: Mapping[str, Mapping[str, Describe]], besides: Mapping[str, Sequence[Block]]
) -> list[Block]:
    """Blocks that belong together, part by part: a part's figures, then what else stands in it.

    Args:
        figures: SVG files, each with its CSV beside it.
        parts: by the part's title, in the order of the report: by the figure's name, what makes its words from its CSV.
        besides: other blocks by their part's title.

    Raises:
        InputError: a figure is in no part, or its CSV is not what its words need.
    """
    by_name = {path.stem: path for path in figures}
    known = [name for part in parts.values() for name in part]
    unknown = [str(path) for name, path in by_name.items() if name not in known]
    if unknown:
        raise InputError(f"no caption for {', '.join(unknown)}; known are {', '.join(known)}")
    blocks = []
    for title, part in parts.items():
        drawn = [_figure(by_name[name], describe) for name, describe in part.items() if name in by_name]
        blocks += [{**block, "part": title} for block in [*drawn, *besides.get(title, [])]]
    return blocks


def table_blocks(texts: Mapping[str, tuple[str, str]], paths: Mapping[str, Path]) -> Iterator[Block]:
    """A block for each table: its title and caption by name, and its CSV."""
    for name, (title, caption) in texts.items():
        yield {"kind": "table", "title": title, "caption": caption, "csv": str(paths[name])}


def side_by_side(metrics: pd.DataFrame, measures: Mapping[str, str], parts: Mapping[str, str]) -> pd.DataFrame:
    """All measures, a row each: measure, of, unit, and the value with its interval by either protocol, as text.

    Args:
        metrics: columns as in `METRICS`; a quantity's parts are divided by slashes, the last one is the measure.
        measures: names of measures for a reader; others go by their own.
        parts: the same of all parts before it.
    """
    rows = []
    for quantity, both in metrics.groupby("quantity", sort=False):
        *before, measure = str(quantity).split("/")
        unit = both["unit"].iloc[0]
        values = {row.protocol: value_text(row) for row in both.itertuples()}
        counts = list(dict.fromkeys(number(count, 0) for count in both["n"]))
        columns = {"of": ", ".join(parts.get(part, part) for part in before), "unit": unit, "n": " / ".join(counts)}
        rows.append(
            {"measure": measures.get(measure, measure), **columns, **{name: values.get(name, "") for name in PROTOCOLS}}
        )
    return pd.DataFrame(rows)


def value_text(row: Any) -> str:
    """A row of the metrics as text: its value with its interval, in the digits of its unit."""
    decimals = DECIMALS.get(row.unit, 2)
    return with_interval(*(number(value, decimals) for value in (row.value, row.ci_low, row.ci_high)))


def _figure(svg: Path, describe: Describe) -> Block:
    csv = svg.with_suffix(".csv")
    try:
        words = describe(pd.read_csv(csv, **ONLY_EMPTY_IS_MISSING))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{csv}: not the numbers of the figure {svg.stem}: {error}") from error
    return {"kind": "figure", "svg": str(svg), "csv": str(csv), **words._asdict()}
