"""The published Dice by its known answers, and the losses of networks with several heads."""

import numpy as np
import pytest
import torch

from iseg.learning.losses import ACTIVATIONS, AUXILIARY, dice_of, overlap_sums, published_loss, sound_dice, sound_loss
from reprise.training.class_losses import as_classes, dice_ce_loss

SHARES = (0.54, 0.086, 0.212, 0.162)  # of the classes in a crop rich in brain


def truth(batch: int = 1) -> torch.Tensor:
    counts = np.round(np.array(SHARES) * 20_000).astype(int)
    labels = np.repeat(np.arange(4), counts)
    return torch.from_numpy(np.random.default_rng(0).permutation(labels)[:20_000].reshape(batch, 20, 25, -1))


def dice(logits: torch.Tensor, labels: torch.Tensor, form: str) -> list[float]:
    return dice_of(overlap_sums(logits.sigmoid(), labels).sum(dim=0), form).tolist()


def test_a_perfect_answer_of_logits_of_two_scores_as_published() -> None:
    logits = 4 * as_classes(truth(), 4) - 2
    assert dice(logits, truth(), "squared") == pytest.approx([0.985, 0.914, 0.963, 0.952], abs=2e-3)
    assert dice(logits, truth(), "linear") < dice(logits, truth(), "squared")
    assert published_loss("squared", torch.zeros(1, 4, 20, 25, 40), truth()).item() == pytest.approx(0.55, abs=0.01)


@pytest.mark.parametrize("form", ["linear", "squared"])
def test_a_class_that_is_absent_has_no_dice_even_if_it_is_not_found(form: str) -> None:
    air = torch.zeros(2, 4, 4, 4, dtype=torch.uint8)
    logits = 60 * as_classes(air, 4) - 30
    assert published_loss(form, logits, air).item() == pytest.approx(0.75, abs=1e-6)


@pytest.mark.parametrize(("form", "power"), [("linear", 1), ("squared", 2)])
def test_dice_pools_a_batch_as_one_volume(form: str, power: int) -> None:
    torch.manual_seed(0)
    labels, logits = truth(2), torch.randn(2, 4, 20, 25, 20)
    p = 1 / (1 + np.exp(-logits.numpy().astype(float)))
    for label, found in enumerate(dice(logits, labels, form)):
        t = labels.numpy() == label
        assert found == pytest.approx(2 * (p[:, label] * t).sum() / ((p[:, label] ** power).sum() + t.sum()), rel=1e-5)


def test_auxiliary_heads_and_the_penalty_are_added_to_the_loss() -> None:
    torch.manual_seed(0)
    labels, outputs = truth(2), torch.randn(2, 9, 20, 25, 20)
    main, head = outputs[:, :4], outputs[:, 4:8]
    for loss, plain in ((sound_loss, dice_ce_loss), (lambda *pair: published_loss("linear", *pair), None)):
        alone = plain or loss
        expected = alone(main, labels) + AUXILIARY * alone(head, labels) + outputs[:, 8].mean()
        assert loss(outputs, labels).item() == pytest.approx(expected.item(), rel=1e-6)
        assert loss(main, labels).item() == pytest.approx(alone(main, labels).item())
    assert torch.equal(sound_dice(outputs, labels), sound_dice(main, labels)), "the main head is what is shown"


def test_sums_of_the_most_probable_class_are_counts_of_voxels() -> None:
    torch.manual_seed(0)
    labels, logits = truth(), torch.randn(1, 4, 20, 25, 40)
    winner = logits.argmax(dim=1)
    sums = overlap_sums(ACTIVATIONS["argmax"](logits), labels)[0]
    for label in range(4):
        found, true = winner == label, labels == label
        counts = [(found & true).sum(), found.sum(), found.sum(), true.sum()]
        assert sums[:, label].tolist() == [int(count) for count in counts]
