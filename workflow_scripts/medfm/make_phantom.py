"""Write a phantom of MedFMC: X-rays, stained sections and endoscopy with known findings, and all official lists."""

from medfm.phantom.phantom_set import write_phantom
from reprise.data.dataset_steps import phantom_step

if __name__ == "__main__":
    phantom_step(__doc__, write_phantom, "images", "size", "seed")
