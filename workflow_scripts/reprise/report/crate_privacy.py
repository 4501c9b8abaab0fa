"""The last look at a run crate before it is written: nothing in it names a machine, a user, a folder or a raw file."""

import getpass
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from reprise.engine.raw_files import case_name
from reprise.step.errors import InputError
from reprise.step.tables import read_table

SHORTEST = 3  # letters of a name that is looked for; shorter ones are parts of words
# A name with three characters and a letter, or a long number.
TELLING = re.compile(r"^(?=.*[^\W\d]).{3,}|\d{6,}")
PICTURE = re.compile(r"base64,[A-Za-z0-9+/=]+")


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


def raw_names(manifests: Iterable[str], public: bytes) -> dict[str, str]:
    """For each name of a raw file, with and without its ending, the neutral name that stands for it, by its content.

    Left out is what the project's own code holds, and what no search can tell from a word or a number.

    Raises:
        InputError: a manifest is no CSV with the columns path and sha256.
    """
    known = public.decode(errors="replace")
    names: dict[str, str] = {}
    for manifest in manifests:
        table = read_table(manifest, {"path": str, "sha256": str})
        for path, sha256 in zip(map(PurePosixPath, table["path"]), table["sha256"], strict=True):
            ending = path.suffix
            names |= {path.name.removesuffix(ending): case_name(sha256), path.name: case_name(sha256) + ending}
    return {name: neutral for name, neutral in names.items() if TELLING.search(name) and name not in known}


def without_raw_names(files: Mapping[str, bytes], names: Mapping[str, str]) -> dict[str, bytes]:
    """The same files with neutral names of raw files."""
    present = _word(_present(files.values(), names)) if names else None
    if not present:
        return dict(files)
    bytes_kept = "surrogateescape"  # pictures are no text
    texts = {file: content.decode(errors=bytes_kept) for file, content in files.items()}
    return {
        file: present.sub(lambda found: names[found[0]], text).encode(errors=bytes_kept) for file, text in texts.items()
    }


def refuse_private(files: Mapping[str, bytes], names: Mapping[str, str], raw: Mapping[str, str], public: bytes) -> None:
    """Raise InputError if a file holds a private name, an absolute path of this machine, or the name of a raw file.

    Args:
        files: content by the name in the crate.
        names: as `machine_names` gives them.
        raw: as `raw_names` gives them.
        public: the text of the project's own code as it was committed; what stands there says nothing of a run.
    """
    known = public.decode(errors="replace")
    searched = {name: what for name, what in names.items() if "/" in name or not _found(_word([name]), known)}
    searched |= dict.fromkeys(_present(files.values(), raw), "the name of a raw file")
    words = _word(searched)
    for file, content in files.items():
        text = content.decode(errors="replace")
        faults = [searched[name] for name in _found(words, text) + _found(words, file)]
        faults += ["an absolute path" for path in _absolute_paths(text) if path not in known]
        if faults:
            raise InputError(f"{file}: holds {faults[0]}; the run crate was not written")


def _present(files: Iterable[bytes], names: Iterable[str]) -> list[str]:
    """The names that stand anywhere in some files; pictures inside a page are not looked at."""
    text = "\n".join(PICTURE.sub("", content.decode(errors="replace")) for content in files)
    return [name for name in names if name in text]


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


def _word(names: Iterable[str]) -> re.Pattern[str] | None:
    """Any of these names, not as a part of a longer word or number; None if there is no name."""
    longest_first = sorted(names, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile(rf"(?<![A-Za-z0-9.])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])")


def _absolute_paths(text: str) -> Iterator[str]:
    """Paths that begin with a folder that this machine has."""
    folders = "|".join(re.escape(folder.name) for folder in sorted(Path("/").iterdir()) if folder.is_dir())
    for found in re.finditer(rf"(?<![\w/.:<+=-])/(?:{folders})/[\w.-]+", text):
        yield found[0]
