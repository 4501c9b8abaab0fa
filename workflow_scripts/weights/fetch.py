"""Get a network's initial weights, by download or from a local file. The only step that may use the network."""

import argparse
import inspect
from pathlib import Path

from reprise.step.command import run, step_parser
from reprise.step.errors import InputError

OF_BACKBONE = "_backbone"


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument(
        "--name", required=True, help="which weights of which network, such as imagenet_backbone/deeplabv3_resnet50"
    )
    parser.add_argument("--source", default="auto", help="URL or file; auto: torchvision's own server")
    parser.add_argument("--sha256", help="expected, or its start; by default from the source's name")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Fetch and verify the weights."""
    from reprise.engine.links import reveal
    from reprise.models.download import fetch_weights

    source = torchvision_url(args.name) if args.source == "auto" else reveal(args.source)
    fetch_weights(source, args.output, args.sha256)


def torchvision_url(name: str) -> str:
    """The URL of the weights `<weights>/<network>` on torchvision's server. The file's name ends in its SHA-256.

    Weights have torchvision's names in lower case, or their start: `kinetics400` means KINETICS400_V1. A name with
    `_backbone` at its end means the weights of the network's backbone.

    Raises:
        InputError: torchvision has no such network, or no such weights for it.
    """
    import torchvision

    weights, _, network = name.partition("/")
    if not network:
        raise InputError(f"--name: expected <weights>/<network>, found {name}")
    if network not in torchvision.models.list_models():
        raise InputError(f"{network}: unknown to torchvision; config.yaml can name a file or URL of its weights")
    if weights.endswith(OF_BACKBONE):
        builder = torchvision.models.get_model_builder(network)
        backbone = inspect.signature(builder).parameters.get("weights_backbone")
        known = [backbone.default] if backbone else []
    else:
        known = [*torchvision.models.get_model_weights(network)]
    wanted = weights.removesuffix(OF_BACKBONE).upper()
    found = [each.url for each in known if each.name.startswith(wanted)]
    if not wanted or not found:
        names = ", ".join(each.name.lower() for each in known) or "none"
        raise InputError(f"{name}: torchvision has no such weights; it has {names}")
    return found[0]


if __name__ == "__main__":
    run(main, arguments())
