"""What a training gets from the configuration: the recipe of its network's family, and no setting of scores."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from project import ROOT
from workflow_rules import job_rules


def recipe_of(network: str, protocol: str) -> dict[str, Any]:
    (rule,) = [rule for rule in job_rules("medfm") if rule.name == "medfm_train"]
    found: dict[str, Any] = json.loads(
        rule.params.spec(SimpleNamespace(run=f"{network}-seed3", protocol=protocol, task="endo"))
    )
    return found


@pytest.mark.parametrize(
    ("network", "kind", "warmup", "clip"),
    [
        ("densenet121", "adamw", {"warmup_epochs": 0}, None),  # the demo's own optimiser
        ("efficientnet_b4", "sgd", {"warmup_epochs": 0}, None),
        ("swin_base_patch4_window12_384", "adamw", {"warmup_epochs": 20}, 5),
        ("vit_base_patch16_224", "adamw", {"warmup_steps": 10000}, 1),
        ("eva02_tiny_patch14_224", "adamw", {"warmup_epochs": 1}, 1),
    ],
)
def test_the_challenge_trains_a_network_by_the_recipe_of_its_family(
    network: str, kind: str, warmup: dict[str, int], clip: int | None
) -> None:
    recipe = recipe_of(network, "by_challenge")
    assert (recipe["optimiser"]["name"], recipe["clip"]) == (kind, clip)
    assert recipe["decay"].items() >= warmup.items()
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


@pytest.mark.parametrize("warmup", [{}, {"warmup_epochs": 1, "warmup_steps": 100}, {"warmup_steps": 0}])
def test_a_network_has_its_warm_up_in_epochs_or_in_steps(warmup: dict[str, int]) -> None:
    schema = Draft202012Validator(yaml.safe_load((ROOT / "config/medfm.schema.yaml").read_text()))
    settings = yaml.safe_load((ROOT / "config/medfm.yaml").read_text())["published"]
    assert schema.is_valid(settings)
    settings["challenge"]["networks"]["vit"]["decay"] = {"cosine_to": 0} | warmup
    assert [list(error.path)[:4] for error in schema.iter_errors(settings)] == [
        ["challenge", "networks", "vit", "decay"]
    ]
