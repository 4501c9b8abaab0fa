"""A hundred damaged files for each parser: each is read, or refused in one line."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

from fuzz import PARSERS, fuzz


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parser", PARSERS)
def test_damaged_files_are_read_or_refused_in_one_line(parser: str, tmp_path: Path) -> None:
    assert fuzz(parser, 100, tmp_path) == []
