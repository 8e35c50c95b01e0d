"""One random training scene: anatomy, texture, coil shading, and what the scanner makes of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from quietmr.phantoms.abdomen import draw_abdomen
from quietmr.phantoms.dynamic import animate, weight_series
from quietmr.phantoms.frame import smooth_field
from quietmr.phantoms.head import draw_head
from quietmr.phantoms.heart import draw_heart
from quietmr.phantoms.joint import draw_joint
from quietmr.phantoms.labels import draw_regions
from quietmr.phantoms.leaves import draw_leaves
from quietmr.phantoms.psf import acquire, draw_aperture
from quietmr.phantoms.spine import draw_spine
from quietmr.phantoms.texture import Spacing, Volume, power_law_field, soft_step
from quietmr.phantoms.vessels import add_vessels

_Anatomy = Callable[[tuple[int, int, int], Spacing, np.random.Generator], Volume]
_ANATOMY: dict[str, _Anatomy] = {
    "head": draw_head,
    "spine": draw_spine,
    "joint": draw_joint,
    "abdomen": draw_abdomen,
    "heart": draw_heart,
    "regions": draw_regions,
    "leaves": draw_leaves,
}
# Scenes without a body of their own get a random outline.
_BOUNDLESS = ("regions", "leaves")
# Objects are drawn on a grid this much finer in plane than the image, so that little aliases into it.
_FINER = 1.12


@dataclass(frozen=True)
class Mixture:
    """How often each kind of scene is drawn (shares of 1).

    Attributes
    ----------
    head, spine, joint, abdomen, heart, regions, leaves : float
        Shares of the anatomies; they are normalized.
    dynamic : float
        Share of sequences of one slice: motion, contrast passage, changing weighting.
    thick : float
        Share of volumes with slices thicker than the in-plane voxel (factor 2 to 7).
    rich : float
        Share of scenes with fine texture added inside the tissues.
    """

    head: float = 0.40
    regions: float = 0.08
    leaves: float = 0.14
    dynamic: float = 0.2
    thick: float = 0.35
    rich: float = 0.4
    spine: float = 0.12
    joint: float = 0.10
    abdomen: float = 0.09
    heart: float = 0.07


def _add_texture(image: Volume, spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Multiply fine structure into the tissues: isotropic, and streaky as muscle and fibers are."""
    strength = float(np.exp(rng.uniform(np.log(0.01), np.log(0.10))))
    texture = power_law_field(image.shape, rng.uniform(0.6, 1.6), rng, spacing, 1.0 / 12.0)
    if rng.random() < 0.4:
        stretch = np.exp(rng.normal(0.0, 0.8, 3))
        stretched: Spacing = (spacing[0] * stretch[0], spacing[1] * stretch[1], spacing[2] * stretch[2])
        texture += power_law_field(image.shape, rng.uniform(0.8, 1.6), rng, stretched, 1.0 / 8.0)
    frames, height, width = image.shape
    where = soft_step(smooth_field((frames, height, width), spacing, 6.0, rng, 2.0) + rng.uniform(-0.5, 1.5), 0.5)
    return image * (1.0 + np.float32(strength) * where * texture)


def _shade(image: Volume, rng: np.random.Generator) -> Volume:
    """Multiply by the smooth receive field of the coils."""
    frames, height, width = image.shape
    field = smooth_field((frames, height, width), (1.0, 1.0, 1.0), 40.0, rng, 3.0)
    return np.asarray(image * np.exp(np.float32(rng.uniform(0.0, 0.25)) * field), dtype=np.float32)


def _object(shape: tuple[int, int, int], mixture: Mixture, spacing: Spacing, rng: np.random.Generator) -> Volume:
    """Draw the anatomy with its texture."""
    shares = np.array([getattr(mixture, name) for name in _ANATOMY])
    kind = str(rng.choice(list(_ANATOMY), p=shares / shares.sum()))
    image = _ANATOMY[kind](shape, spacing, rng)
    if rng.random() < 0.5:
        image = add_vessels(image, spacing, rng)
    if kind in _BOUNDLESS and rng.random() < 0.4:
        body = smooth_field(shape, spacing, 8.0, rng, 2.6) + rng.uniform(-0.3, 1.5)
        image = image * soft_step(body, 0.05)
    if rng.random() < mixture.rich:
        image = _add_texture(image, spacing, rng)
    return np.maximum(image, 0.0)


def draw_scene(shape: tuple[int, int, int], mixture: Mixture, rng: np.random.Generator) -> Volume:
    """Draw one noise-free training volume or sequence.

    Parameters
    ----------
    shape : (F, Y, X)
        F counts slices, or frames of a sequence of one slice.
    mixture : Mixture
    rng : Generator

    Returns
    -------
    array, shape (F, Y, X), float32
        Magnitude >= 0, scaled so that the 99.5th percentile is 1.
    """
    frames, height, width = shape
    zoom = float(rng.uniform(0.65, 1.6))
    fine = (round(height * _FINER), round(width * _FINER))
    step, in_plane = zoom, (zoom * height / fine[0], zoom * width / fine[1])
    if rng.random() < mixture.dynamic:
        still = _object((3, *fine), mixture, (zoom, *in_plane), rng)[1]
        image = animate(still, frames, rng) if rng.random() < 0.7 else weight_series(still, frames, rng)
    else:
        if rng.random() < mixture.thick:
            step = zoom * float(rng.uniform(2.0, 7.0))
        image = _object((frames, *fine), mixture, (step, *in_plane), rng)
    image = acquire(_shade(image, rng), (height, width), draw_aperture(rng))
    bright = float(np.percentile(image, 99.5))
    return (image / max(bright, 1e-3)).astype(np.float32)
