# What the rules of all studies share. Parsed again inside every cluster job, so it stays light.

import sys
from pathlib import Path

CODE = Path(workflow.basedir, "workflow_scripts")
sys.path.insert(0, str(CODE))

from reprise.configuration import check_configuration, set_environment, study_settings
from reprise.errors import InputError
from reprise.fingerprint import spec

set_environment()
try:
    check_configuration(config)
except InputError as error:
    sys.exit(f"error: {error}")


wildcard_constraints:
    run=r"[a-z0-9_]+-seed[0-9]+",
    network=r"[a-z0-9_]+",
    weights=r"[a-z0-9_]+",
    protocol=r"published|sound",
    split=r"train|val|test",


def seeds():
    """The seeds to train with."""
    return config["seed"] if isinstance(config["seed"], list) else [config["seed"]]


def first_seed():
    return seeds()[0]


def settings(study, *keys, **more):
    """A part of a study's hyper-parameters, such as settings("echonet", "ef"), with more laid over it."""
    part = study_settings(study, config["schedule"])
    for key in keys:
        part = part[key]
    return part | more


def recipe(study, task, run):
    """All that a training run depends on: the recipe of its task, and the network and seed in its name."""
    network, _, seed = run.rpartition("-seed")
    return settings(study, task, network=network, seed=int(seed), precision=config["precision"])


def runs(study, task):
    """Names of a task's training runs, each network with each seed."""
    return [f"{network}-seed{seed}" for network in config["models"][study][task] for seed in seeds()]


def is_phantom(study):
    return config["data"][study] == "phantom"


def raw_folder(study):
    """Where a study's raw data lies."""
    return f"results/{study}/phantom" if is_phantom(study) else config["data"][study]


def raw_files(study):
    """What a study's check depends on: the phantom as a whole, or each file of the user's folder."""
    folder = raw_folder(study)
    if is_phantom(study):
        return folder
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def initial_weights(study, task, run):
    """The file of initial weights that a training run starts from; none if they are random."""
    part = recipe(study, task, run)
    return [] if part["weights"] == "random" else [f"results/weights/{part['network']}-{part['weights']}.pth"]


def described_run():
    """What the report says of a run; the device is left out, because results do not depend on it."""
    return {
        "schedule": config["schedule"],
        "data": {study: "phantom" if is_phantom(study) else "raw" for study in config["studies"]},
        "parameters": {study: study_settings(study, config["schedule"]) for study in config["studies"]},
        "config": {key: config[key] for key in ("studies", "schedule", "precision", "seed", "models")},
    }


def of_studies(name):
    """A file of each study."""
    return [f"results/{study}/{name}" for study in config["studies"]]


def by_study(name):
    """STUDY=FILE for each study, as the report's steps take them."""
    return [f"{study}=results/{study}/{name}" for study in config["studies"]]


def described_study(study):
    """What a study's section of the report says of its run."""
    run = described_run()
    return run["parameters"][study] | {"data": run["data"][study], "models": config["models"][study]}


def weights_source(network, weights):
    """Where initial weights come from: the file or URL that the configuration names, or torchvision's server."""
    return config.get("weights", {}).get(f"{network}-{weights}", "auto")
