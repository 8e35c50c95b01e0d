"""Write the page to a file, whole or not at all."""

from pathlib import Path

from quietmr.data import OutputError
from quietmr.io.atomic import replacing
from quietmr.report.names import check_page_name


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
