"""The shipped networks for magnitudes on whole images."""

import numpy as np
import pytest

from quietmr.data import Geometry, Image, InputError, NoiseMap
from quietmr.denoise import NetworkDenoiser, takes_complex
from quietmr.models import list_models
from quietmr.phantoms import Mixture, draw_scene

SHAPES = [(1, 1, 8, 8), (1, 1, 9, 31), (1, 3, 16, 17), (1, 12, 20, 21), (3, 6, 12, 12), (1, 1, 128, 96)]


def noisy_image(shape, rng, sigma=0.1, **fields):
    t, z, y, x = shape
    clean = np.stack([draw_scene((z, y, x), Mixture(dynamic=0), rng) for _ in range(t)])
    noise = sigma * rng.standard_normal((2, *shape))
    data = np.hypot(clean + noise[0], noise[1])
    return clean, Image(data, noise=NoiseMap(np.array(sigma)), **fields)


@pytest.fixture(params=[name for name in list_models() if not takes_complex(name)])
def denoiser(request):
    return NetworkDenoiser(request.param)


@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape_from_8_by_8_up(denoiser, shape, rng):
    _, image = noisy_image(shape, rng)
    before = image.data.copy()
    result = denoiser(image)
    assert result.shape == shape
    assert result.data.dtype == np.float32
    assert np.isfinite(result.data).all()
    assert (result.data >= 0).all()
    np.testing.assert_array_equal(image.data, before)
    assert result.history[-1].parameters["method"] == denoiser.model


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e9])
def test_scale_equivariance(denoiser, factor, rng):
    _, image = noisy_image((1, 6, 40, 36), rng)
    scaled = Image(image.data * np.float32(factor), noise=NoiseMap(image.noise.sigma * np.float32(factor)))
    reference = denoiser(image).data
    np.testing.assert_allclose(denoiser(scaled).data / factor, reference, atol=2e-4 * 0.1, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 16, 64, 64), (1, 1, 128, 128), (1, 5, 96, 96)])
@pytest.mark.parametrize(("sigma", "part"), [(0.05, 0.65), (0.15, 0.5)])
def test_the_error_falls(denoiser, shape, sigma, part, rng):
    clean, image = noisy_image(shape, rng, sigma)
    before = np.sqrt(np.mean((image.data - clean) ** 2))
    after = np.sqrt(np.mean((denoiser(image).data - clean) ** 2))
    assert after < part * before


def test_a_noise_map_is_used_where_it_says(rng):
    """Told the map, the network beats itself told the median level."""
    clean = draw_scene((12, 72, 72), Mixture(dynamic=0, thick=0), rng)[None]
    sigma = np.broadcast_to(np.geomspace(0.02, 0.3, 72, dtype=np.float32), clean.shape)
    noise = rng.standard_normal((2, *clean.shape)) * sigma
    data = np.hypot(clean + noise[0], noise[1])
    denoiser = NetworkDenoiser("quiet-fast")

    def error(told):
        return float(np.mean((denoiser(Image(data, noise=NoiseMap(told))).data - clean) ** 2))

    assert error(sigma) < 0.7 * error(np.array(np.median(sigma)))


def test_frames_of_a_cine_help_each_other(rng):
    """2D+T: still frames are averaged over time, which single slices cannot be."""
    clean = np.repeat(draw_scene((1, 64, 64), Mixture(dynamic=0), rng)[None], 8, axis=0)
    noise = 0.1 * rng.standard_normal((2, *clean.shape))
    data = np.hypot(clean + noise[0], noise[1])
    level = NoiseMap(np.array(0.1))
    spaced = Geometry(np.diag([1.0, 1.0, 8.0, 1.0]))
    cine = NetworkDenoiser("quiet-fast")(Image(data, spaced, noise=level, frames="time"))
    single = NetworkDenoiser("quiet-fast")(Image(data, spaced, noise=level, frames="echo"))
    assert cine.history[-1].parameters["third_axis"] == "time"
    assert single.history[-1].parameters["third_axis"] == "slices"
    assert np.mean((cine.data - clean) ** 2) < 0.8 * np.mean((single.data - clean) ** 2)


def test_voxels_without_noise_are_left_alone(rng):
    _, image = noisy_image((1, 4, 32, 32), rng)
    sigma = np.full(image.shape, 0.1, np.float32)
    sigma[..., :10] = 0
    result = NetworkDenoiser("quiet-fast")(image.replace(noise=NoiseMap(sigma)))
    np.testing.assert_array_equal(result.data[..., :10], image.data[..., :10])
    assert not np.allclose(result.data[..., 12:], image.data[..., 12:])


def test_what_it_cannot_do_it_refuses(rng):
    denoiser = NetworkDenoiser("quiet-fast")
    with pytest.raises(InputError, match="choose quiet or quiet-complex"):
        denoiser(Image(np.ones((1, 1, 8, 8), np.complex64), noise=NoiseMap(np.array(1.0))))
    with pytest.raises(InputError, match="no noise level"):
        denoiser(Image(np.ones((1, 1, 8, 8))))
    with pytest.raises(InputError, match="negative"):
        denoiser(Image(rng.standard_normal((1, 1, 16, 16)) * 100, noise=NoiseMap(np.array(1.0))))
    with pytest.raises(InputError, match="not available"):
        NetworkDenoiser("quiet-fast", device="warp")(Image(np.ones((1, 1, 8, 8)), noise=NoiseMap(np.array(1.0))))


def test_progress_ends_at_one(rng):
    seen = []
    _, image = noisy_image((2, 6, 24, 24), rng)
    NetworkDenoiser("quiet-fast", progress=seen.append)(image)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 2
