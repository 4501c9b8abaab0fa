"""The whole demo as a user runs it: from raw phantoms to one report, then edits, then the user's own clips."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from browser import check_page, opened, page_height
from keyboard import dead_controls, unreachable, without_visible_focus
from paper import cut_on_paper
from project import TINY, configure, copy_project, type_command
from workflow_rules import STUDIES

REPORT = "snakemake results/report.html"
SCOREBOARD = "study,protocol,quantity,unit,source,published,value,ci_low,ci_high,data,verdict"
# What each row of a chain from the printed Dice of crops to the sound one gives up, before the subjects.
TISSUE_HABITS = [
    *("An absent class scores 0", "Air counted as a class", "Crops of a batch pooled", "Crops, not whole volumes"),
    *("Sigmoid, not softmax", "Soft Dice, not of classes", "Training as published"),
]

Demo = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    copy_project(folder)
    run = type_command(REPORT, folder)
    assert run.returncode == 0, run.stdout[-8000:]
    return folder, run


def metric(folder: Path, protocol: str, quantity: str, study: str = "echonet") -> float:
    table = pd.read_csv(folder / f"results/{study}/metrics.csv").set_index(["protocol", "quantity"])
    return float(table.loc[(protocol, quantity), "value"])


def test_demo_learns_to_find_lesions(demo: Demo) -> None:
    folder, _ = demo
    assert metric(folder, "published", "fc_densenet67/mean_fold/dice", "mslesion") >= 0.7
    for network in ("fc_densenet67", "unet_2d", "unet_3d"):
        assert metric(folder, "sound", f"{network}/scans/dice", "mslesion") >= 0.6
    loads = pd.read_csv(folder / "results/mslesion/lesions.csv").query("protocol == 'sound'")
    correlations = loads.groupby("network")[["load_ml", "true_load_ml_1"]].corr().iloc[0::2, 1]
    assert (correlations > 0.5).all()


def test_each_scan_is_scored_once_by_each_network_and_protocol(
    demo: Demo,
) -> None:
    study = demo[0] / "results/mslesion"
    counts = pd.read_csv(study / "lesions.csv").groupby(["network", "protocol"])["case"].agg(["size", "nunique"])
    assert counts.to_numpy().tolist() == [[21, 21]] * 4
    assert pd.read_csv(study / "folds.csv").groupby("patient")["fold"].nunique().max() == 1
    habits = pd.read_csv(study / "quirks.csv")["quirk"]
    assert {"Split by time point, not by patient", "One rater, not both"} <= set(habits)


def test_demo_learns(demo: Demo) -> None:
    folder, _ = demo
    assert metric(folder, "published", "segmentation/deeplabv3_resnet50/test/dice_overall") >= 0.85
    by_mean = metric(folder, "sound", "baseline/test/mae")
    for protocol in ("published", "sound"):
        assert metric(folder, protocol, "ef/r2plus1d_18/test/all/mae") < 0.9 * by_mean
    cases = pd.read_csv(folder / "results/echonet/store/cases.csv").set_index("case")["ef"]
    beats = pd.read_csv(folder / "results/echonet/segmentation/deeplabv3_resnet50-seed0/mask_ef.csv")
    from_masks = beats.groupby("case")["ef"].mean()
    assert from_masks.corr(cases.reindex(from_masks.index)) > 0.6


def test_demo_learns_to_tell_the_heart_apart(demo: Demo) -> None:
    folder, _ = demo
    for method in ("unet", "linknet", "fpn", "unet_2d", "equal", "simplex", "majority", "staple"):
        assert metric(folder, "sound", f"{method}/test/dice", "acdc") >= 0.6, method
    assert metric(folder, "sound", "equal/test/lv_ef_r", "acdc") > 0.6
    scores = pd.read_csv(folder / "results/acdc/ensembles/scores.csv").query("split == 'test'")
    assert set(scores.groupby("method")["case"].nunique()) == {20}, "each phase of ten patients, once by each method"
    habits = set(pd.read_csv(folder / "results/acdc/quirks.csv")["quirk"])
    assert len(habits) >= 7, habits


def test_demo_learns_to_tell_tissues_apart(demo: Demo) -> None:
    study = demo[0] / "results/iseg"
    for network, least in {"unet3d": 0.55, "skipdensenet3d": 0.55, "nnunet_3d": 0.65}.items():
        assert metric(demo[0], "sound", f"{network}/subjects/dice", "iseg") >= least, network
    for protocol, least in {"thesis": 0.6, "master": 0.68}.items():
        assert metric(demo[0], "published", f"unet3d/{protocol}/crops/dice", "iseg") >= least, protocol
    scores = pd.read_csv(study / "scores.csv").drop_duplicates(["network", "protocol", "subject"])
    sound = scores[scores["protocol"] == "sound"].groupby("network")["subject"]
    assert sound.apply(sorted).tolist() == [[1, 2, 3]] * 3, "each subject once by each network"
    assert scores.groupby("protocol").size().to_dict() == {"by_thesis": 2, "by_master": 2, "sound": 9}
    habits = pd.read_csv(study / "quirks.csv").groupby("quantity")["quirk"].agg(list)
    chains = {
        name.split("/")[1]: kinds for name, kinds in habits.items() if name.endswith(("thesis/dice", "master/dice"))
    }
    assert chains["thesis"] == [name for name in TISSUE_HABITS if "batch" not in name] + ["Only subject 1 validates"]
    assert chains["master"] == [*TISSUE_HABITS, "Only subject 3 validates"]
    written = {path.name for path in (study / "unet3d-seed0/sound/test").glob("subject-*")}
    assert written == {f"subject-{number}-label.{ending}" for number in (4, 5) for ending in ("hdr", "img")}


def test_demo_learns_to_see_findings(demo: Demo) -> None:
    folder, study = demo[0], demo[0] / "results/medfm"
    for task, least in {"chest": 0.65, "colon": 0.85, "endo": 0.65}.items():
        assert metric(folder, "sound", f"densenet121/{task}/auc", "medfm") >= least, task
        assert metric(folder, "published", f"densenet121/writeup/{task}/auc", "medfm") >= least, task
        few = [
            metric(folder, "sound", f"vit_base_patch16_224/linear_probe/{task}/{shots}-shot/auc", "medfm")
            for shots in (1, 5)
        ]
        assert min(few) >= 0.6, task
    maps = pd.read_csv(study / "densenet121-seed0/sound/maps/maps.csv")
    assert set(maps["task"]) == {"chest", "colon", "endo"} and maps.groupby(["task", "finding"]).ngroups == 24
    known = maps[(maps["task"] == "endo") & maps["box"].notna()]
    assert (known["overlap"] - known["box"]).mean() > 0.1, "the map finds more of a finding than chance"
    files = {path.name for path in (study / "submissions").rglob("exp2/*.csv")}
    assert files == {f"{task}_{shots}-shot_submission.csv" for task in ("chest", "colon", "endo") for shots in (1, 5)}


def test_nothing_of_a_phantom_is_called_reproduced(demo: Demo) -> None:
    lines = (demo[0] / "results/scoreboard.csv").read_text().splitlines()
    assert lines[0] == SCOREBOARD
    rows = list(csv.DictReader(lines))
    assert len(rows) > 80 and {row["study"] for row in rows} == {*STUDIES}
    assert {row["verdict"] for row in rows} == {"not comparable"}
    assert {row["data"] for row in rows} == {"phantom"}


def test_outputs_have_the_published_form(demo: Demo) -> None:
    study = demo[0] / "results/echonet"
    size = (study / "segmentation/deeplabv3_resnet50-seed0/size.csv").read_text().splitlines()
    assert size[0] == "Filename,Frame,Size,HumanLarge,HumanSmall,ComputerSmall"
    dice = (study / "segmentation/deeplabv3_resnet50-seed0/test_dice.csv").read_text().splitlines()
    assert dice[0] == "Filename, Overall, Large, Small"
    name, start, value = (
        (study / "ef/r2plus1d_18-seed0/published/test_predictions.csv").read_text().split("\n")[0].split(",")
    )
    assert name.endswith(".avi") and start == "0" and len(value.partition(".")[2]) == 4


def test_report_opens_without_a_fault(demo: Demo) -> None:
    report = demo[0] / "results/report.html"
    check_page(report)
    assert report.stat().st_size < 7e6
    assert page_height(report) < len(STUDIES) * 7_000, "each study has a bearable length"
    assert "not comparable" in report.read_text().lower()


def test_report_prints_uncut_and_a_keyboard_reaches_all_of_it(demo: Demo, tmp_path: Path) -> None:
    report = demo[0] / "results/report.html"
    with opened(report, bypass_csp=True) as (page, _):
        assert cut_on_paper(page, tmp_path) == []
        assert len(list(tmp_path.glob("sheet-*.png"))) > 2 * len(STUDIES)
    with opened(report, viewport={"width": 1000, "height": 700}) as (page, faults):
        assert unreachable(page) == []
        assert dead_controls(page) == []
        assert without_visible_focus(page) == []
        assert faults == []


def test_every_step_has_left_its_log_and_benchmark(demo: Demo) -> None:
    results = demo[0] / "results"
    logs, benchmarks = (
        {path.with_suffix("").relative_to(results / kind) for path in (results / kind).rglob("*.*")}
        for kind in ("logs", "benchmarks")
    )
    assert logs == benchmarks and len(logs) >= 60
    jobs = pd.read_csv(results / "jobs.csv")["benchmark"]
    assert sorted(jobs) == sorted(f"results/benchmarks/{name}.tsv" for name in benchmarks)


def test_again_there_is_nothing_to_do(demo: Demo) -> None:
    again = type_command(REPORT, demo[0])
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("workflow_scripts/reprise/training/loop.py", '"""The one training loop', '# why\n"""One training loop', set()),
        ("config.yaml", "device: auto", "device: cpu", set()),
        (
            "workflow_scripts/echonet/analysis/roc_figure.py",
            "N{MINUS SIGN} specificity",
            "N{MINUS SIGN} true negatives",
            {"echonet_plot_roc", "echonet_describe", "report_page"},
        ),
        (
            "workflow_scripts/mslesion/analysis/section.md.j2",
            "first rater counts.",
            "first rater matters.",
            {"mslesion_describe", "report_page"},
        ),
        (
            "config/published.yaml",
            "label: Dice,",
            "label: Dice coefficient,",
            {*(f"{study}_describe" for study in STUDIES), "report_scoreboard", "report_page"},
        ),
        ("config/published.yaml", "value: 0.89,", "value: 0.88,", {"report_scoreboard", "report_page"}),
    ],
)
def test_only_what_is_stale_would_run(demo: Demo, file: str, old: str, new: str, stale: set[str]) -> None:
    path = demo[0] / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    try:
        assert would_run(demo[0]) == stale
    finally:
        path.write_text(text)


def would_run(folder: Path) -> set[str]:
    dry = type_command(f"{REPORT} -n", folder)
    assert dry.returncode == 0, dry.stdout
    return set(re.findall(r"^(?:local)?rule (\w+):", dry.stdout, re.MULTILINE))


def test_own_clips(demo: Demo, real_data: Path) -> None:
    folder, _ = demo
    run = type_command(f"snakemake predict --config input={real_data / 'echo'}", folder)
    assert run.returncode == 0, run.stdout[-5000:]
    found = pd.read_csv(folder / "results/own_clips/predictions/predictions.csv")
    assert found["clip"].nunique() == 6
    check_page(folder / "results/own_clips/predictions/index.html")


@pytest.mark.parametrize(
    ("file", "damage", "expected"),
    [
        ("config.yaml", "seed: 0", "seed: zero"),
        ("config.yaml", "schedule: demo", "shedule: demo"),
        ("config/published.yaml", "\nstudies:\n", "\nstudies: [\n"),
        ("config/published.yaml", "\nstudies:\n", "\nstudy:\n"),
    ],
)
def test_misspelt_configuration_is_one_line_and_no_job(tmp_path: Path, file: str, damage: str, expected: str) -> None:
    copy_project(tmp_path, TINY)
    config = tmp_path / file
    assert damage in config.read_text()
    config.write_text(config.read_text().replace(damage, expected))
    run = type_command(REPORT, tmp_path)
    assert run.returncode != 0
    assert f"{file}: " in run.stdout and "Traceback" not in run.stdout
    assert not (tmp_path / "results/echonet").exists()


def test_damaged_raw_data_stops_before_anything_is_made(tmp_path: Path, run_step) -> None:
    copy_project(tmp_path, TINY)
    settings = TINY["echonet"]["phantom"] | {"seed": 0}
    made = run_step("echonet/make_phantom.py", "--settings", json.dumps(settings), "--output", tmp_path / "raw")
    assert made.returncode == 0, made.stderr
    victim = sorted((tmp_path / "raw/Videos").iterdir())[3]
    victim.write_bytes(victim.read_bytes()[:-500])
    configure(tmp_path, data={"echonet": "raw"})
    run = type_command(REPORT, tmp_path)
    assert run.returncode != 0
    assert f"Videos/{victim.name}" in run.stdout
    assert not (tmp_path / "results/echonet/manifest.csv").exists()
    shutil.rmtree(tmp_path / "raw")


def test_published_schedule_can_be_planned(demo: Demo) -> None:
    plan = type_command(f"{REPORT} -n --config schedule=published", demo[0])
    assert plan.returncode == 0, plan.stdout[-3000:]
    assert "kinetics400/r2plus1d_18" in plan.stdout and "imagenet_backbone/deeplabv3_resnet50" in plan.stdout
