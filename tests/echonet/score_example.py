"""A small tree of the study's results, made up, for the step that scores them."""

import numpy as np
import pandas as pd

from reprise.data.store import write_store

VIDEOS, FRAMES = 30, 150
NAMES = [f"0X{index}E5" for index in range(VIDEOS)]
SYSTOLES = {"published": [10, 20, 60, 140], "sound": [60]}


def write_predictions(path, cases, starts, generator):
    rows = [
        (f"{case}.avi", start, f"{ef + generator.normal(0, 6):.4f}")
        for case, ef in cases[["case", "ef"]].itertuples(index=False)
        for start in starts
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, header=False, index=False)


def make_overlap(cases, generator):
    """Video 10 is malformed, video 11 has its images in the wrong order."""
    rows = cases.merge(pd.DataFrame({"image": ["large", "small"]}), how="cross")[["case", "split", "image"]]
    rows["intersection"] = generator.integers(500, 1500, len(rows))
    rows["union"] = rows["intersection"] + generator.integers(10, 300, len(rows))
    return rows.assign(tracing_ok=rows["case"] != NAMES[10], order_ok=rows["case"] != NAMES[11])


def make_results(folder):
    """A folder like results/echonet: 6 videos of train, 4 of val, 20 of test, the last without a tracing."""
    generator = np.random.default_rng(0)
    split = ["train"] * 6 + ["val"] * 4 + ["test"] * 20
    cases = pd.DataFrame({"case": NAMES, "split": split, "ef": generator.uniform(20, 75, VIDEOS), "frames": FRAMES})
    cases["traced"] = [*range(VIDEOS - 1), -1]
    write_store(folder / "store", cases, {"frames": np.zeros((1, 1), np.uint8)})
    cases = cases[cases["traced"] >= 0]
    test = cases[cases["split"] == "test"]
    for protocol in ("published", "sound"):
        run = folder / "ef" / "r2plus1d_18-seed0" / protocol
        write_predictions(run / "test_predictions.csv", test, range(FRAMES - 62), generator)
        write_predictions(run / "val_predictions.csv", cases[cases["split"] == "val"], range(FRAMES - 62), generator)
        averaged = test["ef"] + generator.normal(0, 5, len(test))
        averaged.iloc[-1] = np.nan
        test.assign(first_clip=1.0, beat_by_beat=averaged, beats=2).to_csv(run / "beats.csv", index=False)
    log = pd.DataFrame({"epoch": [1, 2, 3], "val_loss_published": [40.0, 30, 35], "val_loss_sound": [40.0, 36, 31]})
    log.to_csv(folder / "ef" / "r2plus1d_18-seed0" / "log.csv", index=False)
    run = folder / "segmentation" / "deeplabv3_resnet50-seed0"
    run.mkdir(parents=True)
    pd.DataFrame({"epoch": [1, 2], "val_loss": [0.05, 0.04]}).to_csv(run / "log.csv", index=False)
    make_overlap(cases[cases["split"] != "train"], generator).to_csv(run / "overlap.csv", index=False)
    beats = pd.DataFrame({"case": np.repeat(test["case"], 2), "ef": np.repeat(test["ef"], 2)})
    beats["ef"] += np.tile([-3.0, 5.0], len(test))
    beats.to_csv(run / "mask_ef.csv", index=False)
    for protocol, name in {"published": "size", "sound": "size_sound"}.items():
        sizes = test.merge(pd.DataFrame({"Frame": range(FRAMES)}), how="cross").assign(
            Filename=lambda t: t["case"] + ".avi"
        )
        sizes["ComputerSmall"] = sizes["Frame"].isin(SYSTOLES[protocol]).astype(int)
        sizes[["Filename", "Frame", "ComputerSmall"]].to_csv(run / f"{name}.csv", index=False)
