"""Right and wrong denoisers for ``residual_tests.py``: what the tests of a residual must tell apart.

Each takes the noisy case and gives the denoised pixels. Wrong ones that add build on the result of ``quiet``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from noise_cases import NoisyCase
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter, zoom

from quietmr.data import Image, NoiseMap
from quietmr.denoise import create_denoiser
from quietmr.phantoms.vessels import add_vessels

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """One noisy image, the truth, and what ``quiet`` made of it.

    Attributes
    ----------
    case : NoisyCase
    image : Image
        The noisy image with the noise that the denoisers and the tests are told.
    foreground : array of bool, shape (T, Z, Y, X)
    quiet : array
        Result of ``quiet``.
    other : array
        Clean image of another volume, whose anatomy is pasted in.
    seed : str
        Fixes what is planted.
    """

    case: NoisyCase
    image: Image
    foreground: NDArray[np.bool_]
    quiet: Array
    other: Array
    seed: str

    @property
    def rng(self) -> np.random.Generator:
        """A generator that is the same for the same scene."""
        return np.random.default_rng(zlib.crc32(self.seed.encode()))


def blurred(image: Array, width: float) -> Array:
    """Gaussian blur of so many voxels, in all directions that have more than one."""
    widths = [0.0 if n == 1 else width for n in image.shape]
    widths[0] = 0.0
    return np.asarray(gaussian_filter(image, widths))


def strong_nlm(factor: float) -> Callable[[Scene], Array]:
    """Blockwise nonlocal means of DIPY that is told too much noise."""

    def run(scene: Scene) -> Array:
        sigma = (factor * scene.image.noise.over(scene.image.shape)).astype(np.float32)
        told = scene.image.replace(noise=NoiseMap(sigma, "rician", "given"))
        return np.asarray(create_denoiser("dipy-nlm-blockwise")(told).data)

    return run


def median(scene: Scene) -> Array:
    """Median of 3 x 3 x 3 voxels (3 x 3 in pictures)."""
    size = [1, *(min(n, 3) for n in scene.case.noisy.shape[1:])]
    return np.asarray(median_filter(scene.case.noisy, size))


def with_blobs(scene: Scene) -> Array:
    """Smooth blobs of 3 to 6 sigma, bright or dark, SD 1.2 to 2.5 voxels, one per 3000 voxels of the object."""
    rng, shape = scene.rng, scene.quiet.shape
    places = np.argwhere(scene.foreground)
    z, y, x = np.ogrid[: shape[1], : shape[2], : shape[3]]
    planted = np.zeros(shape[1:], np.float32)
    for place in rng.choice(len(places), max(3, len(places) // 3000), replace=False):
        width, height = rng.uniform(1.2, 2.5), rng.uniform(3, 6) * rng.choice([-1, 1])
        parts = [
            np.exp(-((axis - at) ** 2) / (2 * width**2)) for axis, at in zip((z, y, x), places[place][1:], strict=True)
        ]
        planted += (height * parts[0] * parts[1] * parts[2]).astype(np.float32)
    return scene.quiet + planted * scene.case.sigma


def with_vessels(scene: Scene) -> Array:
    """Wandering tubes of 3 to 6 sigma that fill at least 0.3 % of the object."""
    rng, shape = scene.rng, scene.quiet.shape[1:]
    while True:
        tubes = add_vessels(np.ones(shape, np.float32), (1, 1, 1), rng) - 1
        highest = float(np.abs(tubes).max())
        if highest and np.mean((np.abs(tubes) > 0.5 * highest)[scene.foreground[0]]) > 0.003:
            planted = rng.uniform(3, 6) * tubes / highest
            return np.asarray(scene.quiet + planted * scene.case.sigma * scene.foreground, dtype=np.float32)


def with_anatomy(scene: Scene) -> Array:
    """Another volume, mirrored, stretched to the size of this one, at a contrast of 1.5 sigma (SD)."""
    slices, rows, columns = scene.quiet.shape[1:]
    other = scene.other[0][np.arange(slices) % scene.other.shape[1]]
    pasted = zoom(other, (1, rows / other.shape[1], columns / other.shape[2]), order=1)[np.newaxis, ..., ::-1]
    inside = pasted[scene.foreground]
    pasted = 1.5 * (pasted - inside.mean()) / inside.std()
    return np.asarray(scene.quiet + pasted * scene.case.sigma * scene.foreground, dtype=np.float32)


def sharpened(scene: Scene) -> Array:
    """Unsharp mask of the denoised image: 70 % of its detail finer than 1 voxel on top."""
    return scene.quiet + np.float32(0.7) * (scene.quiet - blurred(scene.quiet, 1.0))


@dataclass(frozen=True)
class Arm:
    """One way to treat the noisy image, and the verdict that it deserves."""

    run: Callable[[Scene], Array]
    verdict: str


def _blur(width: float) -> Arm:
    return Arm(lambda scene: blurred(scene.case.noisy, width), "structure removed")


ARMS: Mapping[str, Arm] = {
    "quiet": Arm(lambda scene: scene.quiet, "only noise"),
    "quiet-fast": Arm(lambda scene: np.asarray(create_denoiser("quiet-fast")(scene.image).data), "only noise"),
    "the truth": Arm(lambda scene: scene.case.truth.astype(np.float32), "only noise"),
    "blur 0.7": _blur(0.7),
    "blur 1": _blur(1.0),
    "NLM told 2 sigma": Arm(strong_nlm(2), "structure removed"),
    "NLM told 3 sigma": Arm(strong_nlm(3), "structure removed"),
    "median": Arm(median, "structure removed"),
    "nothing": Arm(lambda scene: scene.case.noisy, "nothing removed"),
    "blobs added": Arm(with_blobs, "structure added"),
    "vessels added": Arm(with_vessels, "structure added"),
    "anatomy added": Arm(with_anatomy, "structure added"),
    "sharpened": Arm(sharpened, "structure added"),
}
SWEEP: Mapping[str, Arm] = {f"blur {width}": _blur(width) for width in (0.3, 0.4, 0.5, 0.6)}
