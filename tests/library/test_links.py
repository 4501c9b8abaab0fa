"""What may be a key in a link reaches the step, and nothing that is written or shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprise.engine.links import conceal, folder_name, is_link, link_fault, link_path, reveal, shown, without_keys
from reprise.step.errors import InputError

LINK = "https://example.org/data/Echo-Net.zip"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_LINKS", "{}")


@pytest.mark.parametrize("plain", [LINK, "file:~/a?b#c.zip", "phantom", "./folder", "auto", "weights/a-1234abcd.pth"])
def test_what_has_no_key_stays_as_it_is(plain: str) -> None:
    assert conceal(plain) == reveal(plain) == plain and os.environ["REPRISE_LINKS"] == "{}"


@pytest.mark.parametrize("key", ["?sig=SECRET", "#SECRET", "?a=1&token=SECRET#x"])
def test_a_key_reaches_only_the_steps_that_this_process_starts(key: str) -> None:
    name = conceal(LINK + key)
    assert name.startswith(f"{LINK}#") and "SECRET" not in name and shown(name) == LINK == shown(LINK + key)
    assert conceal(f"{LINK}{key}2") != name, "another key may mean another file"
    program = "import sys; from reprise.engine.links import reveal; print(reveal(sys.argv[1]))"
    search = {"PYTHONPATH": os.pathsep.join(sys.path)}
    step = subprocess.run(
        [sys.executable, "-c", program, name], env=os.environ | search, capture_output=True, text=True, check=True
    )
    assert step.stdout.strip() == LINK + key
    os.environ["REPRISE_LINKS"] = json.dumps({})
    with pytest.raises(InputError, match=f"^{LINK}: .* type the whole link$"):
        reveal(name)
    assert reveal(LINK + key) == LINK + key


def test_links_are_told_from_names_and_paths() -> None:
    assert [text for text in ("phantom", "a/b.zip", "https:", "http//x") if is_link(text)] == []
    assert all(map(is_link, ("http://x", "https://x", "file:x")))
    paths = {"file:a.zip": "a.zip", "file:../a.zip": "../a.zip", "file:/data/a.zip": "/data/a.zip"}
    paths |= {"file:///data/a.zip": "/data/a.zip", "file:~/a.zip": str(Path.home() / "a.zip")}
    assert {link: str(link_path(link)) for link in paths} == paths and link_path(LINK) is None


@pytest.mark.parametrize("link", ["https://me:KEY@x.org/a", "https://KEY@x.org", "https://?KEY", "http://", "file:"])
def test_a_faulty_link_is_told_without_its_key(link: str) -> None:
    assert link_fault(link) and "KEY" not in link_fault(link)
    assert not link_fault(LINK) and not link_fault(f"{LINK}?mail=a@b.org") and not link_fault("file:a b.zip")


def test_a_text_is_shown_without_the_keys_in_it() -> None:
    text = "data={a: 'https://me:KEY@x.org/a.zip?sig=KEY&b=KEY#KEY', b: http://y.org/b?KEY} and https://z.org/c"
    said = "data={a: 'https://x.org/a.zip?...', b: http://y.org/b?...} and https://z.org/c"
    assert without_keys(text) == said == without_keys(said)
    names = f"{{a: {conceal(LINK + '?KEY')}, b: {conceal(LINK + '#KEY')}}} {conceal(LINK + '?x')}"
    assert without_keys(names) == names


def test_a_folder_is_called_after_its_archive() -> None:
    names = {
        LINK: "Echo-Net",
        f"{LINK}?key=1": "Echo-Net",
        "file:~/my data.tar.zst": "my_data",
        "https://x.org": "x_org",
    }
    names |= {"https://x.org/..": "archive", "https://x.org/a/.zip": "archive", "https://x.org/%2e%2e": "2e_2e"}
    assert {link: folder_name(link) for link in names} == names
