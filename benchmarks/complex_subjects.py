"""What the complex benchmark shows a network that never saw it: real scans with a drawn phase, a spine, a raw brain.

Real scans are the references of ``volumes.py``, cut to their middle, with a random smooth phase
(``quietmr.noise.phase``). The spine is a single procedural slice. The brain is a phantom that goes through a simulated
multi-coil raw scan and ``reconstruct``; its noise is what parallel imaging leaves of white noise in the coils.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import torch
from noise_cases import NoisyCase
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, binary_opening
from volumes import VOLUMES, Array, load
from volumes import available as available_volumes

from quietmr.noise.phase import smooth_phase, with_phase
from quietmr.phantoms import Mixture, draw_scene
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.recon import Settings, reconstruct

Complex = NDArray[np.complex64]
Mask = NDArray[np.bool_]

# Largest piece of a real scan (T, Z, Y, X): the classical methods go over it many times.
_PIECE = {"volume": (1, 6, 96, 96), "picture": (1, 1, 160, 160), "series": (12, 3, 72, 72)}
_SPINES = 2
_ONLY_SPINE = Mixture(
    head=0, regions=0, leaves=0, joint=0, abdomen=0, heart=0, spine=1, dynamic=0, thick=0, rich=0.4
)  # fmt: skip
_BRAIN = RawProtocol(
    subject="brain", matrix=(96, 96, 24), fov=(230.0, 230.0, 96.0), coils=16, calibration="separate", snr=60.0
)
_SLICES = 8  # of the brain, around its middle
RAW = {"raw 2x2": (2, 2), "raw 3x1": (3, 1)}


@dataclass(frozen=True)
class Subject:
    """A noise-free complex image.

    Parameters
    ----------
    group : str
        Subjects of a group are averaged together.
    about : str
        What it is.
    make : callable, optional
        Gives the image (T, Z, Y, X) complex64, its foreground, and the brightness of its brightest tissue; missing for
        the raw scans, which come with their own noise (`raw_case`).
    is_series, is_picture : bool
        Whether it has several frames; whether it is a single slice.
    """

    group: str
    about: str
    make: Callable[[], tuple[Complex, Mask, float]] | None = None
    is_series: bool = False
    is_picture: bool = False


def _seed(name: str) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), zlib.crc32(b"complex")])


def middle(image: NDArray[np.generic], size: tuple[int, int, int, int]) -> tuple[slice, ...]:
    """Where the middle piece of an image lies."""
    starts = [max(0, (n - wanted) // 2) for n, wanted in zip(image.shape, size, strict=True)]
    return tuple(slice(start, start + wanted) for start, wanted in zip(starts, size, strict=True))


def give_phase(magnitude: Array, rng: np.random.Generator) -> Complex:
    """Turn a magnitude (T, Z, Y, X) complex: a phase that changes slowly from slice to slice and frame to frame."""
    t, z, y, x = magnitude.shape
    phase = smooth_phase((z, y, x), rng)[None]
    if t > 1:
        phase = phase + smooth_phase((t, y, x), rng)[:, None]
    turned = with_phase(torch.from_numpy(magnitude.reshape(t * z, y, x)), phase.expand(t, z, y, x).reshape(-1, y, x))
    return np.asarray(turned.numpy().reshape(magnitude.shape), np.complex64)


def _real(name: str) -> tuple[Complex, Mask, float]:
    clean, foreground, reference = load(name)
    where = middle(clean, _PIECE[VOLUMES[name].group])
    return give_phase(np.ascontiguousarray(clean[where]), _seed(name)), foreground[where], reference


def _spine(name: str) -> tuple[Complex, Mask, float]:
    rng = _seed(name)
    image = draw_scene((1, 160, 160), _ONLY_SPINE, rng)[None]
    mask = _foreground(image[0])
    return give_phase(image, rng), mask[None], float(np.percentile(image[0][mask], 99))


def _foreground(image: Array) -> Mask:
    """Over 5 % of the brightest, holes filled: as for the real scans."""
    bright = image > 0.05 * np.percentile(image, 99.9)
    return np.stack([binary_fill_holes(binary_opening(plane)) for plane in bright])


@lru_cache(maxsize=len(RAW))
def _scan(kind: str, name: str) -> tuple[Complex, Complex, NDArray[np.float32], Mask]:
    """Noise-free image of a raw scan, its noise, its g-map and its foreground, all (1, Z, Y, X).

    Both images come from the same calibration lines, so they differ by the noise alone, whatever is not perfect about
    the unfolding; the brightness is that of the scan.
    """
    protocol = replace(_BRAIN, acceleration=RAW[kind])
    noisy, clean = (
        simulate_raw(protocol, np.random.default_rng(zlib.crc32(name.encode())), noise=noise).kspace
        for noise in (True, False)
    )
    settings = Settings(threads=1)
    image = reconstruct(noisy, settings)
    truth = reconstruct(replace(noisy, imaging=clean.imaging), settings)
    assert image.noise is not None, "a reconstruction tells its noise"
    cut = middle(truth.data, (1, _SLICES, *truth.shape[2:]))
    magnitude, g = np.abs(truth.data), image.noise.over(image.shape)
    return truth.data[cut], (image.data - truth.data)[cut], g[cut], _foreground(magnitude[0])[None][cut]


def raw_case(kind: str, name: str, percent: float) -> tuple[NoisyCase, Mask, float]:
    """One raw brain with its noise scaled to a level.

    The coils make the rim several times brighter than the middle, so twice the median of the object stands for the
    brightest tissue.
    """
    truth, noise, g, mask = _scan(kind, name)
    reference = 2 * float(np.median(np.abs(truth[mask])))
    factor = percent / 100 * reference / float(np.median(g[mask]))
    case = NoisyCase(truth, (truth + np.float32(factor) * noise).astype(np.complex64), g * np.float32(factor))
    return case, mask, reference


def _all() -> dict[str, Subject]:
    found = {"brain-raw": Subject("raw brain", _BRAIN_ABOUT)}
    for i in range(_SPINES):
        name = f"spine-phantom-{i}"
        found[name] = Subject("spine phantom", _SPINE_ABOUT, _cached(_spine, name), is_picture=True)
    for name in VOLUMES:
        kind = VOLUMES[name].group
        make = _cached(_real, name)
        found[name] = Subject(f"real {kind}", VOLUMES[name].about, make, kind == "series", kind == "picture")
    return found


def _cached(make: Callable[[str], tuple[Complex, Mask, float]], name: str) -> Callable[[], tuple[Complex, Mask, float]]:
    return cache(lambda: make(name))


_BRAIN_ABOUT = (
    f"Head phantom of the raw simulator, {_BRAIN.matrix[0]} x {_BRAIN.matrix[1]} x {_BRAIN.matrix[2]} voxels of "
    f"2.4 x 2.4 x 4 mm, {_BRAIN.coils} coils, through reconstruct; its {_SLICES} middle slices. Truth: the same scan "
    "without noise, unfolded with the same weights."
)
_SPINE_ABOUT = "One slice of a procedural spine, 160 x 160, seeded apart from training."

SUBJECTS: Mapping[str, Subject] = _all()


def available() -> list[str]:
    """Names of the subjects that can be made on this machine."""
    real = set(available_volumes())
    return [name for name in SUBJECTS if name not in VOLUMES or name in real]
