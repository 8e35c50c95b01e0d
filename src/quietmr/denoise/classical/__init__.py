"""Classical denoisers: what a network has to beat. Their libraries are imported when a method runs, not before."""

from collections.abc import Mapping
from types import MappingProxyType

from quietmr.denoise.classical.bm4d import Bm3d, Bm4d
from quietmr.denoise.classical.diffusion import PeronaMalik
from quietmr.denoise.classical.dipy_nlm import DipyAscm, DipyBlockwise, DipyClassic
from quietmr.denoise.classical.dipy_pca import DipyLocalPca, DipyMppca
from quietmr.denoise.classical.method import Method
from quietmr.denoise.classical.skimage_filters import SkimageNonlocalMeans, SkimageTotalVariation, SkimageWavelet
from quietmr.denoise.classical.smoothing import BilateralFilter, GaussianFilter, MedianFilter, WienerFilter
from quietmr.denoise.classical.snr_units import ClassicalDenoiser

_METHODS: tuple[type[ClassicalDenoiser], ...] = (
    GaussianFilter,
    MedianFilter,
    WienerFilter,
    BilateralFilter,
    PeronaMalik,
    SkimageNonlocalMeans,
    SkimageTotalVariation,
    SkimageWavelet,
    DipyBlockwise,
    DipyClassic,
    DipyAscm,
    DipyMppca,
    DipyLocalPca,
    Bm3d,
    Bm4d,
)

CLASSICAL: Mapping[str, type[ClassicalDenoiser]] = MappingProxyType({method.name: method for method in _METHODS})
"""Classical methods by name; calling the class gives the denoiser with its default parameters."""

__all__ = ["CLASSICAL", "ClassicalDenoiser", "Method", *(method.__name__ for method in _METHODS)]
