# Training by each protocol, and the probabilities that each trained network gives, from which all scores are computed.


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
    snapshots = heart_settings("snapshots") if in_ensembles(run) else {}
    return part | more | sound | heart_settings("validation") | snapshots


def in_ensembles(run):
    """Whether a network is one of those that ensembles are made of, and no baseline."""
    return run in runs("acdc", "segmentation")


def heart_initial(run, protocol):
    """The file of initial weights that a training starts from. There is none if they are random."""
    return [] if heart_recipe(run, protocol)["weights"] == "random" else ["results/weights/resnet34-imagenet.pth"]


def slices_or_store(protocol):
    """The store that a protocol trains and predicts on."""
    return "results/acdc/published_slices" if protocol == "published" else "results/acdc/store"


use rule compute as acdc_publish_slices with:
    input:
        "results/acdc/audit.json",
        store="results/acdc/store",
    output:
        slices=directory("results/acdc/published_slices"),
    pathvars:
        name="acdc/publish_slices",
    resources:
        **needs(8000, 60),
    params:
        **step("acdc/publish_slices.py", settings=settings("acdc", "slices")),


use rule train as acdc_train with:
    input:
        "results/acdc/audit.json",
        store=lambda w: slices_or_store(w.protocol),
        initial=lambda w: heart_initial(w.run, w.protocol),
    output:
        weights="results/acdc/{run}/{protocol}/weights.safetensors",
        snapshots=directory("results/acdc/{run}/{protocol}/snapshots"),
        history="results/acdc/{run}/{protocol}/log.csv",
    pathvars:
        name="acdc/train/{run}/{protocol}",
    params:
        **step(
            "acdc/train.py",
            settings=lambda w: heart_recipe(w.run, w.protocol),
            protocol="{protocol}",
            checkpoints="results/checkpoints/acdc/{run}/{protocol}",
            tensorboard="results/tensorboard/acdc/{run}/{protocol}",
        ),


use rule infer as acdc_predict with:
    input:
        store=lambda w: slices_or_store(w.protocol),
        weights="results/acdc/{run}/{protocol}/weights.safetensors",
        snapshots="results/acdc/{run}/{protocol}/snapshots",
    output:
        probabilities=directory("results/acdc/{run}/{protocol}/probabilities"),
    pathvars:
        name="acdc/predict/{run}/{protocol}",
    resources:
        **needs_gpu(16000, 240),
    params:
        **step(
            "acdc/predict.py",
            settings=lambda w: {"flips": in_ensembles(w.run) and w.protocol == "sound"},
            protocol="{protocol}",
            checkpoints="results/checkpoints/acdc/predict/{run}/{protocol}",
        ),
