"""Trains a small network with batch normalisation and dropout; run as one process or by torchrun as several.

Computes in double precision and in small steps: otherwise rounding alone soon drives any two runs apart.
usage: two_processes.py DATA FOLDER     prints the loss curve as JSON
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.segmentation_task import segmentation_task
from reprise.data.store import open_store
from reprise.training.interval import Interval
from reprise.training.loop import fit
from training_step import RECIPE


class Double(nn.Module):
    """A network that computes in double precision."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.double()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.network(images.double())


def main(data: Path, folder: Path) -> None:
    cases, arrays = open_store(data / "store")
    train, val = (cases.loc[cases["split"] == split, "traced"].to_numpy() for split in ("train", "val"))
    normalisation = json.loads((data / "normalisation.json").read_text())
    optimiser = RECIPE["optimiser"] | {"lr": 1e-7}
    recipe = RECIPE | {"network": "fcn_resnet50", "batch_size": 5, "epochs": 2, "optimiser": optimiser}
    torch.manual_seed(0)
    model = Double(segmentation_network(recipe["network"], recipe["width"]))
    images, masks = arrays["traced_frames"], arrays["traced_masks"]
    task = segmentation_task(images, masks, train, val, normalisation, recipe, torch.device("cpu"))
    _, history = fit(model, task, recipe, None, folder, folder / "tensorboard", Interval(seconds=60))
    print(json.dumps(history.to_dict("list")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
