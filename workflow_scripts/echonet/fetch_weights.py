"""Get a network's initial weights, by download or from a local file. The only step that may use the network."""

import argparse
from pathlib import Path

from reprise.command import run, step_parser
from reprise.errors import InputError


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
    from reprise.models.download import fetch_weights

    source = torchvision_url(args.name) if args.source == "auto" else args.source
    fetch_weights(source, args.output, args.sha256)


def torchvision_url(name: str) -> str:
    """Where torchvision keeps the weights `<weights>/<network>`."""
    from reprise.models import segmentation, video

    weights, _, network = name.partition("/")
    if not network:
        raise InputError(f"--name: expected <weights>/<network>, found {name}")
    if network in video.NETWORKS:
        return video.video_weights_url(network, weights)
    return segmentation.segmentation_weights_url(network, weights)


if __name__ == "__main__":
    run(main, arguments())
