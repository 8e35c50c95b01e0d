"""Libraries that quietmr works without: imported when a method needs them, not before."""

from importlib import import_module
from types import ModuleType

from quietmr.data import MissingExtraError


def optional_library(module: str, extra: str) -> ModuleType:
    """Import a module of an optional library.

    Raises
    ------
    MissingExtraError
        If the library is not installed; the message names the extra that installs it.
    """
    library = module.split(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.split(".")[0] != library:
            raise
        raise MissingExtraError(
            f"This method needs the library {library}, which is not installed: pip install 'quietmr[{extra}]'."
        ) from missing
