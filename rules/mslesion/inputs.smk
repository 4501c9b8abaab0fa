# The study's groups of files, and its settings that decide which jobs there are.

OWN_FILES["mslesion"] = ("results/own_volumes", (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz"))


def lesion_recipe(run, protocol):
    """All that the training of a network depends on, besides the data and the fold. `sound` needs no size of slices."""
    network, _, seed = run.rpartition("-seed")
    part = ("baselines", network) if network in settings("mslesion", "baselines") else ("training",)
    general = some_settings("mslesion", "folds") if protocol == "sound" else some_settings("mslesion", "folds", "size")
    return settings("mslesion", *part, **general, network=network, seed=int(seed), precision=config["precision"])


def described_baselines():
    """The recipes of the baselines of this run."""
    return {
        network: settings("mslesion", "baselines", network) for network in config["models"]["mslesion"]["baselines"]
    }


def each_fold(folder, name):
    """The file of this name of each fold, from fold 1 on."""
    return [f"{folder}/fold{fold}/{name}" for fold in range(1, settings("mslesion")["folds"] + 1)]


def trained(*protocols):
    """The folder of each run by these protocols. Baselines are trained by `sound` only."""
    by_task = {"lesions": protocols, "baselines": {"sound"} & {*protocols}}
    return [
        f"results/mslesion/{run}/{protocol}"
        for task, wanted in by_task.items()
        for run in runs("mslesion", task)
        for protocol in wanted
    ]


def all_trained():
    """The folder of each run by all protocols, with the one that measures the leak between folds if it is wanted."""
    control = ["by_patient"] if settings("mslesion")["leak_control"] else []
    return trained("published", *control, "sound")


def first_sound():
    """The folder of the first network's run by the sound protocol."""
    return f"results/mslesion/{runs('mslesion', 'lesions')[0]}/sound"


SWITCHES["mslesion"] = some_settings("mslesion", "folds", "leak_control")
