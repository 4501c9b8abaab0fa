# What the rules of all studies share. Each cluster job reads it again, so it imports little.

import sys
from functools import cache
from pathlib import Path

import yaml
from snakemake.io import apply_wildcards
from snakemake.settings.types import DeploymentMethod

CODE = Path(workflow.basedir, "workflow_scripts")
sys.path.insert(0, str(CODE))

from reprise.engine.configuration import (
    check_configuration,
    hide_input,
    picked,
    read_as_typed,
    refuse_bad_words,
    refuse_endless,
    set_environment,
    study_settings,
)
from reprise.engine.fingerprint import rules_digest, spec
from reprise.engine.grid_engine import get_ready
from reprise.engine.links import conceal
from reprise.engine.orphans import announce_snakemake
from reprise.engine.raw_files import files_digest
from reprise.engine.records import remember
from reprise.engine.slurm import tell_ended_jobs
from reprise.engine.stale_results import watch_results
from reprise.engine.takeover import take_over
from reprise.step.errors import InputError

# Files of the project that steps read as data. Their content counts, not their times, as for raw files.
PUBLISHED, LOCK = "config/published.yaml", "requirements.lock"

# Names of resources that become options of a step. Results do not depend on them, so Snakemake does not track them.
UNTRACKED = set()

# By study: the hyper-parameters that add or remove jobs.
SWITCHES = {}

set_environment()
announce_snakemake()
watch_results()
try:
    refuse_endless("config.yaml", config)
    refuse_bad_words(sys.argv)
    read_as_typed(config)
    hide_input(config, workflow.config_settings.config_args, sys.argv, not workflow.is_main_process)
    check_configuration(config)
except InputError as error:
    sys.exit(f"error: {error}")


onstart:
    take_over(Path(workflow.workdir_init))
    tell_ended_jobs()
    get_ready(workflow.executor_settings)


wildcard_constraints:
    run=r"[a-z0-9_]+-seed[0-9]+",
    network=r"[a-z0-9_]+",
    weights=r"[a-z0-9_]+",
    protocol=r"published|sound",
    split=r"train|val|test",
    fold=r"[1-9][0-9]*",


def needs(megabytes, minutes, gpus=None, **options):
    """The resources of a rule (memory in MB, minutes, GPUs), and `options`, which become options of its step.

    After a failed attempt the memory doubles, because too little memory may have been the cause.
    """
    UNTRACKED.update(options)
    devices = {} if gpus is None else {"gpu": gpus * int(config["device"] != "cpu"), "nodes": 1}
    memory = {"mem_mb": lambda wildcards, attempt: megabytes * min(attempt, 2), "runtime": minutes}
    return memory | devices | options


def needs_gpu(megabytes, minutes, gpus=1, **options):
    """The resources of a rule that computes with a network."""
    return needs(megabytes, minutes, gpus, device=config["device"], **options)


def needs_training(megabytes, minutes):
    """The resources of a rule that trains a network."""
    return needs_gpu(
        megabytes,
        minutes,
        config["processes"],
        deterministic="yes" if config["deterministic"] else "no",
        compile="auto" if config["compile"] == "auto" else "off",  # YAML reads `off` as false
        processes=config["processes"],
        checkpoint_every=config["checkpoint_every"],
        **tracked(),
    )


def tracked():
    """The resource that becomes the option of trainings whether they are tracked. YAML reads `off` as false."""
    return {"tracking": "mlflow" if config["tracking"] == "mlflow" else "off"}


def step(program, *besides, settings=None, **options):
    """The params of a rule. Its step gets the settings, the options, and all named inputs, outputs and resources.

    A change of anything in `besides` makes the results stale, but the step does not get it. Settings and each part of
    `besides` are a mapping, or a function that makes one from the wildcards. Use a function if it reads files.
    """
    reached = [*options] if settings is None else [*options, "settings"]

    def tracked(wildcards):
        parts = [part(wildcards) if callable(part) else part for part in (*besides, settings or {})]
        return spec(program, {key: value for part in parts for key, value in part.items()})

    def words(wildcards, input, output, resources):
        untracked = {name: resources.get(name) for name in sorted(UNTRACKED & {*resources.keys()})}
        known = dict(wildcards.items())
        given = {name: [apply_wildcards(str(text), known) for text in listed(value)] for name, value in options.items()}
        described = {} if settings is None else {"settings": tracked(wildcards)}
        named = [*input.items(), *untracked.items(), *given.items(), *described.items(), *output.items()]
        return [word for name, values in named for word in (option(name), *listed(values))]

    return {"program": program, "spec": tracked, "words": words, "reached": reached, **options}


def track_options():
    """Record which names become options, because Snakemake compares inputs and params without their names."""
    for each in workflow.rules:
        names = [*each.input.keys(), *each.output.keys(), *sorted(UNTRACKED & {*each.resources.keys()})]
        each.set_params(named=[option(name) for name in names], environment=environment_option(each))


def environment_option(rule):
    """The option of a step that says in which environment of conda it runs. There is none without `--sdm conda`.

    It is a function of resources, because Snakemake does not track those: results do not depend on it.
    """

    def words(wildcards, resources):
        if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
            return []
        return ["--environment", rule.expand_conda_env(wildcards).get_conda_env(workflow).address]

    return words


def option(name):
    """The option of the step for a name in a rule: `--size` for `size_`, because Snakemake keeps `size` for itself."""
    return f"--{name.rstrip('_').replace('_', '-')}"


def listed(value):
    return [value] if isinstance(value, str | int) else [*value]


def seeds():
    """The seeds to train with."""
    return config["seed"] if isinstance(config["seed"], list) else [config["seed"]]


def first_seed():
    return seeds()[0]


def settings(study, *keys, **more):
    """A part of a study's hyper-parameters, such as settings("echonet", "ef"). Values in `more` replace its own."""
    part = study_settings(study, config["schedule"])
    for key in keys:
        part = part[key]
    return part | more


def some_settings(study, *names):
    """Some of a study's hyper-parameters, by their names."""
    return {name: settings(study)[name] for name in names}


def recipe(study, task, run):
    """All that a training run depends on: the settings of its task, and the network and seed in its name."""
    network, _, seed = run.rpartition("-seed")
    return settings(study, task, network=network, seed=int(seed), precision=config["precision"])


def in_order(study, *tasks):
    """The order of the runs, for a table or figure that follows it. Snakemake compares inputs without their order."""
    return {"models": {task: config["models"][study][task] for task in tasks}, "seeds": seeds()}


def runs(study, task):
    """Names of a task's training runs, each network with each seed."""
    return [f"{network}-seed{seed}" for network in config["models"][study][task] for seed in seeds()]


def initial_weights(study, task, run):
    """The file of initial weights that a training run starts from. There is none if they are random."""
    part = recipe(study, task, run)
    return [] if part["weights"] == "random" else [f"results/weights/{part['network']}-{part['weights']}.pth"]


def described_run():
    """What the report says of a run. It leaves out what results do not depend on, such as the device."""
    return {
        "schedule": config["schedule"],
        "data": {study: "phantom" if is_phantom(study) else "raw" for study in config["studies"]},
        "parameters": {study: study_settings(study, config["schedule"]) for study in config["studies"]},
        "config": {key: config[key] for key in ("studies", "schedule", "precision", "seed", "models")},
    }


def of_studies(name):
    """The file of this name of each study."""
    return [f"results/{study}/{name}" for study in config["studies"]]


def figure_files(study, *names):
    """Outputs of a step that draws figures: their SVGs and the CSVs with the numbers drawn."""
    return {
        kind: [f"results/{study}/figures/{name}.{ending}" for name in names]
        for kind, ending in (("figures", "svg"), ("tables", "csv"))
    }


def by_study(name):
    """STUDY=FILE for each study, as the steps of the report take them."""
    return [f"{study}=results/{study}/{name}" for study in config["studies"]]


def described_study(study, *tasks):
    """What a study's section says of its run: data, models, settings of these tasks; and the names of measures."""
    recipes = {task: settings(study, task) for task in tasks}
    measures = from_published(lambda found: found["measures"])
    return recipes | {"data": described_run()["data"][study], "models": config["models"][study], "measures": measures}


def project_files(*names):
    """What a step that reads files of the project depends on: their content, not their times."""
    for name in names:
        if not Path(name).is_file():
            sys.exit(f"error: {name}: no such file; `git restore {name}` brings it back")
    return {"project": remember({name: files_digest(name) for name in names})}


@cache
def published_figures():
    """All of config/published.yaml, which is long: read once, by the quicker of PyYAML's two parsers where it is there."""
    return yaml.load(Path(PUBLISHED).read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def from_published(pick):
    """What `pick` takes from the published figures."""
    try:
        return pick(published_figures())
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"error: {PUBLISHED}: not readable: {' '.join(str(error).split())}")


def compared_run():
    """What the scoreboard needs to know of a run. It takes the hyper-parameters that published figures name."""
    run = described_run()
    asked = from_published(
        lambda found: {study: found["studies"][study].get("conditions", {}) for study in run["data"]}
    )
    parameters = {study: picked(run["parameters"][study], names) for study, names in asked.items()}
    return {"schedule": run["schedule"], "data": run["data"], "parameters": parameters}


def graph():
    """What decides which jobs there are, and which rule needs which."""
    files = [Path(workflow.main_snakefile), *sorted(Path(workflow.basedir, "rules").rglob("*.smk"))]
    return {
        "config": {key: config[key] for key in ("studies", "schedule", "models", "seed")} | {"data": data_sources()},
        "switches": SWITCHES,
        "rules": rules_digest(file.relative_to(workflow.basedir) for file in files),
    }


def weights_source(network, weights):
    """Where initial weights come from: a file or URL that the configuration names, or torchvision's server (`auto`)."""
    return conceal(config.get("weights", {}).get(f"{network}-{weights}", "auto"))


def fetched_weights(network, weights):
    """What initial weights depend on: the URL, or the content of the file."""
    source = weights_source(network, weights)
    return {"file": files_digest(source)} if Path(source).is_file() else {"source": source}
