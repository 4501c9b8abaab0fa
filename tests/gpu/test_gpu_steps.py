"""Training steps on a GPU: the CPU's losses, the same bits, no waiting, compiled as without, and too little memory."""

from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import phantom_tasks
from mslesion.learning.fc_densenet import NETWORKS, VARIANTS, FCDenseNet
from phantom_tasks import Example, example
from reprise.models.weights import channels_last
from reprise.step.errors import InputError
from reprise.training.compiled import compile_network
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


def losses(trained: Example, steps: int) -> list[float]:
    """The loss of each of some steps; dropout is off, because each device draws its own."""
    learner = trained.learner()
    without_dropout(learner.model)
    found = [train_step(learner, batch, step) for step, batch in enumerate(islice(endless(learner), steps))]
    return torch.stack(found).tolist()


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
        monkeypatch.setattr("echonet.learning.clips.DEVICE_MEMORY_SHARE", 0.0)
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


@pytest.mark.parametrize("network", ["r2plus1d_18", "fc_densenet67"])
def test_compiled_is_as_near_to_full_precision_as_eager(device: torch.device, network: str) -> None:
    def trained() -> Example:
        made = example(network, device)
        return made._replace(model=short_densenet(device)) if network.startswith("fc") else made

    exact = outputs_and_gradients(trained(), device, half=False)
    eager = outputs_and_gradients(trained(), device, half=True)
    compiled = outputs_and_gradients(trained(), device, half=True, change=compile_network)
    assert 0 < (eager[0] - exact[0]).norm() < 0.1 * exact[0].norm(), "bf16 rounds, but not beyond recognition"
    # Gradients through many normalisations vary more.
    for rounded, found, whole, factor in zip(eager, compiled, exact, (2, 3), strict=True):
        assert (found - whole).norm() < factor * (rounded - whole).norm()


def short_densenet(device: torch.device) -> nn.Module:
    """An FC-DenseNet with all its parts, but one layer in each block, as compiling takes minutes for all layers."""
    torch.manual_seed(0)
    layers, variant = NETWORKS["fc_densenet67"], VARIANTS[""]
    short = layers._replace(down=(1,) * 5, bottleneck=1, up=(1,) * 5)
    return channels_last(FCDenseNet(short, variant, growth=4, first=8).to(device))


def outputs_and_gradients(
    trained: Example,
    device: torch.device,
    half: bool,
    change: Callable[[nn.Module, str], None] = lambda *_: None,
) -> tuple[Tensor, Tensor]:
    """Outputs, and all gradients, of the first step, flat; in mixed precision also on a CPU."""
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
