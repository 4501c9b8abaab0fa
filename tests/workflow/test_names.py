"""Whole runs: `snakemake predict` writes the name of no person but to the key, and any name of a file is a name."""

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from named_files import COMMAND, make_project
from persons import FOLDER, written_with_a_name
from project import BEFORE_TESTS, TINY, configure, copy_project, type_command

KEYS = ["results/own_clips/key.csv", "results/own_volumes/key.csv"]
ODD_NAMES = ["a,b", "$_{$", "NA", "=1+1", "http:", '<b>"']
# Files that Python, matplotlib and R read from the working directory if nothing tells them not to.
TRAPS = {
    **dict.fromkeys(
        ("json.py", "numpy.py", "sitecustomize.py"), "raise SystemExit('taken from the working directory')"
    ),
    "matplotlibrc": "backend: no_such_backend",
    ".Rprofile": "quit(status = 3)",
    ".Renviron": "R_DEFAULT_PACKAGES=no_such_package",
}


@pytest.mark.parametrize("option", ["", " -n"])
def test_no_file_but_the_key_and_no_line_that_is_printed_names_a_person(tmp_path: Path, option: str) -> None:
    project = tmp_path / "project"
    make_project(project)
    done = type_command(COMMAND + option, project)
    assert done.returncode == 0, done.stdout[-5000:]
    (project / "printed.txt").write_text(done.stdout)
    shutil.rmtree(project / "tests")  # where such names stand, of course
    assert written_with_a_name(project) == []
    for key in KEYS if not option else []:
        files = [Path(row["file"]).name for row in csv.DictReader((project / key).open())]
        assert sorted(files) == sorted(path.name for path in (tmp_path / FOLDER).iterdir())


def test_any_name_of_a_video_is_a_name_and_the_working_directory_is_no_source_of_code(
    tmp_path: Path, run_step, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_project(tmp_path, TINY)
    settings = json.dumps(TINY["echonet"]["phantom"] | {"seed": 0})
    made = run_step("echonet/make_phantom.py", "--settings", settings, "--output", tmp_path / "raw")
    assert made.returncode == 0, made.stderr
    names = rename_videos(tmp_path / "raw")
    configure(tmp_path, studies=["echonet"], data={"echonet": "raw"})
    for file, content in TRAPS.items():
        (tmp_path / file).write_text(content)
    monkeypatch.setitem(BEFORE_TESTS, "MPLBACKEND", "no_such_backend")
    run = type_command("snakemake results/report.html", tmp_path)
    assert run.returncode == 0, run.stdout[-5000:]
    study = tmp_path / "results/echonet"
    tables = ["store/cases.csv", "segmentation/deeplabv3_resnet50-seed0/size.csv"]
    tables += ["ef/r2plus1d_18-seed0/sound/test_predictions.csv"]
    for table in tables:
        with (study / table).open(newline="") as rows:
            assert names <= {row[0].removesuffix(".avi") for row in csv.reader(rows)}, table


def rename_videos(raw: Path) -> set[str]:
    """Give videos of the test split odd names, in the tables too; returns these names."""
    listed = pd.read_csv(raw / "FileList.csv", dtype=str)
    test = listed.loc[listed["Split"] == "TEST", "FileName"].str.removesuffix(".avi")
    new = dict(zip(test, ODD_NAMES, strict=True))
    for table in ("FileList.csv", "VolumeTracings.csv"):
        rows = pd.read_csv(raw / table, dtype=str)
        bare = rows["FileName"].str.removesuffix(".avi")
        suffix = rows["FileName"].str.extract(r"(\.avi)?$")[0].fillna("")
        rows.assign(FileName=bare.replace(new) + suffix).to_csv(raw / table, index=False)
    for old, name in new.items():
        (raw / "Videos" / f"{old}.avi").rename(raw / "Videos" / f"{name}.avi")
    return {*new.values()}
