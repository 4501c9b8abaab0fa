# The study's groups of files, and its settings that decide which jobs there are.


def heart_settings(*names):
    """Some of the study's settings."""
    return {name: settings("acdc")[name] for name in names}


def heart_runs(*protocols):
    """The folder of each run by these protocols: first the members of the ensembles, then baselines (`sound` only)."""
    by_task = {"segmentation": protocols, "baselines": {"sound"} & {*protocols}}
    return [
        f"results/acdc/{run}/{protocol}"
        for task, wanted in by_task.items()
        for run in runs("acdc", task)
        for protocol in wanted
    ]


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


def named_heart_weights():
    """The weights that the configuration names; a user's weights are no input, see `own_weights_digests`."""
    return {"weights": config["heart_weights"]} if "heart_weights" in config else {}
