"""The published figures that a scoreboard sets ours against, as `config/published.yaml` holds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from reprise.step.errors import InputError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(_Strict):
    """What the last part of a quantity's name means."""

    label: str
    unit: str
    better: Literal["higher", "lower"]
    decimals: int


class Source(_Strict):
    """Where a figure was published: a name for tables, and a citation."""

    short: str
    full: str


class Figure(_Strict):
    """One published figure; `sound_quantity` is what our sound protocol calls it, where that differs."""

    quantity: str
    sound_quantity: str | None = None
    source: str
    value: float
    interval: tuple[float, float] | None = None
    level: float | None = None
    notes: tuple[str, ...] = ()

    def quantity_of(self, protocol: str) -> str:
        """The name of this figure's counterpart among the metrics of one of our protocols."""
        return self.sound_quantity if protocol == "sound" and self.sound_quantity else self.quantity


class Headline(_Strict):
    """The one figure for which a study is known: which row of the scoreboard, and its name for a reader."""

    quantity: str
    source: str
    label: str


class StudyFigures(_Strict):
    """A study's figures, the titles of their groups, and the hyper-parameters without which they do not compare.

    `about` is what a reader of the scoreboard must know of intervals and protocols. `identity` names the figures that
    tell the published data set from others: only where ours are the same does anything compare. `context` names the
    groups of other methods' figures, beside which nothing of ours stands.
    """

    title: str
    about: str
    headline: Headline
    conditions: dict[str, int | float | str | list[int]]
    identity: tuple[str, ...] = ()
    groups: dict[str, str]
    context: tuple[str, ...] = ()
    notes: dict[str, str]
    figures: tuple[Figure, ...]


class Published(_Strict):
    """All published figures by study, with their measures and sources."""

    measures: dict[str, Measure]
    sources: dict[str, Source]
    studies: dict[str, StudyFigures]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Published":
        problems = [line for name, study in self.studies.items() for line in self._unknown(name, study)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _unknown(self, name: str, study: StudyFigures) -> list[str]:
        """What a study names that is not there, and what it gives twice."""
        keys = [(figure.quantity, figure.source) for figure in study.figures]
        quantities = {quantity for quantity, _ in keys}
        problems = [problem for figure in study.figures for problem in self._unknown_of(figure, study)]
        problems += [f"identity: no figure {one}" for one in study.identity if one not in quantities]
        problems += [f"context: no group {one}" for one in study.context if one not in study.groups]
        if (study.headline.quantity, study.headline.source) not in keys:
            problems.append(f"headline: no figure {study.headline.quantity} from {study.headline.source}")
        problems += [f"{' from '.join(key)}: given twice" for key in sorted(set(keys)) if keys.count(key) > 1]
        return [f"{name}: {problem}" for problem in problems]

    def _unknown_of(self, figure: Figure, study: StudyFigures) -> Iterator[str]:
        group, _, measure = figure.quantity.rpartition("/")
        for what, one, known in (
            ("measure", measure, self.measures),
            ("group", group, study.groups),
            ("source", figure.source, self.sources),
        ):
            if one not in known:
                yield f"{figure.quantity}: unknown {what} {one}"
        yield from (f"{figure.quantity}: unknown note {note}" for note in figure.notes if note not in study.notes)

    def measure(self, quantity: str) -> Measure:
        """What a quantity measures, by the last part of its name.

        Raises:
            InputError: it is not among the measures.
        """
        name = quantity.rpartition("/")[2]
        if name not in self.measures:
            raise InputError(f"{quantity}: the published figures name no measure {name}")
        return self.measures[name]


def read_published(path: str | Path) -> Published:
    """Read and check the published figures.

    Raises:
        InputError: no readable YAML, or entries that are unknown, missing or given twice; all of them, one a line.
    """
    try:
        return Published.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise InputError(f"{path}: {in_words(error)}") from error


def in_words(error: ValidationError) -> str:
    """A failed validation, one line a problem: where and what."""
    lines = [".".join(map(str, one["loc"])) + ": " * bool(one["loc"]) + one["msg"] for one in error.errors()]
    return "\n".join(lines)
