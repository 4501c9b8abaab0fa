"""Trains a small network with batch normalisation and dropout, in one process or by torchrun in several.

The loss pools over the batch, so that it is not the mean of what the processes would get from their parts.
Computes in double precision and in small steps: otherwise rounding alone soon drives any two runs apart.
usage: two_processes.py DATA FOLDER     prints the loss curve as JSON
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.segmentation_task import segmentation_task
from reprise.data.store import open_store
from reprise.training.interval import Interval
from reprise.training.loop import fit
from training_step import RECIPE


def pooled_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Dice of the whole batch as one image, plus mean cross-entropy."""
    inside, truth = logits.sigmoid(), truth.double()
    overlap = (2 * (inside * truth).sum() + 1) / (inside.sum() + truth.sum() + 1)
    return 1 - overlap + binary_cross_entropy_with_logits(logits.double(), truth)


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
    optimiser = RECIPE["optimiser"] | {"lr": 1.5e-3}
    recipe = RECIPE | {"network": "fcn_resnet50", "batch_size": 5, "epochs": 2, "optimiser": optimiser}
    torch.manual_seed(0)
    model = Double(segmentation_network(recipe["network"], recipe["width"]))
    images, masks = arrays["traced_frames"], arrays["traced_masks"]
    task = segmentation_task(images, masks, train, val, normalisation, recipe, torch.device("cpu"))
    task = task._replace(loss=pooled_loss, terms_per_sample=None)
    _, history = fit(model, task, recipe, None, folder, folder / "tensorboard", Interval(seconds=60))
    print(json.dumps(history.to_dict("list")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
