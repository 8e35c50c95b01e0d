"""What the three panels of the figure show: original, denoised, removed."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap
from quietmr.evaluate.tissue import tissue
from quietmr.report.evidence import removed_rms
from quietmr.report.views import View

LIMIT = 3
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


@dataclass(frozen=True)
class Panel:
    """One picture with its caption, a note and its grey window (values of black and white)."""

    caption: str
    note: str
    picture: NDArray[np.float32]
    black: float
    white: float


def panels(before: Image, after: Image, noise: NoiseMap, view: View) -> tuple[Panel, Panel, Panel]:
    """As `slices`, with the RMS of what was removed from tissue in the note of the last one."""
    original, denoised, removed = slices(before, after, noise, view)
    rms = removed_rms(before, after, noise, tissue(before, noise))
    return original, denoised, replace(removed, note="" if rms is None else f"RMS {rms:.2f} {SIGMA} in tissue")


def slices(before: Image, after: Image, noise: NoiseMap, view: View) -> tuple[Panel, Panel, Panel]:
    """Cut the middle frame along the view: original and denoised in one window, removed in units of sigma."""
    frame = before.shape[0] // 2
    original, denoised = (view.cut(magnitude(image.data[frame])) for image in (before, after))
    black, white = grey_window(denoised)
    removed = view.cut(_removed(before, after, noise, frame))
    return (
        Panel("original", "", original, black, white),
        Panel("denoised", "same grey window", denoised, black, white),
        Panel("removed", "", removed, -LIMIT, LIMIT),
    )


def magnitude(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    """Magnitude of complex values; others as they are."""
    return np.abs(volume) if np.iscomplexobj(volume) else volume


def _removed(before: Image, after: Image, noise: NoiseMap, frame: int) -> NDArray[np.float32]:
    """Return (before - after) / sigma; of complex images the part in phase with what is left."""
    with np.errstate(invalid="ignore"):  # infinite voxels stay infinite
        removed = before.data[frame] - after.data[frame]
    if before.is_complex:
        removed = np.real(removed * np.exp(-1j * np.angle(after.data[frame])))
    sigma = noise.over(before.shape)[frame]
    relative: NDArray[np.float32] = np.divide(removed, sigma, out=np.zeros(removed.shape, np.float32), where=sigma > 0)
    return relative


def grey_window(picture: NDArray[np.float32]) -> tuple[float, float]:
    """Black at 0 (lower for signed images), white above all but the brightest fiftieth of the object."""
    values = picture[np.isfinite(picture)].astype(np.float64)
    if not values.size:
        return 0.0, 1.0
    object_values = values[values > 0.1 * np.percentile(values, 99.9)]
    black = min(0.0, float(np.percentile(values, 0.5)))
    white = float(np.percentile(object_values, 98)) if object_values.size else float(values.max())
    return (black, white) if white > black else (black, black + 1.0)
