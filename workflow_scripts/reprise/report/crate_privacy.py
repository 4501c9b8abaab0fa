"""The last look at a run crate before it is written: nothing in it names a machine, a user, a folder or a raw file."""

import getpass
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reprise.report.crate_raw_names import BREAK, present_names, word
from reprise.step.errors import InputError

SHORTEST = 3  # letters of a name that is looked for; shorter ones are parts of words


def machine_names(config: Mapping[str, object]) -> dict[str, str]:
    """What must not be in a crate, with what it is: the computer, the user, the home folder, the user's own paths.

    Args:
        config: the configuration; each of its values that names a folder or file outside the project is one.
    """
    names = dict.fromkeys({platform.node(), platform.node().split(".")[0]}, "the name of this computer")
    names |= dict.fromkeys(_users(), "the user's name")
    names |= {str(Path.home()): "the home folder", str(Path.cwd()): "the project's folder"}
    for value in _texts(config):
        path = Path(value).expanduser()
        if path.is_absolute() or ".." in path.parts:
            names |= {value: "a path of the configuration", str(path): "a path of the configuration"}
            names |= {path.name: "a folder or file of the configuration"}
    return {name: what for name, what in names.items() if len(name) >= SHORTEST}


def refuse_private(files: Mapping[str, bytes], names: Mapping[str, str], raw: Mapping[str, str], public: bytes) -> None:
    """Raise InputError if a file holds a private name, an absolute path of this machine, or the name of a raw file.

    Args:
        files: content by the name in the crate.
        names: as `machine_names` gives them.
        raw: as `raw_names` gives them.
        public: the text of the project's own code as it was committed; what stands there says nothing of a run.
    """
    known = public.decode(errors="replace")
    searched = {name: what for name, what in names.items() if "/" in name or not _found(word([name]), known)}
    searched |= dict.fromkeys(present_names(files.values(), raw), "the name of a raw file")
    words = word(searched)
    for file, content in files.items():
        text = content.decode(errors="replace").replace(BREAK, "")
        faults = [searched[name] for name in _found(words, text) + _found(words, file)]
        faults += ["an absolute path" for path in _absolute_paths(text) if path not in known]
        if faults:
            raise InputError(f"{file}: holds {faults[0]}; the run crate was not written")


def _found(words: re.Pattern[str] | None, text: str) -> list[str]:
    return words.findall(text) if words else []


def _users() -> Iterator[str]:
    try:
        yield getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value


def _absolute_paths(text: str) -> Iterator[str]:
    """Paths that begin with a folder that this machine has."""
    folders = "|".join(re.escape(folder.name) for folder in sorted(Path("/").iterdir()) if folder.is_dir())
    for found in re.finditer(rf"(?<![\w/.<+-])/(?:{folders})/[\w.-]+", text):
        yield found[0]
