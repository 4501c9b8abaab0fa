"""What a training gets from the configuration: the recipe of its network's family, and no setting of scores."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from workflow_rules import job_rules


def recipe_of(network: str, protocol: str) -> dict[str, Any]:
    (rule,) = [rule for rule in job_rules("medfm") if rule.name == "medfm_train"]
    found: dict[str, Any] = json.loads(
        rule.params.spec(SimpleNamespace(run=f"{network}-seed3", protocol=protocol, task="endo"))
    )
    return found


@pytest.mark.parametrize(
    ("network", "kind", "warmup_epochs", "clip"),
    [
        ("densenet121", "adamw", 0, None),  # the demo's own optimiser
        ("efficientnet_b4", "sgd", 0, None),
        ("swin_base_patch4_window12_384", "adamw", 20, 5),
        ("vit_base_patch16_224", "adamw", 50, 1),
        ("eva02_tiny_patch14_224", "adamw", 1, 1),
    ],
)
def test_the_challenge_trains_a_network_by_the_recipe_of_its_family(
    network: str, kind: str, warmup_epochs: int, clip: int | None
) -> None:
    recipe = recipe_of(network, "by_challenge")
    assert (recipe["optimiser"]["name"], recipe["decay"]["warmup_epochs"], recipe["clip"]) == (
        kind,
        warmup_epochs,
        clip,
    )
    assert (recipe["network"], recipe["seed"], recipe["initial"]) == (network, 3, "random") and "networks" not in recipe


@pytest.mark.parametrize(
    ("network", "tokens", "lr", "clip"),
    [
        ("swin_base_patch4_window12_384", 5, 5e-2, 5),
        ("vit_base_patch16_384", 1, 5e-3, 1),
        ("vit_base_patch16_clip_384", 1, 1e-3, 1),
        ("eva02_base_patch14_448", 1, 1e-3, 1),
    ],
)
def test_prompts_learn_by_the_rate_of_the_most_exact_name(network: str, tokens: int, lr: float, clip: int) -> None:
    (rule,) = [rule for rule in job_rules("medfm") if rule.name == "medfm_tune"]
    recipe = json.loads(rule.params.spec(SimpleNamespace(run=f"{network}-seed0", method="vpt_shallow")))
    assert (recipe["tokens"], recipe["optimiser"]["lr"], recipe["clip"]) == (tokens, lr, clip)
    assert recipe["decay"]["published"] == {"cosine_to": 0.01, "warmup_epochs": 20}


def test_a_recipe_has_what_its_protocol_trains_by_and_the_arguments_of_its_network() -> None:
    writeup, sound = (recipe_of("densenet121", protocol) for protocol in ("by_writeup", "sound"))
    assert {"train_share", "resize"} <= writeup.keys()
    assert "shares" in sound and "resize" not in sound
    assert sound["arguments"] == {"growth_rate": 12, "block_config": [3, 3, 3, 3]}
    assert recipe_of("swin_base_patch4_window12_384", "sound")["arguments"] == {}
