"""The published figures and the names of measures, as `config/published.yaml` holds them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from reprise.step.errors import InputError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measure(_Strict):
    """What the last part of a quantity's name means, for tables, texts and the scoreboard."""

    label: str
    unit: str
    better: Literal["higher", "lower"]
    decimals: int


class Source(_Strict):
    """Where a figure was published: a name for tables, and a citation."""

    short: str
    full: str


class Figure(_Strict):
    """One published figure; `sound_quantity` is its name in our sound protocol, if that is another one."""

    quantity: str
    sound_quantity: str | None = None
    source: str
    value: float
    interval: tuple[float, float] | None = None
    level: float | None = None
    notes: tuple[str, ...] = ()

    def quantity_of(self, protocol: str) -> str:
        """The name of this figure in the measures of one of our protocols."""
        return self.sound_quantity if protocol == "sound" and self.sound_quantity else self.quantity


class Headline(_Strict):
    """The figure for which a study is known: its row of the scoreboard, and its name for a reader."""

    quantity: str
    source: str
    label: str


class StudyFigures(_Strict):
    """A study's figures, the titles of their groups, and the hyper-parameters that a comparison needs.

    `about` explains intervals and protocols to a reader of the scoreboard. `identity` names the figures that describe
    the published data set; if ours are others, nothing compares. `context` names the groups of figures of other
    methods; nothing of ours stands beside them.
    """

    title: str
    about: str
    headline: Headline
    conditions: dict[str, bool | int | float | str | list[int] | None]
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
        """Names in a study's entries that do not exist, and figures that it has twice."""
        keys = [(figure.quantity, figure.source) for figure in study.figures]
        quantities = {quantity for quantity, _ in keys}
        problems = [problem for figure in study.figures for problem in self._unknown_of(figure, study)]
        problems += [f"identity: no figure {figure}" for figure in study.identity if figure not in quantities]
        problems += [f"context: no group {group}" for group in study.context if group not in study.groups]
        if (study.headline.quantity, study.headline.source) not in keys:
            problems.append(f"headline: no figure {study.headline.quantity} from {study.headline.source}")
        problems += [f"{' from '.join(key)}: given twice" for key in sorted(set(keys)) if keys.count(key) > 1]
        return [f"{name}: {problem}" for problem in problems]

    def _unknown_of(self, figure: Figure, study: StudyFigures) -> Iterator[str]:
        group, _, measure = figure.quantity.rpartition("/")
        for what, name, known in (
            ("measure", measure, self.measures),
            ("group", group, study.groups),
            ("source", figure.source, self.sources),
        ):
            if name not in known:
                yield f"{figure.quantity}: unknown {what} {name}"
        yield from (f"{figure.quantity}: unknown note {note}" for note in figure.notes if note not in study.notes)

    def measure(self, quantity: str) -> Measure:
        """What a quantity measures, see `measure_of`."""
        return measure_of(self.measures, quantity)


def measure_of(measures: Mapping[str, Measure], quantity: str) -> Measure:
    """What a quantity measures, by the last part of its name.

    Raises:
        InputError: it is not among the measures.
    """
    name = quantity.rpartition("/")[2]
    if name not in measures:
        raise InputError(f"{quantity}: config/published.yaml names no measure {name}")
    return measures[name]


def read_measures(settings: Mapping[str, Any]) -> dict[str, Measure]:
    """The measures of config/published.yaml, as a step's settings hold them.

    Raises:
        InputError: an entry is missing, unknown or of another type.
    """
    try:
        return TypeAdapter(dict[str, Measure]).validate_python(settings.get("measures"))
    except ValidationError as error:
        raise InputError(f"--settings: measures: {in_words(error)}") from error


def read_published(path: str | Path) -> Published:
    """Read and check the published figures.

    Raises:
        InputError: no readable YAML, or entries that are unknown, missing or given twice: one line for each.
    """
    try:
        return Published.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not readable: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise InputError(f"{path}: {in_words(error)}") from error


def in_words(error: ValidationError) -> str:
    """The problems of a failed validation, one line for each: where, and what."""
    problems = [(".".join(map(str, problem["loc"])), problem["msg"]) for problem in error.errors()]
    return "\n".join(f"{where}: {what}" if where else what for where, what in problems)
