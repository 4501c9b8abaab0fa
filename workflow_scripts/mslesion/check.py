"""Examine a raw folder of multiple-sclerosis scans: manifest of its files, table of its scans, list of findings."""

from mslesion.data.raw_scans import check_dataset
from reprise.data.dataset_steps import check_step

if __name__ == "__main__":
    check_step(__doc__, check_dataset, raw="folder of scans, in one of the known layouts")
