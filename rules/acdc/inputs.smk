# The study's groups of files, and its settings that decide which jobs there are.


def heart_runs(*protocols):
    """The folder of each run by these protocols: first the members of the ensembles, then baselines (`sound` only)."""
    by_task = {"segmentation": protocols, "baselines": {"sound"} & {*protocols}}
    return [
        f"results/acdc/{run}/{protocol}"
        for task, wanted in by_task.items()
        for run in runs("acdc", task)
        for protocol in wanted
    ]


def heart_recipe(run, protocol):
    """All that the training of a network depends on, besides the data. Only networks of ensembles give snapshots."""
    network, _, seed = run.rpartition("-seed")
    more = {"network": network, "seed": int(seed), "precision": config["precision"], "snapshots": 0}
    if network in settings("acdc", "baselines"):
        part = settings("acdc", "baselines", network, weights="random")
    else:
        part = settings("acdc", "training")
        part = part | {"epochs": part["epochs"][network]}
    if protocol == "published":
        slices = settings("acdc", "slices")
        return part | more | {"size": slices["size"], "normalisation": {"slices": slices["slices"]}}
    grid = settings("acdc", "grid")
    sound = {"size": grid["size"], "normalisation": {"spacing_mm": grid["spacing_mm"]}}
    snapshots = some_settings("acdc", "snapshots") if in_ensembles(run) else {}
    return part | more | sound | some_settings("acdc", "validation") | snapshots


def in_ensembles(run):
    """Whether a network is one of those that ensembles are made of, and no baseline."""
    return run in runs("acdc", "segmentation")


def heart_initial(run, protocol):
    """The file of initial weights that a training starts from. There is none if they are random."""
    return [] if heart_recipe(run, protocol)["weights"] == "random" else ["results/weights/resnet34-imagenet.pth"]


def slices_or_store(protocol):
    """The store that a protocol trains and predicts on."""
    return "results/acdc/published_slices" if protocol == "published" else "results/acdc/store"


SWITCHES["acdc"] = {"weights": settings("acdc", "training")["weights"]}

# No file is known by its ending: a NIfTI or DICOM file does not tell which organ it shows, and numbers of another organ
# would look like any others. So `predict` never takes this study by itself.
OWN_FILES["acdc"] = ("results/own_stacks", ())


def ensemble_members():
    """The networks of the ensemble and the table of their shares, unless the configuration names weights."""
    if "heart_weights" in config:
        return {}
    runs = [f"{network}-seed{first_seed()}" for network in config["models"]["acdc"]["segmentation"]]
    return {
        "weights": [f"results/acdc/{run}/sound/weights.safetensors" for run in runs],
        "shares": "results/acdc/ensembles/weights.csv",
    }
