"""Optimizers and their rate."""

import pytest
import torch

from quietmr.training.checkpoint import optimizer_tensors, restore_optimizer
from quietmr.training.muon import Muon, orthogonalize
from quietmr.training.recipe import OptimizerRecipe


def test_muon_orthogonalizes():
    torch.manual_seed(0)
    for shape in ((16, 40), (40, 16), (24, 24)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert float(values.max()) < 1.3
        assert float(values.median()) > 0.6


def test_muon_state_survives_a_checkpoint():
    def made():
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.randn(4, 3, 3))
        return weight, Muon([weight], lr=0.1)

    def step(weight, optimizer, seed):
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        optimizer.step()

    weight, optimizer = made()
    step(weight, optimizer, 0)
    other, fresh = made()
    other.data.copy_(weight.data)
    restore_optimizer(fresh, optimizer_tensors(optimizer))
    step(weight, optimizer, 1)
    step(other, fresh, 1)
    torch.testing.assert_close(other, weight, rtol=0, atol=0)


def test_rate_warms_up_stays_and_falls_to_zero():
    from quietmr.training.optimizers import rate

    settings = OptimizerRecipe(warmup=10, flat=0.5)
    rates = [rate(step, 100, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:50] == [1.0] * 41
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0.0
