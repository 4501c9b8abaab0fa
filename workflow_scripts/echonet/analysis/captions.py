"""What the report says below each of the study's figures, and to those who cannot see it."""

import pandas as pd

from echonet.analysis.measures import POINTS
from reprise.evaluation.regression import mae
from reprise.plots.style import groups
from reprise.report.page_tables import number
from reprise.report.section import Describe, Words

CLIPS = {"all": "the mean over all its clips", "first": "that of its first clip"}
CHOICE = (
    "The published protocol takes the weights of the epoch with the lowest error on one random clip of each validation "
    "video. The sound protocol takes those with the lowest error on fixed, evenly spaced clips."
)


def describe_training_segmentation(table: pd.DataFrame) -> Words:
    """From columns run, epoch, val_loss, val_dice_overall."""
    best = [(run, _best(part, "val_loss")) for run, part in groups(table, "run")]
    each = [f"{run}: lowest at epoch {row['epoch']}, Dice there {row['val_dice_overall']:.3f}" for run, row in best]
    return Words(
        "Training of the segmentation",
        f"{_epochs(table)} Left: mean binary cross-entropy of the pixels, in training and on the validation split. The "
        "dot marks its lowest value: all results use the weights of that epoch. Right: Dice on the validation split, "
        "with the pixels of all images pooled, for both traced frames together, for ED and for ES. ED and ES follow "
        "the order in the file of tracings.",
        f"Curves of loss and of Dice by epoch. {'; '.join(each)}.",
    )


def describe_training_ef(table: pd.DataFrame) -> Words:
    """From columns run, epoch, val_loss_sound, val_r2_sound."""
    best = [(run, _best(part, "val_loss_sound")) for run, part in groups(table, "run")]
    each = [
        f"{run}: lowest on fixed clips at epoch {row['epoch']}, R² there {row['val_r2_sound']:.2f}" for run, row in best
    ]
    return Words(
        "Training of the EF regression",
        f"{_epochs(table)} Left: mean squared error of EF, in training and on the validation split. {CHOICE} Dots mark "
        "these epochs. Right: R² of the same predictions on the validation split.",
        f"Curves of squared error and of R² by epoch. {'; '.join(each)}.",
    )


def describe_dice(table: pd.DataFrame) -> Words:
    """From columns run, case, image, dice, tracing_ok."""
    malformed = table.loc[~table["tracing_ok"], "case"].nunique()
    videos = table["case"].nunique()
    medians = [
        f"{run}: median {part.loc[part['image'] == 'large', 'dice'].median():.3f} at ED and "
        f"{part.loc[part['image'] == 'small', 'dice'].median():.3f} at ES"
        for run, part in groups(table, "run")
    ]
    return Words(
        "Dice of each test image",
        f"Dice between the network's mask and the tracing, in the two traced frames of {number(videos, 0)} test "
        "videos. ED and ES follow the order in the file of tracings. The line is the median. A well-formed tracing has "
        f"21 rows. Number of videos with a malformed one: {malformed}. The published protocol counts their images, the "
        "sound protocol does not.",
        f"Histograms of Dice. {'; '.join(medians)}.",
    )


def describe_examples(table: pd.DataFrame) -> Words:
    """From columns place, rank, of, large, small."""
    each = [f"{row.place}: ED {row.large:.2f}, ES {row.small:.2f}" for row in table.itertuples()]
    return Words(
        "The network's outlines beside the tracings",
        "Test videos at end-diastole (above) and end-systole (below), with two outlines of the left ventricle: the "
        "tracing (yellow, wide) and the network's (blue, narrow). The number is the Dice of the frame. The videos were "
        f"not picked by hand: all {number(table['of'].iloc[0], 0)} were ranked by Dice; these have the named ranks.",
        f"Echo images with two outlines each. Dice, {'; '.join(each)}.",
    )


def describe_areas(table: pd.DataFrame) -> Words:
    """From columns case, title, systole_published, systole_sound."""
    parts = groups(table, "case")
    each = [
        f"{part['title'].iloc[0]}, systoles found: {part['systole_published'].sum()} by the published rule, "
        f"{part['systole_sound'].sum()} by the sound one"
        for _, part in parts
    ]
    return Words(
        "Area of the left ventricle over time",
        f"Area of the network's mask in each frame, in pixels of the stored video. Test videos: {len(parts)}, "
        "chosen evenly over the range of measured EF. Circles are end-systoles found by the published rule, which "
        "computes its trimmed range with an exponent. Triangles are those of the sound rule, which uses percentiles. "
        "Dashed lines are the frames traced as end-diastole and end-systole.",
        f"Curves of area over time. {'; '.join(each)}.",
    )


def describe_scatter(table: pd.DataFrame) -> Words:
    """From columns panel, clips, truth, prediction."""
    known = table.dropna(subset=["truth", "prediction"])
    each = [
        f"{name}: mean absolute error {mae(part['truth'], part['prediction']):.2f}"
        for name, part in groups(known, "panel")
    ]
    return Words(
        "Predicted and measured EF",
        f"Predicted EF against the EF in the data set's list, for {_videos(known)}. Each point is a video. On the "
        f"line, both are equal. A video's prediction is {CLIPS[table['clips'].iloc[0]]}. {CHOICE} MAE and RMSE are in "
        f"{POINTS}. R² is 1 \N{MINUS SIGN} SSE/SST.",
        f"Scatter of predicted against measured EF. {'; '.join(each)} {POINTS}.",
    )


def describe_bland_altman(table: pd.DataFrame) -> Words:
    """From columns panel, clips, bias, lower_limit, upper_limit."""
    each = []
    for name, part in groups(table, "panel"):
        bias, low, high = (number(part[column].iloc[0], 1) for column in ("bias", "lower_limit", "upper_limit"))
        each.append(f"{name}: bias {bias}, limits {low} to {high}")
    return Words(
        "Agreement with measured EF (Bland-Altman)",
        f"Difference between predicted and measured EF against their mean, in {POINTS}, for {_videos(table)}. Each "
        "point is a video. Solid line: mean difference (bias). Dashed lines: limits of agreement, bias ± 1.96 standard "
        "deviations. They contain 95 % of the differences if these are normally distributed. Grey line: no difference. "
        f"A video's prediction is {CLIPS[table['clips'].iloc[0]]}.",
        f"Bland-Altman plot. {'; '.join(each)} {POINTS}.",
    )


def describe_roc(table: pd.DataFrame) -> Words:
    """From columns panel, clips, threshold, positives, negatives, auc."""
    curves = table.drop_duplicates(["panel", "threshold"])
    first = curves[curves["panel"] == curves["panel"].iloc[0]]
    reduced = _by_threshold(first, [str(count) for count in first["positives"]])
    each = [
        f"{name}: AUC {_by_threshold(part, [number(area, 3) for area in part['auc']])}"
        for name, part in groups(curves, "panel")
    ]
    total = number(first["positives"].iloc[0] + first["negatives"].iloc[0], 0)
    return Words(
        "Detection of a reduced EF",
        "ROC curves: how well a low prediction detects a measured EF of at most 35, 40, 45 and 50 %. Number of test "
        f"videos: {total}. Number of them with such an EF: {reduced}. A video's prediction is "
        f"{CLIPS[table['clips'].iloc[0]]}. The area under the curve (AUC) is the same for detecting an EF above the "
        "threshold. Its interval is DeLong's: 90 % under the published protocol, as the published code reports it, and "
        "95 % under the sound one.",
        f"ROC curves at four thresholds. {'; '.join(each)}.",
    )


def describe_beats(table: pd.DataFrame) -> Words:
    """From columns run, part, protocol, beats, absolute_error."""
    draws = table[table["part"] == "experiment"]
    most = int(draws.groupby(["run", "protocol", "beats"]).size().max()) if len(draws) else 0
    each = []
    for run, part in groups(draws, "run"):
        for protocol, rows in groups(part, "protocol"):
            medians = rows.groupby("beats")["absolute_error"].median()
            ends = f"{medians.iloc[0]:.2f} with one beat, {medians.iloc[-1]:.2f} with {len(medians)}"
            each.append(f"{run}, {protocol}: median error {ends}")
    return Words(
        "Error by the number of beats",
        "Left: the published experiment. It draws some beats of each test video with replacement and averages their "
        f"predictions. A box shows the mean absolute errors of {most} draws. Right: the absolute error of each video's "
        "EF, averaged over its beats, by the number of beats found. The numbers below count the videos under the "
        "published and the sound protocol. Boxes show quartiles and median. Whiskers end at the last value within 1.5 "
        "times the distance of the quartiles. Where there are fewer than ten values, dots show each. The published "
        "rule drops beats that come too late for a clip, and if two beats share a clip, it counts the clip twice. The "
        "sound rule takes the last clip for late beats and counts each clip once.",
        f"Box plots of EF error by number of beats. {'; '.join(each)} {POINTS}.",
    )


# In the order of the report: its parts, and the figures of each.
PARTS_OF_FIGURES: dict[str, dict[str, Describe]] = {
    "Training": {"training_segmentation": describe_training_segmentation, "training_ef": describe_training_ef},
    "Segmentation": {"dice": describe_dice, "examples": describe_examples},
    "Beats": {"areas": describe_areas},
    "Ejection fraction": {
        "scatter": describe_scatter,
        "bland_altman": describe_bland_altman,
        "roc": describe_roc,
        "beats": describe_beats,
    },
}


def _by_threshold(curves: pd.DataFrame, values: list[str]) -> str:
    return ", ".join(f"{value} at {at:g} %" for value, at in zip(values, curves["threshold"], strict=True))


def _best(log: pd.DataFrame, loss: str) -> pd.Series:
    """The first row of the lowest loss."""
    return log.sort_values(loss, kind="stable").iloc[0]


def _epochs(table: pd.DataFrame) -> str:
    last = sorted(set(table.groupby("run")["epoch"].max()))
    return f"{' or '.join(map(str, last))} epoch{'s' if last[-1] != 1 else ''}."


def _videos(table: pd.DataFrame) -> str:
    """How many test videos the panels show, as a range where they differ."""
    counts = sorted({len(part) for _, part in groups(table, "panel")})
    return f"{' to '.join(number(count, 0) for count in dict.fromkeys((counts[0], counts[-1])))} test videos"
