import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.noise.phase import smooth_phase, steepest, with_phase


@pytest.mark.parametrize("shape", [(1, 64, 48), (12, 32, 96)])
@pytest.mark.parametrize("seed", range(5))
def test_phase_is_smooth_in_the_plane_and_slow_over_time(shape, seed):
    phase = smooth_phase(shape, np.random.default_rng(seed))
    assert phase.shape == shape
    assert float(phase.diff(dim=-2).abs().max()) < steepest(shape[1])
    assert float(phase.diff(dim=-1).abs().max()) < steepest(shape[2])
    if shape[0] > 1:
        assert 0 < float(phase.diff(dim=-3).abs().max()) < 2 * np.pi * 0.5 * 5 / shape[0]


def test_no_phase_is_preferred():
    # At the first pixel, where ramp and waves add least to the offset.
    rng = np.random.default_rng(1)
    turned = torch.stack([torch.polar(torch.tensor(1.0), smooth_phase((1, 4, 4), rng)[0, 0, 0]) for _ in range(2000)])
    assert float(turned.mean().abs()) < 4 / np.sqrt(2000)  # mean of unit phasors


def test_magnitude_stays_as_it_was_and_the_phase_is_the_one_given():
    magnitude = torch.rand((2, 3, 16, 20), generator=torch.Generator().manual_seed(1)) + 0.1
    phase = smooth_phase((3, 16, 20), np.random.default_rng(2))
    image = with_phase(magnitude, phase)
    torch.testing.assert_close(image.abs(), magnitude)
    torch.testing.assert_close(torch.polar(image.abs(), -phase.expand(2, 3, 16, 20)) * image, (magnitude**2) + 0j)


@pytest.mark.parametrize("image", [-torch.ones((1, 4, 4)), torch.ones((1, 4, 4), dtype=torch.complex64)])
def test_only_magnitudes_get_a_phase(image):
    with pytest.raises(InputError, match="magnitudes only"):
        with_phase(image, torch.zeros((1, 4, 4)))


def test_same_generator_state_same_phase():
    one, two, other = (smooth_phase((2, 8, 8), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
