"""Write a phantom of ACDC: beating hearts of its five groups, with known volumes, ejection fractions and mass."""

from acdc.phantom.phantom_patients import write_phantom
from reprise.data.dataset_steps import phantom_step

if __name__ == "__main__":
    phantom_step(__doc__, write_phantom, "training", "testing", "spacing_mm", "size", "frames", "seed")
