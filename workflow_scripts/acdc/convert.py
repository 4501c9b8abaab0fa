"""Read checked cine MRI into the store, once, in one orientation and without loss."""

from acdc.data.conversion import convert_dataset, read_checked
from reprise.data.dataset_steps import convert_step

if __name__ == "__main__":
    convert_step(__doc__, read_checked, convert_dataset)
