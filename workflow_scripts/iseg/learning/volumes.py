"""The subjects of a store as networks take them, all at once on the device."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from iseg.data.conversion import volume_of
from iseg.learning.crops import Subject
from iseg.learning.normalisation import image_of

IMAGES = ("t1", "t2")  # arrays of the store, in the order of a network's channels


def subjects_of(
    cases: pd.DataFrame, arrays: Mapping[str, np.ndarray], normalisation: str, device: torch.device
) -> list[Subject]:
    """The subjects of some rows of the store's table, in their order.

    Raises:
        InputError: a volume has no contrast.
    """
    return [
        Subject(
            case["case"],
            image_of([volume_of(arrays[name], case) for name in IMAGES], case["case"], normalisation).to(device),
            torch.from_numpy(np.array(volume_of(arrays["labels"], case))).to(device),
        )
        for case in cases.to_dict("records")
    ]
