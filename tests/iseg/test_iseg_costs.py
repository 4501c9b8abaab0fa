"""What each network costs: counts of layers by hand, and the step that measures those of the run."""

import importlib
import json
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import iseg_tables as example
from iseg.learning.measuring import size_of
from iseg.learning.networks import NAMES, tissue_network
from reprise.step.errors import InputError

OPTIMISER = {"name": "adamw", "lr": 1e-3, "momentum": 0.9, "weight_decay": 0.0}
RECIPE = {"network": "vnet2", "seed": 0, "precision": "fp32", "width": 0.1, "folds": 3, "crop": [8, 8, 16]}
RECIPE |= {"crops_a_volume": 2, "overlap": 0.5, "batch_size": 2, "optimiser": OPTIMISER}


def measure(folder: Path, networks: list[str], **changes: object) -> pd.DataFrame:
    """The table of the step for a store in the folder."""
    step = importlib.import_module("iseg.measure_costs")
    settings = json.dumps({"repeats": 1, "networks": networks, "recipe": RECIPE | changes})
    options = ["--store", folder / "store", "--settings", settings, "--device", "cpu", "--costs", folder / "costs.csv"]
    step.main(step.arguments().parse_args([str(option) for option in options]))
    return pd.read_csv(folder / "costs.csv")


def test_networks_of_the_run_are_measured_and_all_others_counted(tmp_path: Path) -> None:
    example.make_results(tmp_path)
    table = measure(tmp_path, ["vnet2", "densevoxelnet"]).set_index("network")
    assert list(table.index) == list(NAMES)
    times = table[["step_ms", "peak_mb", "volume_s"]]
    for name in NAMES:
        assert table.loc[name, "trained"] == (name in ("vnet2", "densevoxelnet"))
        assert (times.loc[name] > 0).all() if table.loc[name, "trained"] else times.loc[name].isna().all()
    assert table.loc["unet3d", "parameters"] == 1_781_744, "of width 1, whatever the run's is"
    weights = sum(parameter.numel() for parameter in tissue_network("vnet2", 0.1).parameters())
    assert table.loc["vnet2", "peak_mb"] * 2**20 > 4 * 4 * weights, "with their gradients and two moments"


def test_a_crop_that_a_network_cannot_take_is_told_before_the_store_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sides for vnet: expected multiples of 16, .* found 8 x 8 x 16$"):
        measure(tmp_path, ["vnet2", "vnet"])
    assert not (tmp_path / "costs.csv").exists()


@pytest.mark.parametrize("name", ["unet3d", "cicek_unet3d"])
def test_multiply_adds_are_those_of_the_convolutions(name: str) -> None:
    counted = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], made: torch.Tensor) -> None:
        ends = inputs[0] if isinstance(layer, nn.ConvTranspose3d) else made  # a kernel meets each voxel of this end
        counted.append(
            math.prod(ends.shape[2:]) * layer.in_channels * layer.out_channels * math.prod(layer.kernel_size)
        )

    with torch.device("meta"):
        model, crop = tissue_network(name), torch.empty(1, 2, 64, 64, 64)
    for layer in model.modules():
        if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(crop)
    assert size_of(name).multiply_adds == sum(counted)
