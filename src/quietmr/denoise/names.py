"""Names by pattern."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def match_names(names: Iterable[str], pattern: str = "*") -> list[str]:
    """Sorted names that match a shell-style pattern."""
    return sorted(name for name in names if fnmatchcase(name, pattern))
