"""Every measure of the study with its interval, by both protocols, and what each published habit is worth."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from echonet.analysis.measures import LEVELS, by_video, dice_rows, ef_rows, error_rows, row
from echonet.analysis.quirks import beat_quirks, ef_quirks, overlap_quirks, r2_quirk
from echonet.analysis.results import Results, read_results, read_systoles
from reprise.data.store import open_store
from reprise.evaluation.estimates import METRICS, QUIRKS, Row, Sampling, score_parser, without_interval
from reprise.step.command import run, say
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = score_parser(__doc__)
    for name, what in {
        "overlap": "segmentation/RUN/overlap.csv of each network",
        "history": "log.csv of each training",
        "mask-ef": "segmentation/RUN/mask_ef.csv of each network",
        "predictions": "ef/RUN/PROTOCOL/SPLIT_predictions.csv, all of them",
        "beats": "ef/RUN/PROTOCOL/beats.csv, all of them",
    }.items():
        parser.add_argument(f"--{name}", type=Path, nargs="*", default=[], help=what)
    parser.add_argument("--size", type=Path, help="the systoles behind the beats, by the published rule")
    parser.add_argument("--size-sound", type=Path, help="the systoles behind the beats, by the corrected rule")
    return parser


def metric_rows(results: Results, cases: pd.DataFrame, sampling: Sampling) -> Iterator[Row]:
    """All rows of the table of measures, one protocol after the other."""
    ef = cases.set_index("case")["ef"]
    for protocol in LEVELS:
        for network, overlap in by_network(results.overlap):
            yield from dice_rows(network, overlap, protocol, sampling)
        for network, log in by_network(results.segmentation_log):
            best = without_interval(log["val_loss"].min(), (cases["split"] == "val").sum())
            yield row(protocol, f"segmentation/{network}/val/loss", "1", best)
        clips, beats = (table[table["protocol"] == protocol] for table in (results.clips, results.beats))
        for (name, split), rows in clips.groupby(["network", "split"], sort=False):
            yield from ef_rows(f"ef/{name}/{split}", by_video(rows, sampling.seed), ef, protocol, sampling)
        for network, rows in by_network(beats):
            averaged = {"beats": rows.set_index("case")["beat_by_beat"]}
            yield from ef_rows(f"ef/{network}/test", averaged, ef, protocol, sampling)
        yield from baseline_rows(cases, protocol, sampling)
    for network in results.overlap["network"].unique():  # masks in which no beat was found have no rows
        yield from mask_rows(network, results.mask_ef[results.mask_ef["network"] == network], ef, sampling)


def by_network(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each network, in order of first appearance."""
    return ((str(network), rows) for network, rows in table.groupby("network", sort=False))


def baseline_rows(cases: pd.DataFrame, protocol: str, sampling: Sampling) -> Iterator[Row]:
    """The error if the prediction for each test video is the mean of the training videos."""
    mean = cases.loc[cases["split"] == "train", "ef"].mean()
    test = cases.loc[cases["split"] == "test", "ef"]
    rows = error_rows("baseline/test", test, pd.Series(mean, index=test.index), protocol, sampling)
    return (row for row in rows if row["quantity"].endswith("/mae"))


def mask_rows(network: str, beats: pd.DataFrame, ef: pd.Series, sampling: Sampling) -> Iterator[Row]:
    """Errors of EF from the masks alone, averaged over beats; the published study has no such figure."""
    predicted = beats.groupby("case")["ef"].mean()
    rows = error_rows(f"mask_ef/{network}/test", ef.loc[predicted.index], predicted, "sound", sampling)
    return (row for row in rows if not row["quantity"].endswith("r2_pearson"))


def quirk_rows(results: Results, ef: pd.Series, args: argparse.Namespace, sampling: Sampling) -> Iterator[Row]:
    """All rows of the table of quirks; those about beats need the systoles."""
    for network, overlap in by_network(results.overlap):
        yield from overlap_quirks(network, overlap, sampling)
    for network, rows in by_network(results.clips[results.clips["split"] == "test"]):
        clips = {protocol: part for protocol in LEVELS if len(part := rows[rows["protocol"] == protocol])}
        log = results.ef_log[results.ef_log["network"] == network]
        yield from ef_quirks(network, clips, ef, log, sampling)
        beats = results.beats[(results.beats["network"] == network) & (results.beats["protocol"] == "published")]
        if len(beats):
            yield r2_quirk(network, ef, beats.set_index("case")["beat_by_beat"])
        if args.size and args.size_sound and "published" in clips:
            systoles = {"published": read_systoles(args.size), "sound": read_systoles(args.size_sound)}
            yield from beat_quirks(network, clips["published"], ef, systoles, args.settings["lead_frames"])


def main(args: argparse.Namespace) -> None:
    """Read all results, then write both tables."""
    cases = open_store(args.store).cases
    cases = cases[cases["traced"] >= 0]
    sampling = Sampling(args.settings["resamples"], args.settings["seed"])
    results = read_results(args, cases["case"])
    metrics = pd.DataFrame(metric_rows(results, cases, sampling), columns=METRICS)
    quirks = pd.DataFrame(quirk_rows(results, cases.set_index("case")["ef"], args, sampling), columns=QUIRKS)
    # How many beats a rule touches is the same for every EF network.
    quirks = quirks.drop_duplicates(["quirk", "quantity"])
    with outputs(args.metrics, args.quirks) as (metrics_file, quirks_file):
        metrics.to_csv(metrics_file, index=False)
        quirks.to_csv(quirks_file, index=False)
    say(f"{len(metrics)} measures, {len(quirks)} habits weighed")


if __name__ == "__main__":
    run(main, arguments())
