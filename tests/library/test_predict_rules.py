"""`snakemake predict` takes the one study that fits a user's files, or says in one line what to type."""

from pathlib import Path

import pytest

from dry_runs import dry_runs
from project import configured, copy_project, type_command
from workflow_rules import STUDIES

FILES = {"clips": ["a.AVI", "notes.txt"], "volumes": ["deep/b.nii.gz"], "both": ["a.dcm", "b.nii"], "none": ["a.txt"]}
PREDICTING = {"echonet": "echonet_predict_clips", "mslesion": "mslesion_predict_volumes"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with folders of a user's files beside it."""
    folder = tmp_path_factory.mktemp("predict")
    copy_project(folder)
    for name, files in FILES.items():
        for file in files:
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / file).touch()
    return folder


@pytest.mark.parametrize(
    ("target", "folder", "study"),
    [
        ("predict", "clips", "echonet"),
        ("predict", "volumes", "mslesion"),
        *((f"predict_{study}", "none", study) for study in STUDIES),
    ],
)
def test_one_study_predicts(project: Path, target: str, folder: str, study: str) -> None:
    edit = {"config.yaml": configured(project, input=folder)}
    (answer,) = dry_runs(project, [target], [edit])
    assert {*PREDICTING.values()} & {*answer["jobs"]} == {PREDICTING[study]}


@pytest.mark.parametrize(
    ("words", "problem", "studies"),
    [
        ("predict", "no folder of your own files is named", STUDIES),
        ("predict_mslesion", "no folder of your own files is named", STUDIES),
        ("predict --config input=both", "both: files of several studies", STUDIES),
        ("predict --config input=none", "none: no file whose ending a study of this run knows", STUDIES),
        ("predict --config input=clips studies=[mslesion]", "clips: no file whose ending", ["mslesion"]),
    ],
)
def test_else_one_line_says_what_to_type(project: Path, words: str, problem: str, studies: list[str]) -> None:
    done = type_command(f"snakemake {words}", project)
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert done.returncode != 0 and said == done.stdout.splitlines()[-1] and problem in said
    assert [study for study in STUDIES if f"`snakemake predict_{study} --config input=" in said] == [*studies]
    assert not (project / "results/logs").exists()
