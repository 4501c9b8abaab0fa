"""What a bundle says of a lesion network."""

from collections.abc import Mapping
from typing import Any

from mslesion.learning import bundle_code
from mslesion.learning.networks import BLOCK, SLICE, WINDOW, input_of
from reprise.report.bundle_card import Card, image_format, labels_format, quirks_of

CLASSES = ("background", "lesion")
SLICES = ("the slice before", "the slice", "the slice after")
PLANE = ("32*n", "32*m")
SEES = {
    WINDOW: "three neighbouring axial slices, and finds lesions in the middle one",
    SLICE: "one axial slice at a time, and finds lesions in it",
    BLOCK: "blocks of the volume that overlap, and finds lesions in them",
}
LIMITS = (
    "The network cannot tell whether a volume is a FLAIR of a brain with multiple sclerosis that was prepared as those "
    "that it learnt from. Masks of any other image mean nothing.",
    "It is the network of one fold: it has seen the scans of all other folds.",
)


def card(info: Mapping[str, Any], name: str, parameters: Mapping[str, Any]) -> Card:
    """The card of a network.

    Args:
        info: of its weights.
        name: what the study's metrics call it.
        parameters: of the study.
    """
    protocol, seen = info["protocol"], input_of(info["network"])
    inputs, outputs = _formats(seen, info)
    return Card(
        task="Segmentation of multiple-sclerosis lesions in FLAIR images of the brain",
        description=f"{info['network']} sees {SEES[seen]}.",
        files="It takes FLAIR volumes as NIfTI. It writes CASE.nii.gz for each, on its grid; 1 is lesion.",
        limits=[*LIMITS, *quirks_of(protocol)],
        data="ISBI 2015 longitudinal multiple-sclerosis lesion challenge, or a set of one of the other known layouts",
        terms="registration; terms of redistribution not known to us",
        data_type="NIfTI",
        sources=("rondinella", "isbi_2015"),
        inputs={"image": inputs},
        outputs={"pred": outputs},
        code=bundle_code,
        protocols=[protocol],  # by_patient, the control of the leak between folds, has no scores of its own
        scores=[f"{name}/fold{info['fold']}/", f"{name}/scans/fold{info['fold']}/"],
    )


def _formats(seen: str, info: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The formats of input and output. The channels of windows are slices."""
    if seen == WINDOW:
        images = image_format([f"FLAIR, {each}" for each in SLICES], (1, *PLANE), "MR", patch=True)
        return images, labels_format([f"{each}: {' and '.join(CLASSES)}" for each in SLICES], (2, *PLANE), patch=True)
    shape = info["settings"]["block"] if seen == BLOCK else PLANE
    return image_format(["FLAIR"], shape, "MR", patch=True), labels_format(CLASSES, shape, patch=True)
