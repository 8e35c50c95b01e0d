"""Optimizers and their rates."""

import warnings

import pytest
import torch
from torch import nn

from quietmr.models import build_architecture
from quietmr.training.checkpoint import optimizer_tensors, restore_optimizer
from quietmr.training.curvature import gauss_newton_bartlett
from quietmr.training.muon import Muon, orthogonalize
from quietmr.training.optimizers import make_optimizers, set_rates
from quietmr.training.pixel_losses import charbonnier, mse
from quietmr.training.rates import cycled_momentum, rate
from quietmr.training.recipe import OptimizerRecipe
from quietmr.training.sign_momentum import SignMomentum
from quietmr.training.sophia import Sophia

KINDS = ("muon", "adamw", "sophia", "sign-momentum")


def test_muon_orthogonalizes():
    torch.manual_seed(0)
    for shape in ((16, 40), (40, 16), (24, 24)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert float(values.max()) < 1.3
        assert float(values.median()) > 0.6


@pytest.mark.parametrize("make", [Muon, SignMomentum, Sophia])
def test_the_state_survives_a_checkpoint(make):
    def made():
        torch.manual_seed(1)
        weight = nn.Parameter(torch.randn(4, 3, 3))
        return weight, make([weight], lr=0.1)

    def step(weight, optimizer, seed):
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        if seed == 0 and isinstance(optimizer, Sophia):
            optimizer.update_hessian([weight.grad.square()])
        optimizer.step()

    weight, optimizer = made()
    step(weight, optimizer, 0)
    other, fresh = made()
    other.data.copy_(weight.data)
    restore_optimizer(fresh, optimizer_tensors(optimizer))
    step(weight, optimizer, 1)
    step(other, fresh, 1)
    torch.testing.assert_close(other, weight, rtol=0, atol=0)


def test_sign_momentum_moves_every_weight_equally_far():
    weight = nn.Parameter(torch.zeros(3))
    optimizer = SignMomentum([weight], lr=0.1, momentum=0.5)
    for slope, expected in (([4.0, -1e-6, 0.0], [-0.1, 0.1, 0.0]), ([-1.0, 1.0, 1.0], [-0.2, 0.0, -0.1])):
        weight.grad = torch.tensor(slope)
        optimizer.step()
        torch.testing.assert_close(weight.detach(), torch.tensor(expected))


def test_sophia_without_curvature_is_sign_momentum():
    # What the reference of SNRAware does, which never measures it.
    weights = [nn.Parameter(torch.ones(50)) for _ in range(2)]
    optimizers = [Sophia(weights[:1], lr=0.1, betas=(0.9, 0.99)), SignMomentum(weights[1:], lr=0.1, momentum=0.9)]
    rng = torch.Generator().manual_seed(2)
    for _ in range(5):
        slope = torch.randn(50, generator=rng)
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = slope.clone()
            optimizer.step()
    torch.testing.assert_close(*weights, rtol=0, atol=0)


def test_sophia_takes_newton_steps_where_the_curvature_is_large():
    curvature = torch.tensor([1.0, 10.0, 1000.0], dtype=torch.float64)
    weight = nn.Parameter(torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64))
    # No memory: the step is gradient over curvature, as far as the learning rate goes.
    optimizer = Sophia([weight], lr=1.0, betas=(0.0, 0.0), scale=1.0)
    weight.grad = curvature * weight.detach()
    optimizer.update_hessian([curvature])
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.zeros(3, dtype=torch.float64))
    # At most the learning rate.
    weight.data.fill_(7.0)
    weight.grad = curvature * weight.detach()
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.full((3,), 6.0, dtype=torch.float64))


def test_sophia_decays_weights_by_the_learning_rate():
    weight = nn.Parameter(torch.full((2,), 4.0))
    optimizer = Sophia([weight], lr=0.5, weight_decay=0.2)
    weight.grad = torch.zeros(2)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.full((2,), 3.6))


def estimated(loss, network, x, target, draws):
    """Mean and standard error of the estimates of the curvature over draws."""
    rng = torch.Generator().manual_seed(4)
    weights = list(network.parameters())
    sigma = torch.ones_like(target[:, :1])
    estimates = torch.stack(
        [
            torch.cat([e.flatten() for e in gauss_newton_bartlett(network(x), target, sigma, loss, weights, rng)])
            for _ in range(draws)
        ]
    )
    return estimates.mean(0), estimates.std(0) / draws**0.5


def linear_network():
    torch.manual_seed(5)
    return nn.Conv3d(2, 2, (1, 3, 3), padding=(0, 1, 1))


def test_curvature_of_a_squared_error_is_the_hessian():
    network = linear_network()
    x, target = torch.randn(3, 2, 2, 6, 6), torch.randn(3, 2, 2, 6, 6)
    mean, error = estimated(lambda o, t, s: mse(o, t), network, x, target, 4000)
    weights = list(network.parameters())

    def loss(*values):
        named = dict(zip(("weight", "bias"), values, strict=True))
        return mse(torch.func.functional_call(network, named, (x,)), target)

    blocks = torch.autograd.functional.hessian(loss, tuple(w.detach() for w in weights))
    exact = torch.cat([blocks[i][i].reshape(w.numel(), w.numel()).diagonal() for i, w in enumerate(weights)])
    assert float(((mean - exact) / error).abs().max()) < 4.5
    assert float((error / exact).max()) < 0.1


def test_curvature_of_a_charbonnier_error_falls_with_the_residual():
    network = linear_network()
    x = torch.randn(2, 2, 2, 6, 6)
    near, far = (network(x).detach() + size for size in (0.01, 100.0))
    loss = lambda o, t, s: charbonnier(o, t, width=1.0)  # noqa: E731
    # Quadratic with curvature 1 / width close by; far away slope 1, so 1 / residual.
    close, _ = estimated(loss, network, x, near, 400)
    away, _ = estimated(loss, network, x, far, 400)
    ratio = close / away
    assert float(ratio.median()) == pytest.approx(100 * 2**0.5, rel=0.02)


def test_curvature_is_never_negative_and_zero_for_idle_weights():
    network, idle = linear_network(), nn.Parameter(torch.ones(3))
    x = torch.randn(1, 2, 2, 6, 6)
    weights = [*network.parameters(), idle]
    rng = torch.Generator().manual_seed(0)
    # A loss that rewards the distance has no curvature that a Newton step could use.
    for loss in (lambda o, t, s: -mse(o, t), lambda o, t, s: mse(o, t)):
        found = gauss_newton_bartlett(network(x), 0 * x, x[:, :1], loss, weights, rng)
        assert all(float(estimate.min()) >= 0 for estimate in found)
        assert found[-1].tolist() == [0, 0, 0]
    equal = gauss_newton_bartlett(network(x), network(x).detach(), x[:, :1], lambda o, t, s: mse(o, t), weights, rng)
    assert all(torch.isfinite(estimate).all() for estimate in equal)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_moved_by_one_optimizer_at_the_rate_of_the_recipe(kind):
    network = build_architecture("unet3d", widths=[8, 8], n_blocks=[1, 1])
    settings = OptimizerRecipe(kind=kind, warmup=4, lr_muon=0.5, lr_adam=0.25, lr_sign=0.125)
    optimizers = make_optimizers(network, settings)
    moved = [id(w) for o in optimizers for g in o.param_groups for w in g["params"]]
    assert sorted(moved) == sorted(id(w) for w in network.parameters())
    full = {"muon": {0.5, 0.25}, "adamw": {0.25}, "sophia": {0.125}, "sign-momentum": {0.125}}[kind]
    for step, share in ((1, 0.5), (50, 1.0)):
        set_rates(optimizers, step, 100, settings)
        assert {g["lr"] for o in optimizers for g in o.param_groups} == {share * lr for lr in full}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unet3d", {}),
        ("snraware-hrnet-cnnt", {"form": "faithful"}),
        ("snraware-unet-vit2d", {"form": "corrected"}),
        ("denoisenet", {}),
        ("rdunet", {}),
    ],
)
def test_muon_moves_inner_maps_between_channels_and_nothing_else(name, arguments):
    with torch.device("meta"):
        network = build_architecture(name, **arguments)
    muon, adam = make_optimizers(network, OptimizerRecipe())
    moved = {id(weight) for weight in muon.param_groups[0]["params"]}
    layers = (nn.Linear, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    maps = [m.weight for m in network.modules() if isinstance(m, layers)]
    shown = [id(weight) for weight in network.parameters()]
    first, last = (min(maps, key=lambda w: shown.index(id(w))), max(maps, key=lambda w: shown.index(id(w))))
    assert moved == {id(weight) for weight in maps} - {id(first), id(last)}
    assert moved.isdisjoint(id(weight) for weight in adam.param_groups[0]["params"])


def test_rate_warms_up_stays_and_falls_to_zero():
    settings = OptimizerRecipe(warmup=10, flat=0.5)
    rates = [rate(step, 100, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:50] == [1.0] * 41
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0.0


@pytest.mark.parametrize("steps", [20, 100, 137])
def test_one_cycle_is_that_of_torch(steps):
    optimizer = torch.optim.AdamW([nn.Parameter(torch.ones(1))], lr=3.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3.0, total_steps=steps)
    settings = OptimizerRecipe(schedule="one-cycle")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wants optimizer steps in between
        for step in range(steps):
            (group,) = optimizer.param_groups
            assert 3 * rate(step, steps, settings) == pytest.approx(group["lr"], rel=1e-9)
            assert cycled_momentum(step, steps) == pytest.approx(group["betas"][0], rel=1e-9)
            if step < steps - 1:
                schedule.step()


def test_one_cycle_changes_the_momentum_of_signs_only():
    network = build_architecture("unet3d", widths=[8, 8], n_blocks=[1, 1])
    for kind, name in (("sign-momentum", "momentum"), ("muon", "momentum"), ("sophia", "betas")):
        settings = OptimizerRecipe(kind=kind, schedule="one-cycle")
        optimizers = make_optimizers(network, settings)
        before = optimizers[0].param_groups[0][name]
        set_rates(optimizers, 30, 100, settings)
        assert (optimizers[0].param_groups[0][name] != before) == (kind == "sign-momentum")


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_rates_too(steps):
    settings = OptimizerRecipe(schedule="one-cycle")
    assert all(0 < rate(step, steps, settings) <= 1 for step in range(steps))
