"""Examine a raw folder of iSeg-2017: manifest of its files, table of its subjects, list of findings."""

from iseg.data.raw_subjects import check_dataset
from reprise.data.dataset_steps import check_step

if __name__ == "__main__":
    check_step(__doc__, check_dataset, raw="folder that holds iSeg-2017-Training and iSeg-2017-Testing")
