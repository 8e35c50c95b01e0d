"""Large images are cut into tiles that overlap; the result is that of the whole image."""

import numpy as np
import pytest

from quietmr.data import Image, NoiseMap
from quietmr.denoise import NetworkDenoiser
from quietmr.models import list_models
from quietmr.phantoms import Mixture, draw_scene

SIGMA = 0.1


def noisy_image(shape, rng, snr, *, is_complex):
    """A scene with tissues of a brightest SNR of about ``snr``, complex with a phase, or its magnitude."""
    scene = snr * SIGMA * draw_scene(shape, Mixture(dynamic=0), rng)
    noise = SIGMA * rng.standard_normal((2, *shape))
    data = scene * np.exp(3j * np.linspace(0, 1, shape[1]))[:, None] + noise[0] + 1j * noise[1]
    if is_complex:
        return Image(data.astype(np.complex64)[None], noise=NoiseMap(np.array(SIGMA), "complex"))
    return Image(np.abs(data).astype(np.float32)[None], noise=NoiseMap(np.array(SIGMA)))


def differ(model, image):
    """Largest difference between many tiles and one, in noise SDs."""
    tiles = []
    tiled = NetworkDenoiser(model, tile_voxels=1, progress=tiles.append)(image)
    assert len(tiles) > 1
    return float(np.abs(tiled.data - NetworkDenoiser(model)(image).data).max()) / SIGMA


# So bright that the network runs in float32: bfloat16 rounds by more than the tiles may differ.
@pytest.mark.parametrize("shape", [(124, 24, 24), (4, 216, 24), (4, 24, 216)])
def test_magnitudes_to_two_thousandths_of_sigma(shape, rng):
    assert differ("quiet-fast", noisy_image(shape, rng, 60.0, is_complex=False)) < 2e-3


@pytest.mark.skipif("quiet-complex" not in list_models(), reason="its weights are not here yet")
@pytest.mark.parametrize("shape", [(164, 24, 24), (4, 320, 24), (4, 24, 320)])
def test_complex_images_to_a_thousandth_of_sigma(shape, rng):
    assert differ("quiet-complex", noisy_image(shape, rng, 60.0, is_complex=True)) < 1e-3


@pytest.mark.parametrize("shape", [(164, 8, 8), (2, 320, 8)])
def test_any_complex_network_is_tiled(complex_model, shape, rng):
    assert differ(complex_model, noisy_image(shape, rng, 60.0, is_complex=True)) < 1e-3
