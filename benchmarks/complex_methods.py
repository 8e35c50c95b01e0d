"""The methods of the complex benchmark: classical ones by three routes, ours, and none.

The libraries of the classical methods know real images only, so each is offered three routes, and what is best by the
truth counts for it:

- ``re, im``: real and imaginary part, each with Gaussian noise of the true map;
- ``flat``: the same after a smooth phase has been taken off (and put back), so that the real part holds the signal;
- ``magnitude``: the magnitude, with Rician noise of the true map; the smooth phase makes it complex again.

Ours for magnitudes takes the last route too, as ``quiet (magnitude)``: what one had before there was a complex network.
The smooth phase is that of the image blurred in plane by 3 voxels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np
from methods import Method, untouched
from numpy.typing import NDArray
from results import UNTOUCHED
from scipy.ndimage import gaussian_filter

from quietmr.data import Image, InputError, MissingExtraError, ModelError, NoiseMap
from quietmr.denoise import create_denoiser
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.presets import PRESETS
from quietmr.denoise.second_stage import GuidedDenoiser

_BLUR = 3.0  # voxels
NETWORK, PRESET, BEFORE = "quiet-complex", "quiet", "quiet (magnitude)"
OURS = (NETWORK, PRESET, BEFORE)


def smooth_turn(image: Image) -> NDArray[np.complex64]:
    """Smooth phase of an image as exp(i phase), shape (T, Z, Y, X)."""
    widths = (0, 0, _BLUR, _BLUR)
    blurred = gaussian_filter(image.data.real, widths) + 1j * gaussian_filter(image.data.imag, widths)
    return np.asarray(np.exp(1j * np.angle(blurred)), np.complex64)


def by_parts(method: Method, image: Image) -> Image:
    """Filter real and imaginary part."""
    return method(image)


def flattened(method: Method, image: Image) -> Image:
    """Take the smooth phase off, filter, put it back."""
    turn = smooth_turn(image)
    result = method(image.replace(data=image.data * turn.conj()))
    return result.replace(data=result.data * turn)


def by_magnitude(method: Method, image: Image) -> Image:
    """Filter the magnitude."""
    assert image.noise is not None, "the noise is told"
    noise = NoiseMap(image.noise.sigma, "rician", image.noise.origin)
    result = method(image.replace(data=np.abs(image.data), noise=noise))
    return result.replace(data=(result.data * smooth_turn(image)).astype(np.complex64))


Route = Callable[[Method, Image], Image]
ROUTES: dict[str, Route] = {"re, im": by_parts, "flat": flattened, "magnitude": by_magnitude}
RIVALS = {f"{name} ({route})": (name, route) for name in CLASSICAL for route in ROUTES}
METHODS = (UNTOUCHED, *OURS, *RIVALS)
# Never best, nor within half a decibel of it, in five cells of five groups: left out unless asked for.
WEAK = ("gaussian", "median", "wiener", "dipy-ascm (re, im)", "dipy-nlm-blockwise (re, im)", "skimage-nlm (re, im)")
USUAL = tuple(name for name in METHODS if not name.startswith(WEAK))


def is_rival(name: str) -> bool:
    """Whether a row is that of a classical method."""
    return name in RIVALS


def suits(name: str, *, is_series: bool, is_picture: bool) -> bool:
    """Whether a method is run: those for series need one, bm3d is for pictures, bm4d for the others."""
    plain = RIVALS[name][0] if name in RIVALS else name
    if plain in CLASSICAL and CLASSICAL[plain].facts.series:
        return is_series
    return not (plain == "bm4d" and is_picture) and not (plain == "bm3d" and not is_picture)


def prepare(names: Iterable[str], model: str) -> dict[str, Method]:
    """All methods that can run here, each run once on a small image; the others are named on stderr.

    Parameters
    ----------
    names : iterable of str
    model : str
        Trained complex network behind ours: a name or the path of a weights file.
    """
    ready, refused = {}, set()
    for name in names:
        plain = RIVALS[name][0] if name in RIVALS else name
        try:
            if plain not in refused:
                ready[name] = _make(name, model)
        except (MissingExtraError, InputError, ModelError) as reason:
            refused.add(plain)
            print(f"{plain} is left out: {reason}", file=sys.stderr)
    return ready


def _make(name: str, model: str) -> Method:
    if name == UNTOUCHED:
        return untouched
    if name in RIVALS:
        plain, route = RIVALS[name]
        method = create_denoiser(plain)

        def run(image: Image) -> Image:
            return ROUTES[route](method, image)

        frames = 12 if CLASSICAL[plain].facts.series else 1
    else:
        run, frames = _ours(name, model), 1
    parts = np.random.default_rng(0).normal(20, 1, (2, frames, 8, 48, 48)).astype(np.float32)
    run(Image((parts[0] + 1j * parts[1]).astype(np.complex64), noise=NoiseMap(np.float32(1), "complex", "given")))
    return run


def _ours(name: str, model: str) -> Method:
    if name == NETWORK:
        return create_denoiser(model)
    if name == BEFORE:
        return partial(by_magnitude, create_denoiser(PRESET))
    return GuidedDenoiser(name, replace(PRESETS[name], complex_network=model))
