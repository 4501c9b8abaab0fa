"""The numbers for the study's section of the report, and its tables; its words are in section.md.j2."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from medfm.analysis.leaks import IN_VALIDATION, TRAINING
from medfm.analysis.protocols import TASKS, of_task
from medfm.analysis.shots_figure import measures_of
from medfm.analysis.shown import FINDING_NAMES, MEASURE_NAMES, METHOD_NAMES, PROTOCOL_NAMES, TASK_NAMES
from medfm.analysis.task_rows import GIVEN, data_counts
from reprise.report.page_tables import number, with_interval

TEMPLATE = Path(__file__).with_name("section.md.j2")
# Parts of quantities as tables name them.
PARTS = TASK_NAMES | {"writeup": "by write-up", "challenge": "by challenge"} | METHOD_NAMES
DECIMALS = 3
Numbers = dict[str, Any]


def summary(
    cases: pd.DataFrame, models: Mapping[str, Sequence[str]], texts: Mapping[str, Mapping[str, str]]
) -> Numbers:
    """Numbers of the paragraphs that open the section.

    Args:
        cases: the store's.
        models: networks by task of the configuration.
        texts: by protocol, the values as text, by quantity.
    """
    first = models["networks"][0]
    published, sound = texts["published"], texts["sound"]
    scored = [
        {
            "task": name,
            "measure": MEASURE_NAMES[GIVEN[task]],
            "published": published.get(f"{first}/writeup/{task}/{GIVEN[task]}"),
            "sound": sound.get(f"{first}/{task}/{GIVEN[task]}"),
        }
        for task, name in TASK_NAMES.items()
    ]
    return {
        "tasks": [_counted(cases, task) for task in TASKS],
        "scored": [row for row in scored if row["published"] and row["sound"]],
        "first": first,
        "few_shot_network": models["few_shot"][0],
    }


def _counted(cases: pd.DataFrame, task: str) -> Numbers:
    images = of_task(cases, task)
    counts = data_counts(images[images["labelled"] == 1], task)
    positives = {name: counts[f"images_{name}"] for name in TASKS[task]}
    most, least = (pick(positives, key=lambda name: positives[name]) for pick in (max, min))
    return {
        "name": TASK_NAMES[task],
        "images": len(images),
        "labelled": counts["images"],
        "groups": int(images["group"].nunique()),
        "without": counts["images_without"],
        "most": {"name": FINDING_NAMES[most], "images": positives[most]},
        "least": {"name": FINDING_NAMES[least], "images": positives[least]},
        "most_labels": counts.get("most_labels", 1),
        "square": int((images["height"] == images["width"]).sum()),
    }


def habits_of_lists(leaks: pd.DataFrame, per_finding: pd.DataFrame) -> Numbers:
    """What the lists of this data set hold that they should not, and findings that the challenge's images lack.

    Args:
        leaks: leaks.csv, as text.
        per_finding: by `finding_table`.

    Returns: lists (task, training images of all support sets, those that are in their validation lists, too), studies
        (of endoscopy that are in train_20 and val_20), absent (task and finding without a positive image).
    """
    found = leaks.assign(found=leaks["found"].astype(int))
    sums = found.groupby(["task", "what"])["found"].sum()
    both = found[(found["task"] == "endo") & (found["subject"] == "train_20 and val_20")].set_index("what")["found"]
    challenge = per_finding[(per_finding["protocol"] == "by_challenge") & (per_finding["positives"] == 0)]
    absent = challenge[["task", "finding"]].drop_duplicates().to_dict("records")
    return {
        "lists": [
            {"task": name, "training": int(sums[task, TRAINING]), "in_validation": int(sums[task, IN_VALIDATION])}
            for task, name in TASK_NAMES.items()
        ],
        "studies": int(both["studies in both"]),
        "absent": [{"task": TASK_NAMES[row["task"]], "finding": FINDING_NAMES[row["finding"]]} for row in absent],
    }


def in_table_of_measures(quantities: pd.Series) -> list[bool]:
    """Whether each quantity stands in the table of all measures, not in that of findings, of shots, or of the data."""
    parts = [quantity.split("/") for quantity in quantities]
    return [each[0] != "data" and not each[-2].endswith("-shot") and each[-2] not in FINDING_NAMES for each in parts]


def by_finding(table: pd.DataFrame) -> pd.DataFrame:
    """One row per network, task and finding, as text: images, AP and AUC with intervals, ECE; AP of the challenge.

    Args:
        table: by `finding_table`.
    """
    key = ["network", "task", "finding"]
    challenge = table[table["protocol"] == "by_challenge"].set_index(key)
    rows = []
    for row in table[table["protocol"] == "sound"].to_dict("records"):
        found = {"network": row["network"], "task": TASK_NAMES[row["task"]], "finding": FINDING_NAMES[row["finding"]]}
        found |= {"positive": f"{row['positives']:,} of {row['images']:,}"}
        found |= {label: _bounded(row, name) for name, label in (("ap", "AP"), ("auc", "AUC"))}
        found["ECE"] = number(row["ece"], DECIMALS)
        if (place := tuple(row[name] for name in key)) in challenge.index:
            other = challenge.loc[[place]].iloc[0]
            found["AP, challenge's split"] = _bounded(other.to_dict(), "ap")
            found["positive there"] = f"{other['positives']:,} of {other['images']:,}"
        rows.append(found)
    columns = ["network", "task", "finding", "positive", "AP", "AUC", "ECE", "AP, challenge's split", "positive there"]
    return pd.DataFrame(rows, columns=columns).fillna("")


def _bounded(row: Mapping[Any, Any], name: str) -> str:
    if pd.isna(row[name]):
        return "no positive image" if not row["positives"] else "no negative image"
    return with_interval(*(number(row[f"{name}{end}"], DECIMALS) for end in ("", "_low", "_high")))


def by_shots(table: pd.DataFrame) -> pd.DataFrame:
    """One row per network, method, task and measure: mean ± standard deviation for each number of shots, as text.

    Args:
        table: by `spread_table`.
    """
    sound = table[table["protocol"] == "sound"]
    sound = sound[[measure in measures_of(task) for task, measure in zip(sound["task"], sound["measure"], strict=True)]]
    shots = sorted(map(int, set(sound["shots"])))
    rows = []
    for key, own in sound.groupby(["network", "method", "task", "measure"], sort=False):
        network, method, task, measure = map(str, key)
        named = {"network": network, "method": METHOD_NAMES[method], "task": TASK_NAMES[task]}
        named |= {"measure": MEASURE_NAMES[measure], "trainings": str(own["runs"].min())}
        values = {int(row["shots"]): _spread(row) for row in own.to_dict("records")}
        rows.append(named | {f"{count} shot{'s' * (count > 1)}": values.get(count, "") for count in shots})
    return pd.DataFrame(rows)


def _spread(row: Mapping[Any, Any]) -> str:
    mean, sd = number(row["mean"], DECIMALS), number(row["sd"], DECIMALS)
    return mean if pd.isna(row["sd"]) else f"{mean} ± {sd}"


def leak_table(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of leaks.csv as a reader sees them; a finding's number of positive images is in another table."""
    shown = table[~table["what"].str.startswith("positives of")]
    return pd.DataFrame(
        {
            "task": shown["task"].map(TASK_NAMES),
            "protocol": shown["protocol"],
            "where": shown["subject"].replace(
                {f"split {name}": f"split of the protocol {text}" for name, text in PROTOCOL_NAMES.items()}
            ),
            "what": shown["what"],
            "here": shown["found"],
            "in the published lists": shown["as_published"].fillna(""),
        }
    )


def _epochs(table: pd.DataFrame) -> Numbers:
    kept = table[(table["kept"] == 1) & (table["run"] != "published")]
    rows = [
        row | {"protocol": PROTOCOL_NAMES[row["protocol"]], "measure": MEASURE_NAMES[GIVEN[row["task"]]]}
        for row in kept.to_dict("records")
    ]
    return {"kept": rows, "published": int((table["run"] == "published").sum())}


def _shots(table: pd.DataFrame) -> Numbers:
    own = table[table["protocol"] == "sound"]
    best = []
    for task, name in TASK_NAMES.items():
        part = own[(own["task"] == task) & (own["measure"] == GIVEN[task])]
        part = part[part["shots"] == part["shots"].max()].nlargest(1, "mean")
        for row in part.to_dict("records"):
            named = {"task": name, "method": METHOD_NAMES[row["method"]], "shots": int(row["shots"])}
            best.append(named | {"measure": MEASURE_NAMES[GIVEN[task]], "mean": row["mean"]})
    return {"best": best, "network": own["network"].iloc[0]}


def _calibration(table: pd.DataFrame) -> list[Numbers]:
    """Of each network and task the bin that most probabilities fall into."""
    fullest = table.loc[table.groupby(["network", "task"], sort=False)["share"].idxmax()]
    return [
        {"network": row["network"], "task": TASK_NAMES[row["task"]]}
        | {name: 100 * row[name] for name in ("share", "confidence", "accuracy")}
        for row in fullest.to_dict("records")
    ]


# What each caption and alternative text names, from the figure's CSV. Captions of the data have their numbers from the
# summary.
EDA = ("findings", "labels", "cooccurrence", "sizes", "groups")
FIGURES: dict[str, Callable[[pd.DataFrame], Any]] = {
    **dict.fromkeys(EDA, len),
    "training": _epochs,
    "few_shot": _shots,
    "calibration": _calibration,
}
