"""What a bundle runs on a folder of files; it travels with the bundle, and `configs/inference.json` names it.

MONAI turns each error into a long one of its own. So bad input ends the process here, with one line.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from reprise.data.findings import Findings
from reprise.data.own_files import OwnFile, name_own_files, write_key
from reprise.step.command import progress, say
from reprise.step.errors import InputError
from reprise.step.files import outputs

Info = Mapping[str, Any]
Inputs = Mapping[str, Any]


class Found(NamedTuple):
    """The cases in a folder, the files by their names, and what is odd about them, or left out."""

    cases: Sequence[Any]
    files: list[OwnFile]
    findings: Findings


def load_network(
    path: str, device: torch.device, load: Callable[..., tuple[nn.Module, Info]]
) -> tuple[nn.Module, Info]:
    """The network in evaluation mode on the device, and the info of its weights."""
    with in_one_line():
        return load(Path(path), device)


def find_cases(folder: str, find: Callable[[list[OwnFile], Findings], Sequence[Any]]) -> Found:
    """The cases below a folder, as the study finds them."""
    with in_one_line():
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder; name that of your files by --dataset_dir")
        files, findings = name_own_files(Path(folder), keep_names=False), Findings()
        cases = find(files, findings)
        if not len(cases):
            reasons = "; ".join(dict.fromkeys(finding for *_, finding in findings.rows)) or "it is empty"
            raise InputError(f"{folder}: nothing that this network takes: {reasons}")
        return Found(cases, files, findings)


def read_case(item: Mapping[str, Any], info: Info, read: Callable[..., Inputs]) -> Inputs:
    """The inputs of a case, as the study reads it."""
    with in_one_line():
        return read(item["case"], info)


def predict(
    dataset: Iterable[Inputs],
    network: nn.Module,
    inferer: Callable[..., Any],
    postprocessing: Callable[..., None],
    found: Found,
    output_dir: str,
) -> None:
    """Write what the network finds in each case, the key to the names of the cases, and findings.csv, or nothing.

    Args:
        dataset: the inputs of each case; `notes`, if there are any, are sentences for findings.csv.
        network: in evaluation mode.
        inferer: gives the prediction from `inputs` and `network`.
        postprocessing: writes the prediction; it takes `folder`, `inputs` and `pred`.
        found: the cases.
        output_dir: the folder to write.
    """
    with in_one_line(), outputs(output_dir) as (folder,):
        folder.mkdir(parents=True)
        for inputs in progress(dataset, "cases", len(found.cases)):
            postprocessing(folder=folder, inputs=inputs, pred=inferer(inputs=inputs, network=network))
            for note in inputs.get("notes", ()):
                found.findings.note(inputs["case"], "", note)
        write_key(folder / "key.csv", found.files)
        found.findings.table().to_csv(folder / "findings.csv", index=False)
    say(f"{len(found.cases)} cases predicted, {found.findings.excluded()} files left out: {output_dir}")


@contextmanager
def in_one_line() -> Iterator[None]:
    """A block whose error of bad input ends the process with one line and status 1."""
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
