"""Training steps on a GPU: losses of the CPU, same bits, no waiting, compiled or replayed, and too little memory."""

from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import phantom_tasks
from phantom_tasks import Example, example
from reprise.step.errors import InputError
from reprise.training.compiled import GRAPHS, compile_network
from reprise.training.interval import Interval
from reprise.training.learner import Batch, Learner, loaded, train_step
from reprise.training.loop import fit
from reprise.training.sampler import batches

CPU = torch.device("cpu")
TEN = 10
IN_STORE = ("r2plus1d_18", "deeplabv3_resnet50")  # networks whose batches come from the store of the study itself


def endless(learner: Learner) -> Iterator[Batch]:
    """Batches of one epoch after another."""
    for epoch in count():
        yield from loaded(learner, batches(learner.task.samples, learner.settings["batch_size"], 0, epoch), epoch)


def losses(trained: Example, steps: int, compile_mode: str | None = None) -> list[float]:
    """The loss of each of some steps; dropout is off, because each device draws its own."""
    learner = trained.learner(compile_mode)
    without_dropout(learner.model)
    found = [train_step(learner, batch, step) for step, batch in enumerate(islice(endless(learner), steps))]
    return torch.stack([each.flatten()[0] for each in found]).tolist()  # the loss comes before what is watched


def without_dropout(model: nn.Module) -> None:
    for layer in model.modules():
        if hasattr(layer, "p"):
            layer.p = 0.0


@pytest.mark.usefixtures("without_tf32")
@pytest.mark.parametrize("network", phantom_tasks.NETWORKS)
def test_ten_steps_have_the_losses_of_the_cpu(device: torch.device, network: str) -> None:
    expected = losses(example(network, CPU), TEN)
    assert len(set(expected)) == TEN
    assert losses(example(network, device), TEN) == pytest.approx(expected, rel=1e-4)


@pytest.mark.usefixtures("same_bits")
@pytest.mark.parametrize("network", phantom_tasks.NETWORKS)
def test_deterministic_steps_give_the_same_bits(device: torch.device, network: str) -> None:
    states = []
    for _ in range(2):
        learner = example(network, device).learner()
        for step, batch in enumerate(islice(endless(learner), 4)):
            train_step(learner, batch, step)
        states.append(learner.model.state_dict())
    assert all(torch.equal(one, states[1][name]) for name, one in states[0].items())


@pytest.mark.parametrize(
    ("network", "place"),
    [(network, "device") for network in phantom_tasks.NETWORKS] + [(network, "host") for network in IN_STORE],
)
def test_the_host_never_waits_between_steps(
    gpu: torch.device, network: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "host":
        monkeypatch.setattr("reprise.data.placed.DEVICE_MEMORY_SHARE", 0.0)
    learner = example(network, gpu, precision="bf16").learner()
    steps = endless(learner)
    for step, batch in enumerate(islice(steps, 3)):
        train_step(learner, batch, step)
    try:
        torch.cuda.set_sync_debug_mode("error")
        for step, batch in enumerate(islice(steps, 3)):
            train_step(learner, batch, step)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_compiled_is_as_near_to_full_precision_as_eager(gpu: torch.device) -> None:
    exact = outputs_and_gradients(example("r2plus1d_18", gpu), gpu, half=False)
    eager = outputs_and_gradients(example("r2plus1d_18", gpu), gpu, half=True)
    compiled = outputs_and_gradients(example("r2plus1d_18", gpu), gpu, half=True, change=compile_network)
    assert 0 < (eager[0] - exact[0]).norm() < 0.1 * exact[0].norm(), "bf16 rounds, but not beyond recognition"
    # Gradients through many normalisations vary more.
    for rounded, found, whole, factor in zip(eager, compiled, exact, (2, 3), strict=True):
        assert (found - whole).norm() < factor * (rounded - whole).norm()


@pytest.mark.usefixtures("without_tf32")
@pytest.mark.parametrize("network", ["fc_densenet67", "unet_2d"])
def test_replayed_steps_have_the_losses_of_plain_ones(gpu: torch.device, network: str) -> None:
    steps = 2 * TEN  # of more than one epoch, so that there are batches of two sizes
    plain, replayed = (example(network, gpu, batch_size=6) for _ in range(2))
    assert plain.task.samples % plain.settings["batch_size"]
    expected = losses(plain, steps)
    assert losses(replayed, steps, GRAPHS) == pytest.approx(expected, rel=1e-3)
    for name, buffer in replayed.model.named_buffers():
        torch.testing.assert_close(buffer, plain.model.get_buffer(name), rtol=0.01, atol=0.01)


def outputs_and_gradients(
    trained: Example,
    device: torch.device,
    half: bool,
    change: Callable[[nn.Module, str], None] = lambda *_: None,
) -> tuple[Tensor, Tensor]:
    """Outputs, and all gradients, of the first step, flat. On a CPU, some gradients in bf16 would be unset memory."""
    learner = trained.learner()
    without_dropout(learner.model)
    change(learner.model, "default")
    batch = next(endless(learner))
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        outputs, truth = learner.task.predict(learner.model, batch.loaded)
        loss = learner.task.loss(outputs, truth)
    loss.backward()
    gradients = [parameter.grad.flatten() for parameter in learner.model.parameters() if parameter.grad is not None]
    return outputs.detach().float().flatten(), torch.cat(gradients)


def test_a_batch_too_large_is_one_line_and_the_card_works_on(
    gpu: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, cases = phantom_tasks.stored_films()
    many = pd.concat([cases] * 1800, ignore_index=True)  # of which a batch takes 165 GB
    with monkeypatch.context() as larger:
        larger.setattr(phantom_tasks, "stored_films", lambda: (frames, many))
        larger.setattr(phantom_tasks, "TRAINED", len(many) - 3)
        wide = example("r2plus1d_18", gpu, frames=32, period=2, downsample=1, batch_size=len(many))
    with pytest.raises(InputError, match=rf"too small for a batch of {len(many) - 3}: lower batch_size") as refused:
        fit(wide.model, wide.task, wide.settings, None, tmp_path, tmp_path / "tensorboard", Interval())
    assert "\n" not in str(refused.value)
    del refused, wide
    assert losses(example("r2plus1d_18", gpu), 2)[0] > 0
