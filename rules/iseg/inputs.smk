# The study's groups of files, and its settings that decide which jobs there are.

# No file is known by its ending: a NIfTI file does not tell what it shows. So `predict` never takes this study by itself.
OWN_FILES["iseg"] = ("results/own_brains", ())

# The protocols of this study: two as published, `thesis` and `master` of the settings, and ours.
TISSUE_PROTOCOLS = {"by_thesis": "thesis", "by_master": "master", "sound": "sound"}


def tissue_recipe(run, protocol):
    """All that the training of a network depends on, besides the data and the fold."""
    network, _, seed = run.rpartition("-seed")
    shared = some_settings("iseg", "width", "folds") if protocol == "sound" else some_settings("iseg", "width")
    more = {"network": network, "seed": int(seed), "precision": config["precision"]}
    return settings("iseg", TISSUE_PROTOCOLS[protocol]) | shared | more


def iseg_folds(protocol):
    """The folds that a protocol trains: the published ones leave the same subjects out each time."""
    return [*range(1, settings("iseg")["folds"] + 1)] if protocol == "sound" else [1]


def tissue_weights_of(run, protocol):
    """The weights of a run by a protocol, one file for each fold, from fold 1 on."""
    return [f"results/iseg/{run}/{protocol}/fold{fold}/weights.safetensors" for fold in iseg_folds(protocol)]


def tissue_runs(*protocols):
    """The folder of each run by these protocols. Baselines are trained by `sound` only."""
    by_task = {"networks": protocols, "baselines": {"sound"} & {*protocols}}
    return [
        f"results/iseg/{run}/{protocol}"
        for task, wanted in by_task.items()
        for run in runs("iseg", task)
        for protocol in wanted
    ]


def own_brain_networks():
    """The first network of `sound`, of each fold, unless the configuration names weights."""
    if "tissue_weights" in config:
        return {}
    return {"weights": tissue_weights_of(runs("iseg", "networks")[0], "sound")}


SWITCHES["iseg"] = some_settings("iseg", "folds")


def scored_crops(protocol):
    """The crops that `sound` is scored on besides whole volumes, chosen as published; others score those of training."""
    own = {"val": settings("iseg")["scored_crops"]}
    return {"crops": settings("iseg", "master")["crops"] | own} if protocol == "sound" else {}


def measured_networks():
    """What the costs of networks depend on besides the data: the networks of the run, and the recipe of the first."""
    networks = [network for task in ("networks", "baselines") for network in config["models"]["iseg"][task]]
    return {"networks": networks, "recipe": tissue_recipe(f"{networks[0]}-seed{first_seed()}", "sound")}


def scored_as_published():
    """What scores see of the published protocols: how Dice is counted, and which crops `master` takes."""
    thesis, master = (settings("iseg", name) for name in ("thesis", "master"))
    crops = {name: master["crops"][name] for name in ("train", "val", "least")}
    counted = {name: master[name] for name in ("dice", "crop", "batch_size")}
    return {"thesis": {"dice": thesis["dice"]}, "master": counted | {"crops": crops}}


def printed_tissue_dice():
    """The Dice of the 3-D U-Net that its repository prints."""
    printed = {"quantity": "unet3d/thesis/crops/dice", "source": "zoo_readme"}
    return from_published(
        lambda found: [
            figure["value"] for figure in found["studies"]["iseg"]["figures"] if printed.items() <= figure.items()
        ][0]
    )


def shown_tissue_run():
    """The folder of the first network's run by `sound`, which figures of slices show."""
    return tissue_runs("sound")[0]
