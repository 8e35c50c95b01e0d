"""Impulse noise against its stated density."""

import math

import pytest
import torch

from quietmr.data import InputError
from quietmr.noise.impulse import add_impulses, draw_impulses

SHAPE = (4, 256, 256)


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("density", [0.1, 0.2, 0.3])
def test_the_density_is_met_half_black_half_white(density):
    clean = torch.rand(SHAPE, generator=generator(9)) * 0.8 + 0.1
    noisy = add_impulses(clean, draw_impulses(SHAPE, density, generator()))
    n = clean.numel()
    for share, expected in (((noisy == 0), density / 2), ((noisy == 1), density / 2), ((noisy != clean), density)):
        assert float(share.float().mean()) == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / n))
    # Mean squared error in closed form: each lost pixel is as far from its value as black or white.
    expected = density * (0.5 * clean.square() + 0.5 * (1 - clean).square()).mean()
    assert float((noisy - clean).square().mean()) == pytest.approx(float(expected), rel=0.03)


def test_neighbors_are_lost_independently():
    lost = draw_impulses((1024, 1024), 0.3, generator()).lost.float() - 0.3
    for pair in ((lost[1:], lost[:-1]), (lost[:, 1:], lost[:, :-1])):
        assert float((pair[0] * pair[1]).mean()) / (0.3 * 0.7) == pytest.approx(0, abs=4e-3)


def test_draws_repeat_and_units_are_free():
    draws = [draw_impulses(SHAPE, 0.2, generator(seed)) for seed in (3, 3, 4)]
    assert torch.equal(draws[0].lost, draws[1].lost)
    assert not torch.equal(draws[0].lost, draws[2].lost)
    clean = torch.rand(SHAPE)
    for unit in (1e-9, 255.0, 1e9):
        noisy = add_impulses(unit * clean, draws[0], 0.0, unit)
        torch.testing.assert_close(noisy / unit, add_impulses(clean, draws[0]))


def test_none_and_all():
    clean = torch.rand(SHAPE)
    assert torch.equal(add_impulses(clean, draw_impulses(SHAPE, 0.0, generator())), clean)
    assert set(add_impulses(clean, draw_impulses(SHAPE, 1.0, generator())).unique().tolist()) == {0.0, 1.0}


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(InputError, match="0 to 1, got 30"):
        draw_impulses(SHAPE, 30, generator())
    draw = draw_impulses((2, 3), 0.5, generator())
    with pytest.raises(InputError, match="shape \\(3, 3\\)"):
        add_impulses(torch.rand(3, 3), draw)
    with pytest.raises(InputError, match="complex64"):
        add_impulses(torch.rand(2, 3).to(torch.complex64), draw)
