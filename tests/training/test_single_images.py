"""Learning from single noisy images: what the losses are in the mean, and that no pixel sees its own noise."""

import pytest
import torch
from torch.nn import functional

from quietmr.data import InputError
from quietmr.models import build_architecture
from quietmr.training.corruption2self import MOST_ADDED, corruption2self_objective
from quietmr.training.magnitude import magnitude_mean, magnitude_variance
from quietmr.training.neighbor2neighbor import (
    CONSISTENCY,
    draw_neighbors,
    neighbor2neighbor_objective,
    sub_image,
)
from quietmr.training.noise2void import BLIND_SHARE, draw_blind_spots, noise2void_objective
from quietmr.training.noisy_input import noise_units

SHAPE = (4, 2, 32, 32)
OBJECTIVES = {
    "neighbor2neighbor": neighbor2neighbor_objective,
    "noise2void": noise2void_objective,
    "corruption2self": corruption2self_objective,
}
WHITE = torch.ones(4, 3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def complex_batch(level, rng, shape=SHAPE, sigma=1.0):
    """Constant complex images of the given level (in noise SDs) with white noise."""
    parts = torch.randn((2, *shape), generator=rng)
    noisy = sigma * torch.complex(level + parts[0], level + parts[1])
    return [noisy, torch.full((shape[0],), sigma), torch.ones(shape[0], 3)]


def magnitude_batch(level, rng, shape=SHAPE):
    noisy = complex_batch(0.0, rng, shape)[0] + level
    return [noisy.abs(), torch.ones(shape[0]), torch.ones(shape[0], 3)]


def mean_of(objective, network, batches):
    """Mean over batches and its standard error."""
    rng = generator(7)
    values = torch.stack([objective(network, batch, rng) for batch in batches]).double()
    return float(values.mean()), float(values.std() / len(values) ** 0.5)


def gain(factor):
    return lambda x: factor * x[:, :-1]


def mean_of_others(x):
    """Linear and shift-invariant, blind to its own pixel: the mean of the 8 neighbors in the plane."""
    kernel = torch.full((1, 1, 1, 3, 3), 1 / 8)
    kernel[..., 1, 1] = 0
    image = x[:, :-1]
    padded = functional.pad(image.flatten(0, 1)[:, None], (1, 1, 1, 1, 0, 0), mode="circular")
    return functional.conv3d(padded, kernel).reshape(image.shape)


# Neighbor2Neighbor


def test_sub_images_take_two_different_neighbors_of_every_cell():
    image = torch.arange(2 * 3 * 7 * 9.0).reshape(2, 1, 3, 7, 9)
    first, second = draw_neighbors((2, 3, 7, 9), generator())
    one, two = sub_image(image, first), sub_image(image, second)
    assert one.shape == (2, 1, 3, 3, 4)
    cells = image[..., :6, :8].unfold(3, 2, 2).unfold(4, 2, 2).flatten(5)
    for taken in (one, two):
        assert ((cells == taken[..., None]).sum(-1) == 1).all()  # a pixel of its own cell
    assert set((one - two).abs().flatten().tolist()) == {1.0, 9.0}  # beside or below: never itself, never the diagonal
    assert len(set(zip(first.flatten().tolist(), second.flatten().tolist(), strict=True))) == 8


def test_sub_images_keep_channels_and_map_together():
    first, _ = draw_neighbors((2, 3, 6, 8), generator(1))
    image = torch.randn(2, 1, 3, 6, 8, generator=generator(2))
    both = sub_image(torch.cat([image, 5 * image], dim=1), first)
    torch.testing.assert_close(both[:, 1], 5 * both[:, 0])


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0])
def test_neighbor2neighbor_is_supervised_learning_up_to_a_constant(factor):
    level = 2.0
    batches = [complex_batch(level, generator(i)) for i in range(40)]
    found, error = mean_of(neighbor2neighbor_objective, gain(factor), batches)
    supervised = (factor - 1) ** 2 * level**2 + factor**2
    # a g1 - g2 - a (g1 - g2) = (a - 1) g2
    wanted = supervised + 1 + CONSISTENCY * (factor - 1) ** 2 * (level**2 + 1)
    assert found == pytest.approx(wanted, abs=4 * error + 1e-6)
    assert error < 0.02 * wanted


def test_what_the_denoised_whole_tells_of_neighbors_is_no_error():
    # Without noise, a network that returns its input is perfect, and the second term knows it: neighbors do differ.
    ramp = torch.linspace(0, 60, 32).expand(SHAPE)
    batch = [torch.complex(ramp, ramp), torch.ones(4), WHITE]
    rng = generator(3)
    loss = float(neighbor2neighbor_objective(gain(1.0), batch, rng))
    step = float(ramp[0, 0, 0, 1])
    # Half of the pairs lie beside one another along the ramp: the first term alone is left.
    assert loss == pytest.approx(step**2 / 2, rel=0.1)


# Noise2Void


def test_no_value_of_a_blind_spot_is_shown_anywhere():
    shape = (3, 2, 12, 9)
    blind, source = draw_blind_spots(shape, generator(), share=0.3)
    assert 0.1 < float(blind.float().mean()) < 0.3
    shown = set()
    for patch in range(3):
        for plane in range(2):
            hidden = set(torch.nonzero(blind[patch, plane].flatten()).flatten().tolist())
            shown = set(source[patch, plane].tolist())
            assert not hidden & shown
    own = torch.arange(12 * 9).expand(3, 2, -1)
    assert torch.equal(source == own, ~blind.flatten(2))  # those that see, see themselves
    rows, columns = source // 9 - own // 9, source % 9 - own % 9
    assert int(rows.abs().max()) == int(columns.abs().max()) == 2


def test_blind_spots_are_where_the_loss_looks_and_nothing_else_is():
    noisy = complex_batch(3.0, generator(1))[0]
    noisy.requires_grad_()
    seen = []

    def network(x):
        seen.append(x)
        return 0 * x[:, :-1] + 1

    loss = noise2void_objective(network, [noisy, torch.ones(4), WHITE], generator(2))
    (wanted,) = torch.autograd.grad(loss, noisy, retain_graph=True)
    blind = wanted != 0
    assert float(blind.float().mean()) == pytest.approx(BLIND_SHARE, rel=0.3)
    (reach,) = torch.autograd.grad(seen[0][:, :-1].square().sum(), noisy)
    assert (reach[blind] == 0).all()
    assert (reach[~blind] != 0).all()


def test_noise2void_is_supervised_learning_up_to_a_constant():
    batches = [complex_batch(2.0, generator(i)) for i in range(60)]
    found, error = mean_of(noise2void_objective, mean_of_others, batches)
    # Constant truth: the error of the network is the noise of 8 pixels, one of which is shown twice where a blind spot
    # has lent it; the constant is the noise of the blind spot.
    assert found == pytest.approx(1 + 1 / 8, abs=4 * error)
    identity, error = mean_of(noise2void_objective, gain(1.0), batches)
    assert identity == pytest.approx(2.0, abs=4 * error)  # it returns a neighbor's value, which is no better than noise
    assert error < 0.05


def test_too_small_patches_are_refused():
    with pytest.raises(InputError, match="5 x 5"):
        draw_blind_spots((1, 4, 4, 32), generator())


# Corruption2Self


def test_corruption2self_is_least_for_the_best_guess():
    # Truth of one level everywhere, so the best guess is that level: a little to either side is worse.
    level = 3.0
    batches = [complex_batch(level, generator(i)) for i in range(40)]

    def constant(value):
        return lambda x: value * x[:, -1:].amin() / x[:, -1:].amin() * torch.ones_like(x[:, :-1])

    best, error = mean_of(corruption2self_objective, constant(level), batches)
    # Of the noisy image the noisier one tells all but the variance 1 - 1 / s^2.
    added = torch.linspace(0, MOST_ADDED, 100_001).double()
    assert best == pytest.approx(float((1 - 1 / (1 + added.square())).mean()), abs=4 * error)
    for shift in (-0.3, 0.3):
        worse, _ = mean_of(corruption2self_objective, constant(level + shift), batches)
        weight = float((1 - 1 / (1 + added.square())).square().mean())
        assert worse - best == pytest.approx(weight * shift**2, rel=0.25)


def test_corruption2self_tells_the_network_all_the_noise():
    seen = []

    def network(x):
        seen.append(x)
        return 0 * x[:, :-1]

    for seed in range(20):
        corruption2self_objective(network, complex_batch(0.0, generator(seed), sigma=50.0), generator(seed))
    x = torch.cat(seen)
    told, found = x[:, -1, 0, 0, 0], x[:, :-1].flatten(1).std(1)
    torch.testing.assert_close(found, told, rtol=0.06, atol=0)
    assert float(told.min()) >= 1
    assert float(told.max()) <= (1 + MOST_ADDED**2) ** 0.5


def test_corruption2self_adds_noise_that_is_correlated_as_that_of_the_scan():
    seen = []

    def network(x):
        seen.append(x)
        return 0 * x[:, :-1]

    batch = [
        torch.zeros(4, 2, 32, 32, dtype=torch.complex64),
        torch.ones(4),
        torch.tensor([1.0, 0.5, 1.0]).expand(4, 3),
    ]
    corruption2self_objective(network, batch, generator())
    spectrum = torch.fft.fft(seen[0][:, 0], dim=2).abs()
    assert float(spectrum[:, :, 10:22].max()) < 1e-3 * float(spectrum.max())
    assert float(torch.fft.fft(seen[0][:, 0], dim=3).abs()[..., 10:22].max()) > 1


# All of them


@pytest.mark.parametrize("name", ["neighbor2neighbor", "noise2void"])
@pytest.mark.parametrize("level", [0.0, 6.0])
def test_magnitudes_are_compared_by_their_mean(name, level):
    # A network that knows the truth is left with the variance of the second look alone, in air too.
    batches = [magnitude_batch(level, generator(i)) for i in range(30)]
    found, error = mean_of(OBJECTIVES[name], lambda x: 0 * x[:, :1] + level, batches)
    variance = float(magnitude_variance(torch.tensor(level)))
    terms = 1 + CONSISTENCY if name == "neighbor2neighbor" else 1
    assert found == pytest.approx(terms * variance, abs=4 * error)
    biased, _ = mean_of(OBJECTIVES[name], lambda x: 0 * x[:, :1] + magnitude_mean(torch.tensor(level)), batches)
    assert biased > found


@pytest.mark.parametrize("name", OBJECTIVES)
def test_units_do_not_matter_and_a_number_is_a_flat_map(name):
    noisy, sigma, support = complex_batch(3.0, generator())

    def loss(image, noise):
        return OBJECTIVES[name](gain(0.7), [image, noise, support], generator(4))

    flat = sigma[:, None, None, None].expand(SHAPE)
    torch.testing.assert_close(loss(noisy, flat), loss(noisy, sigma))
    for scale in (1e-9, 1e9):
        torch.testing.assert_close(loss(scale * noisy, scale * flat), loss(noisy, flat), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_network_can_learn_so(name, channels):
    torch.manual_seed(0)
    network = build_architecture(
        "unet3d", in_channels=channels + 1, out_channels=channels, widths=[8, 8], n_blocks=[1, 1]
    )
    batch = (complex_batch if channels == 2 else magnitude_batch)(4.0, generator(), (2, 3, 17, 19))
    loss = OBJECTIVES[name](network, batch, generator(1))
    loss.backward()
    assert loss.ndim == 0
    assert torch.isfinite(loss)
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())
    again = OBJECTIVES[name](network, batch, generator(1))
    assert torch.equal(loss, again)  # all randomness comes from the generator


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_parent_holds_magnitudes_in_air(name):
    batch = magnitude_batch(0.0, generator())

    def loss(by):
        shifted = lambda x: 0 * x[:, :1] + by * x[:, -1:]  # noqa: E731
        parent = lambda x: 0 * x[:, :1]  # noqa: E731
        return [float(OBJECTIVES[name](shifted, batch, generator(5), held)) for held in (None, parent)]

    free, held = loss(0.4)
    assert held > free + 0.1
    free, held = loss(0.0)
    assert held == pytest.approx(free)


def test_maps_are_told_in_units_of_their_median():
    noisy = complex_batch(1.0, generator())[0]
    spread = torch.linspace(10, 40, 32).expand(SHAPE)
    snr, told = noise_units([noisy, spread])
    torch.testing.assert_close(snr[:, 0] * spread, noisy.real)
    assert float(told.min() / told.max()) == pytest.approx(0.25)
    assert float(told.flatten().median()) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("architecture", ["dncnn", "ffdnet", "red3d"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_networks_of_papers_can_learn_so(architecture, name):
    torch.manual_seed(0)
    network = build_architecture(architecture)
    loss = OBJECTIVES[name](network, magnitude_batch(4.0, generator(), (1, 2, 16, 16)), generator(1))
    loss.backward()
    assert torch.isfinite(loss)
    assert any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())
