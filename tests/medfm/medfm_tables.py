"""A small tree of the findings study's results, made up, as the pipeline leaves it before scoring.

A network is a formula: the truth of an image plus noise, less noise for the studies that it trained on. In the official
test set of endoscopy no image has a tumour, as in the published one.
"""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from heat_map_files import write_maps
from medfm.analysis.few_shot import UNSEEN, Answers, experiments_of, write_answers
from medfm.analysis.leaks import leak_table
from medfm.analysis.protocols import PROTOCOLS, TASKS, of_task, split_of, truth_of
from project import ROOT
from reprise.data.store import write_store

NETWORKS, FEW_SHOT = ("densenet121", "swin_base"), "vit_tiny"
RECIPES = {"by_writeup": {"train_share": 0.8}, "by_challenge": {}, "sound": {"shares": {"val": 0.1, "test": 0.3}}}
SHOTS, EXPERIMENTS, METHODS = (1, 5), (1, 2, 3), ("linear_probe", "prototypes", "vpt_shallow")
EPOCHS, BEST = 6, 4
STUDY_IMAGES = 4
PARTS = ("train_20", "val_20", "test_WithLabel", "test_WithLabel", "test_WithoutLabel")
INITIAL = "random"
EDA = ("findings", "labels", "cooccurrence", "sizes", "groups")
# Published figures as the rules pass them on: two of a curve, of which one lies beyond its end, and two of few shots.
POINTS = {
    "densenet121/writeup/endo/map_epoch5": 0.3675,
    "densenet121/writeup/endo/map_epoch30": 0.5562,
    "swin_base_patch4_window12_384/challenge/endo/5-shot/map": 0.2388,
    "swin_base_patch4_window12_384/challenge/colon/10-shot/auc": 0.9714,
    "later/eva02_base_patch14_448/auc_colon": 0.9762,
}
OUTPUTS = ("metrics", "quirks", "per_finding", "few_shot", "calibration")
SETTINGS = {"resamples": 200, "seed": 0, "few_shot": {"shots": SHOTS, "experiments": EXPERIMENTS}}


def cases() -> pd.DataFrame:
    """The table of cases: 60 studies of four images of colon and endoscopy each, 240 single images of the chest."""
    random = np.random.default_rng(0)
    rows = []
    for task, findings in TASKS.items():
        share = np.linspace(0.4, 0.1, len(findings))
        for number in range(240):
            study = number // STUDY_IMAGES
            part = PARTS[study % len(PARTS)]
            labels = random.random(len(findings)) < share
            if task == "endo" and part == "test_WithLabel":
                labels[-1] = False
            rows.append(
                {"case": f"{task}-{number + 1:04}", "task": task, "image": f"{task} {number}.png"}
                | {"group": f"{task}{number if task == 'chest' else study}", "part": part, "labelled": 1}
                | {"study": f"{study}", "official": "val" if part == "test_WithoutLabel" else "train"}
                | {"labels": "".join(str(int(digit)) for digit in labels), "row": number, "height": 64, "width": 80}
                | {"phash": f"{number:016x}", "twin": "", "sha256": "0" * 64}
            )
    return pd.DataFrame(rows)


def answered(images: pd.DataFrame, seen: pd.Series, key: list[int]) -> np.ndarray:
    """Probabilities (N, F) of a made-up network, which is nearly sure of images whose group it has seen."""
    random = np.random.default_rng(key)
    noise = np.where(seen, 0.5, 2.0)[:, None]
    logits = 2.0 * truth_of(images) - 1.5 + noise * random.normal(size=(len(images), len(images["labels"].iloc[0])))
    return 1 / (1 + np.exp(-logits))


def make_results(folder: Path) -> Path:
    """Write what `score` reads: the store, of each run scores.csv and log.csv, and the stores of few-shot answers."""
    table = cases()
    arrays = {task: np.zeros((240, 8, 8, 1 if task == "chest" else 3), np.uint8) for task in TASKS}
    write_store(folder / "store", table, arrays)
    lists().to_csv(folder / "lists.csv", index=False)
    for place, network in enumerate(NETWORKS):
        for number, protocol in enumerate(PROTOCOLS):
            for task in TASKS:
                _write_run(folder / f"{network}-seed0" / protocol / task, table, protocol, task, [place, number])
    (folder / "findings.csv").write_text("severity,file,where,finding\n")
    (folder / "maps").mkdir()
    write_maps(folder / "maps")
    (folder / "twins.csv").write_text("task,twin,case,official,part,same_labels\n")
    leaks = leak_table(table, lists(), 0, RECIPES)
    leaks.to_csv(folder / "leaks.csv", index=False)
    for seed in (0, 1):
        run = folder / "few_shot" / f"{FEW_SHOT}-seed{seed}"
        _write_answers(run / "frozen", table, METHODS[:2], seed)
        _write_answers(run / METHODS[2], table, METHODS[2:], seed)
    return folder


def _write_run(folder: Path, table: pd.DataFrame, protocol: str, task: str, key: list[int]) -> None:
    images = of_task(table, task)
    split = split_of(images, protocol, 0, RECIPES[protocol])
    test = images[split == "test"]
    seen = test["group"].isin(images.loc[split == "train", "group"])
    folder.mkdir(parents=True)
    scores = pd.DataFrame(answered(test, seen, key), columns=[*TASKS[task]]).round(4)
    pd.concat([pd.DataFrame({"case": test["case"].to_numpy(), "split": "test"}), scores], axis=1).to_csv(
        folder / "scores.csv", index=False
    )
    epoch = np.arange(1, EPOCHS + 1)
    value = 0.8 - 0.05 * np.abs(epoch - BEST)
    named = "test" if protocol == "by_writeup" else "val"
    columns = {"epoch": epoch, "train_loss": np.round(1 / epoch, 4)}
    columns |= {f"{named}_{name}": value for name in ("map", "auc", "accuracy")}
    pd.DataFrame(columns).to_csv(folder / "log.csv", index=False)


def lists() -> pd.DataFrame:
    """The official few-shot lists: support sets of a study per shot, their first image listed twice."""
    table = cases().query("part == 'train_20'")
    rows = []
    for task in TASKS:
        studies = table[table["task"] == task]
        for experiment in EXPERIMENTS:
            for shots in SHOTS:
                images = studies["image"].iloc[experiment : experiment + 4 * shots]
                named = {"task": task, "shots": shots, "kind": "train", "experiment": experiment}
                rows += [named | {"image": image, "times": 1 + (not place)} for place, image in enumerate(images)]
    return pd.DataFrame(rows)


def _write_answers(folder: Path, table: pd.DataFrame, methods: tuple[str, ...], seed: int) -> None:
    settings = {"shots": SHOTS, "experiments": EXPERIMENTS}
    answers = []
    for method in methods:
        for protocol in ("sound", "published")[: 1 + (method == "vpt_shallow")]:
            for each in experiments_of(table, lists(), settings, protocol):
                images = of_task(table, each.task).iloc[each.scored]
                key = [seed, METHODS.index(method), each.number, each.shots, len(protocol)]
                scores = answered(images, pd.Series(each.shots == 5, index=images.index), key)
                answers += [
                    Answers(each, method, "test", 3, scores),
                    Answers(each, method, "submission", 3, scores[:5]),
                ]
                if protocol == "published" and each.task != "colon":  # whose lists hold no images that train
                    answers.append(
                        Answers(each, method, UNSEEN, 2, answered(images, pd.Series(False, images.index), key))
                    )
    write_answers(folder, answers)


def inputs(folder: Path) -> list[object]:
    """The options of `score` that name what it reads, in the order of the workflow."""
    runs = [folder / f"{network}-seed0" / protocol for network in NETWORKS for protocol in PROTOCOLS]
    scores = [run / task / "scores.csv" for run in runs for task in TASKS]
    logs = [path.with_name("log.csv") for path in scores if path.parents[1].name == "by_writeup"]
    answers = sorted((folder / "few_shot").glob("*/*"))
    return [
        "--store",
        folder / "store",
        "--lists",
        folder / "lists.csv",
        "--scores",
        *scores,
        "--history",
        *logs,
        "--answers",
        *answers,
    ]


def run_step(name: str, options: list[object]) -> None:
    """Run a step of the study in this process."""
    step = importlib.import_module(f"medfm.{name}")
    step.main(step.arguments().parse_args([str(option) for option in options]))


def score(folder: Path, output: Path | None = None) -> Path:
    """Score the results by the step; return the folder of its tables."""
    output = output or folder
    written = [part for name in OUTPUTS for part in (f"--{name.replace('_', '-')}", output / f"{name}.csv")]
    run_step("score", [*inputs(folder), "--settings", json.dumps(SETTINGS), *written])
    return output


def draw_all(study: Path, folder: Path) -> list[Path]:
    """Draw the study's figures by its steps, those of the data as stand-ins; return their SVGs."""
    settings = {"points": POINTS}
    logs = ["--history", *inputs(study)[inputs(study).index("--scores") + 1 : inputs(study).index("--history")]]
    logs = [str(part).replace("scores.csv", "log.csv") for part in logs]
    options = {
        "training": [*logs, "--settings", json.dumps(settings)],
        "few_shot": ["--few-shot", study / "few_shot.csv", "--settings", json.dumps(settings)],
        "calibration": ["--calibration", study / "calibration.csv"],
    }
    for name, given in options.items():
        run_step(f"plot_{name}", [*given, "--figure", folder / f"{name}.svg", "--table", folder / f"{name}.csv"])
    for name in EDA:
        (folder / f"{name}.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        (folder / f"{name}.csv").write_text("a\n1\n")
    return [folder / f"{name}.svg" for name in (*EDA, *options)]


def describe(study: Path, folder: Path, figures: list[Path]) -> Path:
    """Describe the study by its step; return the section."""
    recipe = yaml.safe_load((ROOT / "config" / "medfm.yaml").read_text())["published"]
    settings = {
        "data": "phantom",
        "models": {"networks": list(NETWORKS), "few_shot": [FEW_SHOT]},
        "measures": yaml.safe_load((ROOT / "config" / "published.yaml").read_text())["measures"],
        **{name: recipe[name] for name in ("writeup", "challenge", "sound", "few_shot")},
        **{"initial": INITIAL, "arguments": {"densenet121": {"growth_rate": 8}}},
    }
    read = ("metrics", "quirks", "findings", "per_finding", "few_shot", "leaks", "twins")
    written = ("protocols", "by_finding", "by_shots", "leak_table")
    options = [part for name in read for part in (f"--{name.replace('_', '-')}", study / f"{name}.csv")]
    options += [part for name in written for part in (f"--{name.replace('_', '-')}", folder / f"{name}.csv")]
    options += ["--store", study / "store", "--settings", json.dumps(settings), "--picture", folder / "picture.webp"]
    options += ["--maps", study / "maps"]
    run_step("describe", [*options, "--figures", *figures, "--section", folder / "section.json"])
    return folder / "section.json"
