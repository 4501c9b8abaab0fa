"""Which methods figures show: the best single network, and the ensemble with weights from validation patients."""

import pandas as pd

from acdc.analysis.combined import best_network

ENSEMBLE = "simplex"


def shown_methods(table: pd.DataFrame) -> list[str]:
    """Both, for a table with a column `method` that has all methods."""
    return [best_network(table), ENSEMBLE]
