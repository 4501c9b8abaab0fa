"""`Info.cfg` of a patient: which frames of the cine are end-diastole and end-systole, and the patient's group."""

import re
from pathlib import Path
from typing import NamedTuple

from acdc.analysis.protocols import PHASES
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular, regular_size

GROUPS = ("NOR", "MINF", "DCM", "HCM", "RV")
LARGEST_INFO = 2**16  # bytes
NUMBER = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


class Info(NamedTuple):
    """What a patient's `Info.cfg` says; height and weight are not read."""

    frames: dict[str, int]  # by phase, from 1 on
    group: str  # "" if none is given
    total: int  # frames of the cine, 0 if it is not given


def read_info(path: Path) -> Info:
    """Read `Info.cfg`: lines of the form `Key: value`.

    Raises:
        InputError: no such regular file, no text, a line of another form, a key twice, ED or ES missing or no number of
            a frame, both the same, or an unknown group.
    """
    values = _values(path)
    numbers = {key: _number(path, key, values[key]) for key in (*PHASES, "NbFrame") if key in values}
    missing = [phase for phase in PHASES if phase not in numbers]
    if missing:
        raise InputError(f"{path}: expected the lines ED and ES, found no {' and no '.join(missing)}")
    count = numbers.pop("NbFrame", 0)
    beyond = [f"{phase} {frame}" for phase, frame in numbers.items() if count and frame > count]
    if beyond:
        raise InputError(f"{path}: expected frames from 1 to {count}, found {' and '.join(beyond)}")
    if numbers["ED"] == numbers["ES"]:
        raise InputError(f"{path}: expected two frames, found ED and ES at the same, {numbers['ED']}")
    group = values.get("Group", "")
    if group and group not in GROUPS:
        raise InputError(f"{path}: Group: expected one of {', '.join(GROUPS)}, or none; found {group[:40]!r}")
    return Info(numbers, group, count)


def _values(path: Path) -> dict[str, str]:
    refuse_irregular(path)
    with reading(path, "not a readable text"):
        if regular_size(path) > LARGEST_INFO:
            raise InputError(f"{path}: expected a few lines, found {regular_size(path)} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not line.strip():
            continue
        if not colon or not key:
            raise InputError(f"{path}: line {number}: expected `Key: value`, found {line[:40]!r}")
        if key in values:
            raise InputError(f"{path}: line {number}: {key[:40]} stands there twice")
        values[key] = value
    return values


def _number(path: Path, key: str, value: str) -> int:
    if not NUMBER.fullmatch(value):
        raise InputError(f"{path}: {key}: expected a whole number from 1 on, found {value[:40]!r}")
    return int(value)
