"""Which methods figures show: the best single network, and the ensemble with weights from validation patients."""

from collections.abc import Iterable

from reprise.step.errors import InputError

FLIPS = "flips:"  # begins the name of the ensemble of flips of the best single network
ENSEMBLE = "simplex"


def best_network(methods: Iterable[str], file: object) -> str:
    """The network with the best Dice of validation patients: the one that is also an ensemble of its flips.

    Args:
        methods: all names in a table.
        file: where they come from, for the message.

    Raises:
        InputError: there is no ensemble of flips among them.
    """
    for method in methods:
        if method.startswith(FLIPS):
            return method.removeprefix(FLIPS)
    raise InputError(f"{file}: expected a method {FLIPS}NETWORK, found none")
