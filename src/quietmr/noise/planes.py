"""The part of an image in which noise is looked for: cut to its content, thinned out, brought to unit scale."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, InputError, NoiseKind
from quietmr.noise.blocks import Plane

_BUDGET = 2_500_000  # pixels that are looked at
_FEWEST = 8  # planes that are looked at, if there are as many
_FRAMES = 4
_SIGNED = 0.01  # share of negative values from which an image is not a magnitude


@dataclass(frozen=True)
class Content:
    """What `estimate_noise` looks at.

    Parameters
    ----------
    pixels : array, shape (T, Z, Y, X)
        View of the image cut to the box of finite non-zero pixels inside the mask; not scaled.
    mask : array of bool, shape (1 or T, Z, Y, X), optional
        The mask, cut likewise.
    exponent : int
        Pixels times ``2**-exponent`` have their largest magnitude between 0.5 and 1.
    lowest, highest : float
        Ends of the range of (real) values after scaling; values there may have been cut off.
    kind : {"complex", "rician", "gaussian"}
        Law of the noisy values.
    box : three slices
        Where the content lies in (Z, Y, X) of the image.
    """

    pixels: NDArray[Any]
    mask: NDArray[np.bool_] | None
    exponent: int
    lowest: float
    highest: float
    kind: NoiseKind
    box: tuple[slice, slice, slice]

    @property
    def is_constant(self) -> bool:
        """True if there is nothing but one value."""
        return self.lowest == self.highest

    def _scaled(self, frame: int, slice_: int) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
        raw = self.pixels[frame, slice_]
        admitted = np.isfinite(raw)
        values = np.where(admitted, raw, 0) * np.float32(2.0**-self.exponent)
        if self.mask is not None:
            admitted &= self.mask[min(frame, len(self.mask) - 1), slice_]
        present = admitted & (values != 0)
        if self.kind != "complex":
            present &= (values != self.lowest) & (values != self.highest)
        return values, admitted, present

    def _chosen(self, count: int, limit: int) -> NDArray[np.int64]:
        """Evenly spaced indices, at most ``limit`` of ``count``, the same from either end."""
        few = min(count, max(limit, 1))
        return np.floor((np.arange(few) + 0.5) * count / few).astype(np.int64)

    def planes(self) -> Iterator[Plane]:
        """Slices as they are."""
        t, z, y, x = self.pixels.shape
        frames = self._chosen(t, _FRAMES)
        for frame in frames:
            for slice_ in self._chosen(z, max(_BUDGET // (y * x), _FEWEST) // len(frames)):
                values, admitted, present = self._scaled(int(frame), int(slice_))
                yield Plane(values, np.abs(values), admitted, present, (int(slice_) + 0.5) / z)

    def differences(self) -> Iterator[Plane]:
        """Differences of neighbouring frames over the root of two, which hold the noise of one frame."""
        t, z, y, x = self.pixels.shape
        frames = self._chosen(t - 1, 2 * _FRAMES)
        for frame in frames:
            for slice_ in self._chosen(z, max(_BUDGET // (y * x), _FEWEST) // len(frames)):
                first, admitted, present = self._scaled(int(frame), int(slice_))
                second, admitted_too, present_too = self._scaled(int(frame) + 1, int(slice_))
                detail = (second - first) * np.float32(np.sqrt(0.5))
                level = np.float32(0.5) * (np.abs(first) + np.abs(second))
                height = (int(slice_) + 0.5) / z
                yield Plane(detail, level, admitted & admitted_too, present & present_too, height)

    def profiles_along_z(self) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
        """Planes (X, Z) of the first frame, for the spectrum along z."""
        for row in self._chosen(self.pixels.shape[2], 24):
            plane = self.pixels[0, :, int(row), :]
            finite = np.isfinite(plane) & (plane != 0)
            if self.mask is not None:
                finite &= self.mask[0, :, int(row), :]
            yield (np.where(finite, plane, 0) * np.float32(2.0**-self.exponent)).T, finite.T


def _broadcast_mask(mask: NDArray[np.bool_] | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    given = np.asarray(mask)
    given = given.reshape((1,) * (4 - given.ndim) + given.shape) if given.ndim < 4 else given
    if given.shape[1:] != shape[1:] or given.shape[0] not in (1, shape[0]):
        raise InputError(
            f"The mask has shape {np.shape(mask)}, which does not fit the image {shape}: "
            "give a mask on the grid of the image, (Z, Y, X) or (T, Z, Y, X)."
        )
    return given.astype(bool)


def _box(content: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Smallest box around what is true."""
    spans = []
    for axis in range(content.ndim):
        hits = np.flatnonzero(content.any(axis=tuple(a for a in range(content.ndim) if a != axis)))
        spans.append(slice(int(hits[0]), int(hits[-1]) + 1) if hits.size else slice(0, 0))
    z, y, x = spans
    return z, y, x


def _law(pixels: NDArray[Any]) -> NoiseKind:
    if pixels.dtype.kind == "c":
        return "complex"
    negative, other = np.count_nonzero(pixels < 0), np.count_nonzero(pixels)
    return "gaussian" if negative > _SIGNED * other else "rician"


def find_content(image: Image, mask: NDArray[np.bool_] | None) -> Content | None:
    """Cut an image to its finite non-zero pixels inside the mask.

    Parameters
    ----------
    image : Image
        Magnitude, real or complex.
    mask : array of bool, shape (Z, Y, X) or (T, Z, Y, X), optional
        Where to look.

    Returns
    -------
    Content or None
        None if all finite pixels are zero.

    Raises
    ------
    InputError
        If the mask does not fit or is empty, or if no pixel is finite.
    """
    data = image.data
    inside = _broadcast_mask(mask, data.shape)
    finite = np.isfinite(data)
    if inside is not None:
        finite &= inside
    if not finite.any():
        raise InputError(
            "No finite pixel was found in the image"
            + (" inside the mask" if inside is not None else "")
            + ": the noise level cannot be measured, so give sigma yourself."
        )
    finite &= data != 0
    box = _box(finite.any(axis=0))
    pixels, finite = data[(slice(None), *box)], finite[(slice(None), *box)]
    if not pixels.size:
        return None
    lowest, highest = _range(pixels, finite)
    exponent = int(np.clip(np.frexp(max(abs(lowest), abs(highest)))[1], -126, 126))
    scale = 2.0**-exponent
    cut = None if inside is None else inside[(slice(None), *box)]
    return Content(pixels, cut, exponent, lowest * scale, highest * scale, _law(pixels), box)


def _range(pixels: NDArray[Any], finite: NDArray[np.bool_]) -> tuple[float, float]:
    """Least and greatest finite value, zeros left out; of the magnitude for complex pixels."""
    lowest, highest = np.inf, -np.inf
    for frame, usable in zip(pixels, finite, strict=True):
        values = np.abs(frame[usable]) if frame.dtype.kind == "c" else frame[usable]
        if values.size:
            lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    return lowest, highest
