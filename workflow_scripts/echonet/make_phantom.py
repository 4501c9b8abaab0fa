"""Write a phantom of the EchoNet-Dynamic data set: beating left ventricles of known volume."""

from echonet.phantom.phantom_dataset import write_phantom
from reprise.data.dataset_steps import phantom_step

if __name__ == "__main__":
    phantom_step(__doc__, write_phantom, "videos", "split", "seed")
