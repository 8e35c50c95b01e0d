"""Readouts measured from high to low k: their headers in the order of increasing k, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Flag, Readouts
from quietmr.data.readouts import READOUT


def headers_in_order(readouts: Readouts | None) -> Readouts | None:
    """Make the headers of reversed readouts fit their samples, which are turned round already.

    Discarded ends swap and the center c of S samples becomes S - 1 - c. Only where reversed readouts name the very
    center of the forward ones it stays: such converters copy the center of the protocol into every header.
    """
    if readouts is None:
        return None
    reverse = readouts.having(Flag.REVERSE)
    if not reverse.any():
        return readouts
    headers = readouts.headers.copy()
    turned = mirrored(headers[reverse], readouts.n_samples)
    centers, counts = np.unique(headers["center_sample"][~reverse], return_counts=True)
    if centers.size:
        said = headers["center_sample"][reverse]
        turned["center_sample"] = np.where(said == centers[counts.argmax()], said, turned["center_sample"])
    headers[reverse] = turned
    return Readouts(readouts.data, headers)


def mirrored(headers: NDArray[Any], samples: int) -> NDArray[Any]:
    """Headers of readouts of the given length as if they were measured in the other direction.

    Parameters
    ----------
    headers : array, dtype READOUT
    samples : int
        Number of samples S.

    Returns
    -------
    array, dtype READOUT
        Copy with center S - 1 - center (0 if that is negative) and discarded ends swapped.
    """
    assert headers.dtype == READOUT
    turned = headers.copy()
    turned["center_sample"] = np.maximum(samples - 1 - headers["center_sample"].astype(np.int64), 0)
    turned["discard_pre"], turned["discard_post"] = headers["discard_post"], headers["discard_pre"]
    return turned
