"""EF training on a GPU against the published way: full precision, and workers that decode a video for each clip."""

import time
from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
import torch
from echonet_work import ef_training, made_up
from loading import decoded_clip
from rows import Row
from small_study import SmallStudy, published_settings
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from training import training_rows

from echonet.learning.video_network import COMPILED, video_network

NETWORK = "r2plus1d_18"
VIDEOS = {"videos": 400, "split": [0.8, 0.1, 0.1]}
STEPS, WARM_UP = 20, 5
WORKERS = 4
LEAST_SHARE = 20  # percent of the card's peak; networks of many small kernels, as for lesions, reach less


def ef_training_rows(study: SmallStudy) -> list[Row]:
    """The rows, or why they are skipped."""
    recipe = published_settings("ef", network=NETWORK)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        video_network(NETWORK)(torch.empty(1, 3, recipe["frames"], 112, 112))
    return training_rows(
        "EF training clips",
        partial(ef_training, made_up(VIDEOS)),
        recipe,
        COMPILED,
        partial(decoding_rate, study, recipe),
        {"bf16": 4, "fp32": 1},
        counter.get_total_flops(),
        LEAST_SHARE,
    )


def decoding_rate(study: SmallStudy, recipe: dict) -> float:
    """Clips a second of the published way."""
    device = torch.device("cuda")
    model = video_network(NETWORK).to(device)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)
    total = recipe["batch_size"] * (STEPS + WARM_UP)
    loader = DataLoader(_DecodedClips(study, recipe, total), recipe["batch_size"], num_workers=WORKERS, pin_memory=True)
    batches: Iterator[list[Tensor]] = iter(loader)

    def steps(count: int) -> None:
        for batch in islice(batches, count):
            clips, truth = (part.to(device) for part in batch)
            loss = nn.functional.mse_loss(model(clips).flatten(), truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()  # as the published code does, for its progress bar
        torch.cuda.synchronize()

    steps(WARM_UP)
    began = time.perf_counter()
    steps(STEPS)
    return STEPS * recipe["batch_size"] / (time.perf_counter() - began)


class _DecodedClips(Dataset):
    """Random training clips, each decoded from its video file."""

    def __init__(self, study: SmallStudy, settings: dict, count: int) -> None:
        self.study, self.settings, self.count = study, settings, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, at: int) -> tuple[np.ndarray, np.float32]:
        case = self.study.train.iloc[at % len(self.study.train)]
        path = self.study.videos / f"{case['case']}.avi"
        return decoded_clip(path, self.settings, np.random.default_rng(at)), np.float32(case["ef"])
