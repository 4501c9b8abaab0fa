"""One trained network as a MONAI bundle: weights, configuration, metadata, page, licences, and the code it needs."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import runtime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from networks import Trained
from origin import Origin
from requirements import required_packages

from reprise.engine.fingerprint import CODE_ROOT, import_closure
from reprise.report.bundle_card import Card

PROJECT = CODE_ROOT.parent
VERSION = "0.1.0"  # of the form of these bundles
LIBRARIES = {"monai": "monai_version", "torch": "pytorch_version", "numpy": "numpy_version"}
USE = "Research only: this is no medical device, and must not be used for diagnosis or treatment."
AUTHORS, COPYRIGHT = "The Reprise authors", "Code: Copyright (c) 2026 The Reprise authors, MIT licence"
FINDS_CODE = '''"""Makes the modules beside this file importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
'''


class About(NamedTuple):
    """What a bundle says: the study's card, the origin, the info of the weights, schedule, references, scores.

    obstacles: why nothing of the run compares with published figures, if so.
    """

    card: Card
    origin: Origin
    info: Mapping[str, Any]
    schedule: str
    references: Sequence[str]
    scores: Sequence[Mapping[str, Any]]
    obstacles: Sequence[str]


def write_bundle(folder: Path, trained: Trained, about: About) -> None:
    """Write the bundle of a network to a new folder."""
    for name in ("configs", "docs", "models"):
        (folder / name).mkdir(parents=True)
    shutil.copyfile(trained.weights, folder / "models" / "model.safetensors")
    packages = copy_code(folder / "scripts", about.card)
    metadata = metadata_of(trained, about, packages)
    for name, content in (("metadata", metadata), ("inference", inference_of(about.card))):
        (folder / "configs" / f"{name}.json").write_text(f"{json.dumps(content, indent=2)}\n")
    shutil.copyfile(PROJECT / "LICENSE", folder / "LICENSE")
    (folder / "docs" / "data_license.txt").write_text(f"{about.origin.data}\n{about.origin.terms}\n")
    (folder / "docs" / "README.md").write_text(page_of(about, metadata))


def copy_code(folder: Path, card: Card) -> dict[str, str]:
    """Copy what the study's prediction imports, and return the packages that it needs, with their versions."""
    programs = [Path(str(module.__file__)) for module in (runtime, card.code)]
    files = import_closure(*programs, folder=CODE_ROOT)
    for file in files:
        target = folder / file.relative_to(CODE_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    (folder / "__init__.py").write_text(FINDS_CODE)
    return required_packages(files, {file.relative_to(CODE_ROOT).parts[0] for file in files})


def inference_of(card: Card) -> dict[str, Any]:
    """The configuration that `python -m monai.bundle run` runs on a folder of files."""
    return {
        "imports": ["$import scripts"],
        "bundle_root": ".",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "dataset_dir": "$@bundle_root + '/data'",
        "output_dir": "$@bundle_root + '/eval'",
        "trained": _called(
            "load_network",
            path="$@bundle_root + '/models/model.safetensors'",
            device="@device",
            load=_named(card, "load"),
        ),
        "network_def": "$@trained[0]",
        "info": "$@trained[1]",
        "found": _called("find_cases", folder="@dataset_dir", find=_named(card, "find")),
        "preprocessing": _later(_called("read_case", info="@info", read=_named(card, "read", **card.reading))),
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'case': case} for case in @found.cases]",
            "transform": "@preprocessing",
        },
        "inferer": _named(card, "infer", info="@info", device="@device"),
        "postprocessing": _named(card, "save"),
        "evaluator": _later(
            _called(
                "predict",
                network="@network_def",
                **{name: f"@{name}" for name in ("dataset", "inferer", "postprocessing", "found", "output_dir")},
            )
        ),
        "run": ["$@evaluator()"],
    }


def _called(function: str, **options: Any) -> dict[str, Any]:
    """The call of a function of `runtime`, as MONAI writes it."""
    return {"_target_": f"{Path(str(runtime.__file__)).parent.name}.{runtime.__name__}.{function}", **options}


def _named(card: Card, function: str, **options: Any) -> dict[str, Any]:
    """A function of the study's code, with some of its options, to be called later."""
    return _later({"_target_": f"{card.code.__name__}.{function}", **options})


def _later(call: Mapping[str, Any]) -> dict[str, Any]:
    return {**call, "_mode_": "callable"}


def metadata_of(trained: Trained, about: About, packages: Mapping[str, str]) -> dict[str, Any]:
    """The metadata, by MONAI's specification of bundles."""
    card, origin, info = about.card, about.origin, about.info
    learnt = {key: info[key] for key in ("protocol", "fold", "epoch", "width") if key in info}
    return {
        "name": "_".join([trained.study, *trained.folder.parts[1:]]),
        "version": VERSION,
        "changelog": {VERSION: "written by Reprise"},
        **{key: packages[name] for name, key in LIBRARIES.items()},
        "required_packages_version": {name: packages[name] for name in packages if name not in LIBRARIES},
        "task": card.task,
        "description": f"{origin.first_line} {card.description}",
        "authors": AUTHORS,
        "copyright": COPYRIGHT,
        "data_source": origin.data,
        "data_license": origin.terms,
        "data_type": card.data_type,
        "intended_use": " ".join([USE, *card.limits]),
        "references": [*about.references],
        "training": {"network": info["network"], "schedule": about.schedule, **learnt},
        "eval_metrics": {score["quantity"]: score["value"] for score in about.scores if "value" in score},
        "scores": [*about.scores],
        "not_comparable_because": [*about.obstacles],
        "network_data_format": {"inputs": card.inputs, "outputs": card.outputs},
    }


def page_of(about: About, metadata: Mapping[str, Any]) -> str:
    """The bundle's page, in Markdown."""
    places = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=places, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("bundle.md.j2").render(**about._asdict(), metadata=metadata, use=USE)
