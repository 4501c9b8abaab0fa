"""The step that explains networks: its table and pictures, and what it refuses."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from medfm import explain
from medfm.analysis.gallery import gallery_block, read_maps
from medfm.analysis.protocols import TASKS
from medfm.learning.heat_maps import heat_maps
from medfm.learning.images import evaluation_batch, images_of
from medfm.learning.prediction import load_finding_network, scored_images
from reprise.data.store import open_store, write_store
from reprise.step.errors import InputError
from small_weights import SIZE, untrained

CPU = torch.device("cpu")
IMAGES = 30  # of each task


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, boxes of the findings, and for each task weights and scores of the test images."""
    folder, rng = tmp_path_factory.mktemp("made"), np.random.default_rng(0)
    rows, boxes, arrays = [], [], {}
    for task, findings in TASKS.items():
        arrays[task] = rng.integers(0, 256, (IMAGES, 48, 48, 1 if task == "chest" else 3), np.uint8)
        for row in range(IMAGES):
            labels = [int((row + at) % 3 == 0) for at in range(len(findings))]
            image = f"{task} {row}.png"
            rows.append((f"{task}-{row:05d}", task, image, f"{task}{row}", "".join(map(str, labels)), row))
            found = [name for name, label in zip(findings, labels, strict=True) if label]
            boxes += [(task, image, name, 0, 0, 50, 100) for name in found]
    cases = pd.DataFrame(rows, columns=["case", "task", "image", "group", "labels", "row"])
    cases = cases.assign(labelled=1, height=100, width=200, study=cases["group"], official="train", phash="0" * 16)
    write_store(folder / "store", cases.assign(twin="", part="none", sha256="0" * 64), arrays)
    (folder / "phantom").mkdir()
    columns = ["task", "image", "finding", "top", "left", "bottom", "right"]
    pd.DataFrame(boxes, columns=columns).to_csv(folder / "phantom" / "boxes.csv", index=False)
    for task, part in cases.groupby("task"):
        model, info = load_finding_network(untrained(folder, str(task)), CPU)
        info["settings"] |= {"seed": 0, "shares": {"val": 0.2, "test": 0.4}}
        scores = scored_images(model, info, part, arrays[str(task)], CPU)
        scores.to_csv(folder / f"{task}.csv", index=False)
    return folder


def run_explain(made: Path, output: Path, *words: str, tasks: tuple[str, ...] = tuple(TASKS)) -> pd.DataFrame:
    """Run the step within this process; its table."""
    options = ["--store", made / "store", "--device", "cpu", "--output", output, *words]
    options += ["--settings", json.dumps({"images": 3, "steps": 4, "draws": 2})]
    options += ["--weights", *(made / f"{task}.safetensors" for task in tasks)]
    options += ["--scores", *(made / f"{task}.csv" for task in tasks)]
    explain.main(explain.arguments().parse_args(list(map(str, options))))
    return read_maps(output)


def test_each_finding_has_its_images_with_map_truth_and_scores(
    tmp_path: Path, made: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = run_explain(made, tmp_path / "maps", "--phantom", str(made / "phantom"))
    said = capfd.readouterr().err
    assert len(table) == 24 * 3
    cases = open_store(made / "store").cases.set_index("case")
    for (task, finding), rows in table.groupby(["task", "finding"]):
        scores = pd.read_csv(made / f"{task}.csv").set_index("case")[finding]
        assert list(rows["score"]) == pytest.approx(list(scores.nlargest(3)), abs=1e-5)
        labels = [int(cases.loc[case, "labels"][TASKS[task].index(finding)]) for case in rows["case"]]
        assert list(rows["truth"]) == labels
        assert (rows["pointing"].notna() == (rows["truth"] == 1)).all()
    assert set(table["box"].dropna()) == {0.25}, "half of the height, half of the width"
    assert table[["deletion", "insertion", "deletion_chance"]].stack().between(0, 1).all()
    for task in TASKS:
        mean = table["randomised_r"][table["task"] == task].mean()
        assert f"{task}: " in said and f"correlation with those of random weights {mean:.2f}" in said
    shown = [picture for group in gallery_block(tmp_path / "maps")["groups"] for each in group["classes"]
             for picture in each["pictures"]]  # fmt: skip
    assert [Path(each["image"]).name for each in shown] == list(table["picture"])
    assert cv2.imread(shown[0]["image"]).shape[:2] == (shown[0]["height"], shown[0]["width"])


def test_a_map_of_the_step_is_that_of_the_image_and_finding(tmp_path: Path, made: Path) -> None:
    table = run_explain(made, tmp_path / "maps").query("task == 'endo'")
    table = table.assign(output=table["finding"].map(TASKS["endo"].index))
    assert table["box"].isna().all(), "no place is known"
    cases, arrays = open_store(made / "store")
    part = cases[cases["task"] == "endo"]
    row = part.set_index("case").loc[table["case"], "row"].to_numpy()
    seen = evaluation_batch(images_of(part, arrays["endo"], CPU), row, SIZE, None, CPU)
    heat = heat_maps(load_finding_network(made / "endo.safetensors", CPU)[0], seen, list(map(int, table["output"])))
    shown = heat.max(axis=(1, 2)) > 0.99
    assert shown.any()
    for each, name in zip(heat[shown], table["picture"][shown], strict=True):
        right = cv2.imread(str(tmp_path / "maps" / name))[:, 132:].astype(float)
        colour = right.max(axis=2) - right.min(axis=2)  # grey where the map is 0
        large = cv2.resize(each, (128, 128))
        assert colour[large > 0.6].mean() > colour[large < 0.05].mean() + 10


def test_weights_and_scores_of_another_task_are_refused_and_nothing_is_written(tmp_path: Path, made: Path) -> None:
    with pytest.raises(InputError, match=r"colon\.safetensors: expected weights of chest, found those of colon"):
        run_explain(made, tmp_path / "maps", tasks=("colon", "chest", "endo"))
    assert not list(tmp_path.iterdir())
