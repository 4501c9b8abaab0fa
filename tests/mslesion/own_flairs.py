"""What tests of a user's own FLAIR volumes share: an untrained network, and the step."""

import json
from pathlib import Path

import pandas as pd
import torch

from mslesion import predict_volumes
from mslesion.learning.networks import lesion_network
from reprise.data.own_files import name_own_files, write_key
from reprise.models.weights import save_model


def untrained(folder: Path, network: str, width: float) -> Path:
    """Weights of a narrow, untrained network."""
    torch.manual_seed(0)
    settings = {"network": network, "width": width, "normalisation": {"mean": 0.1, "std": 0.1}}
    info = {"kind": "lesions", "size": None, "settings": {"precision": "fp32"}, "protocol": "sound", "fold": 1}
    if network == "unet_3d":
        settings["normalisation"], info["settings"] = "volume", {"precision": "fp32", "block": [16, 32, 48]}
    save_model(folder / f"{network}.safetensors", lesion_network(network, width), {**info, **settings})
    return folder / f"{network}.safetensors"


def predict(source: Path, weights: Path, out: Path, code: str = "1", keep_names: bool = True) -> pd.DataFrame:
    """Run the step within this process: a new one would spend seconds on imports. Returns volumes.csv."""
    (out / "key.csv").unlink(missing_ok=True)
    write_key(out / "key.csv", name_own_files(source, keep_names))
    options = {"key": out / "key.csv", "weights": weights, "device": "cpu", "checkpoints": out / "checkpoints"}
    options |= {"settings": json.dumps({"code": code}), "output": out / "predictions", "findings": out / "findings.csv"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    predict_volumes.main(predict_volumes.arguments().parse_args(words))
    return pd.read_csv(out / "predictions" / "volumes.csv", dtype={"case": str}).set_index("case")
