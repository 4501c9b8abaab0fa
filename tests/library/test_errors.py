"""A message about bad input never sends control characters to a terminal."""

import os
import pickle

from reprise.step.errors import InputError


def test_what_a_message_quotes_is_printable_and_its_lines_stay() -> None:
    error = InputError(f"{os.fsdecode(b'a' + bytes([255]))}: found \x1b[2J\0\x9b\u2028\n  a second line, é")
    assert str(error) == "a\\udcff: found \\x1b[2J\\x00\\x9b\\u2028\n  a second line, é"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
