# The study's groups of files, and its settings that decide which jobs there are.

FINDING_TASKS = ("chest", "colon", "endo")


wildcard_constraints:
    task="|".join(FINDING_TASKS),
    method=r"vpt_shallow|vpt_deep|lora|full",


# The protocols of this study: two as published, `writeup` and `challenge` of the settings, and ours.
FINDING_PROTOCOLS = {"by_writeup": "writeup", "by_challenge": "challenge", "sound": "sound"}


def splitting_images():
    """What the splits of all protocols depend on besides the data."""
    shares = {
        "train_share": settings("medfm", "writeup")["train_share"],
        "shares": settings("medfm", "sound")["shares"],
    }
    return shares | {"seed": first_seed()}


def family_of(network, families):
    """The longest of these names that the network's begins with, or `other`."""
    return max((name for name in families if network.startswith(name)), key=len, default="other")


def network_settings(network, seed):
    """What makes a network before it learns, besides the size of its images."""
    common = {"network": network, "seed": seed, "precision": config["precision"]}
    arguments = settings("medfm", "arguments").get(network, {})
    return common | some_settings("medfm", "initial") | {"arguments": arguments}


def finding_recipe(run, protocol):
    """All that the training of a network depends on, besides the data and the task."""
    network, _, seed = run.rpartition("-seed")
    recipe = settings("medfm", FINDING_PROTOCOLS[protocol])
    if "networks" in recipe:
        known = recipe.pop("networks")
        recipe |= known[family_of(network, known)]
    return recipe | network_settings(network, int(seed))


def finding_initial(run):
    """The file of initial weights that a training starts from. There is none if they are random."""
    initial = settings("medfm")["initial"]
    return [] if initial == "random" else [f"results/weights/{run.rpartition('-seed')[0]}-{initial}.pth"]


# Few-shot methods that train no network; one job has all of them.
FROZEN_METHODS = ("linear_probe", "logistic_regression", "prototypes")

SWITCHES["medfm"] = {"few_shot": settings("medfm", "few_shot")["methods"]} | some_settings("medfm", "initial")


def frozen_network(network, seed):
    """All that a network depends on before few-shot methods change it."""
    return network_settings(network, seed) | {"size": settings("medfm", "few_shot")["size"]}


def few_shot_settings(*names):
    """Settings of few-shot methods: which experiments there are, and those with these names."""
    part = settings("medfm", "few_shot")
    return {name: part[name] for name in ("shots", "experiments", *names)}


def tuning_recipe(run, method):
    """All that the trainings of a few-shot method depend on, besides the data."""
    network, _, seed = run.rpartition("-seed")
    part = settings("medfm", "few_shot")
    kinds = part["prompts"]
    own = dict(kinds[family_of(network, kinds)] if method.startswith("vpt") else part[method])
    optimiser = {"optimiser": part["optimiser"] | {"lr": own.pop("lr")}}
    return few_shot_settings("epochs", "batch_size", "decay") | frozen_network(network, int(seed)) | own | optimiser


def few_shot_answers():
    """The stores of answers of all few-shot methods of each run."""
    methods = settings("medfm", "few_shot")["methods"]
    frozen = ["frozen"] if any(method in FROZEN_METHODS for method in methods) else []
    names = frozen + [method for method in methods if method not in FROZEN_METHODS]
    return [f"results/medfm/few_shot/{run}/{name}" for run in runs("medfm", "few_shot") for name in names]


def finding_results(name, *protocols):
    """A file of each run by these protocols, of each task."""
    return [
        f"results/medfm/{run}/{protocol}/{task}/{name}"
        for run in runs("medfm", "networks")
        for protocol in protocols
        for task in FINDING_TASKS
    ]


def scored_experiments():
    """Which few-shot experiments are scored."""
    return {"few_shot": few_shot_settings()}


def published_findings(*parts):
    """The published figures of the study whose quantity has one of these parts, such as points of a curve, by quantity."""
    figures = from_published(lambda found: found["studies"]["medfm"]["figures"])
    chosen = [one for one in figures if any(part in one["quantity"] for part in parts)]
    return {"points": {one["quantity"]: one["value"] for one in chosen}}


def figure_of_findings(name):
    """Outputs of a step that draws one figure: its SVG and the CSV with the numbers drawn."""
    return {"figure": f"results/medfm/figures/{name}.svg", "table": f"results/medfm/figures/{name}.csv"}


def of_each_task(name):
    """This file of a run by `sound`, of each task in order, as an input function."""
    return lambda w: [f"results/medfm/{w.run}/sound/{task}/{name}" for task in FINDING_TASKS]


# No file is known by its ending: a picture does not tell what it shows. So `predict` never takes this study by itself.
OWN_FILES["medfm"] = ("results/own_images", ())


def own_task():
    """The task that the configuration names, as an option; the user's weights may name it instead."""
    return {"task": config["task"]} if "task" in config else {}


def own_image_network(wildcards):
    """The weights of the first network by `sound` for the task."""
    if "task" not in config:
        tasks = " or ".join(FINDING_TASKS)
        sys.exit(f"error: task: name what your images show, such as --config input=FOLDER task=chest; {tasks}")
    return f"results/medfm/{runs('medfm', 'networks')[0]}/sound/{config['task']}/weights.safetensors"
