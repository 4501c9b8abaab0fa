"""What a bundle says of a heart network."""

from collections.abc import Mapping
from typing import Any

from acdc.learning import bundle_code
from acdc.learning.networks import PUBLISHED, sees_blocks
from reprise.report.bundle_card import Card, image_format, labels_format, quirks_of

CLASSES = ("background", "right ventricle", "myocardium", "left ventricle")
LIMITS = (
    "The network cannot tell whether a file is a short-axis cine MRI of the heart. Labels of any other image mean "
    "nothing.",
    "It is one network, not an ensemble of the study.",
)
ON_GRID = "CASE.nii.gz for each, on its grid"
ON_SLICES = "CASE.npz for each, an array `labels` of the resized slices that the published protocol makes"


def card(info: Mapping[str, Any], name: str, parameters: Mapping[str, Any]) -> Card:
    """The card of a network.

    Args:
        info: of its weights.
        name: what the study's metrics call it.
        parameters: of the study.
    """
    protocol, blocks = info["protocol"], sees_blocks(info["network"])
    shape = info["settings"]["block"] if blocks else (info["size"], info["size"])
    channels = ["short-axis MRI", *["the same again"] * 2] if info["network"] in PUBLISHED else ["short-axis MRI"]
    return Card(
        task="Segmentation of both ventricles and the myocardium in short-axis MRI of the heart",
        description=f"{info['network']} sees {'blocks of a stack' if blocks else 'one slice at a time'}, and tells "
        f"{', '.join(CLASSES)} apart.",
        files="It takes stacks and cines (NIfTI, DICOM, or one grey PNG). It writes "
        f"{ON_SLICES if protocol == 'published' else ON_GRID}; "
        f"{', '.join(f'{label} is {CLASSES[label]}' for label in (1, 2, 3))}.",
        limits=[*LIMITS, *quirks_of(protocol)],
        data="ACDC, automated cardiac diagnosis challenge",
        terms="registration; said to be CC BY-NC-SA 4.0",
        data_type="NIfTI",
        sources=("acdc_paper",),
        inputs={"image": image_format(channels, shape, "MR", patch=blocks)},
        outputs={"pred": labels_format(CLASSES, shape, patch=blocks)},
        code=bundle_code,
        protocols=[protocol],
        scores=[f"{name}/test/"],
    )
