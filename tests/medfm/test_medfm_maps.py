"""Heat maps and their tests, with known answers: networks that tell by one square, curves computed by hand."""

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from torch import Tensor, nn

from coloured_squares import NETWORKS, SIDE, SQUARE, learnt, squares
from medfm.analysis.map_scores import overlap, pointing, rank_correlation
from medfm.analysis.map_table import boxes_drawn, highest_scored
from medfm.learning.explanation import explained
from medfm.learning.heat_maps import Places, heat_maps, log_odds, places_of, with_random_weights
from medfm.learning.removal import area_under, removal_curves, removal_order
from reprise.step.errors import InputError

CHANCE = SQUARE**2 / SIDE**2


@pytest.mark.parametrize("name", NETWORKS)
def test_a_map_points_to_the_square_that_a_network_tells_by(name: str) -> None:
    images, _, masks = squares(16, 999, always=True)
    findings = [0, 1] * 8
    truth = masks[np.arange(16), findings]
    model = learnt(name)
    maps, found = explained(model, images, findings, truth, steps=8, draws=3)
    assert maps.shape == (16, SIDE, SIDE) and maps.min() >= 0 and maps.max() <= 1
    assert (found["box"] == CHANCE).all()
    mean = found.mean()
    assert mean["pointing"] >= 0.6 and mean["overlap"] >= 0.5, "by chance both are a sixteenth"
    assert mean["randomised_r"] < 0.7
    assert mean["deletion"] < mean["deletion_chance"] - 0.1, "the square is deleted first"
    assert not found["empty"].any() and not found["randomised_r"].isna().all()


def test_tokens_of_places_lie_as_their_patches_do_and_other_tokens_are_left_out() -> None:
    arguments = NETWORKS["vit_base_patch16_224"][0] | {"reg_tokens": 3}
    layer, arranged = places_of(timm.create_model("vit_base_patch16_224", **arguments))
    tokens = torch.cat([torch.full((1, 4), -1.0), torch.arange(64.0)[None]], dim=1)[..., None].expand(1, 68, 32)
    assert arranged is not None and isinstance(layer, nn.LayerNorm)
    assert torch.equal(arranged(tokens)[0, 5], torch.arange(64.0).view(8, 8))


class Brightness(nn.Module):
    """A network with a place a pixel: its outputs are the mean brightness, red minus green, and its opposite."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Conv2d(3, 2, 1, bias=False)
        self.places.weight.data = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])[..., None, None]

    def forward(self, images: Tensor) -> Tensor:
        red, green = self.places(images).mean((2, 3)).unbind(dim=1)
        return torch.stack([red - green, green - red, -red - green], dim=1)


def test_a_map_shows_what_speaks_for_a_finding_and_nothing_if_nothing_does() -> None:
    image = torch.zeros(1, 3, 6, 8)
    image[0, 0, 1, 2], image[0, 1, 4, 7] = 1, 0.5
    model = Brightness()
    maps = heat_maps(model, image.expand(3, -1, -1, -1), [0, 1, 2], Places(model.places, None))
    assert np.argwhere(maps[0] > 0.01).tolist() == [[1, 2]] and np.argwhere(maps[1] > 0.01).tolist() == [[4, 7]]
    assert maps[0].max() == pytest.approx(1, abs=1e-5)
    assert not maps[2].any()
    assert model.places.weight.grad is None and not model.places._forward_hooks


def test_a_network_without_places_is_refused() -> None:
    with pytest.raises(InputError, match="Linear: expected a network of timm with a layer that has places"):
        heat_maps(nn.Linear(3, 1), torch.zeros(1, 3), [0])


def test_two_outputs_are_those_of_a_softmax() -> None:
    outputs = torch.tensor([[0.3, -1.2], [4.0, 5.0]])
    torch.testing.assert_close(log_odds(outputs).sigmoid()[:, 0], outputs.softmax(dim=1)[:, 1])
    assert log_odds(outputs[:, :1]).shape == (2, 1)


class WithToken(nn.Module):
    """Layers of several kinds, and an array that belongs to none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(9, 4))
        self.token = nn.Parameter(torch.arange(50.0))


def test_random_weights_are_fresh_and_the_network_stays_as_it_is() -> None:
    model = WithToken()
    for array in model.state_dict().values():
        array.add_(3)
    before = {name: array.clone() for name, array in model.state_dict().items()}
    state = torch.random.get_rng_state()
    fresh, again, other = (with_random_weights(model, seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, array in model.state_dict().items():
        assert torch.equal(array, before[name]) and torch.equal(fresh[name], again[name])
        assert not torch.equal(fresh[name], array), name
    assert fresh["layers.0.weight"].abs().max() < 1 and not torch.equal(fresh["token"], other["token"])
    assert fresh["layers.1.running_mean"].tolist() == [0] * 8 and fresh["layers.1.running_var"].tolist() == [1] * 8
    assert torch.equal(fresh["token"].sort().values, before["token"])


def test_deletion_and_insertion_of_an_image_computed_by_hand() -> None:
    # Four pixels of 0.1, 0.2, 0.3 and 0.4; the score is their sum. The map takes 0.4, 0.1, 0.3, 0.2 in this order.
    image = torch.tensor([[0.1, 0.2], [0.3, 0.4]]).expand(1, 3, 2, 2)
    order = removal_order(np.array([[[0.8, 0.0], [0.5, 0.9]]], np.float32))
    assert order.tolist() == [[[1, 3], [2, 0]]]

    def score(images: Tensor) -> Tensor:
        assert images.shape[1:] == (3, 2, 2)
        return torch.stack([images[:, 0].sum((1, 2)), torch.zeros(len(images))], dim=1)

    deletion = removal_curves(score, image, torch.zeros_like(image), order, [0], 4)
    np.testing.assert_allclose(deletion, [[1.0, 0.6, 0.5, 0.2, 0.0]], atol=1e-6)
    insertion = removal_curves(score, torch.zeros_like(image), image, order, [0], 2)
    np.testing.assert_allclose(insertion, [[0, 0.5, 1.0]], atol=1e-6)
    np.testing.assert_allclose(area_under(deletion), [(0.5 + 0.6 + 0.5 + 0.2) / 4], atol=1e-6)
    assert not removal_curves(score, image, image, order, [1], 3).any()


def test_many_curves_at_once_are_those_of_each_image_alone() -> None:
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(size=(30, 3, 4, 4)).astype(np.float32))
    order = removal_order(rng.normal(size=(30, 4, 4)).astype(np.float32))
    findings = [at % 2 for at in range(30)]

    def score(batch: Tensor) -> Tensor:
        return torch.stack([batch.square().sum((1, 2, 3)), batch.sum((1, 2, 3))], dim=1)

    found = removal_curves(score, images, torch.zeros_like(images), order, findings, 3)
    for at in range(30):
        for step, removed in enumerate((0, 16 / 3, 32 / 3, 16)):
            kept = images[at] * (order[at] >= removed)
            assert found[at, step] == pytest.approx(float(score(kept[None])[0, findings[at]]), rel=1e-4, abs=1e-4)


def test_the_pointing_game_and_overlap_of_small_maps() -> None:
    maps = np.array([[[1.0, 0.2], [0.5, 0.0]], [[0.1, 0.2], [0.9, 0.3]], [[0.4, 0.4], [0.4, 0.4]]])
    left = np.broadcast_to([[True, False], [True, False]], maps.shape)
    assert pointing(maps, left).tolist() == [1, 1, 0]
    assert overlap(maps, left).tolist() == [1, 0.5, 0.5]
    nothing = np.zeros_like(left)
    assert np.isnan(pointing(maps, nothing)).all() and np.isnan(overlap(maps, nothing)).all()


@given(arrays(np.float64, (2, 3, 4, 3), elements=st.integers(0, 5).map(float)))
def test_rank_correlation_is_that_of_scipy(pair: np.ndarray) -> None:
    found = rank_correlation(*pair)
    for value, first, second in zip(found, *pair, strict=True):
        if np.ptp(first) and np.ptp(second):
            assert value == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic, abs=1e-9)
        else:
            assert np.isnan(value)


def test_images_are_those_with_the_highest_scores_and_boxes_lie_where_they_are_in_the_file() -> None:
    names = [f"endo-{number}" for number in range(1, 5)]
    labels, images = ["0010", "1000", "0000", "0011"], ["a b.png", "b.png", "c.png", "d.png"]
    cases = pd.DataFrame({"case": names, "task": "endo", "image": images, "labels": labels})
    cases = cases.assign(height=100, width=[200, 200, 50, 200])
    scores = pd.DataFrame({"case": [names[3], names[0], names[2]], "ulcer": [0.1, 0.2, 0.3], "erosion": 0.5})
    scores = scores.assign(polyp=[0.4, 0.9, 0.1], tumor=[0.2, 0.3, 0.7])
    chosen = highest_scored(scores, cases, "endo", 2)
    assert len(chosen) == 8
    polyp = chosen[chosen["finding"] == "polyp"]
    assert polyp[["rank", "case", "truth", "score"]].values.tolist() == [[1, names[0], 1, 0.9], [2, names[3], 1, 0.4]]
    assert list(chosen["case"][chosen["finding"] == "erosion"]) == [names[3], names[0]], "the first of equal scores"
    box = {"task": "endo", "image": "a b.png", "finding": "polyp", "top": 50, "left": 100, "bottom": 75, "right": 200}
    masks = boxes_drawn(pd.DataFrame([box, box | {"task": "chest", "top": 0}]), chosen, cases, 8)
    assert masks.any(axis=(1, 2)).tolist() == [name == "polyp" and case == names[0] for name, case in
                                               zip(chosen["finding"], chosen["case"], strict=True)]  # fmt: skip
    assert np.argwhere(masks.any(axis=0)).tolist() == [[row, column] for row in (4, 5) for column in range(4, 8)]
    with pytest.raises(InputError, match="endo: scores of endo-9, which is no image of the store"):
        highest_scored(scores.assign(case="endo-9"), cases, "endo", 2)
