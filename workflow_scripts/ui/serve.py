"""Serve a page on which trained networks can be tried: on this machine only, and for research only."""

import argparse
import ipaddress
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

from reprise.step.command import run, say, step_parser
from reprise.step.errors import InputError

# Before Gradio is imported: it tells nobody anything, and asks nobody.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}
PREFIX = "reprise-page-"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = step_parser(__doc__)
    parser.add_argument("--weights", type=Path, nargs="+", help="files of weights; else those trained in --results")
    parser.add_argument("--shares", type=Path, help="table of the shares in the ensemble of --weights; else equal ones")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder with trained weights")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--address", default="127.0.0.1", help="where to listen")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--yes-serve-to-others", action="store_true", help="allow an --address that other machines can reach"
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Load the networks once, then serve until interrupted."""
    listening = listen(args.address, args.port, args.yes_serve_to_others)
    for stop in (signal.SIGINT, signal.SIGTERM):  # so that the folder of the uploads goes in any case
        signal.signal(stop, lambda *_: sys.exit(0))
    remove_left()
    with listening, tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder:
        os.environ.update(QUIET, GRADIO_TEMP_DIR=str(Path(folder) / "uploads"))
        tempfile.tempdir = folder  # whatever else a library writes is deleted with it
        serve(args, listening, Path(folder))


def remove_left() -> None:
    """Remove the folders of uploads of servers that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        process = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)


def listen(address: str, port: int, others: bool) -> socket.socket:
    """A socket that listens at an address.

    Raises:
        InputError: others could reach it and are not allowed to, no such address, or the port is in use.
    """
    try:
        known = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address)
    except ValueError as error:
        raise InputError(f"--address {address}: expected an IP address, such as 127.0.0.1") from error
    if not known.is_loopback and not others:
        raise InputError(f"--address {address}: others could reach this page; add --yes-serve-to-others if they may")
    listening = socket.socket(socket.AF_INET6 if known.version == 6 else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((str(known), port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"port {port} of {address}: {reason}; choose another with --port") from error
    return listening


def serve(args: argparse.Namespace, listening: socket.socket, folder: Path) -> None:
    """Serve the page from a socket; uploads are only in `folder`."""
    import gradio
    import uvicorn
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from tabs import tabs_of_files, tabs_of_results
    from uploads import guarded
    from web_page import FONTS, build_page

    tabs = (
        tabs_of_files(args.weights, args.shares, args.device)
        if args.weights
        else tabs_of_results(args.results, args.device)
    )
    theme = gradio.themes.Base(**FONTS).set(body_text_color_subdued="*neutral_500")  # Gradio's own is too pale to read
    app = gradio.mount_gradio_app(
        FastAPI(), build_page(tabs, folder), "/", footer_links=[], run_history=False, ssr_mode=False, theme=theme
    )
    # A name that another site has given this machine is not answered, so that the site cannot read the page.
    hosts = ["*"] if args.yes_serve_to_others else list(LOOPBACK_NAMES)
    checked = TrustedHostMiddleware(guarded(app), allowed_hosts=hosts)
    address, port = listening.getsockname()[:2]
    say(f"research only; the page is at http://{address}:{port}; stop it with Ctrl-C")
    config = uvicorn.Config(checked, log_level="error", access_log=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    run(main, arguments())
