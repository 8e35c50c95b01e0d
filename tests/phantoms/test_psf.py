import numpy as np
import pytest

from quietmr.phantoms.psf import Aperture, acquire, draw_aperture


def test_a_uniform_object_keeps_its_value(rng):
    for _ in range(12):
        image = acquire(np.full((2, 46, 37), 0.7, dtype=np.float32), (40, 33), draw_aperture(rng))
        np.testing.assert_allclose(image, 0.7, rtol=1e-5)


def test_the_image_is_the_object_where_the_object_has_no_finer_detail():
    # A wave of 6 periods, averaged over the voxels of the fine grid as an object is.
    fine = 1 + 0.3 * np.sinc(6 / 48) * np.cos(2 * np.pi * 6 * np.arange(48) / 48)
    coarse = 1 + 0.3 * np.cos(2 * np.pi * 6 * np.arange(40) / 40)
    image = acquire(np.broadcast_to(fine, (1, 48, 48)).astype(np.float32), (40, 40), Aperture())
    np.testing.assert_allclose(image[0], np.broadcast_to(coarse, (40, 40)), atol=1e-5)


@pytest.mark.parametrize("extent", [(0.6, 1.0), (1.0, 0.6)])
def test_ringing_only_along_the_band_limited_axis(extent):
    y, x = np.meshgrid(np.arange(64), np.arange(64), indexing="ij")
    along_y, along_x = ((axis > 15) & (axis < 48) for axis in (y, x))
    for edges, part in ((along_y, extent[0]), (along_x, extent[1])):
        image = acquire(edges[np.newaxis].astype(np.float32) + 1, (64, 64), Aperture(extent, taper=0.0))
        # No box is undone beyond the grid of the object itself, so compare with the uncut image.
        uncut = acquire(edges[np.newaxis].astype(np.float32) + 1, (64, 64), Aperture())
        change = np.abs(image - uncut).max()
        assert (change > 0.05) == (part < 1)


def test_zero_filled_rim_is_empty(rng):
    image = acquire(rng.random((1, 60, 60), dtype=np.float32) * 0.1 + 1, (50, 50), Aperture((0.7, 1.0)))
    power = np.abs(np.fft.fft2(image[0])) ** 2
    rim = np.abs(np.fft.fftfreq(50)) > 0.36
    assert power[rim].sum() < 1e-8 * power.sum()
    assert power[:, rim].sum() > 1e-5 * power.sum()


def test_a_filter_lowers_ringing():
    step = np.ones((1, 8, 77), dtype=np.float32)
    step[..., 20:50] = 2
    over = [acquire(step, (8, 64), Aperture(taper=taper, floor=0.08)).max() for taper in (0.0, 1.0)]
    assert over[0] > 2.05
    assert over[1] < 2.02
