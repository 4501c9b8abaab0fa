"""Write each trained network of `results/` as a MONAI bundle below `results/bundles/`: `make bundle`."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from cards import CARDS
from networks import METRICS, RESULTS, Trained, stale_files, trained_networks
from origin import origin_of
from package import About, write_bundle
from scores import scores_of

from reprise.engine.plan import planned, planned_settings
from reprise.models.weights import read_info
from reprise.report.published import Published, read_published
from reprise.report.scoreboard import Setup, obstacles, read_metrics, read_setup, scoreboard
from reprise.step.command import run, say, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs

BUNDLES, REPORT = RESULTS / "bundles", str(RESULTS / "report.html")
PUBLISHED, DATASETS = "config/published.yaml", Path("config/datasets.yaml")


def arguments() -> argparse.ArgumentParser:
    """The options."""
    return step_parser(__doc__)


def main(args: argparse.Namespace) -> None:
    """Write all bundles, or none."""
    with planned(Path("Snakefile"), [REPORT]) as dag:
        every, stale = trained_networks(dag), stale_files(dag)
        setup, sources = read_setup(planned_settings(dag, REPORT)), dag.workflow.config["data"]
    ready = list(usable(every, stale))
    if not ready:
        raise InputError("no study has all its results; run `make report` first")
    published = read_published(PUBLISHED)
    with outputs(BUNDLES) as (folder,):
        for study, networks in groupby(ready, attrgetter("study")):
            for trained, about in described(study, [*networks], setup, published, sources[study]):
                write_bundle(folder / trained.folder, trained, about)
    say(f"{len(ready)} bundles below {BUNDLES}")


def usable(every: Sequence[Trained], stale: set[Path]) -> Iterator[Trained]:
    """The networks of studies with a card and without stale results; one line says why another study has none."""
    for study, group in groupby(every, attrgetter("study")):
        networks = [*group]
        wrong = stale & {RESULTS / study / METRICS, *(each.weights for each in networks)}
        if study not in CARDS:
            say(f"{study}: no bundles, as the study has no card in workflow_scripts/bundle/cards.py")
        elif wrong:
            say(f"{study}: no bundles, as {min(wrong)} is missing or stale; run `make report`, or `make why`")
        else:
            yield from networks


def described(
    study: str, networks: Sequence[Trained], setup: Setup, published: Published, source: str
) -> Iterator[tuple[Trained, About]]:
    """Each network of a study, with what its bundle says."""
    path = RESULTS / study / METRICS
    ours = read_metrics(path)
    board = scoreboard(published, {study: ours}, setup)
    as_published = {name: metric.value for (protocol, name), metric in ours.items() if protocol == "published"}
    hindered = obstacles(study, setup, published, as_published)
    metrics = pd.read_csv(path)
    known = known_set(study, source)
    for trained in networks:
        info = read_info(trained.weights)
        card = CARDS[study](info, trained.name, setup.parameters[study])
        origin = origin_of(card, setup.data[study], known)
        references = [published.sources[name].full for name in card.sources]
        scores = scores_of(card, metrics, board, published)
        yield trained, About(card, origin, info, setup.schedule, references, scores, hindered)


def known_set(study: str, source: str) -> Mapping[str, Any] | None:
    """The entry in config/datasets.yaml of a set that the configuration names, None if it names none."""
    found: Mapping[str, Any] | None = yaml.safe_load(DATASETS.read_text()).get(study, {}).get(source)
    return found


if __name__ == "__main__":
    run(main, arguments())
