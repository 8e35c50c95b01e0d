"""Rows of any frozen dataclass of numbers and texts as a CSV file that grows row by row."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

AnyRow = TypeVar("AnyRow")
_KINDS: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float}


def read_rows(path: Path, form: type[AnyRow]) -> list[AnyRow]:
    """All rows of a file; none if it does not exist."""
    if not path.exists():
        return []
    kinds = {one.name: _KINDS[str(one.type)] for one in fields(form)}  # type: ignore[arg-type]
    with path.open(newline="") as file:
        return [form(**{key: kinds[key](value) for key, value in line.items()}) for line in csv.DictReader(file)]


def append_rows(path: Path, rows: Iterable[Any]) -> None:
    """Add rows of one form to a file, with a heading if they are the first."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        for row in rows:
            values = asdict(row)
            if is_new:
                writer.writerow(values)
                is_new = False
            writer.writerow(f"{value:.6g}" if isinstance(value, float) else value for value in values.values())
