"""Networks that find what an image shows: any of timm's, by its name there. None is ever downloaded."""

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from torch import Tensor, nn

from reprise.engine.folders import one_line
from reprise.models.initial import fill, read_state_dict
from reprise.models.lean_torchvision import without_compiler
from reprise.step.errors import InputError

RANDOM = "random"  # the name of initial weights that nobody trained
# Networks that a GPU trains faster if they are compiled, and how: this has not been measured for any of them.
COMPILED: dict[str, str] = {}
# By what names timm calls the function, beside each family of networks, that converts weights of other forms and sizes.
CONVERTERS = ("checkpoint_filter_fn", "_filter_torchvision_pretrained", "checkpoint_filter_fn_classifier")
LONGEST = 200  # characters of timm's message about arguments that do not fit
REFUSALS = (TypeError, ValueError, RuntimeError, AssertionError, ArithmeticError, LookupError, AttributeError)


def finding_network(
    network: str,
    outputs: int,
    size: int,
    arguments: Mapping[str, Any] | None = None,
    initial: str = RANDOM,
    file: Path | None = None,
) -> nn.Module:
    """A network of timm that maps images (B, 3, `size`, `size`) to logits (B, `outputs`).

    Its last layer always has fresh weights. Position embeddings of another size are resampled by timm's own functions.

    Args:
        network: timm's name, such as densenet121 or vit_base_patch16_224.
        outputs: the number of logits.
        size: height and width of the images, px.
        arguments: more of timm's arguments of this network, such as {depth: 3}.
        initial: the name of the initial weights; `random` has no file.
        file: a state dict, as timm, torchvision or the network's authors wrote it. It may have another last layer.

    Raises:
        InputError: no such network or arguments, a size that the network cannot take, no file for weights that are not
            random, or weights of another network.
    """
    model = _built(network, outputs, size, dict(arguments or {}))
    if initial != RANDOM:
        if file is None:
            raise InputError(f"weights {initial}: expected a file (--initial), found none; config.yaml can name one")
        _load(model, network, file)
    return model


def network_of(settings: Mapping[str, Any], outputs: int, file: Path | None) -> nn.Module:
    """`finding_network` of the settings `network`, `size`, `arguments` and `initial`."""
    size, arguments, initial = settings["size"], settings["arguments"], settings["initial"]
    return finding_network(settings["network"], outputs, size, arguments, initial, file)


def last_layers(model: nn.Module) -> tuple[str, ...]:
    """The names of the layers of a network of timm that give the logits."""
    names: str | tuple[str, ...] = vars(model)["pretrained_cfg"]["classifier"]
    return (names,) if isinstance(names, str) else tuple(names)


def _built(network: str, outputs: int, size: int, arguments: dict[str, Any]) -> nn.Module:
    """A network with fresh weights."""
    with without_compiler():
        import timm
    if not timm.is_model(network):
        raise InputError(f"network: expected a name that timm {timm.__version__} knows, found {one_line(network)}")
    if getattr(timm.get_pretrained_cfg(network), "fixed_input_size", False):
        arguments = {"img_size": size} | arguments
    try:
        model = timm.create_model(network, pretrained=False, num_classes=outputs, **arguments)
    except REFUSALS as error:
        found = one_line(shorten(str(error), LONGEST))
        raise InputError(f"{network}: timm makes no such network with the arguments {arguments}: {found}") from error
    _check_size(network, model, size)
    return model


def _check_size(network: str, model: nn.Module, size: int) -> None:
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", (1,))
    side = patch if isinstance(patch, int) else patch[0]
    if size % side:
        raise InputError(f"size for {network}: expected a multiple of its patches' {side} px, found {size}")


def _load(model: nn.Module, network: str, file: Path) -> None:
    """Fill all layers but the last with the weights of a file."""
    state = read_state_dict(file)
    try:
        state = _converter_of(model)(state, model)
    except REFUSALS as error:
        raise InputError(f"{file}: weights of another network than {network}; timm cannot convert them") from error
    last = tuple(f"{name}." for name in last_layers(model))
    state = {name: tensor for name, tensor in state.items() if not name.startswith(last)}
    own = model.state_dict()
    parts = {name.partition(".")[0] for name in own}
    counts = "num_batches_tracked"  # by which no output changes
    more = [each for each in state.keys() - own if each.partition(".")[0] in parts and not each.endswith(counts)]
    if more:
        raise InputError(f"{file}: weights of another network than {network}: it has no {one_line(min(more))}")
    fill(model, state, {name for name in own if not name.startswith(last)}, file)


def _converter_of(model: nn.Module) -> Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]]:
    """The function of timm that converts weights for this family of networks, if they need it."""
    family = sys.modules[type(model).__module__]
    for name in CONVERTERS:
        if converter := getattr(family, name, None):
            return converter if len(inspect.signature(converter).parameters) > 1 else lambda state, _: converter(state)
    return lambda state, _: state
