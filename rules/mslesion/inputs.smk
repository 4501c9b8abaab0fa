# Which of the study's files belong together.

OWN_FILES["results/own_volumes/predictions"] = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")


def chosen(*names):
    """Some of the study's settings."""
    return {name: settings("mslesion")[name] for name in names}


def lesion_recipe(run):
    """All that training a network on one fold depends on besides the data, the protocol and the fold."""
    network, _, seed = run.rpartition("-seed")
    part = ("baselines", network) if network in settings("mslesion", "baselines") else ("training",)
    general = chosen("folds", "size") | {"precision": config["precision"]}
    return settings("mslesion", *part, **general, network=network, seed=int(seed))


def each_fold(folder, name):
    """A file of each fold, from fold 1 on."""
    return [f"{folder}/fold{fold}/{name}" for fold in range(1, settings("mslesion")["folds"] + 1)]


def trained(*protocols):
    """The folder of each run by some protocols; baselines are trained by `sound` only."""
    by_task = {"lesions": protocols, "baselines": {"sound"} & {*protocols}}
    return [
        f"results/mslesion/{run}/{protocol}"
        for task, wanted in by_task.items()
        for run in runs("mslesion", task)
        for protocol in wanted
    ]


def scored():
    """The folder of each run by all protocols, that too which only tells what the leak between folds is worth."""
    control = ["by_patient"] if settings("mslesion")["leak_control"] else []
    return trained("published", *control, "sound")


def first_sound():
    """The folder of the first network's run by the sound protocol."""
    return f"results/mslesion/{runs('mslesion', 'lesions')[0]}/sound"


SWITCHES["mslesion"] = chosen("folds", "leak_control")
