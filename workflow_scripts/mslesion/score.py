"""Every measure of the study with its interval, by both protocols, and what each published habit is worth."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mslesion.analysis.measures import LEVEL, data_rows, pooled_rows, rater_volumes, scan_estimates, scan_rows
from mslesion.analysis.quirks import chain
from mslesion.analysis.results import Results, read_results
from reprise.data.store import Store, open_store
from reprise.evaluation.estimates import METRICS, QUIRKS, Row, Sampling, metric, score_parser
from reprise.step.command import run, say
from reprise.step.files import outputs

MEASURED = ("published", "sound")
SCAN = ["network", "protocol", "fold", "case", "patient", "timepoint"]


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = score_parser(__doc__)
    parser.add_argument("--history", type=Path, nargs="*", default=[], help="RUN/PROTOCOL/foldK/log.csv, all of them")
    parser.add_argument("--volumes", type=Path, nargs="*", default=[], help="RUN/PROTOCOL/volumes.csv, all of them")
    parser.add_argument("--lesions", type=Path, required=True, help="CSV to write: one row per scan, run and protocol")
    return parser


def main(args: argparse.Namespace) -> None:
    """Read all results, then write the three tables."""
    store = open_store(args.store)
    results = read_results(args.volumes, args.history, store.cases)
    sampling = Sampling(args.settings["resamples"], args.settings["seed"])
    networks = list(dict.fromkeys(results.volumes["network"]))
    metrics = pd.DataFrame(metric_rows(results, store, args.settings["reported_epochs"], sampling), columns=METRICS)
    quirks = pd.DataFrame((row for network in networks for row in chain(network, results)), columns=QUIRKS)
    with outputs(args.metrics, args.quirks, args.lesions) as (metrics_file, quirks_file, lesions_file):
        metrics.to_csv(metrics_file, index=False)
        quirks.to_csv(quirks_file, index=False)
        lesion_table(results.volumes).to_csv(lesions_file, index=False)
    say(f"{len(metrics)} measures, {len(quirks)} habits weighed")


def metric_rows(results: Results, store: Store, epochs: list[int], sampling: Sampling) -> Iterator[Row]:
    """All rows of the table of measures: one protocol after the other, then the second rater against the first."""
    for protocol in MEASURED:
        yield from data_rows(store.cases, protocol)
        volumes, history = (table[table["protocol"] == protocol] for table in results)
        for network, scans in volumes.groupby("network", sort=False):
            trained = history[history["network"] == network]
            if protocol == "published" and len(trained):
                yield from pooled_rows(str(network), trained, epochs, scans.groupby("fold")["case"].nunique())
            yield from scan_rows(str(network), protocol, scans, sampling)
    if "mask2" in store.arrays:
        for measure, estimate in scan_estimates(rater_volumes(*store), sampling).items():
            yield metric("sound", f"raters/scans/{measure}", "1", estimate, LEVEL)


def lesion_table(volumes: pd.DataFrame) -> pd.DataFrame:
    """Lesion load in ml and number of lesions: one row per scan, run and protocol; each rater has its own columns."""
    volumes = volumes[volumes["protocol"].isin(MEASURED)]
    table = volumes[[*SCAN, "load_ml", "lesions"]].drop_duplicates(SCAN)
    for rater, rows in volumes.groupby("rater"):
        true = rows[[*SCAN, "true_load_ml", "true_lesions"]]
        columns = {name: f"{name}_{rater}" for name in ("true_load_ml", "true_lesions")}
        table = table.merge(true.rename(columns=columns), on=SCAN, how="left")
    return table


if __name__ == "__main__":
    run(main, arguments())
