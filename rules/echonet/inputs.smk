# The study's groups of files, and its settings that decide which jobs there are.

SWITCHES["echonet"] = {
    "weights": [settings("echonet", task)["weights"] for task in ("segmentation", "ef")],
    "clips": settings("echonet", "predict_ef")["clips"],
}

OWN_FILES["echonet"] = ("results/own_clips", (".dcm", ".avi", ".mp4", ".mov"))


def segmentation_run():
    """The training run whose masks find the beats."""
    return runs("echonet", "segmentation")[0]


def size_table(rule_name):
    """The file with the size of each frame and the systoles, found as in a protocol (published or sound)."""
    name = "size" if rule_name == "published" else "size_sound"
    return f"results/echonet/segmentation/{segmentation_run()}/{name}.csv"


def sizes_for_clips(rule_name):
    """The sizes that tell which clips the beats need. To predict all clips needs none."""
    return [] if settings("echonet", "predict_ef")["clips"] == "all" else size_table(rule_name)


def predictions():
    """The predictions of each run. The published protocol also scores the validation split."""
    parts = ["sound/test", "published/test"]
    if settings("echonet", "predict_ef")["clips"] == "all":
        parts.append("published/val")
    return expand("results/echonet/ef/{run}/{part}_predictions.csv", run=runs("echonet", "ef"), part=parts)


def segmentation_file(name):
    """A file of the training run whose masks find the beats."""
    return f"results/echonet/segmentation/{segmentation_run()}/{name}"


def of_runs(task, name):
    """The file of this name of each training run of a task."""
    return [f"results/echonet/{task}/{run}/{name}" for run in runs("echonet", task)]


def of_protocols(name):
    """The file of this name of each EF run, by both protocols."""
    return expand(
        "results/echonet/ef/{run}/{protocol}/{name}",
        run=runs("echonet", "ef"),
        protocol=["published", "sound"],
        name=name,
    )


def ef_weights():
    """The EF weights that predict a user's clips, unless the configuration names others."""
    return of_runs("ef", "sound.safetensors")[0]


def beats(*names):
    """Some of the settings of the beat-by-beat analysis."""
    return {name: settings("echonet", "beats")[name] for name in names}


FIGURES = [
    "training_segmentation",
    "dice",
    "examples",
    "areas",
    "training_ef",
    "scatter",
    "bland_altman",
    "roc",
    "beats",
]


def figures():
    """The study's figures, in the order of the report."""
    return [f"results/echonet/figures/{name}.svg" for name in FIGURES]
