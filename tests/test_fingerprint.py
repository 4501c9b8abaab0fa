"""Fingerprints change with what code does, and with nothing else."""

import json
from pathlib import Path

import pytest

from reprise import fingerprint

FILES = {
    "study/step.py": '"""Step."""\nfrom reprise.maths import mean\nimport beside\nSCRIPT = "analysis.R"\n',
    "study/beside.py": "VALUE = 1\n",
    "study/analysis.R": 'source("more.R")\nx <- 1  # one\ny <- "# no comment"\n',
    "study/more.R": "z <- 2\n",
    "study/other.py": "import json\n",
    "reprise/__init__.py": "",
    "reprise/maths.py": "from reprise import deeper\n\n\ndef mean(x):\n    '''Mean.'''\n    return sum(x) / len(x)\n",
    "reprise/deeper.py": "ONE = 1\n",
    "reprise/unused.py": "TWO = 2\n",
}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fingerprint, "CODE_ROOT", tmp_path)
    return tmp_path


def digest(step: str = "study/step.py") -> str:
    for function in (fingerprint.code_digest, fingerprint.import_closure, fingerprint._uses, fingerprint._file_digest):
        function.cache_clear()
    return fingerprint.code_digest(step)


def test_closure_is_what_the_step_uses(code: Path) -> None:
    digest()
    closure = fingerprint.import_closure(code / "study/step.py")
    assert {str(path.relative_to(code)) for path in closure} == FILES.keys() - {"study/other.py", "reprise/unused.py"}


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("reprise/maths.py", "sum(x) / len(x)", "sum(x) / max(len(x), 1)", True),
        ("reprise/deeper.py", "1", "2", True),
        ("study/beside.py", "1", "'1'", True),
        ("study/analysis.R", "x <- 1", "x <- 3", True),
        ("study/analysis.R", "no comment", "No comment", True),
        ("study/more.R", "2", "3", True),
        ("reprise/unused.py", "2", "3", False),
        ("study/other.py", "json", "math", False),
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
