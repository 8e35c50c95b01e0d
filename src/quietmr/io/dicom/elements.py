"""Typed reading of single DICOM elements: a number, some numbers, a text, a time, or None if it is not there."""

import math
import re
from collections.abc import Iterable
from datetime import date

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_SECONDS_A_DAY = 86400.0
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d+)?")
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_DATE_TIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d+)?)")


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Read ``count`` finite numbers; None if the element is absent or empty.

    Raises
    ------
    ValueError
        If there are more or fewer, or one is not finite.
    """
    found = many(dataset, keyword)
    if found and len(found) != count:
        raise ValueError(f"{keyword} has {len(found)} values, expected {count}")
    return found or None


def many(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Read any number of finite numbers; none if the element is absent or empty.

    Raises
    ------
    ValueError
        If one is not a finite number.
    """
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            return ()
        found = tuple(float(item) for item in (value if isinstance(value, MultiValue | list | tuple) else (value,)))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{keyword} holds no number ({error})") from error
    if not all(math.isfinite(item) for item in found):
        raise ValueError(f"{keyword} is {value!s}, expected finite numbers")
    return found


def number(dataset: Dataset, keyword: str) -> float | None:
    """Read one finite number; None if the element is absent or empty."""
    values = numbers(dataset, keyword, 1)
    return None if values is None else values[0]


def whole(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Read one integer.

    Raises
    ------
    ValueError
        If it is absent and there is no default, or if it is not a whole number.
    """
    value = number(dataset, keyword)
    if value is None:
        if default is None:
            raise ValueError(f"{keyword} is missing")
        return default
    if value != int(value):
        raise ValueError(f"{keyword} is {value}, expected a whole number")
    return int(value)


def text(dataset: Dataset, keyword: str) -> str:
    """Read a text without the blanks around it; empty if the element is absent."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip()


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Read all values of a text element, upper case; empty if it is absent."""
    value = dataset.get(keyword)
    if value is None:
        return ()
    return tuple(str(item).strip().upper() for item in (value if isinstance(value, MultiValue | list) else (value,)))


def private_tag(dataset: Dataset, group: int, creator: str, element: int) -> int | None:
    """Find the tag of a vendor's private element, whichever block its vendor was given; None if it is absent."""
    # Dataset.private_block sorts the whole group on each call, which takes longer than all the rest of the header
    for block in range(0x10, 0x40):
        owner = dataset.get((group, block))
        if owner is not None and str(owner.value).strip() == creator:
            tag = (group << 16) + (block << 8) + element
            return tag if tag in dataset else None
    return None


def private_value(dataset: Dataset, group: int, creator: str, element: int) -> object:
    """Read a vendor's private element; None if it is absent."""
    tag = private_tag(dataset, group, creator, element)
    return None if tag is None else dataset[tag].value


def private_number(dataset: Dataset, group: int, creator: str, element: int) -> float | None:
    """Read the first number of a vendor's private element; None if it is absent or written in a way unknown to us."""
    value = private_value(dataset, group, creator, element)
    first = value[0] if isinstance(value, MultiValue | list | tuple) and len(value) else value
    if not isinstance(first, str | float | int):
        return None
    try:
        return float(first)
    except ValueError:
        return None


def items(dataset: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """Read the items of a sequence; empty if it is absent."""
    value = dataset.get(keyword)
    if value is None:
        return ()
    found = tuple(value)
    if not all(isinstance(item, Dataset) for item in found):
        raise ValueError(f"{keyword} is not a sequence")
    return found


def first_number(datasets: Iterable[Dataset], *keywords: str) -> float | None:
    """Read the first of several elements that is there, the data sets outermost."""
    for dataset in datasets:
        for keyword in keywords:
            value = number(dataset, keyword)
            if value is not None:
                return value
    return None


def moment(dataset: Dataset, stem: str) -> float | None:
    """Read when something happened, in seconds on one continuous clock; None if unknown or not a valid time.

    Parameters
    ----------
    dataset : Dataset
        Where to look.
    stem : str
        ``"Acquisition"`` reads AcquisitionDateTime, or else AcquisitionDate and AcquisitionTime.
    """
    joined = _DATE_TIME.match(text(dataset, f"{stem}DateTime"))
    if joined:
        return _seconds(joined[1], joined[2])
    return _seconds(text(dataset, f"{stem}Date"), text(dataset, f"{stem}Time"))


def _seconds(day: str, clock: str) -> float | None:
    time = _TIME.match(clock)
    if time is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in time.groups()[:3])
    parts = _DATE.match(day)
    try:
        days = date(*(int(part) for part in parts.groups())).toordinal() if parts else 0
    except ValueError:
        days = 0
    return days * _SECONDS_A_DAY + hours * 3600.0 + minutes * 60.0 + seconds + float(time[4] or 0)
