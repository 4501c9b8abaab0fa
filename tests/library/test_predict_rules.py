"""`snakemake predict` takes each study that fits a user's files, or says in one line what to type."""

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage

from dry_runs import dry_runs
from persons import FOLDER, written_with_a_name
from project import configured, copy_project, type_command

FILES = {"clips": ["a.AVI", "notes.txt"], "volumes": ["deep/b.nii.gz"], "both": ["a.dcm", "b.nii"], "none": ["a.txt"]}
PREDICTING = {"echonet": "echonet_predict_clips", "mslesion": "mslesion_predict_volumes"}
PREDICTING |= {"acdc": "acdc_predict_stacks", "iseg": "iseg_predict_brains", "medfm": "medfm_predict_images"}
KNOWING = ("echonet", "mslesion")  # the studies that know their files by name; others predict only if they are named


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with folders of a user's files beside it."""
    folder = tmp_path_factory.mktemp("predict")
    copy_project(folder)
    for name, files in FILES.items():
        for file in files:
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / file).touch()
    for name in ("scans/1.dcm", "series/1.dcm", "series/2.dcm"):
        (folder / name).parent.mkdir(exist_ok=True)
        write_scan(folder / name)
    (folder / "scans" / "b.nii").touch()
    (folder / "results" / "own_clips" / "clips").mkdir(parents=True)
    (folder / "results" / "own_clips" / "clips" / "mine.avi").touch()
    (folder / "link").symlink_to(folder / "results" / "own_clips" / "clips")
    return folder


def write_scan(path: Path) -> None:
    """Write the header of an MR image as DICOM."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if path.name == "1.dcm" else ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MRImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.Modality = "MR"
    data.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize(
    ("target", "folder", "studies"),
    [
        ("predict", "clips", ["echonet"]),
        ("predict", "volumes", ["mslesion"]),
        ("predict", "both", KNOWING),
        ("predict", "scans", ["mslesion"]),
        *((f"predict_{study}", "none", [study]) for study in PREDICTING),
    ],
)
def test_the_studies_that_fit_predict(project: Path, target: str, folder: str, studies: list[str]) -> None:
    edit = {"config.yaml": configured(project, input=folder, task="chest")}
    (answer,) = dry_runs(project, [target], [edit])
    assert {*PREDICTING.values()} & {*answer["jobs"]} == {PREDICTING[study] for study in studies}


@pytest.mark.parametrize(
    ("words", "problem", "studies"),
    [
        ("predict", "no folder of your own files is named", PREDICTING),
        ("predict_mslesion", "no folder of your own files is named", PREDICTING),
        ("predict --config input=none", "none: no file of a known kind", PREDICTING),
        (
            "predict --config input=series",
            "2 DICOM files of scans; convert them to NIfTI with dcm2niix",
            PREDICTING,
        ),
        ("predict --config input=clips studies=[mslesion]", "clips: no file of a known kind", ["mslesion"]),
        ("predict --config input=clips/a.AVI", "a.AVI is a file; name the folder that it lies in", []),
        ("predict --config input=results/own_clips/clips", "inside results/ or around it", []),
        ("predict_mslesion --config input=.", "inside results/ or around it", []),
        ("predict_medfm --config input=none", "task: name what your images show", []),
        ("predict --config input=link", "inside results/ or around it", []),
        ("predict --config input=clips --config seed=1", "--config is given twice", []),
        ("predict --config input=clips weights={a:https://x.org/a?KEY}", "a link with a key or a password in it", []),
    ],
)
def test_else_one_line_says_what_to_type(project: Path, words: str, problem: str, studies: list[str]) -> None:
    done = type_command(f"snakemake {words}", project)
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert done.returncode != 0 and said == done.stdout.splitlines()[-1] and problem in said
    assert [study for study in PREDICTING if f"`snakemake predict_{study} --config input=" in said] == [*studies]
    assert not (project / "results/logs").exists() and (project / "results/own_clips/clips/mine.avi").exists()


def test_a_dry_run_writes_no_name_of_a_file(project: Path) -> None:
    (project / FOLDER).mkdir()
    for name in ("Li_Ng.avi", "12Mar1954.nii"):
        (project / FOLDER / name).touch()
    done = type_command(f"snakemake predict -n --config input={FOLDER}", project)
    assert done.returncode == 0, done.stdout[-3000:]
    assert list((project / "results/fingerprints").iterdir()) and written_with_a_name(project / "results") == []
