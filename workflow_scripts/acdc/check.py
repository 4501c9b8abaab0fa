"""Examine a raw folder of ACDC: manifest of its files, table of its patients' frames, list of findings."""

from acdc.data.raw_patients import check_dataset
from reprise.data.dataset_steps import check_step

if __name__ == "__main__":
    check_step(__doc__, check_dataset, raw="folder that holds training and testing, each with patients' folders")
