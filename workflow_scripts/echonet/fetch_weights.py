"""Get a network's initial weights, by download or from a local file. The only step that may use the network."""

import argparse
from pathlib import Path

from reprise.step.command import run, step_parser
from reprise.step.errors import InputError


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument(
        "--name", required=True, help="which weights of which network, such as imagenet_backbone/deeplabv3_resnet50"
    )
    parser.add_argument("--source", default="auto", help="URL or file; auto: torchvision's own server")
    parser.add_argument("--sha256", help="expected, or its beginning; by default from the source's name")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Fetch and verify the weights."""
    from echonet.learning.download import fetch_weights

    source = torchvision_url(args.name) if args.source == "auto" else args.source
    fetch_weights(source, args.output, args.sha256)


def torchvision_url(name: str) -> str:
    """Where torchvision keeps the weights `<weights>/<network>`."""
    from echonet.learning import segmentation_network, video_network

    weights, _, network = name.partition("/")
    if not network:
        raise InputError(f"--name: expected <weights>/<network>, found {name}")
    if network in video_network.NETWORKS:
        return video_network.video_weights_url(network, weights)
    return segmentation_network.segmentation_weights_url(network, weights)


if __name__ == "__main__":
    run(main, arguments())
