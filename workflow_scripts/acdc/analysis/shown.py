"""Which methods results stand for, and how a reader sees their names."""

import pandas as pd

FLIPS = "flips:"  # begins the name of the ensemble over flips of the best network
ENSEMBLE = "simplex"
METHODS = {
    "equal": "equal weights",
    "random_search": "random search",
    "simplex": "best weights",
    "greedy": "greedy selection",
    "majority": "majority vote",
    "staple": "STAPLE",
}


def best_network(table: pd.DataFrame) -> str:
    """The network that was best on validation patients; its ensemble over flips, in the column `method`, names it."""
    return next(method.removeprefix(FLIPS) for method in table["method"] if method.startswith(FLIPS))


def shown_methods(table: pd.DataFrame) -> list[str]:
    """The best single network and the ensemble with weights from validation patients; `method` has all methods."""
    return [best_network(table), ENSEMBLE]


def drawn_methods(table: pd.DataFrame) -> list[str]:
    """What a figure with a line for each method shows: the networks, the same ensemble, and flips of the best one."""
    methods = list(dict.fromkeys(table["method"]))
    networks = [method for method in methods if method not in METHODS and ":" not in method]
    return [*networks, *(method for method in methods if method == ENSEMBLE or method.startswith(FLIPS))]


def method_name(method: str) -> str:
    """A network or an ensemble as a reader sees it, such as `flips of unet` for `flips:unet`."""
    kind, _, network = method.partition(":")
    return f"{kind} of {network}" if network else METHODS.get(method, method)
