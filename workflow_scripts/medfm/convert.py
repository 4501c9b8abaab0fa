"""Read checked images into the store, once, as squares of one size."""

from medfm.data.conversion import convert_dataset, read_checked
from reprise.data.dataset_steps import convert_step

if __name__ == "__main__":
    convert_step(__doc__, read_checked, convert_dataset, size="side of the squares in pixels")
