"""The trainings and long predictions of the study `echonet`, on its store or on made-up videos of the same number."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from work import Prediction, StudyData, Training, data_of

from echonet.learning.clips import n_starts
from echonet.learning.ef_prediction import CLIPS_AT_A_TIME, predict_videos
from echonet.learning.ef_task import clip_regression_task
from echonet.learning.segmentation_masks import segment_frames
from echonet.learning.segmentation_network import COMPILED as SEGMENTATION_COMPILED
from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.segmentation_task import segmentation_task
from echonet.learning.video_network import COMPILED as EF_COMPILED
from echonet.learning.video_network import video_network
from reprise.training.task import Task

FRAMES = 177  # of a video: the mean of the published data set
SIDE = 112  # px
MEAN, STD = 32.5, 50.0
PREDICTED = {"published": ("test", "val"), "sound": ("test",)}  # protocol: splits of which all clips are predicted


def echonet_work(
    settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, precision: str, where: str
) -> tuple[str, Iterator[Training | Prediction]]:
    """What the study computes with networks, and where the sizes are from.

    Args:
        settings: the study's, of one schedule.
        models: networks by task.
        seeds: how many each is trained with.
        precision: fp32 or bf16.
        where: `phantom` or the folder of the raw data.
    """
    data = data_of("echonet", where, partial(made_up, settings["phantom"]))
    more = {"seed": 0, "precision": precision}
    return data.source, _work(data, settings, models, seeds, more)


def made_up(phantom: Mapping[str, Any]) -> StudyData:
    """Videos of equal length, all of them the same frame in memory, in the phantom's splits.

    The phantom of the published schedule has as many videos as the published data set.
    """
    videos, parts = phantom["videos"], np.cumsum(phantom["split"])
    split = np.array(["train", "val", "test"])[np.searchsorted(parts, (np.arange(videos) + 0.5) / videos)]
    at = np.arange(videos)
    cases = pd.DataFrame({"case": at.astype(str), "split": split, "offset": FRAMES * at, "frames": FRAMES})
    cases = cases.assign(traced=at, ef=55.0)
    frame, mask = np.random.default_rng(0).integers(0, [[[[256]]], [[[2]]]], (2, SIDE, SIDE, 1), np.uint8)
    arrays = {
        "frames": np.broadcast_to(frame, (FRAMES * videos, *frame.shape)),
        "traced_frames": np.broadcast_to(frame, (videos, 2, *frame.shape)),
        "traced_masks": np.broadcast_to(mask[..., 0], (videos, 2, SIDE, SIDE)),
    }
    return StudyData(cases, arrays, f"{videos} made-up videos of {FRAMES} frames, on average as long as the published")


def _work(
    data: StudyData, settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, more: dict[str, Any]
) -> Iterator[Training | Prediction]:
    test = data.cases[(data.cases["split"] == "test") & (data.cases["traced"] >= 0)]
    for network in models["segmentation"]:
        recipe = settings["segmentation"] | more | {"network": network}
        yield Training(
            f"train segmentation {network}", seeds, recipe, partial(segmentation_training, data), SEGMENTATION_COMPILED
        )
        frames = int(test["frames"].sum())
        yield Prediction(f"segment videos {network}", seeds, frames, FRAMES, partial(_segmenting, data, recipe))
    for network in models["ef"]:
        recipe = settings["ef"] | more | {"network": network}
        yield Training(f"train EF {network}", seeds, recipe, partial(ef_training, data), EF_COMPILED)
        if settings["predict_ef"]["clips"] == "all":
            for split in ("test", "val"):
                jobs = seeds * sum(split in splits for splits in PREDICTED.values())
                cases = data.cases[(data.cases["split"] == split) & (data.cases["traced"] >= 0)]
                clips = int(n_starts(cases["frames"].to_numpy(), recipe["frames"], recipe["period"]).sum())
                make = partial(_predicting, data, recipe)
                yield Prediction(f"predict EF {network}, {split}", jobs, clips, CLIPS_AT_A_TIME, make)


def segmentation_training(data: StudyData, recipe: Mapping[str, Any], device: torch.device) -> tuple[nn.Module, Task]:
    """Network and task as `echonet/train_segmentation.py` has them, with random weights."""
    traced = data.cases[data.cases["traced"] >= 0]
    train, val = (traced.loc[traced["split"] == split, "traced"].to_numpy() for split in ("train", "val"))
    model = segmentation_network(recipe["network"], recipe["width"]).to(device).to(memory_format=torch.channels_last)
    frames, masks = data.arrays["traced_frames"], data.arrays["traced_masks"]
    return model, segmentation_task(frames, masks, train, val, _normalisation(data), recipe, device)


def ef_training(data: StudyData, recipe: Mapping[str, Any], device: torch.device) -> tuple[nn.Module, Task]:
    """Network and task as `echonet/train_ef.py` has them, with random weights."""
    traced = data.cases[data.cases["traced"] >= 0]
    train, val = (traced[traced["split"] == split] for split in ("train", "val"))
    model = video_network(recipe["network"], recipe["width"]).to(device).to(memory_format=torch.channels_last_3d)
    return model, clip_regression_task(data.arrays["frames"], train, val, "ef", _normalisation(data), recipe, device)


def _segmenting(data: StudyData, recipe: Mapping[str, Any], device: torch.device) -> Callable[[int], object]:
    model = segmentation_network(recipe["network"], recipe["width"]).to(device).eval()
    info = {"normalisation": _normalisation(data), "settings": recipe}
    return lambda frames: segment_frames(model, info, data.arrays["frames"][:frames], device)


def _predicting(data: StudyData, recipe: Mapping[str, Any], device: torch.device) -> Callable[[int], object]:
    model = video_network(recipe["network"], recipe["width"]).to(device).eval()
    info = {"normalisation": _normalisation(data), "settings": recipe}
    info |= {key: recipe[key] for key in ("frames", "period")}
    first = data.cases.iloc[0]

    def predict(clips: int) -> object:
        starts = np.arange(clips) % n_starts(first["frames"], recipe["frames"], recipe["period"])
        where = ([first["offset"]], [first["frames"]], [starts])
        return list(predict_videos(model, info, data.arrays["frames"], *where, device))

    return predict


def _normalisation(data: StudyData) -> dict[str, list[float]]:
    """A value per channel; which one it is does not change the time."""
    channels = data.arrays["frames"].shape[-1]
    return {"mean": [MEAN] * channels, "std": [STD] * channels}
