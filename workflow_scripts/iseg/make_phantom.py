"""Write a phantom of iSeg-2017: infants' brains on T1 and T2, some of them with labels of their tissues."""

from iseg.phantom.phantom_subjects import write_phantom
from reprise.data.dataset_steps import phantom_step

if __name__ == "__main__":
    phantom_step(__doc__, write_phantom, "labelled", "unlabelled", "shape", "seed")
