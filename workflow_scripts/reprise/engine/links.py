"""Links to data and weights. What may be a key in a link stands in no command, log, report or record."""

import hashlib
import json
import os
import re
from pathlib import Path, PurePosixPath

from reprise.step.errors import InputError

ENVIRONMENT = "REPRISE_LINKS"
LINK = re.compile(r"https?://|file:")
KEY = re.compile(r"(https?://[^?#\s'\"]*)(?:\?|#(?![0-9a-f]{12}(?:[\s'\"},]|$)))[^\s'\"}]*")
PASSWORD = re.compile(r"(https?://)[^/?#\s]*@")
ENDING = re.compile(r"\.(zip|tar|tgz|tar\.gz|tar\.zst)$", re.IGNORECASE)
CONCEALED = re.compile(r"(https?://[^?#]*)#[0-9a-f]{12}")


def is_link(text: str) -> bool:
    """Whether a text is a link, and neither a name nor a path."""
    return bool(LINK.match(text))


def link_path(link: str) -> Path | None:
    """The file that a link of the form `file:PATH` names; None for other links."""
    return Path(link.removeprefix("file:").removeprefix("//")).expanduser() if link.startswith("file:") else None


def shown(link: str) -> str:
    """A link as it may be shown: what follows `?` or `#` may be a key. A link to a file is shown whole."""
    return link if link.startswith("file:") else re.split("[?#]", link, maxsplit=1)[0]


def folder_name(link: str) -> str:
    """The name of the folder for what is in the archive at a link: the archive's, without what is odd in a path."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", ENDING.sub("", PurePosixPath(shown(link).removeprefix("file:")).name))
    return name.strip("_") or "archive"


def conceal(link: str) -> str:
    """What stands for a link in a rule: its shown part, and if there is more, the digest of the whole.

    The steps that this process starts find the whole in their environment, by `reveal`.
    """
    if not is_link(link) or shown(link) == link:
        return link
    name = f"{shown(link)}#{hashlib.sha256(link.encode()).hexdigest()[:12]}"
    os.environ[ENVIRONMENT] = json.dumps(json.loads(os.environ.get(ENVIRONMENT, "{}")) | {name: link})
    return name


def reveal(name: str) -> str:
    """The link that `conceal` gave this name; any other text stands for itself.

    Raises:
        InputError: it is such a name, but this process was not started by the one that concealed the link.
    """
    link = json.loads(os.environ.get(ENVIRONMENT, "{}")).get(name, name)
    if link == name and CONCEALED.fullmatch(name):
        raise InputError(f"{shown(name)}: the end of this link is kept secret; type the whole link")
    return str(link)


def without_keys(text: str) -> str:
    """A text with links, without what may be a key or a password in them. The names that `conceal` gives stay."""
    return PASSWORD.sub(r"\1", KEY.sub(r"\1?...", text))


def link_fault(link: str) -> str:
    """What is wrong with a link, in words that show no key; empty if nothing is."""
    if re.match(r"https?://[^/?#]*@", link):
        return "a link with a password in it: commands and logs would show it; put it into ~/.netrc"
    if not re.fullmatch(r"file:.+|https?://[^/?#\s]+(/\S*)?", shown(link)):
        return f"expected a link such as https://HOST/FILE or file:FILE, found {shown(link)!r}"
    return ""
