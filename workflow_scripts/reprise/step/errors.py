"""The one error that a user's input may cause."""


class InputError(Exception):
    """Bad input: the message says which file, which row, what was expected and what was found.

    Steps print the message and end with status 2; users see no traceback.
    """
