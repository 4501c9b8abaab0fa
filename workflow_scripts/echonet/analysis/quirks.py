"""The worth of each habit of the published code: the same data as published, and repaired."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from echonet.analysis.beats import beat_starts
from echonet.analysis.measures import (
    LEVELS,
    POINTS,
    all_clips_there,
    by_area,
    by_video,
    dice_estimate,
    error_estimates,
    well_traced,
)
from echonet.analysis.overlap import pooled_dice
from reprise.evaluation.estimates import Row, Sampling, quirk
from reprise.evaluation.regression import mae, r2, r2_pearson
from reprise.step.errors import InputError

Systoles = Mapping[str, Any]  # end-systolic frames by case
EXPONENT = "Range of areas by exponent, not percentile"
SLIP = (
    "N^0.05 and N^0.95 stand where N*0.05 and N*0.95 were meant: of 176 sorted areas places 1 and 136, not 9 and 167. "
    "How deep a systole must be hangs on their difference."
)
AS_PUBLISHED = {"move_late": False, "repeat": True, "fall_back": False}
REPAIRS = {
    "Beats too late for a clip dropped": {"move_late": True},
    "A clip that beats share counted for each": {"repeat": False},
    "Videos without beats left out": {"fall_back": True},
}
REPAIRED = {
    "Beats too late for a clip dropped": "Repaired, they use the video's last clip.",
    "A clip that beats share counted for each": "Early beats fall on the clip at frame 0. Repaired, it counts once.",
    "Videos without beats left out": "Repaired, the first clip stands in.",
}


def overlap_quirks(network: str, overlap: pd.DataFrame, sampling: Sampling) -> Iterator[Row]:
    """Quirks of segmentation, on the test split: unit of the bootstrap, order of tracings, malformed tracings."""
    images = overlap[overlap["split"] == "test"]
    prefix, level, videos = f"segmentation/{network}/test", LEVELS["published"], images["case"].nunique()
    estimates = [dice_estimate(images, unit, level, sampling) for unit in ("image", "video")]
    half_widths = [(estimate.high - estimate.low) / 2 for estimate in estimates]
    what = f"{prefix}/dice_overall, half-width of the {100 * level:.0f} % interval"
    note = "A video's two images are not independent. Drawn one by one they count as twice as many cases."
    yield quirk("Bootstrap draws images, not videos", what, "1", half_widths, note)

    name = "Large and small by order in the file, not by area"
    swapped = images.loc[~images["order_ok"], "case"].nunique()
    note = f"In {swapped} of {videos} videos the last tracing in the file is not the larger one."
    for image in ("large", "small"):
        values = [_dice(table[table["image"] == image]) for table in (images, by_area(images))]
        yield quirk(name, f"{prefix}/dice_{image}", "1", values, note)

    malformed = images.loc[~images["tracing_ok"], "case"].nunique()
    note = f"{malformed} of {videos} videos have a tracing without exactly 21 rows, which fills to a wrong outline."
    values = [_dice(table) for table in (images, well_traced(images))]
    yield quirk("Malformed tracings kept", f"{prefix}/dice_overall", "1", values, note)


def ef_quirks(
    network: str, clips: Mapping[str, pd.DataFrame], ef: pd.Series, log: pd.DataFrame, sampling: Sampling
) -> Iterator[Row]:
    """Quirks of EF regression, on the test split: choice of the epoch, random clip, level of intervals.

    Args:
        clips: by protocol, which decides the choice of the epoch: predictions (case, start, prediction).
        ef: the truth by case.
        log: epoch, val_loss_published, val_loss_sound; one row per epoch.
    """
    prefix, which = f"ef/{network}/test", "all" if all(map(all_clips_there, clips.values())) else "first"
    by_clips = {protocol: by_video(table, sampling.seed) for protocol, table in clips.items()}
    if len(clips) == len(LEVELS):
        values = [_mae(ef, by_clips[protocol][which]) for protocol in LEVELS]
        note = f"One training, two choices of its weights{_epochs(log)}. Fixed clips measure the same thing each time."
        yield quirk("Epoch chosen by one random clip a video", f"{prefix}/{which}/mae", POINTS, values, note)
    published = by_clips.get("published", {})
    if "one" in published:
        values = [_mae(ef, published[name]) for name in ("one", "first")]
        note = "A random start gives another figure with each seed; the first clip can be repeated."
        yield quirk("One random clip a video, not the first", f"{prefix}/mae", POINTS, values, note)
    if which in published:
        truth, prediction = ef.loc[published[which].index], published[which]
        estimates = [error_estimates(truth, prediction, level, sampling)["mae"] for level in LEVELS.values()]
        widths = [estimate.high - estimate.low for estimate in estimates]
        note = (
            "The code takes the 5th and the 95th percentile, and its comments say so: together they bound 90 %. A 95 % "
            "interval runs from 2.5 to 97.5."
        )
        what = f"{prefix}/{which}/mae, width of the interval"
        yield quirk("Intervals of 90 %, not 95 %", what, POINTS, widths, note)


def r2_quirk(network: str, ef: pd.Series, beat_by_beat: pd.Series) -> Row:
    """The quirk of R2 in the beat-by-beat figures; both series are by case."""
    known = beat_by_beat.dropna()
    truth = ef.loc[known.index]
    values = [function(truth, known) if len(known) else np.nan for function in (r2_pearson, r2)]
    note = "The R script's R2 is that of a line fitted through the predictions, which forgives scale and offset."
    return quirk("R2 as squared correlation, not 1 - SSE/SST", f"ef/{network}/test/beats/r2", "1", values, note)


def beat_quirks(
    network: str, clips: pd.DataFrame, ef: pd.Series, systoles: Mapping[str, Systoles], lead: int
) -> Iterator[Row]:
    """Quirks of the beat-by-beat analysis on the test split: each is repaired alone, all else is as published.

    Args:
        clips: case, start, prediction with the published weights.
        systoles: by protocol, which decides the rule for the range of areas.
        lead: frames from a clip's start to its systole.
    """
    quantity = f"ef/{network}/test/beats/mae"
    videos = {str(case): rows for case, rows in clips.groupby("case")}
    found, repaired = (systoles[protocol] for protocol in LEVELS)
    base = average_beats(videos, found, lead, **AS_PUBLISHED)
    other = average_beats(videos, repaired, lead, **AS_PUBLISHED)
    counts = [sum(len(frames.get(case, ())) for case in videos) for frames in (found, repaired)]
    yield quirk(EXPONENT, "beats found in the test split", "beats", counts, SLIP)
    yield quirk(EXPONENT, quantity, POINTS, [_mae(ef, base), _mae(ef, other)], _scored(base, other))
    touched = count_touched(videos, found, lead)
    for name, repair in REPAIRS.items():
        other = average_beats(videos, found, lead, **(AS_PUBLISHED | repair))
        unit = "videos" if "fall_back" in repair else "beats"
        yield quirk(name, f"{unit} it touches", unit, [touched[name], 0], REPAIRED[name])
        yield quirk(name, quantity, POINTS, [_mae(ef, base), _mae(ef, other)], _scored(base, other))


def average_beats(
    videos: Mapping[str, pd.DataFrame], systoles: Systoles, lead: int, *, fall_back: bool, **rules: bool
) -> pd.Series:
    """Mean EF over each video's beats; without beats NaN, or with `fall_back` the EF of the first clip.

    Raises:
        InputError: the predictions lack a clip that a beat needs.
    """
    means = {}
    for case, clips in videos.items():
        starts, predictions = clips["start"].to_numpy(), clips["prediction"].to_numpy()
        wanted = beat_starts(systoles.get(case, []), starts.max(), lead, **rules)
        wanted = np.array([0]) if fall_back and not len(wanted) else wanted
        absent = np.setdiff1d(wanted, starts)
        if len(absent):
            raise InputError(f"predictions: no clip of {case} at frame {absent[0]}")
        order = np.argsort(starts)
        chosen = predictions[order[np.searchsorted(starts, wanted, sorter=order)]]
        means[case] = chosen.mean() if len(chosen) else np.nan
    return pd.Series(means, dtype=float)


def count_touched(videos: Mapping[str, pd.DataFrame], systoles: Systoles, lead: int) -> dict[str, int]:
    """The number of beats, or videos, that each published rule touches, by the names of `REPAIRS`."""
    late = shared = lost = 0
    for case, clips in videos.items():
        last, found = int(clips["start"].max()), systoles.get(case, [])
        kept = beat_starts(found, last, lead, move_late=False, repeat=True)
        late += len(found) - len(kept)
        shared += len(kept) - len(np.unique(kept))
        lost += not len(kept)
    return dict(zip(REPAIRS, (late, shared, lost), strict=True))


def _dice(images: pd.DataFrame) -> float:
    return pooled_dice(images["intersection"], images["union"])


def _mae(ef: pd.Series, prediction: pd.Series) -> float:
    known = prediction.dropna()
    return mae(ef.loc[known.index], known) if len(known) else float("nan")


def _epochs(log: pd.DataFrame) -> str:
    if log.empty:
        return ""
    epochs = [log["epoch"].iloc[int(np.argmin(log[f"val_loss_{protocol}"]))] for protocol in LEVELS]
    return f" (epoch {epochs[0]} as published, {epochs[1]} by fixed clips)"


def _scored(published: pd.Series, sound: pd.Series) -> str:
    return f"Scored on {published.count()} videos as published, on {sound.count()} repaired."
