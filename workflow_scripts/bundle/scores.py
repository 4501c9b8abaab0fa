"""The scores of a network, from its study's metrics, each with the published figures that it compares with."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from reprise.report.bundle_card import Card
from reprise.report.published import Published, measure_of

NUMBERS = ("value", "ci_low", "ci_high", "ci_level", "n")
EPOCH = "/epoch"  # quantities of single epochs are no scores of the chosen one


def scores_of(card: Card, metrics: pd.DataFrame, board: pd.DataFrame, published: Published) -> list[dict[str, Any]]:
    """The rows of the metrics that are this network's: quantity, label, unit, value, interval, and comparisons.

    Args:
        card: of the network.
        metrics: the study's metrics.csv.
        board: the rows of the scoreboard that are the study's.
        published: what measures mean.
    """
    rows = metrics[metrics["protocol"].isin([*card.protocols])]
    own = rows[[quantity.startswith((*card.scores,)) and EPOCH not in quantity for quantity in rows["quantity"]]]
    return [_score(row, board, published) for row in own.to_dict("records")]


def _score(row: Mapping[Any, Any], board: pd.DataFrame, published: Published) -> dict[str, Any]:
    numbers = {name: row[name] for name in NUMBERS if pd.notna(row[name])}
    label = measure_of(published.measures, row["quantity"]).label
    named = {"quantity": row["quantity"], "label": label, "unit": row["unit"], "protocol": row["protocol"]}
    same = (board["protocol"] == row["protocol"]) & (board["quantity"] == row["quantity"])
    return named | numbers | {"compares_with": [*_comparisons(board[same])]}


def _comparisons(board: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in board.to_dict("records"):
        yield {"published": row["published"], "source": row["source"], "verdict": row["verdict"]}
