"""Which readout belongs where: slices, frames, places in k-space."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Encoding, Flag, InputError, KSpace, Limits, QuietmrWarning, Readouts

# what makes two readouts of one slice belong to different pictures; averages and segments do not
# matrix over measured extent above which a header is not believed
_SPARSEST = 8
FRAME = ("contrast", "set", "phase", "repetition")


@dataclass(frozen=True, eq=False)
class Placed:
    """Readouts with their places in k-space.

    Attributes
    ----------
    readouts : Readouts
    points : array, shape (N, 2)
        Index (kz, ky) of each readout in the matrix of full sampling, k = 0 at n // 2.
    first, last : int
        Samples that count: ``first <= i < last`` (the others are to be discarded).
    center : int
        Sample at kx = 0.
    """

    readouts: Readouts
    points: NDArray[np.int64]
    first: int
    last: int
    center: int

    @property
    def samples(self) -> slice:
        """The samples that count."""
        return slice(self.first, self.last)

    def of_slice(self, number: int) -> NDArray[np.int64]:
        """Find the readouts of one slice (indices)."""
        return np.flatnonzero(self.readouts.headers["slice"] == number)

    def covered(self, chosen: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Acquired points (Z, Y) of the chosen readouts."""
        there = np.zeros(shape, dtype=bool)
        there[tuple(self.points[chosen].T)] = True
        return there


def place(readouts: Readouts, encoding: Encoding) -> Placed:
    """Find the place of every readout in k-space.

    Raises
    ------
    InputError
        If readouts are longer than the matrix of the header, or their counters lie outside it.
    """
    headers = readouts.headers
    n_x, n_y, n_z = encoding.matrix
    ky = _index("line", headers["kspace_encode_step_1"], n_y, encoding.lines)
    kz = _index("partition", headers["kspace_encode_step_2"], n_z, encoding.partitions)
    first = int(headers["discard_pre"].max())
    last = readouts.n_samples - int(headers["discard_post"].max())
    center = _center_sample(headers, readouts.n_samples)
    if last - first > n_x or center - first > n_x // 2 or last - center > n_x - n_x // 2:
        raise InputError(
            f"The readouts have {last - first} samples with the center at {center - first}, the header speaks of a "
            f"matrix of {n_x} (oversampling included): header and data do not belong together."
        )
    if last <= first:
        raise InputError(
            f"The headers tell to discard {first} and {readouts.n_samples - last} of {readouts.n_samples} samples: "
            "nothing is left."
        )
    return Placed(readouts, np.stack([kz, ky], axis=1), first, last, center)


def _index(name: str, steps: NDArray[Any], n: int, limits: Limits | None) -> NDArray[np.int64]:
    counters = steps.astype(np.int64)
    center = n // 2
    # some writers leave the center at 0; then it is where the matrix has it
    if limits is not None and (limits.center > 0 or limits.maximum <= limits.minimum):
        center = limits.center
    index = counters - center + n // 2
    if index.min() < 0 or index.max() >= n:
        raise InputError(
            f"The {name} counters run from {counters.min()} to {counters.max()} with the center at {center}, which "
            f"does not fit the {n} {name}s of the header: header and data do not belong together."
        )
    return index


def check_extent(imaging: Placed, encoding: Encoding) -> None:
    """Refuse a matrix that the lines of the image fill to a small part.

    Raises
    ------
    InputError
        If the lines or partitions cover less than an eighth of it.
    """
    for name, n, index in zip(("line", "partition"), encoding.matrix[1:], imaging.points.T[::-1], strict=True):
        extent = int(np.ptp(index)) + 1
        if n > _SPARSEST * max(extent, _SPARSEST):
            raise InputError(
                f"The header speaks of {n} {name}s, the readouts cover {extent}: header and data do not belong "
                "together."
            )


def _center_sample(headers: NDArray[Any], n_samples: int) -> int:
    centers = np.unique(headers["center_sample"])
    if len(centers) > 1:
        raise InputError(
            f"The readouts have their echo at different samples ({centers[0]} to {centers[-1]}): quietmr "
            "reconstructs scans with one echo position; export the echoes by themselves."
        )
    if centers[0] == 0 and n_samples > 1:
        warnings.warn(
            f"The headers do not say where the center of k-space is in a readout: sample {n_samples // 2} of "
            f"{n_samples} was taken.",
            QuietmrWarning,
            stacklevel=4,
        )
        return n_samples // 2
    return int(centers[0])


def slice_numbers(imaging: Readouts) -> list[int]:
    """Slice counters in the order of the image: by position along the normal, by counter if positions are equal."""
    numbers, first = np.unique(imaging.headers["slice"], return_index=True)
    headers = imaging.headers[first]
    along = np.einsum("ij,ij->i", headers["position"].astype(float), headers["slice_dir"].astype(float))
    order = np.lexsort([numbers, np.round(along, 3)])
    return [int(number) for number in numbers[order]]


def check_parallel(headers: NDArray[Any]) -> None:
    """Refuse slices that are not one stack.

    Parameters
    ----------
    headers : array, shape (Z,), dtype READOUT

    Raises
    ------
    InputError
        If directions differ or distances are unequal.
    """
    if len(headers) < 2:
        return
    for name in ("read_dir", "slice_dir"):
        turned = np.abs(headers[name] - headers[name][0]).max()
        if turned > 1e-3:
            raise InputError(
                f"The {len(headers)} slices are not parallel ({name} differs by {turned:.2g}): reconstruct one stack "
                "at a time (--slices)."
            )


def frame_keys(imaging: Readouts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames of the scan, and the frame of each readout.

    Returns
    -------
    keys : array, shape (T, 4)
        Counters named in ``FRAME``, sorted.
    frame : array, shape (N,)
        Row of ``keys`` for each readout.
    """
    counters = np.stack([imaging.headers[name].astype(np.int64) for name in FRAME], axis=1)
    keys, frame = np.unique(counters, axis=0, return_inverse=True)
    return keys, frame.reshape(-1)


def check_finite(kspace: KSpace) -> None:
    """Refuse readouts with NaN or infinite samples, and scans without any signal.

    Raises
    ------
    InputError
        Naming the first such readout.
    """
    for name, readouts in (("imaging", kspace.imaging), ("calibration", kspace.calibration)):
        if readouts is None:
            continue
        # a sum is finite only if all of its terms are; a product with ones is the fastest pass over the data
        parts = np.ascontiguousarray(readouts.data).view(np.float32).reshape(len(readouts), -1)
        with np.errstate(invalid="ignore"):
            sums = parts @ np.ones(parts.shape[1], np.float32)
        bad = np.flatnonzero(~np.isfinite(sums))
        if len(bad):
            raise InputError(
                f"{len(bad)} of {len(readouts)} {name} readouts hold samples that are NaN or infinite, first number "
                f"{bad[0]} (counted from 0): measure or export the scan again."
            )
        if not sums.any() and not parts.any():
            raise InputError(f"All samples of the {name} readouts are 0: the file holds no scan.")


def calibration_flagged(readouts: Readouts) -> NDArray[np.bool_]:
    """Readouts that serve calibration, alone or besides imaging."""
    return readouts.having(Flag.CALIBRATION | Flag.CALIBRATION_AND_IMAGING)
