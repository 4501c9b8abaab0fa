"""Another value for each key of config.yaml, and the rules that see it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

WEIGHTS = "results/weights/r2plus1d_18-kinetics400.pth"
TRAINING = {"echonet_train_segmentation", "echonet_train_ef", "mslesion_train", "acdc_train", "iseg_train"}
TRAINING |= {"medfm_train", "medfm_tune"}
PHANTOMS = {"echonet_make_phantom", "mslesion_make_phantom", "acdc_make_phantom", "iseg_make_phantom"}
PHANTOMS |= {"medfm_make_phantom"}
# Training runs: two networks; one by two protocols on three folds; two by two protocols; one by two protocols with one
# fold and by one with three; one by three protocols for each of three tasks, and one by two few-shot methods.
ECHO, LESION, HEART, BRAIN, FINDING = 2, 2 * 3, 2 * 2, 2 + 3, 3 * 3 + 2
ALL = ECHO + LESION + HEART + BRAIN + FINDING
SHOWN = {"report_page", "report_rule_graph"}
OTHER_ORDER = {"segmentation": ["deeplabv3_resnet50"], "ef": ["r3d_18", "r2plus1d_18"]}
TWO_SEGMENTED = {"segmentation": ["deeplabv3_resnet50", "fcn_resnet50"], "ef": ["r2plus1d_18"]}
THREE_SEGMENTED = {"segmentation": ["deeplabv3_resnet50", "fcn_resnet50", "lraspp_mobilenet_v3_large"]}
MODELS: dict[str, list[str]] = {"lesions": ["fc_densenet67"], "baselines": []}
HEARTS: dict[str, list[str]] = {"segmentation": ["unet", "linknet"], "baselines": []}
BRAINS: dict[str, list[str]] = {"networks": ["unet3d"], "baselines": []}
FINDINGS: dict[str, list[str]] = {"networks": ["densenet121"], "few_shot": ["vit_base_patch16_224"]}
TWO_FINDING = ["densenet121", "resnet18"]
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
    ({"precision": "bf16"}, {*TRAINING, "iseg_measure_costs", "medfm_extract_features", "report_page"}, ALL),
    ({"seed": 1}, {*PHANTOMS, *SHOWN}, ALL),
    ({"studies": ["medfm", "iseg", "mslesion", "acdc", "echonet"]}, {"report_scoreboard", *SHOWN}, 0),
    (
        {"models": {"echonet": OTHER_ORDER}},
        {"echonet_train_ef", "echonet_predict_clips", "echonet_describe", *SHOWN},
        1,
    ),
    (
        {"schedule": "published"},
        {*PHANTOMS, "weights_fetch", "report_rule_graph"},
        ECHO + 3 * 5 + HEART + 2 + 10 + 9 + 4,
    ),
    ({"data": {"echonet": "own"}}, {"echonet_check", "report_rule_graph"}, ECHO),
    ({"data": {"mslesion": "own"}}, {"mslesion_check", "report_rule_graph"}, LESION),
    ({"data": {"acdc": "own"}}, {"acdc_check", "report_rule_graph"}, HEART),
    ({"data": {"iseg": "own"}}, {"iseg_check", "report_rule_graph"}, BRAIN),
    ({"data": {"medfm": "own"}}, {"medfm_check", "medfm_explain", "report_rule_graph"}, FINDING),
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
    ({"tissue_weights": "initial.pth"}, {"iseg_predict_brains"}, 0),
    ({"finding_weights": "initial.pth"}, {"medfm_predict_images"}, 0),
    ({"task": "endo"}, {"medfm_predict_images"}, 0),
    ({"tracking": "mlflow"}, set(), 0),
    (
        {"input": "other"},
        {"echonet_name_clips", "mslesion_name_volumes", "acdc_name_stacks", "iseg_name_brains", "medfm_name_images"},
        0,
    ),
]
MORE_RUNS: list[tuple[dict[str, Any], int]] = [
    ({"seed": [0, 1, 2]}, 2 * ALL),
    ({"models": {"echonet": TWO_SEGMENTED}}, 1),
    ({"models": {"mslesion": MODELS | {"lesions": ["fc_densenet67", "fc_densenet57_plain"]}}}, 2 * 3),
    ({"models": {"mslesion": MODELS | {"baselines": ["unet_2d", "unet_3d"]}}}, 2 * 3),
    ({"models": {"acdc": HEARTS | {"baselines": ["unet_2d"]}}}, 1),
    ({"models": {"iseg": BRAINS | {"networks": ["unet3d", "vnet"]}}}, 2 + 3),
    ({"models": {"iseg": BRAINS | {"baselines": ["nnunet_3d"]}}}, 3),
    ({"models": {"medfm": FINDINGS | {"networks": TWO_FINDING}}}, 9),
    ({"models": {"medfm": FINDINGS | {"few_shot": ["vit_base_patch16_224", "deit_tiny_patch16_224"]}}}, 2),
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
    (
        {"models": {"iseg": BRAINS | {"networks": ["unet3d", "vnet", "vnet2"]}}},
        {"models": {"iseg": BRAINS | {"networks": ["unet3d", "vnet2", "vnet"]}}},
        "iseg_score",
    ),
    (
        {"models": {"medfm": FINDINGS | {"networks": [*TWO_FINDING, "resnet34"]}}},
        {"models": {"medfm": FINDINGS | {"networks": [*reordered({"": TWO_FINDING}, "")[""], "resnet34"]}}},
        "medfm_score",
    ),
    (
        {"studies": ["echonet", "acdc", "iseg", "medfm", "mslesion"]},
        {"studies": ["mslesion", "medfm", "iseg", "acdc", "echonet"]},
        "report_scoreboard",
    ),
]
OF_FIRST_RUN = {
    *("echonet_plot_areas", "echonet_plot_examples", "echonet_render_videos", "echonet_predict_clips"),
    *("mslesion_plot_examples", "mslesion_render_slices", "mslesion_predict_volumes"),
    *("iseg_segment_test", "iseg_predict_brains"),
    *("medfm_explain", "medfm_predict_images"),
}
