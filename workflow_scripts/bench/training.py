"""Rows on training: the training loop's own step at published sizes, with what it waits for and what it needs."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from rows import Row, at_least, at_most, skipped
from torch import nn

from reprise.training.task import Task
from reprise.training.timing import StepTimes, timed_steps

# Dense bf16 teraflops a second of the makers' data sheets.
PEAK_TFLOPS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "RTX 4090": 165, "A10": 125, "L4": 121}
MOST_WAITING = 2  # percent

# (recipe, device) -> a network on its device, and its task
Make = Callable[[Mapping[str, Any], torch.device], tuple[nn.Module, Task]]


def training_rows(
    what: str,
    make: Make,
    recipe: Mapping[str, Any],
    modes: Mapping[str, str],
    reference: Callable[[], float],
    required: Mapping[str, float],
    flops: float,
    least_share: float | None = None,
) -> list[Row]:
    """A study's main training on a GPU, or why its rows are skipped.

    Args:
        what: is trained, by its samples: "EF training clips".
        make: network and task.
        recipe: the published one.
        modes: of compiling, by network.
        reference: samples a second of the published way.
        required: by precision, how many times as fast ours must be.
        flops: floating-point operations of a forward pass of one sample.
        least_share: percent of the card's peak that are required, if any are.
    """
    names = {precision: f"{what} a second on the GPU, {precision}, against the published way" for precision in required}
    waiting, used = f"% of a step that {what} wait for data, bf16", f"% of the card's bf16 peak, {what}"
    if not torch.cuda.is_available():
        return [skipped(names[precision], f">= {least:g}") for precision, least in required.items()] + [
            skipped(waiting, f"<= {MOST_WAITING}"),
            skipped(used, f">= {least_share:g}" if least_share else ""),
        ]
    device, mode = torch.device("cuda"), modes.get(recipe["network"])

    def timed(precision: str, mode: str | None) -> StepTimes:
        settings = dict(recipe) | {"precision": precision}
        return timed_steps(*make(settings, device), settings, compile_mode=mode)

    published, batch = reference(), recipe["batch_size"]
    times = {precision: timed(precision, mode) for precision in required}
    rows = [at_least(names[name], batch / times[name].seconds, published, least) for name, least in required.items()]
    half = times["bf16"]
    if mode:
        named = f"{what} a second, bf16, compiled ({mode}) against not compiled"
        rows.append(at_least(named, batch / half.seconds, batch / timed("bf16", None).seconds, None))
    rows.append(at_most(waiting, 100 * half.data, MOST_WAITING))
    rows.append(Row(f"peak memory in MB, {what}, bf16", half.peak_mb, times["fp32"].peak_mb, None, "", ""))
    card = torch.cuda.get_device_name()
    peak = next((tflops for name, tflops in PEAK_TFLOPS.items() if name in card), None)
    if peak:
        share = 100 * 3 * flops * batch / half.seconds / (peak * 1e12)  # a backward pass costs two forward passes
        rows.append(at_least(used, share, None, least_share))
    return rows
