"""Examine a raw folder of MedFMC: manifest of its images, table of its cases, few-shot lists, list of findings."""

from medfm.data.raw_images import check_dataset
from reprise.data.dataset_steps import check_step

if __name__ == "__main__":
    lists = "CSV to write: images of the few-shot lists"
    check_step(__doc__, check_dataset, raw="folder that holds MedFMC_train, MedFMC_val and the lists", lists=lists)
