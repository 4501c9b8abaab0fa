"""The analysis in R against an independent formulation in pandas, through the step and by Rscript alone."""

import json
import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echonet import beat_by_beat
from echonet.analysis.beats import clip_starts_for_beats
from reprise.step.errors import InputError
from small_disk import small_disk

SETTINGS = {"lead_frames": 32, "max_beats": 3, "runs": 4, "seed": 11}
CODE = Path(beat_by_beat.__file__).parents[1]
TABLES = ("cases", "summary", "beat_count")
EXACT = 1e-9

pytestmark = pytest.mark.skipif(shutil.which("R") is None, reason="R is not installed")


def make_study(folder, frames, systoles, seed=0):
    """Predictions of all clips, the systoles' table and the true EF of videos with so many frames."""
    generator = np.random.default_rng(seed)
    names = [f"0X{index}E5" for index in range(len(frames))]
    truth = pd.DataFrame({"case": names, "ef": generator.uniform(10, 80, len(names)), "frames": frames})
    clips = [
        (f"{case}.avi", start, f"{ef + generator.normal(0, 6):.4f}")
        for case, ef, count in truth.itertuples(index=False)
        for start in range(max(count, 64) - 62)
    ]
    rows = [
        (f"{case}.avi", frame, 900, 0, 0, int(frame in found))
        for case, count, found in zip(names, frames, systoles, strict=True)
        for frame in range(count)
    ]
    (folder / "store").mkdir(exist_ok=True)
    truth.to_csv(folder / "store" / "cases.csv", index=False)
    generator.shuffle(clips)
    pd.DataFrame(clips).to_csv(folder / "predictions.csv", header=False, index=False)
    columns = ["Filename", "Frame", "Size", "HumanLarge", "HumanSmall", "ComputerSmall"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "size.csv", index=False)
    return folder


def words(folder, rule):
    named = {"predictions": folder / "predictions.csv", "size": folder / "size.csv", "store": folder / "store"}
    named |= {"rule": rule} | {name.replace("_", "-"): folder / rule / f"{name}.csv" for name in TABLES}
    return [str(word) for name, value in named.items() for word in (f"--{name}", value)]


def analyse(folder, rule):
    """The step's three tables."""
    arguments = [*words(folder, rule), "--settings", json.dumps(SETTINGS)]
    beat_by_beat.main(beat_by_beat.arguments().parse_args(arguments))
    return [pd.read_csv(folder / rule / f"{name}.csv", dtype={"case": str}) for name in TABLES]


def wichmann_hill(seed):
    """Uniform numbers after Wichmann and Hill (Applied Statistics 1982)."""
    x, y, z = ((seed + offset) % 30000 + 1 for offset in (0, 10000, 20000))
    while True:
        x, y, z = 171 * x % 30269, 172 * y % 30307, 170 * z % 30323
        yield (x / 30269 + y / 30307 + z / 30323) % 1


def measures(truth, prediction):
    """MAE, RMSE, 1 - SSE/SST and the squared correlation, over the videos that have a prediction."""
    both = pd.DataFrame({"y": truth, "p": prediction}).dropna()
    error = both["y"] - both["p"]
    sst = ((both["y"] - both["y"].mean()) ** 2).sum()
    line = both["y"].corr(both["p"]) ** 2 if both["p"].nunique() > 1 else np.nan
    return [error.abs().mean(), (error**2).mean() ** 0.5, 1 - (error**2).sum() / sst if sst > 0 else np.nan, line]


def formulate(folder, rule):
    """The whole analysis again: one row per video, the values of the summary, and the experiment's MAE of each run."""
    clips = pd.read_csv(folder / "predictions.csv", names=["case", "start", "ef"], dtype={"case": str})
    clips["case"] = clips["case"].str[:-4]
    truth = pd.read_csv(folder / "store" / "cases.csv", dtype={"case": str}).set_index("case")["ef"].sort_index()
    size = pd.read_csv(folder / "size.csv")
    beats = size.assign(case=size["Filename"].str[:-4])[size["ComputerSmall"] == 1].copy()
    beats["start"] = (beats["Frame"] - SETTINGS["lead_frames"]).clip(lower=0)
    last = beats["case"].map(clips.groupby("case")["start"].max()).astype(float)
    late, clipped = (beats["start"] > last).sum(), (beats["Frame"] < SETTINGS["lead_frames"]).sum()
    if rule == "sound":
        beats["start"] = np.minimum(beats["start"], last)
    placed = beats[["case", "start"]].merge(clips, on=["case", "start"])
    shared = placed.duplicated(["case", "start"]).sum()
    used = placed if rule == "published" else placed.drop_duplicates(["case", "start"])
    counts = used["case"].value_counts().reindex(truth.index, fill_value=0)
    without = (counts == 0).sum()
    first = clips[clips["start"] == 0].set_index("case")["ef"].reindex(truth.index)
    touched = {"published": [late, 0, shared, 0], "sound": [0, late, 0, shared]}[rule]
    lost = [without, 0] if rule == "published" else [0, without]
    tail = [len(truth), *lost, len(beats), len(used), clipped, *touched]
    if rule == "sound":
        used = pd.concat([used, clips[(clips["start"] == 0) & ~clips["case"].isin(used["case"])]])
    averaged = used.groupby("case")["ef"].mean().reindex(truth.index)
    cases = pd.DataFrame({"ef": truth, "first_clip": first, "beat_by_beat": averaged, "beats": counts})
    return cases, [*measures(truth, first), *measures(truth, averaged), *tail], experiment(used, truth)


def experiment(used, truth):
    """MAE over videos, each one's EF the mean of clips drawn with replacement: first one clip, then two, and so on."""
    uniform = wichmann_hill(SETTINGS["seed"])
    pools = [(truth[case], rows.sort_values("start")["ef"].to_list()) for case, rows in used.groupby("case")]
    found = []
    for beats, _ in product(range(1, SETTINGS["max_beats"] + 1), range(SETTINGS["runs"])):
        drawn = np.array([[pool[int(next(uniform) * len(pool))] for _, pool in pools] for _ in range(beats)])
        errors = drawn.mean(axis=0) - [ef for ef, _ in pools]
        found.append(np.abs(errors).mean() if pools else np.nan)
    return found


def assert_same(folder, rule):
    cases, summary, beat_count = analyse(folder, rule)
    expected, values, mae = formulate(folder, rule)
    assert list(cases) == ["case", "ef", "first_clip", "beat_by_beat", "beats"]
    assert cases["case"].tolist() == list(expected.index)
    close = {"rtol": 1e-12, "atol": EXACT}
    np.testing.assert_allclose(cases.iloc[:, 1:].astype(float), expected.astype(float), **close)
    np.testing.assert_allclose(summary["value"].astype(float), np.array(values, float), **close)
    np.testing.assert_allclose(beat_count["mae"].astype(float), mae, **close)
    assert beat_count[["beats", "run"]].to_numpy().tolist() == [[k, r] for k in (1, 2, 3) for r in (1, 2, 3, 4)]


videos = st.integers(20, 220).flatmap(
    lambda frames: st.tuples(st.just(frames), st.sets(st.integers(0, frames - 1), max_size=6))
)


@given(st.lists(videos, min_size=1, max_size=14), st.integers(0, 1000), st.sampled_from(["published", "sound"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_r_and_pandas_give_the_same_figures(tmp_path, study, seed, rule):
    frames, systoles = zip(*study, strict=True)
    assert_same(make_study(tmp_path, frames, systoles, seed), rule)


@pytest.fixture
def study(tmp_path):
    """Early, late, shared and no beats, one just in time, and a video shorter than a clip."""
    systoles = [{10, 25, 60, 150, 170}, {90}, set(), {20}, {5}, {32, 80, 120}]
    return make_study(tmp_path, [176, 100, 90, 40, 63, 150], systoles)


def test_the_summary_says_how_many_beats_each_rule_touches(study):
    touched = {
        rule: analyse(study, rule)[1].set_index("quantity")["value"].iloc[8:].astype(int).to_dict()
        for rule in ("published", "sound")
    }
    same = {"videos": 6, "beats_found": 11, "beats_clipped_at_0": 4}
    published = {"videos_lost": 2, "beats_averaged": 7, "beats_dropped_late": 4, "beats_counted_twice": 1}
    sound = {"videos_on_first_clip": 1, "beats_averaged": 9, "beats_moved_to_last_clip": 4, "beats_merged": 2}
    nothing = dict.fromkeys(touched["sound"], 0)
    assert touched == {"published": nothing | same | published, "sound": nothing | same | sound}


@pytest.mark.parametrize("rule", ["published", "sound"])
def test_the_clips_that_beats_need_give_the_figures_of_all_clips(study, rule):
    whole = analyse(study, rule)
    clips = pd.read_csv(study / "predictions.csv", header=None)
    size = pd.read_csv(study / "size.csv")
    for name, rows in size.groupby("Filename"):
        needed = clip_starts_for_beats(np.flatnonzero(rows["ComputerSmall"]), len(rows), 32, length=32, period=2)
        clips = clips[(clips[0] != name) | clips[1].isin(needed)]
    assert len(clips) == 11
    clips.to_csv(study / "predictions.csv", header=False, index=False)
    for table, few in zip(whole, analyse(study, rule), strict=True):
        pd.testing.assert_frame_equal(table, few)


def by_rscript(folder, rule):
    """The command that does by Rscript what the step does."""
    script = beat_by_beat.SCRIPT
    options = [word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return ["Rscript", str(script), *words(folder, rule), *options]


def test_rscript_alone_writes_the_same_files(study):
    analyse(study, "sound")
    shutil.move(study / "sound", study / "step")
    command = by_rscript(study, "sound")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in TABLES:
        assert (study / "sound" / f"{name}.csv").read_bytes() == (study / "step" / f"{name}.csv").read_bytes()
    refused = subprocess.run([*command, "--colour", "red"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr) == (2, "error: cannot understand --colour; see --help\n")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("predictions.csv", "", "predictions.csv: no rows"),
        ("predictions.csv", "0X0E5.avi,0,high\n", "predictions.csv: not a readable table: .*'high'"),
        ("predictions.csv", "0X0E5.avi,3,50.0\n", "no clip starts at frame 0 for 0X0E5"),
        ("predictions.csv", "0X0E5.avi,0,50.0\n0X0E5.avi,0,51.0\n", "row 2: this clip of 0X0E5 is there already"),
        ("predictions.csv", "0X0E5.avi,0,50.0\n0X0E5.avi,100,51.0\n", "no clip of 0X0E5 at 28"),
        ("predictions.csv", "0XNEW.avi,0,50.0\n", "cases.csv: no EF for 0XNEW"),
        ("size.csv", "Filename,Frame\na.avi,0\n", "size.csv: column ComputerSmall missing; found Filename, Frame"),
        ("store/cases.csv", "case,ef\n0X0E5,\n", "cases.csv: row 1: a value of case, ef is missing"),
    ],
)
def test_bad_input_gets_one_line_and_nothing_is_written(study, file, text, message):
    (study / file).write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        analyse(study, "published")
    assert len(str(refused.value).splitlines()) == 1
    assert not list((study / "published").iterdir())


# The first two tables take a page of 4 kB each and the last one three: it is cut where there are 3 or 4 pages.
@pytest.mark.parametrize("pages", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("way", ["step", "Rscript"])
def test_a_full_disk_leaves_no_table_and_one_line(study, way, pages, monkeypatch):
    monkeypatch.setitem(SETTINGS, "runs", 150)
    command = by_rscript(study, "sound")
    if way == "step":
        step = [sys.executable, beat_by_beat.__file__, *words(study, "sound")]
        command = [*step, "--settings", json.dumps(SETTINGS)]
    (study / "sound").mkdir()
    (study / "sound/before.csv").touch()
    env = os.environ | {"PYTHONPATH": str(CODE)}
    with small_disk(study / "sound", 4096 * pages) as inside:
        done = subprocess.run([*inside, *command], capture_output=True, text=True, env=env, check=False)
        left = subprocess.run([*inside, "ls", "-A", study / "sound"], capture_output=True, text=True, check=True)
    tables = sorted(f"{name}.csv" for name in TABLES) if pages == 5 else []
    full = f"error: {study / 'sound'}: the disk is full; nothing was written\n"
    assert (done.returncode, done.stderr) == ((0, "") if tables else (2, full))
    assert left.stdout.splitlines() == sorted(["before.csv", *tables])


def test_a_folder_in_the_way_of_a_table_leaves_the_others_unwritten(study):
    (study / "sound" / "beat_count.csv").mkdir(parents=True)
    done = subprocess.run(by_rscript(study, "sound"), capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert [path.name for path in (study / "sound").iterdir()] == ["beat_count.csv"]


def test_without_r_one_line_says_how_to_get_it(study, run_step):
    without_r = str(Path(sys.executable).parent)
    command = [*words(study, "sound"), "--settings", json.dumps(SETTINGS)]
    done = run_step("echonet/beat_by_beat.py", *command, path=without_r)
    assert done.returncode == 2
    assert done.stderr.startswith("error: R cannot be started") and "apt install r-base-core" in done.stderr
    assert len(done.stderr.splitlines()) == 1
