"""The page about a user's own files: what fits is embedded, what comes later is linked."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from browser import check_page
from reprise.report import own_files_page
from reprise.report.own_files_page import Case, Media, write_own_files_page

TEXTS = {"title": "Own files", "kind": "things", "warnings": ["Mind <this>."], "overview_caption": "All of them"}


def case(folder: Path, name: str, pictures: int) -> Case:
    """A case with noisy pictures of its own, which are larger than their alternatives in words."""
    media = []
    for number in range(pictures):
        file = folder / f"{name}-{number}.png"
        cv2.imwrite(str(file), np.random.default_rng(number).integers(0, 255, (40, 60), np.uint8))
        media.append(Media(file, f"alt {file.stem}", f"caption {file.stem}", (40, 60)))
    return Case(name, "facts", [f"note {name}"], media, {"Rows <of it>": pd.DataFrame({"x": [1.5]})})


def test_a_case_whose_pictures_do_not_all_fit_is_linked_and_a_smaller_one_after_it_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [case(tmp_path, "first", 1), case(tmp_path, "second", 2), case(tmp_path, "third", 1)]
    size = (tmp_path / "first-0.png").stat().st_size
    monkeypatch.setattr(own_files_page, "EMBEDDED_BYTES", 2 * size)
    table = pd.DataFrame({"name": [each.name for each in cases]})
    page = tmp_path / "index.html"
    write_own_files_page(page, cases, table, TEXTS, table[:0], pd.DataFrame({"network": ["a", "b"]}))
    text = page.read_text()
    for name, embedded in (("first-0", True), ("second-0", False), ("second-1", False), ("third-0", True)):
        assert (f'alt="alt {name}"' in text) == embedded
        assert (f'<p class="placeholder">alt {name}</p>' in text) != embedded
        assert f'<a href="{name}.png">{name}.png</a>' in text and f"caption {name}" in text
    assert text.count("data:image/png") == 2 and text.count("Rows &lt;of it&gt;</caption>") == 3
    assert "Findings on import" not in text and '<h2 id="networks">Networks</h2>' in text
    check_page(page)
    write_own_files_page(page, cases[:1], table, TEXTS, table, pd.DataFrame({"network": ["a"]}))
    assert '<h2 id="findings">' in page.read_text() and '<h2 id="networks">Network</h2>' in page.read_text()
