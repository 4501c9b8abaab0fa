"""Measure speed and memory against plain formulations: prints a table and writes it as CSV."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from checkpoints import checkpoint_row
from clip_inference import beats_row, memory_row
from crop_cutting import crop_rows
from ef_training import ef_training_rows
from few_shot_sweep import few_shot_sweep_row
from finding_loading import finding_loading_row
from finding_ranks import ranks_row
from finding_twins import twins_row
from heart_loading import heart_loading_row
from heart_scoring import heart_scoring_rows
from lesion_loading import lesion_loading_row
from loading import loading_rows
from mslesion_network import lesion_rows, lesion_training_rows
from page_answer import page_row
from resampling import bootstrap_row
from rows import Row, line, write_table
from small_study import make_small_study
from tissue_memory import tissue_memory_row
from whole_volume import whole_volume_row

from reprise.step.command import run, step_parser
from reprise.step.device import pick_device

WIDTHS = (80, 10, 10, 8, 9, 16)  # of the columns, in characters


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = step_parser(__doc__)
    parser.add_argument("--output", type=Path, default=Path("results/bench.csv"), help="table to write")
    parser.add_argument("--gpu", action="store_true", help="only rows on training with a GPU")
    return parser


def main(args: argparse.Namespace) -> None:
    """Measure row by row, showing each as soon as it is there."""
    print(line(Row._fields, WIDTHS), flush=True)
    rows = []
    for row in on_gpu() if args.gpu else measured():
        rows.append(row)
        print(line(row, WIDTHS), flush=True)
    write_table(args.output, Row._fields, rows)


def measured() -> Iterator[Row]:
    """All rows. On the CPU everything runs in one thread: two would wait for each other on a busy machine."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        study = make_small_study(Path(folder))
        yield from loading_rows(study)
        yield memory_row()
        yield bootstrap_row()
        yield beats_row()
        yield checkpoint_row()
        yield from ef_training_rows(study)
        yield lesion_loading_row(Path(folder))
        yield heart_loading_row(Path(folder))
        yield finding_loading_row(Path(folder))
        yield from crop_rows(Path(folder), pick_device("auto"))
        yield whole_volume_row(pick_device("auto"))
        yield from lesion_rows()
        yield from heart_scoring_rows()
        yield ranks_row()
        yield twins_row()
        yield tissue_memory_row()
        yield few_shot_sweep_row(pick_device("auto"))
        yield page_row()


def on_gpu() -> Iterator[Row]:
    """The rows on training, which need a GPU."""
    with tempfile.TemporaryDirectory() as folder:
        yield from ef_training_rows(make_small_study(Path(folder)))
    yield from lesion_training_rows(pick_device("cuda"))


if __name__ == "__main__":
    run(main, arguments())
