"""One random training scene: anatomy, texture, bias field, point spread, background."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter

from quietmr.phantoms.dynamic import animate
from quietmr.phantoms.head import draw_head
from quietmr.phantoms.labels import draw_regions
from quietmr.phantoms.leaves import draw_leaves
from quietmr.phantoms.texture import Spacing, Volume, power_law_field, soft_step
from quietmr.phantoms.vessels import add_vessels

_ANATOMY = {"head": draw_head, "regions": draw_regions, "leaves": draw_leaves}


@dataclass(frozen=True)
class Mixture:
    """How often each kind of scene is drawn (shares of 1).

    Attributes
    ----------
    head, regions, leaves : float
        Shares of the anatomies; they are normalized.
    dynamic : float
        Share of 2D+T sequences.
    thick : float
        Share of volumes with slices thicker than the in-plane voxel (factor 2 to 7).
    rich : float
        Share of scenes with fine texture inside the tissues.
    """

    head: float = 0.45
    regions: float = 0.25
    leaves: float = 0.30
    dynamic: float = 0.2
    thick: float = 0.35
    rich: float = 0.6


def _add_texture(image: Volume, spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Multiply fine structure into the tissues: isotropic, and streaky as muscle and fibers are."""
    strength = float(np.exp(rng.uniform(np.log(0.01), np.log(0.12))))
    texture = power_law_field(image.shape, rng.uniform(0.6, 1.6), rng, spacing, 1.0 / 12.0)
    if rng.random() < 0.4:
        stretch = np.exp(rng.normal(0.0, 0.8, 3))
        stretched: Spacing = (spacing[0] * stretch[0], spacing[1] * stretch[1], spacing[2] * stretch[2])
        texture += power_law_field(image.shape, rng.uniform(0.8, 1.6), rng, stretched, 1.0 / 8.0)
    where = soft_step(power_law_field(image.shape, 2.0, rng, spacing) + rng.uniform(-0.5, 1.5), 0.5)
    return image * (1.0 + strength * where * texture)


def _blur(image: Volume, rng: np.random.Generator) -> Volume:
    """Apply the point spread of the scan: a little Gaussian blur in plane, and in some scans truncated k-space."""
    sigma = rng.uniform(0.0, 0.65, 2) * (rng.random() < 0.7)
    image = gaussian_filter(image, (0.0, sigma[0], sigma[1])).astype(np.float32)
    if rng.random() < 0.3:
        axis = int(rng.integers(1, 3))
        cut = np.abs(np.fft.fftfreq(image.shape[axis])) <= 0.5 * rng.uniform(0.8, 1.0)
        spectrum = scipy.fft.fft(image, axis=axis)
        spectrum *= np.expand_dims(cut, tuple(a for a in range(3) if a != axis))
        image = np.abs(scipy.fft.ifft(spectrum, axis=axis)).astype(np.float32)
    return image


def _shade(image: Volume, spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Multiply by a smooth receive field."""
    field = power_law_field(image.shape, 3.0, rng, spacing)
    return np.asarray(image * np.exp(rng.uniform(0.0, 0.35) * field), dtype=np.float32)


def _static(shape: tuple[int, int, int], mixture: Mixture, spacing: Spacing, rng: np.random.Generator) -> Volume:
    shares = np.array([mixture.head, mixture.regions, mixture.leaves])
    kind = str(rng.choice(list(_ANATOMY), p=shares / shares.sum()))
    image = _ANATOMY[kind](shape, spacing, rng)
    if rng.random() < 0.5:
        image = add_vessels(image, spacing, rng)
    if kind != "head" and rng.random() < 0.5:
        body = power_law_field(shape, 2.6, rng, spacing) + rng.uniform(-0.3, 1.5)
        image *= soft_step(body, 0.05)
    if rng.random() < mixture.rich:
        image = _add_texture(image, spacing, rng)
    return image


def draw_scene(shape: tuple[int, int, int], mixture: Mixture, rng: np.random.Generator) -> Volume:
    """Draw one noise-free training volume or sequence.

    Parameters
    ----------
    shape : (F, Y, X)
        F counts slices, or frames of a 2D+T sequence.
    mixture : Mixture
    rng : Generator

    Returns
    -------
    array, shape (F, Y, X), float32
        Magnitude >= 0, scaled so that the 99.5th percentile is 1.
    """
    frames, height, width = shape
    zoom = rng.uniform(0.7, 1.4)
    if rng.random() < mixture.dynamic:
        still = _static((4, height, width), mixture, (zoom, zoom, zoom), rng)[1]
        image = animate(np.maximum(still, 0.0), frames, rng)
    elif rng.random() < mixture.thick:
        # Two thin slices make one thick one, so that a slice holds the average over its thickness.
        step = zoom * rng.uniform(2.0, 7.0)
        image = _static((2 * frames, height, width), mixture, (step / 2, zoom, zoom), rng)
        image = image.reshape(frames, 2, height, width).mean(axis=1)
    else:
        image = _static(shape, mixture, (zoom, zoom, zoom), rng)
    image = np.maximum(_blur(_shade(image, (1.0, 1.0, 1.0), rng), rng), 0.0)
    bright = float(np.percentile(image, 99.5))
    return (image / max(bright, 1e-3)).astype(np.float32)
