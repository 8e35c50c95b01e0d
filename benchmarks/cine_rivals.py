"""Rivals of the complex network, each in the form that the truth finds best: as given an oracle, told the noise map.

Everything is divided by the g-map before and multiplied by it after. Filters see real and imaginary part or the
magnitude, frame by frame (2-D) or the frames as a third axis; local PCA sees real and imaginary part by themselves,
stacked along time, or the magnitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from cine_scans import Scan
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from quietmr.data import Image, NoiseMap
from quietmr.denoise.classical import (
    ClassicalDenoiser,
    DipyAscm,
    DipyClassic,
    DipyLocalPca,
    DipyMppca,
    SkimageNonlocalMeans,
    SkimageTotalVariation,
    SkimageWavelet,
)

Complex = NDArray[np.complex64]
Magnitude = NDArray[np.floating]
# From a complex series and its g-map, (T, Y, X) and (Y, X), to a magnitude.
Method = Callable[[Complex, NDArray[np.float32]], Magnitude]


@dataclass(frozen=True)
class Variant:
    """One way to run a rival."""

    rival: str
    words: str
    run: Method


def variants(rival: str) -> Iterator[Variant]:
    """All ways of one rival that are tried."""
    if rival == BLUR:
        for space, time in product((0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2), (0.0, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3)):
            yield Variant(rival, f"{space:g} px, {time:g} frames", _blur(space, time))
        return
    for method in _METHODS[rival]:
        said = ", ".join(f"{key} {value}" for key, value in vars(method).items() if getattr(type(method), key) != value)
        for form, run in _FORMS.items():
            if form in _forms_of(method):
                yield Variant(rival, form + (f", {said}" if said else ""), _wrap(run, method))


def _forms_of(method: ClassicalDenoiser) -> tuple[str, ...]:
    if method.facts.series:
        return _PCA_FORMS
    # slow, and far behind in two dimensions
    return _FILTER_FORMS[1::2] if isinstance(method, DipyAscm) else _FILTER_FORMS


def _blur(space: float, time: float) -> Method:
    def run(data: Complex, g: NDArray[np.float32]) -> Magnitude:
        blurred = data / g
        for axis, width in ((0, time), (1, space), (2, space)):
            if width:
                real, imaginary = (gaussian_filter1d(part, width, axis) for part in (blurred.real, blurred.imag))
                blurred = real + 1j * imaginary
        return np.abs(blurred) * g

    return run


def _wrap(form: Callable[[ClassicalDenoiser, Complex], Magnitude], method: ClassicalDenoiser) -> Method:
    return lambda data, g: form(method, data / g) * g


def _complex_frames(method: ClassicalDenoiser, data: Complex) -> Magnitude:
    return np.abs(method(_image(data[:, None], "complex")).data[:, 0])


def _complex_volume(method: ClassicalDenoiser, data: Complex) -> Magnitude:
    return np.abs(method(_image(data[None], "complex")).data[0])


def _magnitude_frames(method: ClassicalDenoiser, data: Complex) -> Magnitude:
    return method(_image(np.abs(data)[:, None], "rician")).data[:, 0]


def _magnitude_volume(method: ClassicalDenoiser, data: Complex) -> Magnitude:
    return method(_image(np.abs(data)[None], "rician")).data[0]


def _stacked(method: ClassicalDenoiser, data: Complex) -> Magnitude:
    both = np.concatenate([data.real, data.imag])[:, None]
    real, imaginary = np.split(method(_image(both, "gaussian")).data[:, 0], 2)
    return np.hypot(real, imaginary)


def _image(data: NDArray[np.generic], kind: str) -> Image:
    return Image(np.ascontiguousarray(data), noise=NoiseMap(np.array(1.0, np.float32), kind))  # type: ignore[arg-type]


BLUR = "spatio-temporal blur"
_FORMS = {
    "complex 2-D": _complex_frames,
    "complex 2-D + t": _complex_volume,
    "magnitude 2-D": _magnitude_frames,
    "magnitude 2-D + t": _magnitude_volume,
    "stacked": _stacked,
}
_FILTER_FORMS = ("complex 2-D", "complex 2-D + t", "magnitude 2-D", "magnitude 2-D + t")
_PCA_FORMS = ("complex 2-D", "magnitude 2-D", "stacked")
_METHODS: dict[str, tuple[ClassicalDenoiser, ...]] = {
    "dipy MP-PCA": (DipyMppca(),),
    "dipy local PCA": tuple(DipyLocalPca(threshold=x) for x in (1.5, 1.9, 2.3)),
    "dipy NLM": (DipyClassic(),),
    "dipy ASCM": (DipyAscm(),),
    "scikit-image NLM": tuple(SkimageNonlocalMeans(strength=x) for x in (0.5, 0.7, 0.9)),
    "scikit-image TV": tuple(SkimageTotalVariation(weight=x) for x in (0.45, 0.7, 1.0, 1.4)),
    "scikit-image wavelet": (SkimageWavelet(),),
}
RIVALS = (BLUR, *_METHODS)


def best_variant(rival: str, scan: Scan) -> Variant:
    """Choose the variant that is nearest to the truth: a blur by all that is scored, the others, slow, by the heart."""
    heart = (scan.labels > 0).any(axis=0)
    rows, columns = (np.flatnonzero(heart.any(axis=axis)) for axis in (1, 0))
    window = slice(int(rows[0]) - 4, int(rows[-1]) + 5), slice(int(columns[0]) - 4, int(columns[-1]) + 5)
    if rival == BLUR:
        window = scan.window
    data, g, inside = scan.noisy[:, *window], scan.g[window], scan.body[window]
    truth = np.abs(scan.clean[:, *window])[:, inside]

    def error(variant: Variant) -> float:
        return float(np.square(variant.run(data, g)[:, inside] - truth).mean())

    return min(variants(rival), key=error)


def find(rival: str, words: str) -> Variant:
    """A variant by its words."""
    return next(variant for variant in variants(rival) if variant.words == words)
