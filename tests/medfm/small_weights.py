"""Weights of small, untrained networks of the study, as training writes them."""

from pathlib import Path

import torch

from medfm.analysis.protocols import outputs_of
from medfm.learning.images import MEAN, STD
from medfm.learning.networks import finding_network
from medfm.learning.prediction import KIND
from reprise.models.weights import save_model

SIZE = 32  # px
ARGUMENTS = {"growth_rate": 4, "block_config": [1, 1], "bn_size": 1}


def untrained(folder: Path, task: str, **settings: object) -> Path:
    """A file of weights of a small DenseNet, whose scores differ from image to image."""
    torch.manual_seed(0)
    model = finding_network("densenet121", outputs_of(task), SIZE, ARGUMENTS)
    with torch.no_grad():
        model.get_submodule("classifier").weight.mul_(20)
    info = {"kind": KIND, "task": task, "protocol": "sound", "epoch": 1, "network": "densenet121", "width": 1}
    info |= {"size": SIZE, "settings": {"precision": "fp32", "arguments": ARGUMENTS, **settings}}
    info |= {"normalisation": {"mean": list(MEAN), "std": list(STD)}}
    save_model(folder / f"{task}.safetensors", model, info)
    return folder / f"{task}.safetensors"
