"""A section of the report from its template: blocks in their parts, and values that cannot pass for prose."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from jinja2 import UndefinedError

from project import ROOT
from reprise.engine.definitions import read_source
from reprise.engine.fingerprint import CODE_ROOT, import_closure
from reprise.report.measures_table import side_by_side, value_texts
from reprise.report.published import read_measures
from reprise.report.section import section
from reprise.step.errors import InputError
from workflow_rules import STUDIES

TEMPLATE = """{# no part of the section #}
{% macro named(case) %}<{{ case }}> & more{% endmacro %}
---
picture: Slice of {{ case }}.
sound_headline: Another quantity.
---
# A study

First line
of {{ named(case) }}.

Error {{ error|number(2) }}.

## Alone

All about it.

Second paragraph.

## Figures

### Curves
![Curves of {{ case }}
 by epoch.](curves)

A caption,
in two lines.

### Slices
![](slices)

{% for row in rows %}
- ![Slice {{ row }}.](one.png) ![Marks.](two.png)
  Slice {{ row }}: {{ case }}.
{% endfor %}
"""
FILES = {
    "curves": {"kind": "figure", "svg": "curves.svg", "csv": "curves.csv"},
    "slices": {"kind": "slices", "slices": [{"image": "1"}, {"image": "2"}], "start": 1},
}


def made(folder: Path, case: str, template: str = TEMPLATE) -> dict:
    (folder / "section.md.j2").write_text(template)
    values = {"case": case, "error": -1234.5, "rows": [4, 5]}
    return section(folder / "section.md.j2", values, FILES, {"image": "a.webp"}, "0.5")


HOSTILE = "a](x) ![b](y)\n\n## <script> & &amp; {{ case }}\n---\n- c"


@pytest.mark.parametrize("case", ["A_1", HOSTILE])
def test_a_template_becomes_blocks_and_a_value_begins_none(tmp_path: Path, case: str) -> None:
    shown = re.sub(r"\s+", " ", case)
    slices = [
        {"image": f"{place + 1}", "alt": f"Slice {row}.", "marks": "Marks.", "caption": f"Slice {row}: {shown}."}
        for place, row in enumerate((4, 5))
    ]
    assert made(tmp_path, case) == {
        "title": "A study",
        "picture": {"image": "a.webp", "alt": f"Slice of {shown}."},
        "sound_headline": {"value": "0.5", "what": "Another quantity."},
        "summary": [f"First line of <{shown}> & more.", "Error \N{MINUS SIGN}1,234.50."],
        "blocks": [
            {"kind": "text", "title": "Alone", "text": "All about it.\n\nSecond paragraph."},
            {
                **FILES["curves"],
                "title": "Curves",
                "part": "Figures",
                "caption": "A caption, in two lines.",
                "alt": f"Curves of {shown} by epoch.",
            },
            {**FILES["slices"], "title": "Slices", "part": "Figures", "caption": "", "slices": slices},
        ],
    }


def test_a_name_without_a_value_and_a_file_without_words_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        made(tmp_path, "A_1", TEMPLATE + "{{ nothing }}")
    with pytest.raises(InputError, match=r"no caption for curves in section\.md\.j2"):
        made(tmp_path, "A_1", TEMPLATE.replace("(curves)", "(other)"))


@pytest.mark.parametrize("study", STUDIES)
def test_a_word_of_a_section_changes_the_step_that_describes_the_study_and_no_other(study: str) -> None:
    template = CODE_ROOT / study / "analysis" / "section.md.j2"
    programs = [path for folder in (*STUDIES, "report") for path in (CODE_ROOT / folder).glob("*.py")]
    assert [path for path in programs if template in import_closure(path)] == [CODE_ROOT / study / "describe.py"]


def test_each_byte_of_a_template_counts(tmp_path: Path) -> None:
    digests = []
    for text in (TEMPLATE, TEMPLATE.replace("about it", "about that")):
        (tmp_path / "section.md.j2").write_text(text)
        digests.append(read_source(tmp_path / "section.md.j2").definitions)
    assert digests[0] != digests[1]


def metrics(*quantities: str) -> pd.DataFrame:
    rows = [("published", quantity, "1", 0.12345, 0.1, 0.2, 0.9, 12) for quantity in quantities] + [
        ("sound", quantity, "1", float("nan"), float("nan"), float("nan"), 0.95, 6) for quantity in quantities
    ]
    names = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
    return pd.DataFrame(rows, columns=names)


def test_measures_have_the_names_and_decimals_of_the_published_figures() -> None:
    settings = yaml.safe_load((ROOT / "config" / "published.yaml").read_text())
    measures = read_measures(settings)
    table = metrics("net/test/accuracy", "net/test/ppv")
    texts = value_texts(table, "published", measures)
    assert texts == {"net/test/accuracy": "0.1235 (0.1000–0.2000)", "net/test/ppv": "0.12 (0.10–0.20)"}  # noqa: RUF001
    assert value_texts(table, "sound", measures) == {}
    wide = side_by_side(table, measures, {"test": "testing"})
    first = ["Pixel accuracy", "net, testing", "1", "12 / 6", texts["net/test/accuracy"], "–"]  # noqa: RUF001
    assert wide.iloc[0].tolist() == first
    with pytest.raises(InputError, match=r"net/test/other: config/published\.yaml names no measure other"):
        side_by_side(metrics("net/test/other"), measures, {})
    with pytest.raises(InputError, match=r"measures: ppv\.decimals: Input should be a valid integer"):
        read_measures({"measures": settings["measures"] | {"ppv": settings["measures"]["ppv"] | {"decimals": "many"}}})
