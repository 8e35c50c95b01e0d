"""Names under which evidence can be saved."""

from pathlib import Path

from quietmr.data import OutputError

PAGE_SUFFIXES = (".html", ".htm")


def check_page_name(path: Path) -> None:
    """Refuse a name that no browser would open as a page.

    Raises
    ------
    OutputError
        If the suffix is not .html or .htm.
    """
    if path.suffix.lower() not in PAGE_SUFFIXES:
        raise OutputError(f"A report cannot be written as {path}: give it a name that ends in .html.")
