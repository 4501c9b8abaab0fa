"""Which networks figures show, and how a reader sees networks and classes."""

from collections.abc import Iterable

from reprise.plots.style import BLUE, VERMILLION, YELLOW

CLASS_NAMES = {"air": "air", "csf": "CSF", "gm": "GM", "wm": "WM"}
COLOURS = {"csf": BLUE, "gm": VERMILLION, "wm": YELLOW}  # they differ in brightness, too
COLOUR_NAMES = {"csf": "blue", "gm": "red", "wm": "yellow"}
BASELINES = ("nnunet_3d",)


def shown_networks(networks: Iterable[str]) -> list[str]:
    """What a figure with a panel for each network shows: the first network of a table, and the baselines."""
    names = list(dict.fromkeys(networks))
    return list(dict.fromkeys([*names[:1], *(name for name in names if name in BASELINES)]))
