"""Another value for each setting of the configuration, and the rules that see the setting."""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

WEIGHTS = "results/weights/r2plus1d_18-kinetics400.pth"
# By study and setting, or the beginning of its name: the rules that see it. The report's page shows all settings.
SEEN_BY: dict[str, dict[str, set[str]]] = {
    "echonet": {
        "normalisation": {"echonet_normalise"},
        "segmentation": {"echonet_train_segmentation"},
        "segmentation.weights": {"echonet_train_segmentation", "weights_fetch", "report_rule_graph"},
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
    },
    "mslesion": {
        "folds": {"mslesion_audit", "mslesion_train", "report_rule_graph"},
        "leak_control": {"mslesion_train", "mslesion_describe", "report_rule_graph"},
        "size": {"mslesion_train"},
        "training": {"mslesion_train"},
        "baselines": set(),  # this run has none
        "reported_epochs": {"mslesion_score"},
        "bootstrap": {"mslesion_score"},
        "examples": {"mslesion_plot_examples"},
        "browser": {"mslesion_render_slices"},
        "phantom": {"mslesion_make_phantom"},
    },
    "acdc": {
        "validation": {"acdc_audit", "acdc_train", "acdc_describe"},
        "grid": {"acdc_train", "acdc_describe"},
        "slices": {"acdc_publish_slices", "acdc_train", "acdc_combine", "acdc_describe"},
        "training": {"acdc_train", "acdc_describe"},
        "training.epochs": {"acdc_describe"},  # of networks that this run does not have
        "training.epochs.fpn": {"acdc_describe", "report_scoreboard"},  # a condition of published figures
        "training.epochs.unet": {"acdc_train", "acdc_describe"},
        "training.epochs.linknet": {"acdc_train", "acdc_describe"},
        "training.weights": {"acdc_train", "acdc_describe", "weights_fetch", "report_rule_graph"},
        "snapshots": {"acdc_train", "acdc_describe"},
        "baselines": set(),  # this run has none
        "search": {"acdc_search_weights", "acdc_describe"},
        "search.draws": {"acdc_search_weights", "acdc_score", "acdc_describe"},
        "ensembles": {"acdc_combine"},
        "costs": {"acdc_measure_costs"},
        "bootstrap": {"acdc_score"},
        "examples": {"acdc_plot_examples"},
        "phantom": {"acdc_make_phantom"},
    },
}
OTHER_WORDS = {"sgd": "adamw", "adamw": "sgd", "rmsprop": "sgd", "nesterov": "sgd", "all": "beats"}
OTHER_WEIGHTS = {
    "segmentation.weights": "imagenet_backbone",
    "ef.weights": "kinetics400",
    "training.weights": "imagenet",
}
TRAINING = {"echonet_train_segmentation", "echonet_train_ef", "mslesion_train", "acdc_train"}
PHANTOMS = {"echonet_make_phantom", "mslesion_make_phantom", "acdc_make_phantom"}
# Training runs: two networks; one by two protocols on three folds; two by two protocols.
ECHO, LESION, HEART = 2, 2 * 3, 2 * 2
ALL = ECHO + LESION + HEART
SHOWN = {"report_page", "report_rule_graph"}
OTHER_ORDER = {"segmentation": ["deeplabv3_resnet50"], "ef": ["r3d_18", "r2plus1d_18"]}
TWO_SEGMENTED = {"segmentation": ["deeplabv3_resnet50", "fcn_resnet50"], "ef": ["r2plus1d_18"]}
THREE_SEGMENTED = {"segmentation": ["deeplabv3_resnet50", "fcn_resnet50", "lraspp_mobilenet_v3_large"]}
MODELS: dict[str, list[str]] = {"lesions": ["fc_densenet67"], "baselines": []}
HEARTS: dict[str, list[str]] = {"segmentation": ["unet", "linknet"], "baselines": []}
THREE_HEARTS = {"segmentation": ["unet", "linknet", "fpn"], "baselines": []}
THREE_LESIONS = {
    "lesions": ["fc_densenet67", "fc_densenet57_plain", "fc_densenet103"],
    "baselines": ["unet_2d", "unet_3d"],
}


def reordered(models: Mapping[str, list[str]], task: str) -> dict[str, list[str]]:
    """Models with the last two networks of a task in reverse order."""
    *first, one, other = models[task]
    return {**models, task: [*first, other, one]}


# A change, the rules that see it, and the number of training runs that follow.
CONFIGURATIONS: list[tuple[dict[str, Any], set[str], int]] = [
    (
        {"device": "cuda", "compile": "off", "deterministic": True, "processes": 2, "checkpoint_every": "7 steps"},
        set(),
        0,
    ),
    ({"precision": "bf16"}, {*TRAINING, "report_page"}, ALL),
    ({"seed": 1}, {*PHANTOMS, *SHOWN}, ALL),
    ({"studies": ["mslesion", "acdc", "echonet"]}, {"report_scoreboard", *SHOWN}, 0),
    (
        {"models": {"echonet": OTHER_ORDER}},
        {"echonet_train_ef", "echonet_predict_clips", "echonet_describe", *SHOWN},
        1,
    ),
    ({"schedule": "published"}, {*PHANTOMS, "weights_fetch", "report_rule_graph"}, ECHO + 3 * 5 + HEART),
    ({"data": {"echonet": "own"}}, {"echonet_check", "report_rule_graph"}, ECHO),
    ({"data": {"mslesion": "own"}}, {"mslesion_check", "report_rule_graph"}, LESION),
    ({"data": {"acdc": "own"}}, {"acdc_check", "report_rule_graph"}, HEART),
    (
        {"data": {"mslesion": "open_ms_data"}},
        {"mslesion_download", "mslesion_check", "mslesion_convert", "report_rule_graph"},
        LESION,
    ),
    (
        {"data": {"echonet": "https://example.org/a.zip?key=1"}},
        {"echonet_download", "echonet_check", "report_rule_graph"},
        ECHO,
    ),
    ({"downloads": "elsewhere", "mirror": "https://example.org"}, set(), 0),
    ({"weights": {Path(WEIGHTS).stem: "https://example.org/x.pth"}}, {"weights_fetch"}, 0),
    ({"weights": {Path(WEIGHTS).stem: "auto"}}, {"weights_fetch"}, 0),
    ({"segmentation_weights": "initial.pth"}, {"echonet_predict_clips"}, 0),
    ({"ef_weights": "initial.pth"}, {"echonet_predict_clips"}, 0),
    ({"lesion_weights": "initial.pth"}, {"mslesion_predict_volumes"}, 0),
    ({"heart_weights": "initial.pth"}, {"acdc_predict_stacks"}, 0),
    ({"input": "other"}, {"echonet_name_clips", "mslesion_name_volumes", "acdc_name_stacks"}, 0),
]
MORE_RUNS: list[tuple[dict[str, Any], int]] = [
    ({"seed": [0, 1, 2]}, 2 * ALL),
    ({"models": {"echonet": TWO_SEGMENTED}}, 1),
    ({"models": {"mslesion": MODELS | {"lesions": ["fc_densenet67", "fc_densenet57_plain"]}}}, 2 * 3),
    ({"models": {"mslesion": MODELS | {"baselines": ["unet_2d", "unet_3d"]}}}, 2 * 3),
    ({"models": {"acdc": HEARTS | {"baselines": ["unet_2d"]}}}, 1),
]
# Two orders of one list, and a rule whose tables have this order. In most lists, the first entry has its own meaning.
ORDERS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"seed": [0, 1, 2]}, {"seed": [0, 2, 1]}, "mslesion_plot_training"),
    ({"models": {"echonet": OTHER_ORDER}}, {"models": {"echonet": reordered(OTHER_ORDER, "ef")}}, "echonet_plot_roc"),
    (
        {"models": {"echonet": THREE_SEGMENTED}},
        {"models": {"echonet": reordered(THREE_SEGMENTED, "segmentation")}},
        "echonet_plot_dice",
    ),
    (
        {"models": {"mslesion": THREE_LESIONS}},
        {"models": {"mslesion": reordered(THREE_LESIONS, "lesions")}},
        "mslesion_score",
    ),
    (
        {"models": {"mslesion": THREE_LESIONS}},
        {"models": {"mslesion": reordered(THREE_LESIONS, "baselines")}},
        "mslesion_score",
    ),
    (
        {"models": {"acdc": THREE_HEARTS}},
        {"models": {"acdc": reordered(THREE_HEARTS, "segmentation")}},
        "acdc_combine",
    ),
    ({"studies": ["echonet", "acdc", "mslesion"]}, {"studies": ["mslesion", "acdc", "echonet"]}, "report_scoreboard"),
]
OF_FIRST_RUN = {
    *("echonet_plot_areas", "echonet_plot_examples", "echonet_render_videos", "echonet_predict_clips"),
    *("mslesion_plot_examples", "mslesion_render_slices", "mslesion_predict_volumes"),
}
OF_PUBLISHED_RUNS = {"acdc_search_weights"}
# Settings that some trainings do not see, and the results of these trainings only.
UNSEEN_BY = {"size": OF_FIRST_RUN, "leak_control": OF_FIRST_RUN | {"mslesion_plot_training"}}
UNSEEN_BY |= dict.fromkeys(("snapshots", "grid.size", "grid.spacing_mm"), OF_PUBLISHED_RUNS)
# Rules that see results of trainings by the sound protocol only, and so not what this rule gives.
BEHIND_SOUND = {
    "acdc_publish_slices": {
        *("acdc_combine", "acdc_follow_cine", "acdc_plot_examples", "acdc_plot_reliability", "acdc_predict_stacks")
    }
}


def leaves(settings: Mapping[str, Any], but: Collection[str] = (), above: str = "") -> Iterator[str]:
    """Dotted names of all settings except some."""
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from leaves(value, but, f"{name}.")
        elif name not in but:
            yield name


def changed(schedules: Mapping[str, Any], cases: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The hyper-parameters with another value for each of these settings, given as schedule and name."""
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
    if isinstance(old, bool):
        return not old
    if isinstance(old, list):
        return [0.4, 0.3, 0.3] if isinstance(old[0], float) else [2 * value for value in old]
    return old * 0.9 if isinstance(old, float) else 2 * (old or 1)
