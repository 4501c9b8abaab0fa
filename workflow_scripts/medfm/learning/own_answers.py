"""What a network finds in a user's own images, and pictures of where."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from medfm.analysis.map_pictures import LARGE, map_picture
from medfm.data.conversion import CHANNELS
from medfm.data.own_images import read_again
from medfm.data.pictures import squared
from medfm.learning.explanation import seen_by
from medfm.learning.heat_maps import heat_maps, log_odds
from medfm.learning.images import Images, evaluation_batch
from reprise.data.own_files import OwnFile
from reprise.plots.slice_pictures import encoded

MOST_MAPS = 3  # of an image: of its findings with the highest scores
QUALITY = 85  # of WebP


def answers(
    model: nn.Module, info: Mapping[str, Any], files: Sequence[OwnFile], store_size: int
) -> Iterator[dict[str, np.ndarray]]:
    """Of each image: scores (findings,), sides (2,), the findings shown, and picture0 ...: content of WebP files.

    Args:
        model: in evaluation mode.
        info: of its weights.
        files: a few images.
        store_size: px, side of the squares that networks learn from.

    Raises:
        InputError: a file has changed.
    """
    task, device = info["task"], next(model.parameters()).device
    read = [read_again(file).pixels for file in files]
    squares = np.stack([squared(pixels, store_size, CHANNELS[task]) for pixels in read])
    images = Images(torch.from_numpy(squares), np.array([pixels.shape[:2] for pixels in read]))
    batch = evaluation_batch(images, np.arange(len(files)), info["size"], info["settings"].get("resize"), device)
    with torch.inference_mode():
        scores = log_odds(model(batch)).sigmoid().double().cpu().numpy()
    shown = np.argsort(-scores, axis=1, kind="stable")[:, :MOST_MAPS]
    many = shown.shape[1]
    maps = heat_maps(model, batch.repeat_interleave(many, dim=0), shown.ravel().tolist())
    for at, seen in enumerate(seen_by(batch)):
        pictures = [map_picture(seen, heat, side=LARGE) for heat in maps[at * many : (at + 1) * many]]
        contents = [encoded(".webp", each[..., ::-1], cv2.IMWRITE_WEBP_QUALITY, QUALITY) for each in pictures]
        files_of = {f"picture{rank}": np.frombuffer(content, np.uint8) for rank, content in enumerate(contents)}
        yield {"scores": scores[at], "sides": images.sides[at], "shown": shown[at], **files_of}
