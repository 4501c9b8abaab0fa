"""Write a phantom of the ISBI 2015 data set: brains with growing lesions of known volume, drawn by two raters."""

from mslesion.phantom.isbi2015 import write_phantom
from reprise.data.dataset_steps import phantom_step

if __name__ == "__main__":
    phantom_step(__doc__, write_phantom, "shape", "spacing_mm", "seed")
