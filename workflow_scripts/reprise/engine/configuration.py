"""Reads and checks the configuration before any job starts. It names all problems at once, one per line."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from reprise.engine.folders import OWN_FOLDER
from reprise.engine.links import is_link, link_fault, link_path, shown, without_keys
from reprise.step.errors import InputError, first_lines

CONFIG = Path(__file__).resolve().parents[3] / "config"
MOST_VALUES = 10_000  # of a file; aliases in YAML can make billions of a few lines
LONGEST = 300  # characters of a value in a message


def set_environment() -> None:
    """Let the steps of this process find the library, and nothing in the folder where they run, such as a json.py.

    Nor do they find packages in the user's home, which would hide those of an environment.

    Waiting threads sleep, because jobs use the same cores.
    """
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONSAFEPATH"] = "1"
    os.environ["PYTHONNOUSERSITE"] = "1"
    os.environ.pop("MPLBACKEND", None)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Trainings of one network, and those that go on after a kill, share what PyTorch's compiler made.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path("results/compiled").absolute()))


def refuse_endless(name: str, content: Any) -> None:
    """Refuse a file of YAML with more values than any of ours has, before anything walks through them.

    Raises:
        InputError: it has more than 10,000, each as often as aliases repeat it.
    """
    ahead, count = [content], 0
    while ahead:
        value, count = ahead.pop(), count + 1
        if count > MOST_VALUES:
            raise InputError(f"{name}: expected at most {MOST_VALUES} values, found more (aliases count each time)")
        ahead.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else [])


def read_as_typed(config: dict[str, Any]) -> None:
    """Give each value the type that it would have in config.yaml, and put the home folder for `~` in paths, in place.

    Snakemake does not read `--config` as YAML: the numbers in a list and `true` stay text, and `1.0` stays a fraction.
    """
    schema = _schema(CONFIG / "schema.yaml")
    for key, value in config.items():
        part = schema.schema["properties"].get(key, {})
        validator = schema.evolve(schema=part)
        config[key] = _whole(value)
        if not validator.is_valid(config[key]) and validator.is_valid(_reread(value)):
            config[key] = _reread(value)
        config[key] = _at_home(config[key], part)


def refuse_bad_words(words: Sequence[str]) -> None:
    """Refuse a command line with two options `--config`, or with a key in a link.

    Snakemake would silently ignore the first option, and would write the key into its log.

    Raises:
        InputError: there are two or more, or there is a key.
    """
    if any(without_keys(word) != word for word in words):
        raise InputError(
            "a link with a key or a password in it would get into Snakemake's log; write it into config.yaml"
        )
    if sum(word in ("--config", "-C") or word.startswith("--config=") for word in words) > 1:
        raise InputError("--config is given twice; the first would be ignored. Write --config ONE=... OTHER=...")


def hide_input(config: dict[str, Any], passed_on: list[str], typed: list[str], in_job: bool) -> None:
    """Hand the folder of a user's own files to jobs by the environment, in place: its name may identify a person.

    Snakemake prints the command that was typed, and repeats `--config` in that of each job; a scheduler shows commands
    to all.

    Args:
        config: in a job, it gets `input` from the environment if it has none.
        passed_on: words behind the `--config` of jobs; they lose `input`.
        typed: the command's words, in which the folder becomes FOLDER.
        in_job: whether this Snakemake runs a job of another one.
    """
    if "input" in config:
        os.environ[OWN_FOLDER] = str(config["input"])
    elif in_job and OWN_FOLDER in os.environ:
        config["input"] = os.environ[OWN_FOLDER]
    passed_on[:] = [word for word in passed_on if not word.startswith("input=")]
    typed[:] = [re.sub(r"^((?:--config=|-C)?input=).*", r"\1FOLDER", word, flags=re.DOTALL) for word in typed]


def check_configuration(config: Mapping[str, Any]) -> None:
    """Check config.yaml, the hyper-parameters of its studies, and the files and folders that it names.

    Raises:
        InputError: with one line for each problem.
    """
    problems = list(_problems(config, "config.yaml", CONFIG / "schema.yaml"))
    problems += _problems(known_sets(), "config/datasets.yaml", CONFIG / "datasets.schema.yaml")
    if not problems:
        problems += _bad_links(config)
        for study in config["studies"]:
            settings = study_settings(study, config["schedule"])
            problems += _problems(settings, f"config/{study}.yaml", CONFIG / f"{study}.schema.yaml")
            problems += _missing_data(study, config)
    problems += [
        f"config.yaml: {key}: no such file or folder: {config[key]}"
        for key, part in _schema(CONFIG / "schema.yaml").schema["properties"].items()
        if part.get("format") == "path" and isinstance(config.get(key), str) and not os.path.exists(config[key])  # noqa: PTH110
    ]
    if _is_inside(config.get("downloads"), "results"):
        problems.append("config.yaml: downloads: inside results/, which `make clean` removes; name another folder")
    if problems:
        lines = "\n".join(f"  {without_keys(line)}" for line in first_lines(problems))
        raise InputError(f"the configuration has problems\n{lines}")


@cache
def study_settings(study: str, schedule: str) -> dict[str, Any]:
    """A study's hyper-parameters: those of `published`, with the changes of the schedule.

    Raises:
        InputError: the file is missing or is no YAML mapping with these keys.
    """
    path = CONFIG / f"{study}.yaml"
    try:
        schedules = yaml.safe_load(path.read_text())
        refuse_endless(f"config/{path.name}", schedules)
        return _overlaid(schedules["published"], schedules[schedule])
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise InputError(f"config/{path.name}: not readable: {' '.join(str(error).split())}") from error


@cache
def known_sets() -> dict[str, dict[str, Any]]:
    """The data sets that can be had by name: for each study its sets, as config/datasets.yaml describes them.

    Raises:
        InputError: the file is missing or no YAML.
    """
    path = CONFIG / "datasets.yaml"
    try:
        return dict(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError, TypeError, ValueError) as error:
        raise InputError(f"config/{path.name}: not readable: {' '.join(str(error).split())}") from error


def picked(settings: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The part of nested settings that dotted names choose, such as `training.epochs`; unknown names are left out."""
    chosen: dict[str, Any] = {}
    for name in names:
        *above, key = name.split(".")
        source, target = settings, chosen
        for part in above:
            source, target = source.get(part, {}), target.setdefault(part, {})
        if key in source:
            target[key] = source[key]
    return chosen


def _overlaid(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {key: _overlaid(base.get(key), over.get(key)) for key in base | over}
    return base if over is None else over


def _whole(value: Any) -> Any:
    """A value with whole numbers instead of fractions such as 1.0, also in a list."""
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _reread(value: Any) -> Any:
    """The value of a text in YAML, or of each text in a list."""
    if isinstance(value, list):
        return [_reread(part) for part in value]
    try:
        return _whole(yaml.safe_load(value) if isinstance(value, str) else value)
    except (yaml.YAMLError, ValueError):
        return value


def _at_home(value: Any, schema: Mapping[str, Any]) -> Any:
    """A path, or several by name, with the home folder for `~`. A URL or the `~` of an unknown user does not change."""
    if schema.get("format") in ("path", "new_path") and isinstance(value, str):
        return os.path.expanduser(value)  # noqa: PTH111  # Path would change a URL
    inner = schema.get("additionalProperties")
    if isinstance(value, dict) and isinstance(inner, dict):
        return {name: _at_home(path, inner) for name, path in value.items()}
    return value


def _missing_data(study: str, config: Mapping[str, Any]) -> Iterator[str]:
    # Functions of os.path, because those of Path raise errors for names that are too long.
    where, known = config["data"].get(study), known_sets().get(study, {})
    named = f"config.yaml: data: {study}"
    if where is None:
        yield f"{named}: missing; expected phantom or a folder"
    elif where in known and Path(where).exists():
        yield f"{named}: {where} is a set to download, and a folder here; write ./{where} for the folder, or rename it"
    elif where != "phantom" and where not in known and not is_link(where) and not os.path.isdir(where):  # noqa: PTH112
        sets = f"; known sets: {', '.join(known)}" if known else ""
        yield f"{named}: no such folder: {shown(where)}{sets}"
    if study not in config["models"]:
        yield f"config.yaml: models: {study}: missing"


def _bad_links(config: Mapping[str, Any]) -> Iterator[str]:
    """Faults of links, whose keys no message shows."""
    for key in ("data", "weights"):
        for name, link in config.get(key, {}).items():
            if is_link(link) and (fault := link_fault(link)):
                yield f"config.yaml: {key}: {name}: {fault}"
    mirror = config.get("mirror", "https://x")
    if link_fault(mirror) or link_path(mirror) or shown(mirror) != mirror:
        yield "config.yaml: mirror: expected a URL without a key, such as https://HOST/FOLDER"


def _is_inside(folder: Any, other: str) -> bool:
    return isinstance(folder, str) and Path(folder).resolve().is_relative_to(Path(other).resolve())


def _problems(value: Any, name: str, schema: Path) -> Iterator[str]:
    for error in sorted(
        _schema(schema).iter_errors(value), key=lambda error: [str(part) for part in error.absolute_path]
    ):
        where = "".join(f": {part}" for part in error.absolute_path)
        for line in _in_words(error):
            yield f"{name}{where}: {line}"


@cache
def _schema(path: Path) -> Draft202012Validator:
    return Draft202012Validator(yaml.safe_load(path.read_text()))


def _in_words(error: ValidationError) -> Iterator[str]:
    """An error of the schema, in words for a user."""
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        for key in error.instance.keys() - set(known):
            near = difflib.get_close_matches(str(key), known, n=1)
            yield f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}")
    elif error.validator == "required":
        yield error.message.replace("is a required property", "is missing")
    else:
        expected = error.schema.get("description") or _expectation(error)
        found = "nothing" if error.instance is None else repr(error.instance)
        yield f"found {found if len(found) <= LONGEST else found[:LONGEST] + '...'}, expected {expected}"


def _expectation(error: ValidationError) -> str:
    if error.validator == "type":
        return f"a value of type {error.validator_value}"
    if error.validator == "enum":
        return "one of " + ", ".join(str(choice) for choice in error.validator_value)
    return f"{error.validator} {error.validator_value}"
