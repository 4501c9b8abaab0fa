"""Which study says what of its networks in a bundle: a study adds its card by a line here."""

from collections.abc import Callable, Mapping
from typing import Any

from acdc.analysis import bundle_card as acdc
from echonet.analysis import bundle_card as echonet
from iseg.analysis import bundle_card as iseg
from medfm.analysis import bundle_card as medfm
from mslesion.analysis import bundle_card as mslesion
from reprise.report.bundle_card import Card

# By the study's folder below results/: the card of a network, from the info of its weights, its name in the metrics,
# and the study's hyper-parameters.
CARDS: dict[str, Callable[[Mapping[str, Any], str, Mapping[str, Any]], Card]] = {
    "echonet": echonet.card,
    "mslesion": mslesion.card,
    "acdc": acdc.card,
    "iseg": iseg.card,
    "medfm": medfm.card,
}
