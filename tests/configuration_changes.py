"""Each setting of the configuration with another value, and which rules see it."""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

WEIGHTS = "results/weights/r2plus1d_18-kinetics400.pth"
# By setting, or the beginning of its name: the rules that see it. All hyper-parameters are shown on the report's page.
SEEN_BY = {
    "normalisation": {"echonet_normalise"},
    "segmentation": {"echonet_train_segmentation"},
    "segmentation.weights": {"echonet_train_segmentation", "echonet_fetch_weights", "report_rule_graph"},
    "ef": {"echonet_train_ef"},
    "ef.weights": {"echonet_train_ef", "report_rule_graph"},
    "predict_ef.clips": {"echonet_predict_ef", "report_rule_graph"},
    "bootstrap": {"echonet_score"},
    "beats.lead_frames": {"echonet_predict_ef", "echonet_beat_by_beat", "echonet_score"},
    "beats.distance": {"echonet_find_beats"},
    "beats.prominence": {"echonet_find_beats"},
    "beats.trim": {"echonet_find_beats"},
    "beats.max_beats": {"echonet_beat_by_beat"},
    "beats.runs": {"echonet_beat_by_beat"},
    "videos": {"echonet_render_videos", "echonet_plot_areas"},
    "phantom": {"echonet_make_phantom"},
}
OTHER_WORDS = {"sgd": "adamw", "adamw": "sgd", "all": "beats"}
OTHER_WEIGHTS = {"segmentation.weights": "imagenet_backbone", "ef.weights": "kinetics400"}
TRAINING = {"echonet_train_segmentation", "echonet_train_ef"}
SHOWN = {"report_page", "report_rule_graph", "echonet_describe"}
OTHER_ORDER = {"segmentation": ["deeplabv3_resnet50"], "ef": ["r3d_18", "r2plus1d_18"]}
# What is changed, the rules that see it, and how many training runs follow.
CONFIGURATIONS: list[tuple[dict[str, Any], set[str], int]] = [
    ({"device": "cuda", "deterministic": True, "processes": 2, "checkpoint_every": "7 steps"}, set(), 0),
    ({"precision": "bf16"}, {*TRAINING, "report_page"}, 2),
    ({"seed": 1}, {"echonet_make_phantom", "report_page"}, 2),
    ({"models": {"echonet": OTHER_ORDER}}, {"echonet_train_ef", "echonet_predict_clips", *SHOWN}, 1),
    ({"schedule": "published"}, {"echonet_make_phantom", "echonet_fetch_weights", "report_rule_graph"}, 2),
    ({"data": {"echonet": "own"}}, {"echonet_check", "report_rule_graph"}, 2),
    ({"weights": {Path(WEIGHTS).stem: "https://example.org/x.pth"}}, {"echonet_fetch_weights"}, 0),
    ({"weights": {}}, {"echonet_fetch_weights"}, 0),
    ({"segmentation_weights": "initial.pth"}, {"echonet_predict_clips"}, 0),
    ({"ef_weights": "initial.pth"}, {"echonet_predict_clips"}, 0),
    ({"input": "results/echonet/phantom/Videos"}, {"echonet_import_clips"}, 0),
]
MORE_RUNS: list[tuple[dict[str, Any], int]] = [
    ({"seed": [0, 1, 2]}, 4),
    ({"models": {"echonet": {"segmentation": ["deeplabv3_resnet50", "fcn_resnet50"], "ef": ["r2plus1d_18"]}}}, 1),
]
OF_FIRST_RUN = {"echonet_plot_areas", "echonet_plot_examples", "echonet_render_videos", "echonet_predict_clips"}


def leaves(settings: Mapping[str, Any], but: Collection[str] = (), above: str = "") -> Iterator[str]:
    """Dotted names of all settings, but for some."""
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from leaves(value, but, f"{name}.")
        elif name not in but:
            yield name


def changed(schedules: Mapping[str, Any], cases: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The hyper-parameters with another value of each of these, given as schedule and name."""
    schedules = copy.deepcopy(dict(schedules))
    for schedule, name in cases:
        *above, key = name.split(".")
        place = schedules[schedule]
        for part in above:
            place = place[part]
        place[key] = other_weights(name, place[key]) if name in OTHER_WEIGHTS else other_value(place[key])
    return schedules


def other_weights(name: str, old: str) -> str:
    return OTHER_WEIGHTS[name] if old == "random" else "random"


def other_value(old: Any) -> Any:
    if isinstance(old, str):
        return OTHER_WORDS[old]
    if isinstance(old, list):
        return [0.4, 0.3, 0.3]
    return old * 0.9 if isinstance(old, float) else 2 * (old or 1)
