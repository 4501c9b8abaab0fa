"""Which methods results stand for: the best single network, and the ensemble with weights from validation patients."""

import pandas as pd

FLIPS = "flips:"  # begins the name of the ensemble over flips of the best network
ENSEMBLE = "simplex"


def best_network(table: pd.DataFrame) -> str:
    """The network that was best on validation patients; its ensemble over flips, in the column `method`, names it."""
    return next(method.removeprefix(FLIPS) for method in table["method"] if method.startswith(FLIPS))


def shown_methods(table: pd.DataFrame) -> list[str]:
    """Both, for a table with a column `method` that has all methods."""
    return [best_network(table), ENSEMBLE]
