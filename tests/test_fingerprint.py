"""Fingerprints change with what code does, and with nothing else."""

import json
from pathlib import Path

import pytest

from reprise import fingerprint
from reprise.definitions import read_source
from reprise.records import recall, remember

FILES = {
    "study/step.py": '"""Step."""\nfrom reprise.maths import mean\nimport beside\n'
    'from study.learning.loop import STEPS\nfrom shared import one\nF = ["analysis.R", "page.html.j2"]\n',
    "study/beside.py": "VALUE = 1\n",
    "study/learning/loop.py": "from study.learning import rate\nSTEPS = 1\n",
    "study/learning/rate.py": "RATE = 1\n",
    "study/shared/one.py": "# a folder without __init__.py hides no module further on\n",
    "shared/__init__.py": "",
    "shared/one.py": "ONE = 1\n",
    "study/analysis.R": 'source("more.R")\nx <- 1  # one\ny <- "# no comment"\n',
    "study/more.R": "z <- 2\n",
    "study/other.py": "import json\n",
    "study/templates/page.html.j2": '{% extends "base.html.j2" %}',
    "study/templates/base.html.j2": "<p>",
    "reprise/__init__.py": "",
    "reprise/maths.py": "from reprise import deeper\n\n\ndef mean(x):\n    '''Mean.'''\n    return sum(x) / len(x)\n",
    "reprise/deeper.py": "import statistics\nONE = 1\n",
    "reprise/statistics.py": "# not Python's module of this name, which deeper.py gets\n",
    "reprise/unused.py": "TWO = 2\n",
}
NOT_USED = {"study/shared/one.py", "study/other.py", "reprise/unused.py", "reprise/statistics.py"}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fingerprint, "CODE_ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digest(step: str = "study/step.py") -> str:
    for name in ("code_digest", "import_closure", "_file_digest", "_modules", "_source"):
        getattr(fingerprint, name).cache_clear()
    return fingerprint.code_digest(step)


def test_closure_is_what_the_step_uses(code: Path) -> None:
    digest()
    closure = fingerprint.import_closure(code / "study/step.py")
    assert {str(path.relative_to(code)) for path in closure} == FILES.keys() - NOT_USED


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("reprise/maths.py", "sum(x) / len(x)", "sum(x) / max(len(x), 1)", True),
        ("reprise/deeper.py", "1", "2", True),
        ("study/beside.py", "1", "'1'", True),
        ("study/learning/rate.py", "1", "2", True),
        ("study/shared/one.py", "#", "x = 1  #", False),
        ("study/analysis.R", "x <- 1", "x <- 3", True),
        ("study/analysis.R", "no comment", "No comment", True),
        ("study/more.R", "2", "3", True),
        ("reprise/unused.py", "2", "3", False),
        ("study/other.py", "json", "math", False),
        ("reprise/statistics.py", "#", "x = 1  #", False),
        ("study/templates/base.html.j2", "<p>", "<div>", True),
        ("study/analysis.R", "x <- 1", "x < -1", True),
        ("study/analysis.R", "y <-", "y\\n<-", True),
        ("reprise/maths.py", "'''Mean.'''", "'''Arithmetic mean.'''", False),
        ("reprise/maths.py", "return sum(x) / len(x)", "# why\n    return (sum(x)\n        / len(x))", False),
        ("study/step.py", '"""Step."""', '"""A step."""', False),
        ("study/analysis.R", "x <- 1  # one", "x   <-  1", False),
    ],
)
def test_digest_follows_meaning(code: Path, file: str, old: str, new: str, stale: bool) -> None:
    before, text = digest(), (code / file).read_text()
    assert old in text
    (code / file).write_text(text.replace(old, new, 1))
    assert (digest() != before) is stale


def test_spec_is_one_canonical_string(code: Path) -> None:
    one = fingerprint.spec("study/step.py", {"lr": 1, "wd": 2})
    assert one == fingerprint.spec("study/step.py", {"wd": 2, "lr": 1})
    assert one != fingerprint.spec("study/step.py", {"lr": 2, "wd": 1})
    assert json.loads(one) == {"lr": 1, "wd": 2, "code": fingerprint.code_digest("study/step.py")}


DEFINED = """
import os
LIMIT: int = 3
os.umask(0)


@cache
def one():
    return 1


class Two:
    size = 2

    def half(self):
        return 1
"""


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("return 1\n\n\n", "return 2\n\n\n", {"function one"}),
        ("@cache", "@property", {"function one"}),
        ("        return 1", "        return 2", {"method Two.half"}),
        ("size = 2", "size = 3", {"class Two"}),
        ("= 3\n", "= 4\n", {"constant LIMIT"}),
        ("import os", "import os.path", {"imports"}),
        ("umask(0)", "umask(1)", {"module level"}),
    ],
)
def test_a_change_is_that_of_one_definition(tmp_path: Path, old: str, new: str, named: set[str]) -> None:
    found = []
    for text in (DEFINED, DEFINED.replace(old, new, 1)):
        (tmp_path / "module.py").write_text(text)
        found.append(read_source(tmp_path / "module.py").definitions)
    assert [name for name, _ in found[0]] == [name for name, _ in found[1]]
    assert {before[0] for before, after in zip(*found, strict=True) if before != after} == named


def test_functions_of_r_are_named(tmp_path: Path) -> None:
    script = tmp_path / "script.R"
    script.write_text("a <- 1\nf = function(x,\n  y) {\n  x + y # sum\n}\n# end\nf(a, a)\n")
    before = read_source(script).definitions
    assert [name for name, _ in before] == ["script", "function f", "script"]
    script.write_text("a   <-1\n\nf = function(x, y) { # brace\n\nx + y\n}\nf(a,\n  a)\n")
    assert read_source(script).definitions == before


def test_what_a_digest_stands_for_is_kept(code: Path) -> None:
    files = recall(digest())
    assert files.keys() == FILES.keys() - NOT_USED
    assert [name for name, _ in recall(files["reprise/maths.py"])] == ["imports", "function mean"]


def test_a_digest_is_the_same_where_it_cannot_be_kept(code: Path) -> None:
    kept = remember({"a": 1})
    Path("results").rename("elsewhere")
    Path("results").write_text("in the way")
    assert remember({"a": 1}) == kept and recall(kept) is None


def test_rules_count_by_what_they_need(code: Path) -> None:
    rule = "rule one:\n    input: 'a'\n    output:\n        'b'\n    threads: 1\n    resources:\n        mem_mb=1,\n"
    Path("one.smk").write_text(f"from reprise.deeper import ONE\n{rule}")
    digests = []
    for old, new in (
        ("", ""),
        ("'a'", "\n        'a'  # an input"),
        ("threads: 1", "threads: 2"),
        ("mem_mb=1,", "mem_mb=2,\n\n        runtime=3,"),
        ("'a'", "'c'"),
    ):
        Path("two.smk").write_text(Path("one.smk").read_text().replace(old, new))
        digests.append(list(recall(fingerprint.rules_digest([Path("two.smk")])).values()))
    assert digests[0] == digests[2] == digests[3] and digests[4] != digests[0]
    assert len(digests[0]) == 3
