"""Write the page to a file, whole or not at all."""

from pathlib import Path

from quietmr.data import OutputError
from quietmr.io.atomic import replacing

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


def save_page(page: str, path: str | Path, *, force: bool = False) -> None:
    """Write the page.

    Parameters
    ----------
    page : str
        What ``report_page`` made.
    path : str or Path
        File to write, .html.
    force : bool
        Replace a file that exists.

    Raises
    ------
    OutputError
        If the suffix is another one, the file exists and ``force`` is not set, or it cannot be written.
    """
    path = Path(path)
    check_page_name(path)
    if path.exists() and not force:
        raise OutputError(f"{path} exists: choose another name, or pass force=True (--force) to replace it.")
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
