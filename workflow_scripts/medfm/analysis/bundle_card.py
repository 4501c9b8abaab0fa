"""What a bundle says of a network that finds what images show."""

from collections.abc import Mapping
from typing import Any

from medfm.analysis.gallery import GROUPS, finding_name
from medfm.analysis.protocols import PUBLISHED, TASKS
from medfm.learning import bundle_code
from reprise.report.bundle_card import Card, image_format, quirks_of, values_format

MODALITY = {"chest": "CR", "colon": "SM", "endo": "ES"}  # DICOM's words for X-rays, slides and endoscopy
CHANNELS = ("red", "green", "blue")
LIMITS = (
    "The network cannot tell whether an image is of the kind that it learnt from. Scores of any other image mean "
    "nothing.",
    "Scores are no probabilities of disease: they have not been calibrated for any population.",
)


def card(info: Mapping[str, Any], name: str, parameters: Mapping[str, Any]) -> Card:
    """The card of a network.

    Args:
        info: of its weights.
        name: what the study's metrics call it.
        parameters: of the study, of which `store_size` is the side of images before they are cut.
    """
    protocol, task = info["protocol"], info["task"]
    findings = [finding_name(each) for each in TASKS[task]]
    outputs = ["no tumour", "tumour"] if task == "colon" else findings
    sound = protocol == "sound"
    return Card(
        task=f"Which findings an image shows: {GROUPS[task]}",
        description=f"{info['network']} sees an image of {info['size']} x {info['size']} px, and gives a score "
        f"from 0 to 1 for each of: {', '.join(findings)}.",
        files="It takes images as PNG, JPEG or (X-rays) DICOM. It writes scores.csv, a row for each image.",
        limits=[*LIMITS, *quirks_of(protocol)],
        data=f"MedFMC, {GROUPS[task]}",
        terms="terms not known to us; a release of parts is CC BY-NC 4.0",
        data_type="PNG",
        sources=("medfm_counts",),
        inputs={"image": image_format(CHANNELS, (info["size"], info["size"]), MODALITY[task])},
        outputs={"pred": values_format("probabilities", outputs)},
        code=bundle_code,
        protocols=["sound" if sound else "published"],
        scores=[f"{name}/{task}/" if sound else f"{name}/{PUBLISHED[protocol]}/{task}/"],
        reading={"store_size": parameters["store_size"]},
    )
