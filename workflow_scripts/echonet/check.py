"""Examine a raw EchoNet-Dynamic folder: manifest of its files, table of its usable cases, list of findings."""

from echonet.data.raw_dataset import check_dataset
from reprise.data.dataset_steps import check_step

if __name__ == "__main__":
    check_step(__doc__, check_dataset, raw="folder with FileList.csv, VolumeTracings.csv, Videos/")
