"""Prove that no group and no file is in two splits of the sound protocol; count leaks of the published lists."""

import argparse

import pandas as pd

from medfm.analysis.few_shot import read_lists
from medfm.analysis.leaks import leak_table
from medfm.analysis.protocols import PROTOCOLS, TASKS, of_task, split_of
from reprise.data.split_audit import Split, audit_step

KEYS = ("task_group", "sha256")


def split_cases(args: argparse.Namespace, cases: pd.DataFrame) -> Split:
    """The splits of the first seed; those of others are dealt in the same way. Only images that are used count."""
    recipes = dict.fromkeys(PROTOCOLS, args.settings)
    cases = cases.assign(task_group=cases["task"] + " " + cases["group"])
    seed = args.settings["seed"]
    split = pd.concat([split_of(of_task(cases, task), "sound", seed, args.settings) for task in TASKS])
    used = cases.assign(split=split).query("split != 'unused'")
    counts = used.groupby(["task", "split"]).size().unstack(fill_value=0)
    facts = {
        "images": {task: int((cases["task"] == task).sum()) for task in TASKS},
        "by_task": counts.to_dict("index"),
        "twins": {task: int(of_task(cases, task)["twin"].notna().sum()) for task in TASKS},
    }
    leaks = leak_table(cases, read_lists(args.lists), seed, recipes)
    return Split(used, KEYS, facts, {"leaks": leaks})


if __name__ == "__main__":
    audit_step(__doc__, split_cases, "settings", "lists", "leaks")
