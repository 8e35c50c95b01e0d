"""The scan as the user keeps it: one file, or a magnitude and its phase, or a real and an imaginary part."""

import re
import warnings
from pathlib import Path
from typing import Protocol

from quietmr.cli.failures import UsageError
from quietmr.cli.jobs import Job, Partner
from quietmr.data import Image, QuietmrWarning
from quietmr.io import read
from quietmr.io.pair import Pair, read_parts, read_polar

# BIDS names the halves of a complex scan so; what belongs to each, and as which option.
_PART = re.compile(r"(?<=_part-)(mag|real)(?=_)")
_OTHER_HALF = {"mag": ("phase", "--phase"), "real": ("imag", "--imaginary")}


class _PartnerOptions(Protocol):
    @property
    def phase(self) -> str | None: ...
    @property
    def imaginary(self) -> str | None: ...
    @property
    def phase_turn(self) -> float | None: ...


def partner_of(options: _PartnerOptions, n_scans: int) -> Partner | None:
    """Take the second half of a complex scan from the options; None if there is none.

    Raises
    ------
    UsageError
        If two halves are named, there are several scans, or ``--phase-turn`` stands alone.
    """
    named = [name for name in ("phase", "imaginary") if getattr(options, name) is not None]
    if len(named) == 2:
        raise UsageError("--phase and --imaginary both make the scan complex: choose one.")
    if options.phase_turn is not None and options.phase is None:
        raise UsageError("--phase-turn is the unit of the phase: add --phase FILE, or leave it out.")
    if not named:
        return None
    if n_scans != 1:
        raise UsageError(f"--{named[0]} belongs to one scan, and {n_scans} are named: run them one by one.")
    if named == ["phase"]:
        return Partner("phase", Path(str(options.phase)), options.phase_turn)
    return Partner("imaginary", Path(str(options.imaginary)))


def read_scan(job: Job) -> tuple[Image, Pair | None]:
    """Read the scan of a job, complex if it is one of a pair; then the pair too.

    Raises
    ------
    InputError
        If a file cannot be read, or the two do not belong together.
    """
    partner = job.partner
    if partner is None:
        image = read(job.source)
        _suggest_partner(job.source, image)
        return image, None
    if partner.kind == "phase":
        pair = read_polar(job.source, partner.source, partner.turn)
    else:
        pair = read_parts(job.source, partner.source)
    return pair.image, pair


def _suggest_partner(scan: Path, image: Image) -> None:
    """Tell of the other half of a complex scan where BIDS names say that it lies beside."""
    name = scan.resolve().name
    found = _PART.search(name)
    if found is None or image.is_complex:
        return
    half, option = _OTHER_HALF[found[1]]
    other = scan.resolve().with_name(_PART.sub(half, name, count=1))
    if other.exists():
        warnings.warn(
            f"{other.name} lies beside the scan and was not used: with {option} it makes the scan complex.",
            QuietmrWarning,
            stacklevel=2,
        )
