"""The two tables of EchoNet-Dynamic, `FileList.csv` and `VolumeTracings.csv`.

Some things are tolerated because their meaning is clear: names with or without `.avi`, any letter case of headers and
splits, spaces around a cell, blank lines, a leading index column. Rows are numbered as an editor shows them: the header
is row 1.
"""

import re
from pathlib import Path

import pandas as pd

from reprise.data.findings import Findings
from reprise.engine.folders import UNPRINTABLE, one_line
from reprise.step.errors import InputError
from reprise.step.tables import UNREADABLE, read_text_table

SPLITS = ("train", "val", "test")
# Column of the file -> our name, least and greatest value.
NUMBERS = {
    "EF": ("ef", 0, 100),
    "ESV": ("esv_ml", 0, 10_000),
    "EDV": ("edv_ml", 0, 10_000),
    "FrameHeight": ("height", 1, 10_000),
    "FrameWidth": ("width", 1, 10_000),
    "FPS": ("fps", 1, 1_000),
    "NumberOfFrames": ("frames", 1, 1_000_000),
}
COORDINATES = ("X1", "Y1", "X2", "Y2")
WHOLE = ("FrameHeight", "FrameWidth", "NumberOfFrames", "Frame")
UNSAFE_NAME = rf"(?s:.*([/\\]|{UNPRINTABLE.pattern}).*)|\.{{0,2}}"
MOST_SHOWN = 20  # columns in a message


def read_file_list(path: Path, findings: Findings) -> pd.DataFrame:
    """Read `FileList.csv`; whatever is wrong with it goes to the findings.

    Returns:
        One row per video, indexed by its row in the file: case (name without suffix), split (train | val | test),
        ef (%), esv_ml, edv_ml, height and width (px), fps, frames. Rows with an unusable name are left out;
        an unusable number is NaN.
    """
    cells = _read_columns(path, ["FileName", *NUMBERS, "Split"], findings)
    table = pd.DataFrame({"case": _case_names(path.name, cells["FileName"], findings)})
    table["split"] = _splits(path.name, cells["Split"], findings)
    for column, (name, least, most) in NUMBERS.items():
        table[name] = _numbers(path.name, cells[column], least, most, findings)
    suffixed = cells["FileName"].str.lower().str.endswith(".avi").sum()
    if suffixed:
        findings.note(path.name, "", f"{suffixed} names end in .avi; taken without it")
    _refuse_fractions(path.name, table, findings)
    table = table.dropna(subset="case")
    _refuse_duplicates(path.name, table["case"], findings)
    return table


def read_tracings(path: Path, findings: Findings) -> pd.DataFrame:
    """Read `VolumeTracings.csv`; whatever is wrong with it goes to the findings.

    Returns:
        One row per traced line, in the order and with the row numbers of the file: case, frame (from 0), and the
        line's ends x1, y1, x2, y2 in pixels, y downwards. Rows with anything unusable are left out.
    """
    cells = _read_columns(path, ["FileName", *COORDINATES, "Frame"], findings)
    table = pd.DataFrame({"case": _case_names(path.name, cells["FileName"], findings)})
    table["frame"] = _numbers(path.name, cells["Frame"], 0, 1_000_000, findings)
    for column in COORDINATES:
        table[column.lower()] = _numbers(path.name, cells[column], -10_000, 10_000, findings)
    bare = (~cells["FileName"].str.lower().str.endswith(".avi")).sum()
    if bare:
        findings.note(path.name, "", f"{bare} rows name a video without .avi; taken as if with it")
    return table.dropna().astype({"frame": int})


def _read_columns(path: Path, columns: list[str], findings: Findings) -> pd.DataFrame:
    """The named columns as stripped text; none of their rows if the file or its header cannot be used."""
    cells = _read_cells(path, findings)
    headers = [str(cell).lower() for cell in cells.iloc[0]] if len(cells) else []
    wrong = [name for name in columns if headers.count(name.lower()) != 1]
    if wrong:
        if len(cells):
            found = one_line(", ".join(cells.iloc[0][:MOST_SHOWN]))
            findings.refuse(path.name, "row 1", f"expected one column each of {', '.join(wrong)}; found {found}")
        return pd.DataFrame({name: pd.Series(dtype=str) for name in columns})
    if headers[0] in ("", "unnamed: 0"):
        findings.note(path.name, "row 1", "a leading index column without a name; ignored")
    if len(cells) == 1:
        findings.refuse(path.name, "", "expected rows below the header, found none")
    return pd.DataFrame({name: cells.iloc[1:, headers.index(name.lower())] for name in columns})


def _read_cells(path: Path, findings: Findings) -> pd.DataFrame:
    """All cells of a CSV file as stripped text, the header among them, indexed by row number from 1."""
    try:
        # Without a header pandas never takes a column for an index, and reports a row that is too long.
        cells = read_text_table(path, header=None, na_filter=False, skip_blank_lines=False, encoding="utf-8-sig")
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ").removeprefix(f"{UNREADABLE}: ")
        findings.refuse(path.name, "", f"not a readable CSV file ({one_line(reason)})")
        return pd.DataFrame()
    cells.index += 1
    cells = cells.apply(lambda column: column.str.strip())
    cells = cells[(cells != "").any(axis=1)]
    if cells.empty:
        findings.refuse(path.name, "", "expected a header and rows below it, found blank cells only")
    return cells


def _case_names(file: str, cells: pd.Series, findings: Findings) -> pd.Series:
    """Names without `.avi`; missing where the name cannot be that of a file in the folder."""
    names = cells.str.replace(r"\.avi$", "", case=False, regex=True)
    # pandas would give the pattern to Arrow, where that is installed, and Arrow takes no lone surrogates.
    unsafe = names.map(lambda name: re.fullmatch(UNSAFE_NAME, name) is not None).astype(bool)
    for row, name in cells[unsafe].drop_duplicates().items():
        findings.refuse(file, f"row {row}", f"FileName must be the name of a file in Videos/, found {name!r}")
    return names.mask(unsafe)


def _splits(file: str, cells: pd.Series, findings: Findings) -> pd.Series:
    splits = cells.str.lower()
    for row, split in cells[~splits.isin(SPLITS)].items():
        findings.refuse(file, f"row {row}", f"Split must be TRAIN, VAL or TEST, found {split!r}")
    irregular = (cells != cells.str.upper()).sum()
    if irregular:
        findings.note(file, "", f"{irregular} splits are not in upper case; taken as if they were")
    return splits


def _numbers(file: str, cells: pd.Series, least: float, most: float, findings: Findings) -> pd.Series:
    """Text as numbers between two limits; anything else becomes a problem, and NaN."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    whole = cells.name in WHOLE
    good = numbers.between(least, most) & ((numbers % 1 == 0) | (not whole))
    for row, text in cells[~good].items():
        kind = "a whole number" if whole else "a number"
        findings.refuse(file, f"row {row}", f"{cells.name} must be {kind} from {least} to {most}, found {text!r}")
    return numbers.where(good)


def _refuse_fractions(file: str, table: pd.DataFrame, findings: Findings) -> None:
    """Refuse, once for all rows, EF from 0 to 1 beside volumes that give a hundred times as much."""
    ef, implied = table["ef"], (table["edv_ml"] - table["esv_ml"]) / table["edv_ml"].where(table["edv_ml"] > 0)
    as_fractions = ((ef - implied).abs() < (ef - 100 * implied).abs()).sum()
    if ef.max() <= 1 and as_fractions > len(table) / 2:
        shown = f"found {ef.min():.3g} to {ef.max():.3g}, which are fractions by the volumes ESV and EDV"
        findings.refuse(file, "", f"EF must be in percent; {shown}")


def _refuse_duplicates(file: str, cases: pd.Series, findings: Findings) -> None:
    first = {case: row for row, case in cases[::-1].items()}
    for row, case in cases[cases.duplicated()].items():
        findings.refuse(file, f"row {row}", f"{case} is already in row {first[case]}")
