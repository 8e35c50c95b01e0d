"""Every registered classical method keeps the contract; single methods agree with closed forms or second makings."""

import sys
import warnings
from itertools import product
from types import MappingProxyType, ModuleType, SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage, signal

from quietmr.data import Image, InputError, MissingExtraError, NoiseMap, QuietmrWarning
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.classical.bm4d import Bm3d, _say_license_once
from quietmr.denoise.classical.diffusion import PeronaMalik
from quietmr.denoise.classical.dipy_nlm import DipyAscm, DipyBlockwise, DipyClassic
from quietmr.denoise.classical.dipy_pca import MIN_FRAMES, DipyLocalPca, DipyMppca
from quietmr.denoise.classical.optional import optional_library
from quietmr.denoise.classical.skimage_filters import SkimageTotalVariation, SkimageWavelet
from quietmr.denoise.classical.smoothing import BilateralFilter, GaussianFilter, MedianFilter, WienerFilter
from quietmr.denoise.contract import Denoiser
from quietmr.noise import signal_from_mean

pytestmark = pytest.mark.filterwarnings("ignore:bm3d and bm4d are licensed:quietmr.data.QuietmrWarning")

SHAPES = ((1, 1, 8, 8), (1, 1, 9, 31), (1, 2, 8, 11), (1, 3, 16, 17), (1, 12, 20, 21), (3, 6, 12, 12))
SERIES_SHAPES = ((12, 1, 8, 8), (12, 2, 9, 9), (12, 5, 12, 13))
SIGMA = 10.0


def phantom(shape: tuple[int, ...]) -> np.ndarray:
    """An ellipsoid of 100 with a darker core and a bright bar in air; decays over the frames."""
    t, z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    body = (z / 1.2) ** 2 + (y / 0.85) ** 2 + (x / 0.9) ** 2 < 1
    core = z**2 + (y / 0.4) ** 2 + (x / 0.5) ** 2 < 1
    bar = body & (np.abs(x - 0.55) < 0.12)
    return ((100.0 * body - 40.0 * core + 30.0 * (bar & ~core)) * np.exp(-0.5 * (t + 1))).astype(np.float32)


def rician(clean: np.ndarray, sigma: np.ndarray | float, rng: np.random.Generator) -> np.ndarray:
    real, imaginary = rng.standard_normal((2, *clean.shape))
    return np.hypot(clean + sigma * real, sigma * imaginary).astype(np.float32)


def magnitude(data: np.ndarray, sigma: np.ndarray | float = SIGMA) -> Image:
    return Image(data, noise=NoiseMap(np.asarray(sigma, np.float32), "rician", "given"))


def gaussian(data: np.ndarray, sigma: float = SIGMA) -> Image:
    kind = "complex" if np.iscomplexobj(data) else "gaussian"
    return Image(data, noise=NoiseMap(np.float32(sigma), kind, "given"))


def rmse(image: np.ndarray, clean: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.abs(image - clean) ** 2)))


def shape_for(name: str) -> tuple[int, ...]:
    return (12, 5, 14, 15) if CLASSICAL[name].facts.series else (1, 8, 24, 24)


# bm3d and bm4d take seconds for the smallest image: all of the conformance tests are for the night
@pytest.fixture(
    params=[
        name if method.facts.is_free else pytest.param(name, marks=pytest.mark.nightly)
        for name, method in CLASSICAL.items()
    ]
)
def name(request) -> str:
    facts = CLASSICAL[request.param].facts
    if not facts.is_free:
        pytest.importorskip(facts.library)
    return request.param


@pytest.fixture
def denoiser(name) -> Denoiser:
    return CLASSICAL[name]()


def test_names_and_facts_are_complete():
    for name, method in CLASSICAL.items():
        facts = method.facts
        assert method.name == name
        assert isinstance(method(), Denoiser)
        assert facts.citation and facts.license
        assert facts.is_free == (facts.library not in ("bm3d", "bm4d"))
        assert (facts.extra is None) == (facts.library == "quietmr")


@pytest.mark.parametrize("shape", SHAPES + SERIES_SHAPES)
def test_any_shape_gives_a_result_or_a_refusal(name, denoiser, shape, rng):
    noisy = rician(phantom(shape), SIGMA, rng)
    image = magnitude(noisy.copy())
    if CLASSICAL[name].facts.series and shape[0] < MIN_FRAMES:
        with pytest.raises(InputError, match="needs a series of at least"):
            denoiser(image)
        return
    result = denoiser(image)
    assert result.data.shape == shape
    assert result.data.dtype == np.float32
    assert result.data.flags.c_contiguous
    assert np.isfinite(result.data).all()
    assert (result.data >= 0).all()
    assert result.noise is None
    assert result.history[-1].parameters["method"] == name
    assert isinstance(result.history[-1].parameters, MappingProxyType)
    assert np.array_equal(image.data, noisy), "the input was modified"
    assert not np.array_equal(result.data, noisy)


def test_lowers_the_error(name, denoiser, rng):
    clean = phantom(shape_for(name))
    noisy = rician(clean, SIGMA, rng)
    assert rmse(denoiser(magnitude(noisy)).data, clean) < 0.85 * rmse(noisy, clean)


def test_lowers_the_error_of_pictures(name, denoiser, rng):
    if CLASSICAL[name].facts.series:
        pytest.skip("works on series only")
    clean = phantom((1, 1, 48, 48))
    noisy = rician(clean, SIGMA, rng)
    assert rmse(denoiser(magnitude(noisy)).data, clean) < 0.85 * rmse(noisy, clean)


def test_complex_parts_are_filtered_as_gaussian_images(name, denoiser, rng):
    clean = (phantom(shape_for(name)) * np.exp(1j * np.linspace(-2, 2, shape_for(name)[-1]))).astype(np.complex64)
    real, imaginary = rng.normal(0, SIGMA, (2, *clean.shape))
    noisy = (clean + real + 1j * imaginary).astype(np.complex64)
    result = denoiser(gaussian(noisy)).data
    assert result.dtype == np.complex64
    assert rmse(result, clean) < 0.9 * rmse(noisy, clean)
    assert np.array_equal(result.imag, denoiser(gaussian(noisy.imag)).data)


def test_values_around_zero_keep_their_sign(name, denoiser, rng):
    clean = phantom(shape_for(name)) - 60
    noisy = (clean + rng.normal(0, SIGMA, clean.shape)).astype(np.float32)
    result = denoiser(gaussian(noisy)).data
    assert rmse(result, clean) < 1.05 * SIGMA  # a filter that folds negative values is 50 and more away
    assert abs(float((result - noisy).mean())) < 0.1 * SIGMA


@pytest.mark.parametrize("scale", [2.0**-17, 2.0**17])
def test_scale_equivariance_is_exact_for_powers_of_two(name, denoiser, scale, rng):
    noisy = rician(phantom(shape_for(name)), SIGMA, rng)
    expected = denoiser(magnitude(noisy)).data * np.float32(scale)
    assert np.array_equal(denoiser(magnitude(noisy * np.float32(scale), SIGMA * scale)).data, expected)


@pytest.mark.parametrize("scale", [1e-5, 1e5])
def test_scale_equivariance_up_to_rounding(name, denoiser, scale, rng):
    noisy = rician(phantom(shape_for(name)), SIGMA, rng)
    difference = np.abs(
        denoiser(magnitude(noisy * scale, SIGMA * scale)).data / scale - denoiser(magnitude(noisy)).data
    )
    # a threshold inside a method may fall the other way in a voxel or two
    assert np.quantile(difference, 0.99) < 1e-3 * SIGMA


def test_noise_that_varies_is_filtered_in_units_of_its_map(name, denoiser, rng):
    clean = phantom(shape_for(name))
    sigma = np.broadcast_to(2.0 ** (1 + np.arange(clean.shape[-1]) // 6), clean.shape).astype(np.float32)
    noisy = rician(clean, sigma, rng)
    result = denoiser(magnitude(noisy, sigma)).data
    assert np.array_equal(result, sigma * denoiser(magnitude(noisy / sigma, 1.0)).data)
    loud = sigma > 6
    assert rmse(result[loud], clean[loud]) < 0.95 * rmse(noisy[loud], clean[loud])


@pytest.mark.parametrize("level", [0.0, 50.0, 1000.0])
def test_a_constant_image_stays_constant(name, denoiser, level):
    data = np.full(shape_for(name), level, np.float32)
    np.testing.assert_allclose(denoiser(gaussian(data)).data, data, rtol=1e-6, atol=2e-3 * SIGMA)
    told = CLASSICAL[name].facts.bias == "told"
    signal_of = np.sqrt(max(level**2 - 2 * SIGMA**2, 0)) if told else float(signal_from_mean(level, SIGMA))
    np.testing.assert_allclose(denoiser(magnitude(data)).data, signal_of, rtol=1e-6, atol=2e-3 * SIGMA)


def test_the_rician_bias_is_taken_out(name, denoiser, rng):
    clean = np.full(shape_for(name), 2.5 * SIGMA, np.float32)
    noisy = rician(clean, SIGMA, rng)
    assert noisy.mean() - clean.mean() > 0.18 * SIGMA
    assert abs(denoiser(magnitude(noisy)).data.mean() - clean.mean()) < 0.12 * SIGMA


def test_many_channels_have_more_bias_and_lose_it(name, denoiser, rng):
    clean = np.full(shape_for(name), 3 * SIGMA, np.float32)
    channels = rng.normal(0, SIGMA, (8, *clean.shape))
    channels[0] += clean
    noisy = np.sqrt((channels**2).sum(axis=0)).astype(np.float32)
    image = Image(noisy, noise=NoiseMap(np.float32(SIGMA), "noncentral-chi", "given", n_channels=4))
    assert abs(denoiser(image).data.mean() - clean.mean()) < 0.25 * (noisy.mean() - clean.mean())


def test_without_noise_nothing_happens(denoiser, name, rng):
    noisy = rician(phantom(shape_for(name)), SIGMA, rng)
    assert np.array_equal(denoiser(magnitude(noisy, 0.0)).data, noisy)
    sigma = np.full(noisy.shape, SIGMA, np.float32)
    sigma[..., :7] = 0
    result = denoiser(magnitude(noisy, sigma)).data
    assert np.array_equal(result[..., :7], noisy[..., :7])
    assert not np.array_equal(result[..., 7:], noisy[..., 7:])


def test_twice_the_same_result(name, denoiser, rng):
    noisy = magnitude(rician(phantom(shape_for(name)), SIGMA, rng))
    assert np.array_equal(denoiser(noisy).data, denoiser(noisy).data)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_voxel_without_a_number_is_refused(name, denoiser, value):
    data = np.ones(shape_for(name), np.float32)
    data[0, 0, 1, 1] = value
    with pytest.raises(InputError, match="NaN or infinite"):
        denoiser(magnitude(data))


def test_an_unknown_noise_level_is_refused(name, denoiser):
    with pytest.raises(InputError, match="give sigma or call estimate_noise"):
        denoiser(Image(np.ones(shape_for(name), np.float32)))


def test_a_level_that_overflows_the_ratio_is_refused():
    with pytest.raises(InputError, match="overflows"):
        GaussianFilter()(magnitude(np.full((1, 1, 8, 8), 1e20, np.float32), 1e-30))


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.restoration", None)
    with pytest.raises(MissingExtraError, match=r"library skimage.*pip install 'quietmr\[compare\]'"):
        SkimageTotalVariation()(magnitude(np.ones((1, 1, 8, 8), np.float32)))


def test_a_library_that_misses_its_own_parts_is_not_blamed_on_the_extra(monkeypatch, tmp_path):
    (tmp_path / "half_installed.py").write_text("import what_it_needs\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="what_it_needs"):
        optional_library("half_installed", "compare")


@pytest.mark.parametrize("method", ["bm3d", "bm4d"])
def test_the_non_commercial_license_is_said_once(method, monkeypatch):
    library = ModuleType(method)
    setattr(library, method, lambda values, **_: values)
    library.BM3DProfile = library.BM4DProfile2D = SimpleNamespace
    monkeypatch.setitem(sys.modules, method, library)
    image = magnitude(np.ones((1, 1, 16, 16), np.float32))
    _say_license_once.cache_clear()
    with pytest.warns(QuietmrWarning, match="non-commercial use only"):
        CLASSICAL[method]()(image)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CLASSICAL[method]()(image)


def test_bm3d_survives_the_size_that_crashes_its_library(rng):
    pytest.importorskip("bm3d")
    noisy = rician(np.full((1, 1, 8, 8), 60, np.float32), SIGMA, rng)
    assert rmse(Bm3d()(magnitude(noisy)).data, np.full(noisy.shape, 60)) < 0.6 * SIGMA


@pytest.mark.parametrize(
    "make",
    [
        lambda: GaussianFilter(width=0),
        lambda: MedianFilter(size=4),
        lambda: WienerFilter(size=1),
        lambda: BilateralFilter(contrast=-1),
        lambda: PeronaMalik(conductance=float("nan")),
        lambda: DipyBlockwise(block_radius=0),
        lambda: DipyClassic(search_radius=0),
        lambda: DipyAscm(mild=(0, 1)),
        lambda: DipyMppca(patch_radius=0),
        lambda: SkimageWavelet(shifts=-1),
    ],
)
def test_foolish_parameters_are_refused(make):
    with pytest.raises(InputError, match="The parameter"):
        make()


def test_wiener_agrees_with_scipy_inside(rng):
    picture = rng.normal(0, 2, (40, 41)).astype(np.float32)
    expected = signal.wiener(picture.astype(np.float64), 3, noise=1.0)
    result = WienerFilter(size=3)(gaussian(picture[None, None], 1.0)).data[0, 0]
    assert result[1:-1, 1:-1] == pytest.approx(expected[1:-1, 1:-1], abs=1e-5)


def test_bilateral_without_contrast_is_a_windowed_gaussian(rng):
    volume = rng.normal(0, 1, (5, 9, 10)).astype(np.float32)
    taps = np.exp(-0.5 * (np.arange(-2, 3) / 1.3) ** 2)
    expected = volume.astype(np.float64)
    for axis in range(3):
        expected = ndimage.correlate1d(expected, taps / taps.sum(), axis, mode="reflect")
    result = BilateralFilter(width=1.3, contrast=1e4, radius=2)(gaussian(volume[None], 1.0)).data[0]
    assert result == pytest.approx(expected, abs=1e-5)


def test_an_unknown_wavelet_is_refused():
    with pytest.raises(InputError, match="wavelet 'db200'"):
        SkimageWavelet(wavelet="db200")(magnitude(np.ones((1, 1, 8, 8), np.float32)))


def test_bilateral_keeps_an_edge_of_ten_sigma():
    step = np.zeros((1, 1, 12, 12), np.float32)
    step[..., 6:] = 10 * SIGMA
    assert BilateralFilter()(gaussian(step)).data == pytest.approx(step, abs=0.01 * SIGMA)


def test_diffusion_keeps_the_mean_and_is_heat_flow_without_edges(rng):
    volume = rng.normal(100, 1, (1, 6, 9, 10)).astype(np.float32)
    result = PeronaMalik(conductance=2.0, steps=5)(gaussian(volume, 1.0)).data
    assert result.mean(dtype=np.float64) == pytest.approx(volume.mean(dtype=np.float64), abs=1e-5)
    heat = volume[0].astype(np.float64)
    heat += sum(ndimage.correlate1d(heat, [1, -2, 1], axis, mode="reflect") for axis in range(3)) / 7
    assert PeronaMalik(conductance=1e4, steps=1)(gaussian(volume, 1.0)).data[0] == pytest.approx(heat, abs=1e-4)


def nonlocal_means(picture: np.ndarray, patch: int, search: int) -> np.ndarray:
    """Descoteaux et al. (2008) in two dimensions, written from the formula: root of the weighted mean of squares."""
    reach = search - patch
    padded = np.pad(picture, search, mode="reflect")
    rows, columns = picture.shape

    def shifted(dy: int, dx: int) -> np.ndarray:
        return padded[search + dy : search + dy + rows, search + dx : search + dx + columns]

    total, weights = np.zeros_like(picture), np.zeros_like(picture)
    for dy, dx in product(range(-reach, reach + 1), repeat=2):
        around = list(product(range(-patch, patch + 1), repeat=2))
        distance = np.mean([(shifted(dy + a, dx + b) - shifted(a, b)) ** 2 for a, b in around], axis=0)
        weight = np.exp(-distance / np.sqrt(2))
        total += weight * shifted(dy, dx) ** 2
        weights += weight
    return np.sqrt(np.maximum(total / weights - 2, 0))


def test_classic_nonlocal_means_of_a_picture_is_the_formula_in_two_dimensions(rng):
    picture = rician(phantom((1, 1, 20, 22)) / SIGMA, 1.0, rng)
    result = DipyClassic(patch_radius=1, search_radius=3)(magnitude(picture, 1.0)).data[0, 0]
    assert result == pytest.approx(nonlocal_means(picture[0, 0].astype(np.float64), 1, 3), abs=1e-4)


@pytest.mark.parametrize("method", [DipyClassic, DipyBlockwise])
def test_nonlocal_means_of_a_slice_does_not_depend_on_the_order_of_its_axes(method, rng):
    # DIPY itself reads outside the memory of a single slice, which shows as such a dependence
    picture = rician(phantom((1, 1, 20, 25)), SIGMA, rng)
    turned = np.ascontiguousarray(picture.swapaxes(-1, -2))
    result = method()(magnitude(picture)).data
    np.testing.assert_allclose(method()(magnitude(turned)).data.swapaxes(-1, -2), result, atol=1e-4 * SIGMA)


def test_frames_are_filtered_for_themselves(name, denoiser, rng):
    if CLASSICAL[name].facts.series:
        pytest.skip("works on the frames together")
    noisy = rician(phantom((3, 4, 16, 16)), SIGMA, rng)
    together = denoiser(magnitude(noisy)).data
    alone = [denoiser(magnitude(frame[None])).data[0] for frame in noisy]
    assert np.array_equal(together, np.stack(alone))


@pytest.mark.parametrize("method", [DipyMppca, DipyLocalPca])
def test_local_pca_keeps_a_series_of_one_component_and_drops_noise(method, rng):
    course = np.linspace(1, 2, 20).reshape(-1, 1, 1, 1)
    clean = (course * (20 + 5 * rng.random((1, 6, 12, 12)))).astype(np.float32)
    noisy = (clean + rng.normal(0, 1, clean.shape)).astype(np.float32)
    # one component out of 20, and the mean over patches of 125 voxels: at most a fifth of the variance stays
    assert rmse(method()(gaussian(noisy, 1.0)).data, clean) < np.sqrt(0.2)


def test_local_pca_refuses_volumes_that_are_too_small_for_the_series():
    series = np.ones((40, 1, 4, 4), np.float32)
    with pytest.raises(InputError, match="too small"):
        DipyMppca()(magnitude(series))
