"""Snakemake compares what a step gets, and nothing that does not change results."""

from pathlib import Path
from typing import Any

from dry_runs import dry_runs
from edits import done_otherwise
from project import copy_project

FIGURE, BEATS = "echonet_plot_areas", "echonet_find_beats"
TRAININGS = {"echonet_train_segmentation", "echonet_train_ef"}
FIGURES = "rules/echonet/figures.smk"
SIZE, SOUND = 'size_=size_table("published"),', 'size_sound=size_table("sound"),'
SETTINGS = 'settings=settings("echonet", "videos")'
# What is replaced in which file by what, and the rules of which Snakemake must see it; None stands for all.
CHANGES: list[tuple[str, str, str, set[str] | None]] = [
    (FIGURES, SIZE, f"# why\n        {SIZE}", set()),
    (FIGURES, SIZE, SIZE.replace("size_=", "sizes="), {FIGURE}),
    (FIGURES, SOUND, "", {FIGURE}),
    (FIGURES, SETTINGS, SETTINGS.removeprefix("settings="), {FIGURE}),
    (FIGURES, SETTINGS, f'{SETTINGS}, clips="all"', {FIGURE}),
    (FIGURES, "plot_areas.py", "plot_beats.py", {FIGURE}),
    ("rules/echonet/segmentation.smk", "mask_ef=", "masks_ef=", {BEATS}),
    ("rules/echonet/ef.smk", "needs_training(32000, 2880)", "needs_training(64000, 5760)", set()),
    ("rules/common.smk", 'processes=config["processes"],', 'workers=config["processes"],', TRAININGS),
    ("rules/kinds.smk", " --log {log:q}", " --quiet --log {log:q}", None),
    ("config.yaml", "device: auto", "device: cpu", set()),
    ("config.yaml", "checkpoint_every: 60 seconds", "checkpoint_every: 9 steps", set()),
]


def seen(answer: dict[str, Any], before: dict[str, Any]) -> set[str]:
    """The rules with a job that Snakemake compares as another one."""
    return {job.split()[0] for job, digest in answer["seen"].items() if digest != before["seen"][job]}


def test_snakemake_sees_what_a_step_gets(tmp_path: Path) -> None:
    copy_project(tmp_path)
    step = "workflow_scripts/echonet/plot_areas.py"
    edits = [{}, {step: done_otherwise(tmp_path / step)}]
    for name, old, new, _ in CHANGES:
        text = (tmp_path / name).read_text()
        assert text.count(old) == 1, (name, old)
        edits.append({name: text.replace(old, new)})
    before, code, *after = dry_runs(tmp_path, ["results/echonet/section.json"], edits)
    assert seen(code, before) == {FIGURE}
    everything = set(before["needs"])
    for (*change, expected), answer in zip(CHANGES, after, strict=True):
        assert seen(answer, before) == (everything if expected is None else expected), change
