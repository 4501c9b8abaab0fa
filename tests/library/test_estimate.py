"""How long a schedule takes: which jobs there are, how many steps each has, and when the last one ends."""

import csv
import subprocess
import sys

import pytest

from project import ROOT, TINY, configure, copy_project, type_command

FRAMES = 177  # of a made-up video


@pytest.fixture(scope="module")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, str]], str]:
    """The rows by job, and what was printed, of a tiny schedule with two seeds, without any data."""
    folder = tmp_path_factory.mktemp("estimate")
    copy_project(folder, TINY)
    studies = ["echonet", "mslesion", "acdc", "iseg", "medfm"]
    models = {"mslesion": {"baselines": ["unet_3d"]}, "iseg": {"networks": ["unet3d"]}}
    configure(folder, seed=[0, 1], studies=studies, models=models)
    run = type_command(
        "env PYTHONPATH=workflow_scripts python workflow_scripts/bench/estimate.py --schedule demo", folder
    )
    assert run.returncode == 0, run.stdout
    made = {path.name for path in (folder / "results").iterdir()}
    assert made - {"compiled"} == {"estimate.csv"}, "nothing else is run; PyTorch's compiler may make its empty folder"
    with (folder / "results/estimate.csv").open() as stream:
        return {f"{row['study']} {row['job']}": row for row in csv.DictReader(stream)}, run.stdout


def test_each_training_and_long_prediction_has_its_jobs_and_steps(
    estimated: tuple[dict[str, dict[str, str]], str],
) -> None:
    rows = {name: (int(row["jobs"]), int(row["steps"])) for name, row in estimated[0].items()}
    train, test, folds, seeds = 12, 6, 3, 2
    clips = test * (FRAMES - 15 * 4)  # of 16 frames, every fourth
    assert rows["echonet train segmentation deeplabv3_resnet50"] == (seeds, train // 4)
    assert rows["echonet train EF r2plus1d_18"] == (seeds, train // 8)
    assert rows["echonet predict EF r2plus1d_18, test"] == (2 * seeds, -(-clips // 32))
    assert rows["echonet predict EF r2plus1d_18, val"] == (seeds, -(-clips // 32))
    assert rows["echonet segment videos deeplabv3_resnet50"] == (seeds, test)
    # A fold has seven scans if scans are dealt; six of the twelve slices of each have a lesion.
    assert rows["mslesion train fc_densenet67, published"] == (folds * seeds, 14 * 6 // 8)
    assert rows["mslesion segment scans unet_3d, sound"] == (seeds, 21)
    assert sum(name.startswith("mslesion train") for name in rows) == 4
    # Five slices of each of ten volumes and of the five copies of one, without the share that validates.
    assert rows["acdc train unet, published"] == (seeds, (15 * 5 - 12) // 8)
    assert rows["acdc predict slices fpn, published"] == (seeds, 5)
    # The stacks of the test set and of a patient who validates: plain, in four ways flipped, and by one snapshot.
    assert rows["acdc predict stacks fpn, sound"] == (seeds, (10 + 2) * 6)
    assert rows["acdc predict stacks unet_2d, sound"] == (seeds, 10 + 2)
    # Two crops for training, one or up to four of them at a time; a crop of the one subject that trains in a fold.
    assert rows["iseg train unet3d, by_thesis"] == (seeds, 2)
    assert rows["iseg train unet3d, by_master"] == (seeds, 1)
    assert rows["iseg train nnunet_3d, sound"] == (folds * seeds, 1)
    # The subject left out in each fold; and one test subject, by the networks of all folds.
    assert rows["iseg segment volumes unet3d, by_thesis"] == (seeds, 1)
    assert rows["iseg segment volumes nnunet_3d, sound"] == (seeds, 3)
    assert rows["iseg segment test unet3d, sound"] == (seeds, folds)
    # Four fifths of 120 X-rays train; a support set has one for each finding; features are computed once for all.
    assert rows["medfm train densenet121, by_writeup, chest"] == (seeds, 96 // 16)
    assert rows["medfm lora vit_base_patch16_224, chest, 1 shots"] == (seeds, 18 // 4)
    assert rows["medfm vpt_shallow vit_base_patch16_224, endo, 1 shots"][0] == 2 * seeds
    assert rows["medfm compute features vit_base_patch16_224"] == (1, -(-(120 + 60 + 80) // 16))


def test_the_hours_of_all_jobs_add_up(estimated: tuple[dict[str, dict[str, str]], str]) -> None:
    rows, printed = estimated
    of_one = float(printed.partition("in all, on 1 core: ")[2].split()[0])
    assert of_one == pytest.approx(sum(float(row["hours"]) for row in rows.values()), rel=0.01)
    row = rows["echonet predict EF r2plus1d_18, test"]
    seconds = float(row["jobs"]) * float(row["steps"]) * float(row["seconds_a_step"])
    assert float(row["hours"]) == pytest.approx(seconds / 3600, rel=0.01)


def test_the_longest_job_and_the_number_of_gpus_bound_the_time() -> None:
    code = "import sys; sys.path.insert(0, 'workflow_scripts/bench'); from estimate import makespan as m"
    cases = "m([3, 1, 2, 2], 1), m([3, 1, 2, 2], 2), m([3, 1, 2, 2], 9), m([5, 1, 1], 2)"
    command = [sys.executable, "-c", f"{code}; print({cases})"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert found.strip() == "8.0 4.0 3.0 5.0"
