# Which of the study's files belong together.

OWN_FILES["results/own_volumes/predictions"] = (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz")


def chosen(*names):
    """Some of the study's settings."""
    return {name: settings("mslesion")[name] for name in names}


def lesion_recipe(run):
    """All that training a network on one fold depends on besides the data, the protocol and the fold."""
    network, _, seed = run.rpartition("-seed")
    part = "baseline" if network.startswith("unet") else "training"
    general = chosen("folds", "size", "normalisation") | {"precision": config["precision"]}
    return settings("mslesion", part, **general, network=network, seed=int(seed))


def fold_folders():
    """The folder of each trained network: every run, protocol and fold; U-Nets are trained by the sound one only."""
    folds = range(1, settings("mslesion")["folds"] + 1)
    return [
        f"results/mslesion/{run}/{protocol}/fold{fold}"
        for task, protocols in (("lesions", ("published", "sound")), ("baselines", ("sound",)))
        for run in runs("mslesion", task)
        for protocol in protocols
        for fold in folds
    ]


def of_folds(name):
    """A file of each trained network."""
    return [f"{folder}/{name}" for folder in fold_folders()]


def of_sound_folds(name):
    """A file of each fold of the first network by the sound protocol."""
    first = runs("mslesion", "lesions")[0]
    return [file for file in of_folds(name) if f"/{first}/sound/" in file]


SWITCHES["mslesion"] = chosen("folds")
