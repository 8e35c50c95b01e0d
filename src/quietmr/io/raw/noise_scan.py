"""The noise of a raw scan: its own readouts, or those of a second file with the coils put in order."""

import warnings
from pathlib import Path

import numpy as np

from quietmr.data import Flag, InputError, QuietmrWarning, Readouts, System
from quietmr.io.raw.parts import Parts

_SHOWN = 4


def noise_of(parts: Parts, path: Path) -> Readouts:
    """Noise readouts of a file given as noise scan: those flagged so, or all of them if none is.

    Raises
    ------
    InputError
        If there are no readouts, or they are lines of an image.
    """
    if parts.noise is not None:
        return parts.noise
    if parts.imaging is None:
        raise InputError(f"{path} holds no noise readouts: give the noise scan of the measurement.")
    if len(np.unique(parts.imaging.headers["kspace_encode_step_1"])) > 1:
        raise InputError(
            f"{path} has no readout flagged as noise, and its readouts are lines of an image: give the noise scan of "
            "the measurement."
        )
    warnings.warn(
        f"{path} has no readout flagged as noise, so all of its {len(parts.imaging)} readouts are taken for noise: "
        "make sure that it was measured without excitation.",
        QuietmrWarning,
        stacklevel=3,
    )
    headers = parts.imaging.headers.copy()
    headers["flags"] |= np.uint64(Flag.NOISE)
    return Readouts(parts.imaging.data, headers)


def in_coil_order(noise: Readouts, labels: tuple[str, ...], system: System, n_coils: int, name: str) -> Readouts:
    """Noise readouts with their coils in the order of the scan.

    Parameters
    ----------
    noise : Readouts
        Of the second file.
    labels : tuple of str
        Its coil labels; without labels on either side the order is taken to be the same.
    system : System
        Of the scan.
    n_coils : int
        Coils of the scan.
    name : str
        The noise file, for messages.

    Raises
    ------
    InputError
        If number or labels of the coils differ.
    """
    if noise.n_coils != n_coils:
        raise InputError(
            f"{name} has noise of {noise.n_coils} coils, the scan has {n_coils}: give the noise scan of the same coils."
        )
    wanted = system.coil_labels
    if len(labels) != n_coils or len(wanted) != n_coils or labels == wanted:
        return noise
    if sorted(labels) != sorted(wanted):
        lacking = [label for label in wanted if label not in labels] or list(wanted)
        raise InputError(
            f"{name} has noise of other coils than the scan (it lacks {', '.join(lacking[:_SHOWN])}): give the noise "
            "scan of the same coils."
        )
    if len(set(labels)) < n_coils:
        raise InputError(
            f"{name} and the scan name several coils alike and in another order: give coils unique labels."
        )
    return Readouts(noise.data[:, [labels.index(label) for label in wanted]], noise.headers)


def warn_of_missing(system: System, path: Path) -> None:
    """Warn if the header names a noise measurement that is neither in the file nor given."""
    if system.noise_measurement:
        warnings.warn(
            f"{path} depends on the noise measurement {system.noise_measurement}, which is not in the file: give it "
            "with --noise FILE to get SNR units.",
            QuietmrWarning,
            stacklevel=3,
        )
