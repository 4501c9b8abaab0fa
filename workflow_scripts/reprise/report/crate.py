"""The run crate: what made a report, as an RO-Crate of the profile Provenance Run Crate 0.5.

https://www.researchobject.org/workflow-run-crate/profiles/provenance_run_crate
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import snakemake
from rocrate.model.computationalworkflow import ComputationalWorkflow
from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from reprise.engine.finished_jobs import FinishedJob
from reprise.report.crate_code import Code
from reprise.report.crate_files import Content, bytes_sha256, content_id, listing_path

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
WORKFLOW, CONFIGURATION, DIFFERENCE, STEPS = "Snakefile", "configuration.json", "difference.diff", "workflow_scripts"
TABLES = ("metrics.csv", "protocols.csv", "quirks.csv", "scoreboard.csv", "rules.csv", "jobs.csv", "report.html")
FIGURES = "figures"  # the folders of figures and of the numbers drawn
LICENCE = (
    "The code is under the MIT licence (see LICENSE). Results derive from data sets; the terms of each data set apply."
)
TYPES = {
    ".csv": "text/csv",
    ".png": "image/png",
    ".html": "text/html",
    ".json": "application/json",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
}


def packed_results(jobs: Iterable[FinishedJob]) -> list[str]:
    """The results that a crate holds: report, scoreboard, metrics, protocols, figures and their numbers."""
    written = (PurePosixPath(path) for job in jobs for path in job.outputs)
    return sorted(str(path) for path in written if FIGURES in path.parts or path.name in TABLES)


def describe(
    jobs: Sequence[FinishedJob],
    known: Mapping[str, Content],
    raw: Mapping[str, Content],
    packed: Mapping[str, bytes],
    code: Code,
) -> bytes:
    """The crate's metadata, ro-crate-metadata.json.

    Args:
        jobs: all jobs of the run.
        known: the content of each of their inputs and outputs.
        raw: the content of the raw data that each manifest lists.
        packed: all other files of the crate by name.
        code: the code of the run.
    """
    crate = ROCrate(version="1.1")
    workflow = _workflow(crate, code)
    programs = {f"{STEPS}/{job.program}" for job in jobs}
    types = {name: "File" if name not in programs else ["File", "SoftwareApplication"] for name in packed}
    entities = {
        name: _packed(crate, name, packed[name], types[name], known.get(name)) for name in packed if name != WORKFLOW
    }
    entities |= {name: _unpacked(crate, name, known[name]) for name in sorted(known) if name not in packed}
    raw_data = {manifest: _unpacked(crate, _raw_name(manifest), raw[manifest]) for manifest in raw}
    steps = _steps(crate, workflow, jobs, entities)
    actions = [_action(crate, job, entities, raw_data) for job in jobs]
    _run(crate, workflow, jobs, [*raw_data.values(), entities[CONFIGURATION]], entities, actions, steps)
    _describe_root(crate, workflow, jobs)
    return (json.dumps(crate.metadata.generate(), indent=1, sort_keys=True) + "\n").encode()


def listings(known: Mapping[str, Content], raw: Mapping[str, Content]) -> dict[str, bytes]:
    """The listings of all folders and raw data sets, by their names in the crate."""
    named = {**known, **{_raw_name(manifest): content for manifest, content in raw.items()}}
    return {listing_path(name): content.listing for name, content in named.items() if content.listing is not None}


def _raw_name(manifest: str) -> str:
    """The name of the raw data that a manifest lists, such as `raw data/<study>`."""
    return f"raw_data/{PurePosixPath(manifest).parent.name}"


def _workflow(crate: ROCrate, code: Code) -> ComputationalWorkflow:
    language = ContextEntity(
        crate,
        "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
        {"@type": "ComputerLanguage", "name": "Snakemake", "url": {"@id": "https://snakemake.readthedocs.io"}},
    )
    properties = {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": "Reprise",
        "sha256": bytes_sha256(code.files[WORKFLOW]),
        "version": code.commit or "unknown: not run from a Git clone",
    }
    workflow = crate.add(ComputationalWorkflow(crate, None, WORKFLOW, properties=properties))
    workflow["programmingLanguage"] = crate.add(language)
    crate.mainEntity = workflow
    return workflow


def _packed(crate: ROCrate, name: str, content: bytes, types: str | list[str], written: Content | None) -> File:
    """A file of the crate. For a result, `written` is what its job wrote."""
    kind = TYPES.get(PurePosixPath(name).suffix, "text/plain")
    facts = {"@type": types, "name": name, "sha256": bytes_sha256(content), "contentSize": str(len(content))}
    if written:
        facts["identifier"] = content_id(written, name)
        if written.sha256 != facts["sha256"]:
            facts["description"] = "Neutral names stand for those of raw files; `identifier` has the SHA-256 before."
    return crate.add(File(crate, None, name, properties={**facts, "encodingFormat": kind}))


def _unpacked(crate: ROCrate, name: str, content: Content) -> ContextEntity:
    """A file or folder that the crate refers to by its content."""
    identifier = content_id(content, name)
    if content.listing is None:
        facts: dict[str, Any] = {"@type": "File", "sha256": content.sha256, "contentSize": str(content.size)}
    else:
        facts = {"@type": "Dataset", "subjectOf": {"@id": listing_path(name)}}
    entity = crate.add(ContextEntity(crate, identifier, {"name": name, **facts}))
    crate.root_dataset.append_to("hasPart", entity)
    return entity


def _steps(
    crate: ROCrate, workflow: ComputationalWorkflow, jobs: Sequence[FinishedJob], entities: Mapping[str, Any]
) -> dict[str, ContextEntity]:
    """The rules, by name; their programs become parts of the workflow."""
    code = {job.program: job.code for job in jobs}
    for program, files in sorted(code.items()):
        entity = entities[f"{STEPS}/{program}"]
        entity["softwareRequirements"] = [entities[f"{STEPS}/{file}"] for file in files if file != program]
        workflow.append_to("hasPart", entity)
    steps = {}
    for position, (rule, program) in enumerate(dict.fromkeys((job.rule, job.program) for job in jobs), start=1):
        facts = {"@type": "HowToStep", "name": rule, "position": str(position)}
        steps[rule] = crate.add(ContextEntity(crate, f"#rule/{rule}", facts))
        steps[rule]["workExample"] = entities[f"{STEPS}/{program}"]
    workflow["step"] = [*steps.values()]
    return steps


def _action(
    crate: ROCrate, job: FinishedJob, entities: Mapping[str, Any], raw_data: Mapping[str, Any]
) -> ContextEntity:
    wildcards = " ".join(job.wildcards.values())
    action = crate.add(
        ContextEntity(
            crate,
            f"#job/{quote(job.outputs[0])}",
            {"@type": "CreateAction", "name": f"{job.rule} {wildcards}".strip(), **_times(job.start, job.end)},
        )
    )
    action["instrument"] = entities[f"{STEPS}/{job.program}"]
    raw = [raw_data[job.manifest]] if job.manifest else []
    if job.inputs or raw:
        action["object"] = [*(entities[path] for path in job.inputs), *raw]
    action["result"] = [entities[path] for path in job.outputs]
    return action


def _run(
    crate: ROCrate,
    workflow: ComputationalWorkflow,
    jobs: Sequence[FinishedJob],
    given: Sequence[Any],
    entities: Mapping[str, Any],
    actions: Sequence[ContextEntity],
    steps: Mapping[str, ContextEntity],
) -> None:
    """The run as a whole, and Snakemake, which ordered the jobs."""
    times = _times(min(job.start for job in jobs), max(job.end for job in jobs))
    whole = crate.add(
        ContextEntity(crate, "#run", {"@type": "CreateAction", "name": "the run of the workflow", **times})
    )
    whole["instrument"], whole["object"] = workflow, [*given]
    whole["result"] = [entities[path] for path in packed_results(jobs)]
    engine = crate.add(
        ContextEntity(
            crate,
            "#snakemake",
            {"@type": "SoftwareApplication", "name": "Snakemake", "softwareVersion": snakemake.__version__},
        )
    )
    controls = []
    for job, action in zip(jobs, actions, strict=True):
        facts = {"@type": "ControlAction", "name": f"orders {action['name']}"}
        control = crate.add(ContextEntity(crate, f"#order/{quote(job.outputs[0])}", facts))
        control["instrument"], control["object"] = steps[job.rule], action
        controls.append(control)
    order = crate.add(
        ContextEntity(crate, "#orders", {"@type": "OrganizeAction", "name": "Snakemake runs the jobs", **times})
    )
    order["instrument"], order["object"], order["result"] = engine, controls, whole
    crate.root_dataset["mentions"] = [whole, order, *actions]


def _describe_root(crate: ROCrate, workflow: ComputationalWorkflow, jobs: Sequence[FinishedJob]) -> None:
    profiles = [
        crate.add(ContextEntity(crate, uri, {"@type": "CreativeWork", "name": name, "version": version}))
        for uri, (name, version) in PROFILES.items()
    ]
    root = crate.root_dataset
    root["conformsTo"] = profiles
    root["name"] = "A run of Reprise"
    root["description"] = (
        "Published medical-imaging studies, re-derived by one Snakemake workflow: its report, and how it was made. "
        "What is not packed, raw data above all, is referred to by its SHA-256."
    )
    root["license"] = LICENCE
    root["datePublished"] = _stamp(max(job.end for job in jobs))
    crate.metadata["conformsTo"] = [
        {"@id": "https://w3id.org/ro/crate/1.1"},
        {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
    ]


def _times(start: float, end: float) -> dict[str, str]:
    return {"startTime": _stamp(start), "endTime": _stamp(end)}


def _stamp(seconds: float) -> str:
    """A time in UTC, which names no place."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
