"""Errors and warnings that quietmr raises on purpose.

Each message is one sentence for the user: what was got, what is allowed, what to do.
"""


class QuietmrError(Exception):
    """Base class of everything that quietmr refuses to do."""


class InputError(QuietmrError):
    """An input file, array or value that cannot be used."""


class OutputError(QuietmrError):
    """An output that cannot be written (exists already, no space, read-only folder, format without a place for it)."""


class ModelError(QuietmrError):
    """A model name, card or weights file that is unknown or damaged."""


class MissingExtraError(QuietmrError):
    """An optional library that is not installed; the message names the extra to install."""


class QuietmrWarning(UserWarning):
    """Something the user should know about the result, which is right nevertheless."""
