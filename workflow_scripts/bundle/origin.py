"""What networks learnt from, and whether they may be passed on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from reprise.report.bundle_card import Card

PHANTOM = "phantom"


class Origin(NamedTuple):
    """The data, its terms, and the first line of all that a bundle says."""

    data: str
    terms: str
    first_line: str


def origin_of(card: Card, kind: str, known: Mapping[str, Any] | None) -> Origin:
    """What a network learnt from.

    Args:
        card: of the network.
        kind: what the study's data is: `phantom` or `raw`.
        known: the entry in config/datasets.yaml of a set that the run took by its name, else None.
    """
    if kind == PHANTOM:
        data, terms = "phantoms that Reprise made, with known truth", "made data, free of terms"
        return Origin(
            data, terms, "Of no use for images of persons: this network learnt from phantoms, made by Reprise."
        )
    if known:
        line = f"This network learnt from {known['title']}, whose terms are {known['terms']}: keep to them."
        return Origin(f"{known['title']} ({known['page']}; {known['citation']})", known["terms"], line)
    line = "Not to be passed on: this network learnt from data whose terms do not allow that or are not known to us "
    return Origin(card.data, card.terms, f"{line}({card.data}: {card.terms}).")
