"""Read checked brains of infants into the store, once and without loss."""

from iseg.data.conversion import convert_dataset, read_checked
from reprise.data.dataset_steps import convert_step

if __name__ == "__main__":
    convert_step(__doc__, read_checked, convert_dataset)
