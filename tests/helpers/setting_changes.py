"""Another value for each hyper-parameter, and the rules that see it."""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from configuration_changes import OF_FIRST_RUN

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
    "iseg": {
        "folds": {"iseg_audit", "iseg_train", "iseg_measure_costs", "iseg_describe", "report_rule_graph"},
        "width": {"iseg_train", "iseg_measure_costs", "iseg_describe"},
        "thesis": {"iseg_train", "iseg_describe"},
        "thesis.dice": {"iseg_train", "iseg_score", "iseg_describe"},
        "master": {"iseg_train", "iseg_describe"},
        "master.crops": {"iseg_train", "iseg_predict", "iseg_score", "iseg_describe"},
        "sound": {"iseg_train", "iseg_measure_costs", "iseg_describe"},
        "scored_crops": {"iseg_predict"},
        "costs": {"iseg_measure_costs"},
        "bootstrap": {"iseg_score"},
        "examples": {"iseg_plot_slices"},
        "phantom": {"iseg_make_phantom"},
    },
    "medfm": {
        "store_size": {"medfm_convert", "medfm_predict_images"},
        "initial": {"medfm_train", "medfm_extract_features", "medfm_tune", "weights_fetch", "report_rule_graph"},
        "arguments": {"medfm_describe"},
        "arguments.densenet121": {"medfm_train", "medfm_describe"},
        "arguments.vit_base_patch16_224": {"medfm_extract_features", "medfm_tune", "medfm_describe"},
        "writeup": {"medfm_train", "medfm_describe"},
        "writeup.train_share": {"medfm_audit", "medfm_train", "medfm_describe"},
        "challenge": {"medfm_train", "medfm_describe"},
        "challenge.networks": {"medfm_describe"},  # of networks that this run does not have
        "challenge.networks.densenet": {"medfm_train", "medfm_describe"},
        "sound": {"medfm_train", "medfm_describe"},
        "sound.shares": {"medfm_audit", "medfm_train", "medfm_describe"},
        "few_shot": {"medfm_tune", "medfm_describe"},
        "few_shot.shots": {"medfm_probe", "medfm_tune", "medfm_score", "medfm_describe"},
        "few_shot.experiments": {"medfm_probe", "medfm_tune", "medfm_score", "medfm_describe"},
        "few_shot.methods": {"medfm_probe", "medfm_score", "medfm_describe", "report_rule_graph"},
        "few_shot.size": {"medfm_extract_features", "medfm_tune", "medfm_describe"},
        "few_shot.linear_probe": {"medfm_probe", "medfm_describe"},
        "few_shot.logistic_regression": {"medfm_probe", "medfm_describe"},
        "few_shot.prompts": {"medfm_describe"},  # of networks that this run does not have
        "few_shot.prompts.vit": {"medfm_tune", "medfm_describe"},
        "few_shot.full": {"medfm_describe"},  # this run does not tune the whole network
        "explain": {"medfm_explain"},
        "bootstrap": {"medfm_score"},
        "phantom": {"medfm_make_phantom"},
    },
}
# Conditions of published figures of networks that this run does not have.
SEEN_BY["medfm"] |= {
    name: {"medfm_describe", "report_scoreboard"}
    for name in (
        "challenge.networks.efficientnet",
        "challenge.networks.swin",
        "few_shot.prompts.swin",
    )
}
OTHER_WORDS = {"sgd": "adamw", "adamw": "sgd", "rmsprop": "sgd", "nesterov": "sgd", "all": "beats"}
OTHER_WORDS |= {"linear": "squared", "squared": "linear", "crop": "brats", "full_volume_mean": "brats"}
OTHER_VALUES = {"thesis.crops.least": 0.5, "few_shot.methods": ["linear_probe", "logistic_regression", "prototypes"]}
OTHER_VALUES |= {"cosine_to": 0.5, "few_shot.shots": [10], "few_shot.experiments": [3, 4]}
OTHER_WEIGHTS = {
    "segmentation.weights": "imagenet_backbone",
    "ef.weights": "kinetics400",
    "training.weights": "imagenet",
    "initial": "imagenet",
}
OF_PUBLISHED_RUNS = {"acdc_search_weights"}
# Settings that some trainings do not see, or the beginnings of their names, and the results of these trainings only.
UNSEEN_BY = {"size": OF_FIRST_RUN, "leak_control": OF_FIRST_RUN | {"mslesion_plot_training"}}
UNSEEN_BY |= dict.fromkeys(("snapshots", "grid.size", "grid.spacing_mm"), OF_PUBLISHED_RUNS)
OF_SOUND_TISSUES = {"iseg_segment_test", "iseg_predict_brains"}
OF_A_PUBLISHED_PROTOCOL = (
    *("crop", "crops.train", "crops.val", "crops.least", "crops.seed", "normalisation", "dice", "epochs", "batch_size"),
    *("optimiser.name", "optimiser.lr", "optimiser.momentum", "optimiser.weight_decay"),
    *("decay.every_epochs", "decay.factor"),
)
for protocol in ("thesis", "master"):
    UNSEEN_BY |= dict.fromkeys((f"{protocol}.{name}" for name in OF_A_PUBLISHED_PROTOCOL), OF_SOUND_TISSUES)
UNSEEN_BY |= {key: {"medfm_explain", "medfm_predict_images"} for key in ("writeup", "challenge")}
UNSEEN_BY["writeup.train_share"] = set()  # the audit sees it, and all trainings follow the audit
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
        other = other_weights(name, place[key]) if name in OTHER_WEIGHTS else other_value(place[key])
        place[key] = OTHER_VALUES.get(name, OTHER_VALUES.get(key, other))
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
