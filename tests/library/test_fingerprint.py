"""Fingerprints change with what code does, and with nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from project import type_command
from reprise.engine import fingerprint
from reprise.engine.definitions import read_source
from reprise.engine.records import recall, remember
from traced import read_trace, tracing

STEP = '''"""Step."""
import importlib
from pathlib import Path
from reprise.maths import mean
import beside
from study.learning.loop import STEPS
from shared import one
importlib.import_module("reprise.late")
__import__("reprise.sub.later")
F = ["analysis.R", "page.html.j2"]
HERE = Path(__file__)
DATA = [HERE.with_name("limits.json"), HERE.parent / "tables/colours.csv", HERE.with_suffix(".png")]
print(*(path.read_bytes() for path in DATA), open(HERE.parent / "../reprise/shared.csv").read())
'''
FILES = {
    "study/step.py": STEP,
    "study/beside.py": "VALUE = 1\n",
    "study/limits.json": "{}",
    "study/tables/colours.csv": "red",
    "study/tables/other.csv": "blue",
    "study/step.png": "not text",
    "study/near.py": "# not the module of this name that deeper.py imports from its own folder\n",
    "study/learning/loop.py": "from study.learning import rate\nSTEPS = 1\n",
    "study/learning/rate.py": "RATE = 1\n",
    "study/shared/one.py": "# a folder without __init__.py hides no module further on\n",
    "shared/__init__.py": "",
    "shared/one.py": "ONE = 1\n",
    "study/analysis.R": 'source("more.R")\nx <- 1  # one\ny <- "# no comment"\n',
    "study/more.R": 'z <- read.csv("rates.csv")\n# isn\'t "other.R"\n',
    "study/other.R": "",
    "study/rates.csv": "2",
    "study/other.py": "import json\n",
    "study/templates/page.html.j2": '{% extends "base.html.j2" %}',
    "study/templates/base.html.j2": "<p title='It isn't'>{% include 'part.html' %}",
    "study/templates/part.html": "<b>",
    "reprise/__init__.py": "",
    "reprise/maths.py": "from reprise import deeper\n\n\ndef mean(x):\n    '''Mean.'''\n    return sum(x) / len(x)\n",
    "reprise/deeper.py": "import statistics\nfrom . import near\nfrom .sub.far import TEN\nONE = 1\n",
    "reprise/near.py": "",
    "reprise/sub/__init__.py": "",
    "reprise/sub/far.py": "from .. import top\nfrom ..other import OTHER\nTEN = 10\n",
    "reprise/sub/later.py": "",
    "reprise/top.py": "",
    "reprise/other.py": "OTHER = 3\n",
    "reprise/late.py": "",
    "reprise/shared.csv": "1",
    "reprise/statistics.py": "# not Python's module of this name, which deeper.py gets\n",
    "reprise/unused.py": "TWO = 2\n",
}
NOT_USED = {"study/shared/one.py", "study/other.py", "study/near.py", "study/other.R", "study/tables/other.csv"}
NOT_USED |= {"reprise/unused.py", "reprise/statistics.py"}
# What other programs than Python open.
UNTRACED = ("study/analysis.R", "study/more.R", "study/rates.csv", "study/templates/")


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "workflow_scripts"
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text)
    monkeypatch.setattr(fingerprint, "CODE_ROOT", root)
    monkeypatch.chdir(tmp_path)
    forget()
    yield root
    forget()


def forget() -> None:
    for known in vars(fingerprint).values():
        if hasattr(known, "cache_clear"):
            known.cache_clear()


def digest(step: str = "study/step.py") -> str:
    forget()
    return fingerprint.code_digest(step)


def test_closure_is_what_the_step_uses(code: Path) -> None:
    closure = fingerprint.import_closure(code / "study/step.py")
    assert {str(path.relative_to(code)) for path in closure} == FILES.keys() - NOT_USED


def test_python_opens_what_is_in_the_closure(code: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    trace = tmp_path_factory.mktemp("trace") / "bin"
    before = (*tracing(trace), f"PYTHONPATH={code}")
    assert type_command("python workflow_scripts/study/step.py", code.parent, before).returncode == 0
    used = {name for name in FILES.keys() - NOT_USED if not name.startswith(UNTRACED)}
    assert read_trace(trace, code) == {"study/step.py": used}


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
        ("study/more.R", "read.csv", "read.csv2", True),
        ("study/rates.csv", "2", "3", True),
        ("study/limits.json", "{}", "[]", True),
        ("study/tables/colours.csv", "red", "green", True),
        ("study/tables/other.csv", "blue", "green", False),
        ("study/step.png", "not text", "no text", True),
        ("study/templates/part.html", "<b>", "<i>", True),
        ("reprise/shared.csv", "1", "2", True),
        ("reprise/sub/far.py", "10", "11", True),
        ("reprise/other.py", "3", "4", True),
        ("reprise/unused.py", "2", "3", False),
        ("study/other.py", "json", "math", False),
        ("reprise/statistics.py", "#", "x = 1  #", False),
        ("study/templates/base.html.j2", "<p", "<div", True),
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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a\n-b", "a  \t\n\n  -b\n", True),
        ("f <- function(x) {\n  x\n}", "# why\n\nf<-function(x) { # brace\n\n  # sum\n  x\n}\n# end\n", True),
        ("a \n -b", "a -b", False),
        ("x <-\n 5", "x\n<- 5", False),
        ("x <- 5", "x < -5", False),
        ("x <- 'a  \nb'", "x <- 'a\nb'", False),
        ("x <- 'a # b'", "x <- 'a # c'", False),
    ],
)
def test_comments_and_spaces_of_r_do_not_count(tmp_path: Path, one: str, other: str, same: bool) -> None:
    found = []
    for text in (one, other):
        (tmp_path / "script.R").write_text(text)
        found.append(read_source(tmp_path / "script.R").definitions)
    assert (found[0] == found[1]) is same


def test_what_a_digest_stands_for_is_kept(code: Path) -> None:
    files = recall(digest())
    assert files.keys() == FILES.keys() - NOT_USED
    assert [name for name, _ in recall(files["reprise/maths.py"])] == ["imports", "function mean"]


def test_a_digest_is_the_same_where_it_cannot_be_kept(code: Path) -> None:
    kept = remember({"a": 1})
    Path("results").rename("elsewhere")
    Path("results").write_text("in the way")
    assert remember({"a": 1}) == kept and recall(kept) is None


RULE = """from reprise.deeper import ONE

rule one:
    input: 'a'
    output:
        'b'
    threads: 1
    resources:
        mem_mb=1,
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("threads: 1", "threads: 2", True),
        ("mem_mb=1,", "mem_mb=2,\n\n        runtime=3,", True),
        ("mem_mb=1,", "mem_mb=2,\n  # why\n# so\n        runtime=3,", True),
        ("'b'", "# why\n        'b'  # because", True),
        ("rule one:\n    input", "use rule one as two with:\n    pathvars:\n        name='two',\n    input", False),
        ("threads: 1", "pathvars:\n        name='two',", True),
        ("rule one:\n", "rule one:\n    'What it does.'\n", True),
        ("rule one:\n", "rule one:\n    'What it does'\n    # and why\n", True),
        ("from", "'Rules.'\n\n\nfrom", True),
        ("rule one", "def f():\n    'Two.'\n    return 2\n\n\nrule one", False),
        ("        'b'", "        'b',\n        'd'", False),
        ("'b'", "'c'", False),
        ("'a'", "'c'", False),
    ],
)
def test_rules_count_by_what_they_need(code: Path, old: str, new: str, same: bool) -> None:
    digests = []
    for text in (RULE, RULE.replace(old, new, 1)):
        Path("rules.smk").write_text(text)
        digests.append(fingerprint.rules_digest([Path("rules.smk")]))
    assert (digests[0] == digests[1]) is same


def test_modules_that_rules_import_count(code: Path) -> None:
    Path("rules.smk").write_text("import reprise.unused\nif True:\n    from reprise import near\n")
    used = recall(fingerprint.rules_digest([Path("rules.smk")]))
    assert used.keys() == {"rules.smk", "reprise/__init__.py", "reprise/unused.py", "reprise/near.py"}
