"""The guided filter, its guard, and what it finds out about the noise."""

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from quietmr.data import Geometry, Image, NoiseMap
from quietmr.denoise import create_denoiser
from quietmr.denoise.block_layout import BlockLayout, block_shape
from quietmr.denoise.correlation import block_correlation, noise_correlation
from quietmr.denoise.guard import give_back
from quietmr.denoise.nonlocal_bayes import filter_groups
from quietmr.denoise.presets import PRESETS
from quietmr.noise import rician_mean
from quietmr.noise.synthesis import colour
from quietmr.phantoms import Mixture, draw_scene

STILL = Mixture(dynamic=0, thick=0)
SHAPES = [(1, 8, 8), (1, 33, 21), (2, 12, 12), (3, 20, 17), (4, 9, 9), (9, 26, 31)]


def noisy_of(clean, sigma, rng):
    noise = sigma * rng.standard_normal((2, *clean.shape))
    return np.hypot(clean + noise[0], noise[1]).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 48, 48), (20, 32, 32)])
def test_without_noise_variance_the_noisy_values_stay(shape, rng):
    """v -> 0 turns the filter into the identity, where the group is large enough for a full covariance."""
    pilot = torch.from_numpy(rng.random(shape, dtype=np.float32)) + 1
    noisy = pilot + 0.1 * torch.from_numpy(rng.standard_normal(shape).astype(np.float32))
    result = filter_groups(noisy, pilot, torch.full(shape, 1e-9), group=200)
    torch.testing.assert_close(result, noisy, atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_a_flat_pilot_makes_it_a_mean(shape, rng):
    """C = 0: every block becomes the mean of its group, so noise falls by far and no bias enters."""
    pilot = torch.full(shape, 5.0)
    noisy = pilot + torch.from_numpy(rng.standard_normal(shape).astype(np.float32))
    result = filter_groups(noisy, pilot, torch.ones(shape))
    assert float(result.std()) < 0.5 * float(noisy.std())
    assert float((result - noisy).mean()) == pytest.approx(0.0, abs=0.35)


def numbers(rng, shape, *, is_complex=False):
    values = rng.standard_normal((2, *shape), dtype=np.float32)
    return values[0] + 1j * values[1] if is_complex else values[0]


@pytest.mark.parametrize("is_complex", [False, True])
def test_all_groups_of_a_slice_by_hand(is_complex, rng):
    """A slice so small that every block in it is a candidate, against the formula written out with numpy."""
    pilot = 2 * numbers(rng, (1, 16, 16), is_complex=is_complex)
    noisy = pilot + numbers(rng, pilot.shape, is_complex=is_complex)
    blocks = [np.lib.stride_tricks.sliding_window_view(a[0], (7, 7)).reshape(-1, 49) for a in (pilot, noisy)]
    window = np.kaiser(7, 2.0)[:, None] * np.kaiser(7, 2.0)
    total, weight = np.zeros((16, 16), complex), np.zeros((16, 16))
    # Cells of two blocks begin at 0 and, moved back to end with the slice, at 2.
    for y, x in itertools.product((0, 7, 2, 9), repeat=2):
        near = np.argsort((np.abs(blocks[0] - blocks[0][y * 10 + x]) ** 2).sum(1), kind="stable")[:64]
        p, z = blocks[0][near].astype(complex), blocks[1][near].astype(complex)
        # Real and imaginary part have one covariance, the mean of theirs.
        covariance = np.cov(p.T).real / (2 if is_complex else 1)
        gain = covariance @ np.linalg.inv(covariance + np.eye(49))
        filtered = z.mean(0) + (z - z.mean(0)) @ gain.T
        for position, block in zip(near, filtered, strict=True):
            top, left = divmod(int(position), 10)
            total[top : top + 7, left : left + 7] += window * block.reshape(7, 7)
            weight[top : top + 7, left : left + 7] += window
    result = filter_groups(torch.from_numpy(noisy), torch.from_numpy(pilot), torch.ones(1, 16, 16), group=64)
    np.testing.assert_allclose(result[0].numpy(), total / weight, atol=2e-3)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 30, 31), (3, 20, 17), (4, 9, 9), (5, 4, 30), (9, 26, 31)])
def test_every_voxel_is_filtered_and_nothing_comes_from_outside(shape, rng):
    """The cells cover the volume, and with one member per group each block gives back exactly what it got."""
    pilot = torch.from_numpy(rng.random(shape, dtype=np.float32))
    noisy = torch.from_numpy(rng.random(shape, dtype=np.float32))
    torch.testing.assert_close(filter_groups(noisy, pilot, torch.ones(shape), group=1), noisy, atol=1e-5, rtol=0)


@pytest.mark.parametrize("reach", [None, (8, 2, 2)])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 40, 33), (4, 4, 4), (9, 26, 31)])
def test_candidates_lie_in_the_volume(shape, reach):
    pilot = np.full(shape, 5.0, np.float32)
    layout = BlockLayout(shape, block_shape(pilot), reach)
    inside = layout.inside(layout.corners()).flatten(1).sum(1)
    assert int(inside.min()) == layout.fewest_candidates > 0
    for corner, allowed in zip(layout.corners(), layout.inside(layout.corners()), strict=True):
        first = torch.nonzero(allowed) + torch.tensor(corner) - torch.tensor(layout.search)
        assert (first >= 0).all()
        assert (first + torch.tensor(layout.block) <= torch.tensor(shape)).all()


def test_blocks_are_flat_where_slices_differ(rng):
    smooth = gaussian_filter(rng.standard_normal((12, 40, 40)), (3.0, 1.5, 1.5)).astype(np.float32)
    rough = gaussian_filter(rng.standard_normal((12, 40, 40)), (0.3, 1.5, 1.5)).astype(np.float32)
    assert block_shape(20 + 9 * smooth / smooth.std()) == (4, 4, 4)
    assert block_shape(20 + 9 * rough / rough.std()) == (2, 6, 6)
    assert block_shape(np.full((3, 40, 40), 5.0, np.float32)) == (2, 6, 6)
    assert block_shape(np.full((1, 40, 40), 5.0, np.float32)) == (1, 7, 7)


def test_threads_change_nothing(rng):
    volumes = [torch.from_numpy(rng.random((9, 40, 40), dtype=np.float32)) for _ in range(2)]
    results, before = [], torch.get_num_threads()
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            results.append(filter_groups(*volumes, torch.ones(9, 40, 40)))
            assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 9, 31), (1, 3, 16, 17), (3, 6, 12, 12)])
def test_presets_take_any_shape(preset, shape, rng):
    clean = np.stack([draw_scene(shape[1:], STILL, rng) for _ in range(shape[0])])
    image = Image(noisy_of(clean, 0.1, rng), noise=NoiseMap(np.array(0.1)))
    result = create_denoiser(preset)(image)
    assert result.shape == shape
    assert np.isfinite(result.data).all()
    assert (result.data >= 0).all()
    assert result.history[-1].parameters["method"] == preset


@pytest.mark.parametrize("factor", [2.0**-30, 2.0**30])
def test_scale_equivariance(factor, rng):
    noisy = noisy_of(draw_scene((6, 40, 36), STILL, rng), 0.1, rng)[None]
    small, large = (
        create_denoiser("quiet")(Image(noisy * np.float32(c), noise=NoiseMap(np.array(0.1 * c)))) for c in (1, factor)
    )
    # Powers of two round nothing; any other factor may exchange blocks that are equally similar.
    np.testing.assert_array_equal(large.data / np.float32(factor), small.data)


def test_the_second_stage_beats_its_pilot_on_texture(rng):
    clean = draw_scene((12, 64, 64), Mixture(head=1, regions=0, leaves=0, dynamic=0, thick=0, rich=0), rng)[None]
    image = Image(noisy_of(clean, 0.07, rng), noise=NoiseMap(np.array(0.07)))
    errors = [np.mean((create_denoiser(name)(image).data - clean) ** 2) for name in ("quiet-fast", "quiet")]
    assert errors[1] < 0.95 * errors[0]


def test_it_runs_along_time_where_the_network_does(rng):
    clean = np.repeat(draw_scene((1, 40, 40), STILL, rng)[None], 6, axis=0)
    image = Image(
        noisy_of(clean, 0.1, rng), Geometry(np.diag([1.0, 1.0, 8.0, 1.0])), noise=NoiseMap(np.array(0.1)), frames="time"
    )
    result = create_denoiser("quiet")(image)
    assert result.history[-1].parameters["third_axis"] == "time"
    assert np.mean((result.data - clean) ** 2) < 0.3 * np.mean((image.data - clean) ** 2)


def scene_in_air(rng):
    clean = np.zeros((12, 96, 96), np.float32)
    clean[:, 24:72, 24:72] = 20 * draw_scene((12, 48, 48), STILL, rng)
    return clean


def test_white_noise_is_seen_as_white(rng):
    clean = scene_in_air(rng)
    assert noise_correlation(noisy_of(clean, 1.0, rng), clean, (4, 4, 4)) is None


@pytest.mark.parametrize("air", [True, False])
def test_filtered_noise_is_measured(air, rng):
    """A Gaussian k-space filter along x correlates neighbors by a known amount."""
    generator = torch.Generator().manual_seed(1)
    shape = (12, 96, 96)
    frequency = torch.fft.fftfreq(96).abs() * 2
    transfer = torch.exp(-0.5 * (frequency / 0.45) ** 2).expand(shape)
    rho = torch.fft.ifft(transfer[0, 0] ** 2).real
    expected = (rho / rho[0])[:4].numpy()
    noise = colour(torch.complex(*torch.randn((2, *shape), generator=generator)), transfer).numpy()
    clean = scene_in_air(rng) if air else 20 + scene_in_air(rng)
    found = noise_correlation(np.abs(clean + noise).astype(np.float32), clean, (4, 4, 4))
    np.testing.assert_allclose(found[2], expected, atol=0.1)
    np.testing.assert_allclose(found[1][1:], 0.0, atol=0.16)


def test_block_correlation_is_the_product_of_its_axes():
    axes = [np.array([1.0]), np.array([1.0, 0.4]), np.array([1.0, 0.5, 0.1])]
    matrix = block_correlation(axes)
    assert matrix.shape == (6, 6)
    np.testing.assert_allclose(np.diag(matrix), 1.0, rtol=1e-5)
    assert matrix[0, 3] == pytest.approx(0.4, abs=1e-3)
    assert matrix[0, 5] == pytest.approx(0.4 * 0.1, abs=1e-3)
    assert np.linalg.eigvalsh(matrix).min() > 0.01


def test_the_guard_gives_a_lost_spot_back_and_little_else(rng):
    truth = np.full((9, 32, 32), 20.0, np.float32)
    spots = truth.copy()
    spots[4, 16, 16] += 8.0
    spots[4, 15:18, 15:18] += 2.0
    noisy = noisy_of(spots, 1.0, rng)
    guarded = give_back(noisy, truth)
    assert guarded[4, 16, 16] - 20.0 > 0.5 * (noisy[4, 16, 16] - 20.0)
    assert np.mean((guarded - spots) ** 2) < 0.15
    np.testing.assert_allclose(give_back(rician_mean(truth, 1.0).astype(np.float32), truth), truth, atol=1e-3)
