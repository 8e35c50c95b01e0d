"""What a reader of raw data finds in one file, before it is known to be a scan or the noise of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from quietmr.data import Encoding, Flag, Readouts, System


@dataclass(frozen=True, eq=False)
class Parts:
    """Readouts of one file, by purpose.

    Parameters
    ----------
    format : str
        Name of the format.
    encodings : tuple of Encoding
        Encoding of ``imaging``, or none if the file is only looked at for noise.
    system : System
        Scanner and measurement.
    imaging, calibration, noise : Readouts, optional
        None if there are none.
    xml : str
        Untouched header, empty if there is none.
    skipped : mapping of str to int
        Number of readouts left out, by purpose.
    """

    format: str
    encodings: tuple[Encoding, ...]
    system: System
    imaging: Readouts | None = None
    calibration: Readouts | None = None
    noise: Readouts | None = None
    xml: str = ""
    skipped: Mapping[str, int] = field(default_factory=dict)


def split_calibration(parts: Parts) -> Parts:
    """Move imaging readouts flagged as calibration only to ``calibration``."""
    if parts.imaging is None or not (only := parts.imaging.having(Flag.CALIBRATION)).any():
        return parts
    return replace(parts, imaging=parts.imaging.select(~only), calibration=parts.imaging.select(only))
