import numpy as np
import pytest

from quietmr.phantoms.frame import coverage, folded_field, place, smooth_field, variation
from quietmr.phantoms.tissue import thin_sheet


@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.0, 0.6, 0.8), (0.5, 0.5, 0.7071)])
def test_partial_volume_is_the_mean_of_a_finer_grid(normal):
    # Voxels three times as thick as wide; each is compared with the mean over 15 x 9 x 9 points inside it.
    step = np.array([3.0, 1.0, 1.0])
    n = np.array(normal)

    def level(divide):
        axes = [(np.arange(6 * d) - (6 * d - 1) / 2) * s / d for d, s in zip(divide, step, strict=True)]
        return sum(
            c * axis.reshape([-1 if i == k else 1 for i in range(3)])
            for k, (c, axis) in enumerate(zip(n, axes, strict=True))
        )

    fine = np.broadcast_to(level((15, 9, 9)) > 0.2, (90, 54, 54)).reshape(6, 15, 6, 9, 6, 9).mean(axis=(1, 3, 5))
    coarse = coverage(np.broadcast_to(level((1, 1, 1)) - 0.2, (6, 6, 6)).astype(np.float32))
    # The ramp of an oblique plane is rounder than the straight line used here.
    assert np.abs(coarse - fine).max() < 0.06
    assert coarse.mean() == pytest.approx(fine.mean(), abs=0.01)


def test_coverage_does_not_depend_on_the_scale_of_the_level(rng):
    level = smooth_field((4, 20, 20), (1.0, 1.0, 1.0), 4.0, rng)
    np.testing.assert_allclose(coverage(level), coverage(50 * level), atol=2e-2)
    np.testing.assert_allclose(coverage(level) + coverage(-level), 1.0, atol=1e-6)


def test_variation_of_a_plane_is_its_slope_everywhere():
    z, y, x = np.meshgrid(np.arange(4), np.arange(5), np.arange(6), indexing="ij")
    np.testing.assert_allclose(variation((2 * z - 3 * y + 6 * x).astype(np.float32)), 7.0, rtol=1e-3)


def test_a_sheet_of_a_voxel_holds_one_voxel():
    x = np.broadcast_to(np.arange(20, dtype=np.float32) - 9.3, (1, 8, 20))
    assert thin_sheet(x, 0.5).sum(axis=-1).mean() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("make", [smooth_field, folded_field])
def test_cheap_fields_have_unit_spread_and_nothing_finer_than_told(make, rng):
    fields = np.stack([make((1, 96, 96), (1.0, 1.0, 1.0), 16.0, rng)[0] for _ in range(12)])
    assert np.mean(fields) == pytest.approx(0.0, abs=0.35)
    assert np.std(fields) == pytest.approx(1.0, abs=0.35)
    window = np.outer(np.hanning(96), np.hanning(96))
    power = np.abs(np.fft.fft2(fields * window)) ** 2
    fine = np.hypot(*np.meshgrid(np.fft.fftfreq(96), np.fft.fftfreq(96))) > 1 / 5
    assert power[:, fine].sum() / power.sum() < 2e-3


def test_coordinates_are_millimeters(rng):
    frame = place((8, 30, 30), (4.0, 1.0, 2.0), (10.0, 10.0, 10.0), rng, warp=0.0)
    body = np.stack([frame.x, frame.y, frame.z])
    for axis, step in enumerate(frame.spacing):
        length = np.sqrt(np.square(np.diff(body, axis=axis + 1)).sum(axis=0))
        np.testing.assert_allclose(length, step, rtol=1e-4)
    center = body[:, 3:5, 14:16, 14:16].mean(axis=(1, 2, 3))
    assert np.abs(center).max() <= 10.0
