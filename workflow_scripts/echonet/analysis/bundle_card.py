"""What a bundle says of a network of echo clips."""

from collections.abc import Mapping
from typing import Any

from echonet.learning import bundle_code
from reprise.report.bundle_card import Card, image_format, labels_format, quirks_of, values_format

CHANNELS = ("grey", "grey again", "grey again")
SIDE = 112
LIMIT = (
    "The network learnt from apical four-chamber views, and cannot tell whether a clip shows this view. Results for "
    "any other view, and for a clip in colour Doppler, mean nothing."
)
BEATS = "EF of a beat is that of a clip around its end-systole; this network alone does not find the beats."
PATENT = "Beat-by-beat estimation of EF by such networks is the subject of US patent 11,704,803 B2."
TAKES = "It takes clips as DICOM, AVI, MP4 or MOV, which become grey pictures of 112 x 112 px. It writes "


def card(info: Mapping[str, Any], name: str, parameters: Mapping[str, Any]) -> Card:
    """The card of a network, of masks or of ejection fraction.

    Args:
        info: of its weights.
        name: what the study's metrics call it.
        parameters: of the study.
    """
    return (_of_masks if info["kind"] == "segmentation" else _of_ef)(info, name)


def _of_masks(info: Mapping[str, Any], name: str) -> Card:
    shape = (SIDE, SIDE)
    return Card(
        task="Segmentation of the left ventricle in echo clips",
        description=f"{info['network']} sees one frame at a time, and finds the left ventricle where its "
        "logit is above 0.",
        files=f"{TAKES}CLIP.npz for each, an array `masks` (frames, {SIDE}, {SIDE}).",
        limits=[LIMIT],
        inputs={"image": image_format(CHANNELS, shape, "US")},
        outputs={"out": labels_format(["left ventricle, against all else"], shape)},
        protocols=("published", "sound"),
        scores=[f"segmentation/{name}/test/"],
        **_SHARED,
    )


def _of_ef(info: Mapping[str, Any], name: str) -> Card:
    length, period, protocol = info["frames"], info["period"], info["protocol"]
    side = SIDE // info["settings"]["downsample"]
    return Card(
        task="Ejection fraction from echo clips",
        description=f"{info['network']} sees {length} frames, each {period} after the last, and gives the "
        "ejection fraction (EF) in percent.",
        files=f"{TAKES}ef.csv: the EF of each clip from each of its frames on.",
        limits=[LIMIT, BEATS, PATENT, *quirks_of(protocol)],
        inputs={"image": image_format(CHANNELS, (length, side, side), "US", patch=True)},
        outputs={"pred": values_format("tuples", ["EF in percent"])},
        protocols=[protocol],
        scores=[f"ef/{name}/test/"],
        **_SHARED,
    )


_SHARED: dict[str, Any] = {
    "data": "EchoNet-Dynamic",
    "terms": "Stanford Research Use Agreement: personal, non-commercial research; no redistribution",
    "data_type": "AVI",
    "sources": ("paper",),
    "code": bundle_code,
}
