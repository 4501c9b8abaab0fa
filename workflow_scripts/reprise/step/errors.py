"""The one error that a user's input may cause."""


class InputError(Exception):
    """Bad input: says which file, which row, what was expected and what was found.

    Steps print it as one clear message and leave with status 2; it never becomes a traceback.
    """
