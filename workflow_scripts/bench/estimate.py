"""Estimate how long a schedule takes on this machine: a few timed steps of each training and each long prediction."""

import argparse
import heapq
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from acdc_work import acdc_work
from echonet_work import echonet_work
from iseg_work import iseg_work
from medfm_work import medfm_work
from mslesion_work import mslesion_work
from rows import line, write_table
from work import ON_CPU, Prediction, Training, seconds_a_call, timed_training

from reprise.engine.configuration import check_configuration, set_environment, study_settings
from reprise.step.command import run, say, step_parser
from reprise.step.device import pick_device

STUDIES = {"echonet": echonet_work, "mslesion": mslesion_work, "acdc": acdc_work, "iseg": iseg_work}
STUDIES |= {"medfm": medfm_work}
GPUS = (1, 2, 4, 8)
WIDTHS = (9, 40, 5, 9, 15, 9, 8)  # of the columns, in characters


class Row(NamedTuple):
    """A row of the table: one kind of job, its time and its memory."""

    study: str
    job: str
    jobs: int
    steps: int  # of one job: of training, or batches of prediction
    seconds_a_step: float
    hours: float  # of all these jobs, one after another
    peak_mb: float | None  # of a GPU's memory


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = step_parser(__doc__)
    parser.add_argument("--schedule", default="published", choices=["published", "demo"])
    parser.add_argument("--output", type=Path, default=Path("results/estimate.csv"), help="table to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Time the jobs one by one, showing each as soon as it is there, then the total by the number of GPUs."""
    set_environment()
    config = yaml.safe_load(Path("config.yaml").read_text())
    check_configuration(config)
    device = pick_device(config["device"], config["deterministic"])
    name = torch.cuda.get_device_name() if device.type == "cuda" else "one CPU core"
    torch.set_num_threads(1)  # as the rules ask for
    print(f"schedule {args.schedule}, {config['precision']}, on: {name}\n{line(Row._fields, WIDTHS)}", flush=True)
    rows = []
    for study in config["studies"]:
        if study not in STUDIES:
            say(f"{study}: no estimate, as bench/estimate.py knows no work of it")
            continue
        for row in _rows(study, config, args.schedule, device):
            rows.append(row)
            print(line(row, WIDTHS), flush=True)
    unit, counts = ("GPU", GPUS) if device.type == "cuda" else ("core", (1, len(os.sched_getaffinity(0))))
    for count in counts:
        hours = makespan([row.hours / row.jobs for row in rows for _ in range(row.jobs)], count)
        print(f"in all, on {count} {unit}{'s' * (count > 1)}: {hours:.3g} hours")
    write_table(args.output, Row._fields, rows)


def makespan(jobs: Sequence[float], machines: int) -> float:
    """When the last of jobs (hours each) ends, if each free machine takes the longest one that waits."""
    free_at = [0.0] * machines
    for hours in sorted(jobs, reverse=True):
        heapq.heapreplace(free_at, free_at[0] + hours)
    return max(free_at)


def _rows(study: str, config: Mapping[str, Any], schedule: str, device: torch.device) -> Iterator[Row]:
    seeds = len(config["seed"]) if isinstance(config["seed"], list) else 1
    settings, where = study_settings(study, schedule), config["data"][study]
    if where != "phantom":  # the phantom of the published schedule has the size of the real data set
        settings = settings | {"phantom": study_settings(study, "published")["phantom"]}
    source, found = STUDIES[study](settings, config["models"][study], seeds, config["precision"], where)
    say(f"{study}: sizes of {source}")
    choices = argparse.Namespace(
        compile="auto" if config["compile"] == "auto" else "off",
        deterministic="yes" if config["deterministic"] else "no",
        processes=config["processes"],
    )
    for work in found:
        if isinstance(work, Training):
            yield _training(study, work, device, choices)
        else:
            yield _prediction(study, work, device)


def _training(study: str, work: Training, device: torch.device, choices: argparse.Namespace) -> Row:
    times = timed_training(work, device, choices)
    hours = work.settings["epochs"] * times.epoch * work.jobs / 3600
    return Row(study, work.name, work.jobs, times.steps, times.step, hours, times.peak_mb)


def _prediction(study: str, work: Prediction, device: torch.device) -> Row:
    """Batches of one prediction, the last one counted whole."""
    at_a_time = work.at_a_time if device.type == "cuda" else min(ON_CPU, work.at_a_time)
    predict = work.make(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = seconds_a_call(lambda: predict(at_a_time), device) * work.at_a_time / at_a_time
    steps = -(-work.items // work.at_a_time)
    peak = torch.cuda.max_memory_allocated() / 1e6 if device.type == "cuda" else None
    return Row(study, work.name, work.jobs, steps, seconds, steps * seconds * work.jobs / 3600, peak)


if __name__ == "__main__":
    run(main, arguments())
