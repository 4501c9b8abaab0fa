"""What a bundle says of a tissue network."""

from collections.abc import Mapping
from typing import Any

from iseg.learning import bundle_code
from reprise.report.bundle_card import Card, image_format, labels_format, quirks_of

CLASSES = ("air", "cerebrospinal fluid", "grey matter", "white matter")
MODALITIES = ("T1", "T2")
SCORED = {"by_thesis": "thesis", "by_master": "master"}  # the published protocols in the study's metrics
LIMITS = (
    "The network cannot tell whether images are T1 and T2 of the brain of an infant of six months, without the skull. "
    "Tissues of any other image mean nothing.",
    "A network sees voxels, not mm: images with other voxels than it learnt from are segmented worse.",
)
OF_FOLDS = "It is the network of one fold. The scores are those of the networks of all folds, each on its own subjects."


def card(info: Mapping[str, Any], name: str, parameters: Mapping[str, Any]) -> Card:
    """The card of a network.

    Args:
        info: of its weights.
        name: what the study's metrics call it.
        parameters: of the study.
    """
    protocol, crop = info["protocol"], info["settings"]["crop"]
    sound = protocol == "sound"
    return Card(
        task="Segmentation of the tissues of infants' brains in T1 and T2 images",
        description=f"{info['network']} sees blocks of both images that overlap, and tells {', '.join(CLASSES)} apart.",
        files="It takes T1 and T2 of a brain, as NIfTI or Analyze, with T1 and T2 as words in their names. It writes "
        "the tissues on the grid of T1: 0 air, 10 cerebrospinal fluid, 150 grey matter, 250 white matter.",
        limits=[*LIMITS, *([OF_FOLDS] if sound else []), *quirks_of(protocol)],
        data="iSeg-2017, six-month infant brain MRI segmentation challenge",
        terms="registration; no redistribution",
        data_type="NIfTI or Analyze",
        sources=("iseg_page",),
        inputs={"image": image_format(MODALITIES, crop, "MR", patch=True)},
        outputs={"pred": labels_format(CLASSES, crop, patch=True)},
        code=bundle_code,
        protocols=["sound" if sound else "published"],
        scores=[f"{name}/subjects/" if sound else f"{name}/{SCORED[protocol]}/"],
    )
