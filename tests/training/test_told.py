"""What a complex recipe keeps from the network: the noise map, or the phase."""

import numpy as np
import torch

from quietmr.noise.mr_noise import MrNoisePair
from quietmr.training.complex_pairs import as_channels, as_told, complex_batch
from quietmr.training.mr_recipe import MrRecipe
from quietmr.training.objectives import make_objective
from quietmr.training.recipe import Recipe


def batch_of(rng, shape=(2, 3, 16, 16)):
    clean = torch.from_numpy(rng.standard_normal((2, *shape)).astype("f4"))
    gmap = torch.from_numpy(rng.uniform(0.5, 3, (shape[0], 1, *shape[2:])).astype("f4"))
    return [torch.complex(clean[0], clean[1]), gmap, torch.arange(shape[0])]


def test_magnitudes_are_those_of_the_same_noisy_images(rng):
    batch = batch_of(rng)
    (x, y), (m, n) = (
        complex_batch(batch, MrRecipe(images=images), torch.Generator().manual_seed(1))
        for images in ("complex", "magnitude")
    )
    assert torch.allclose(m[:, :1], x[:, :2].square().sum(1, keepdim=True).sqrt(), atol=1e-5)
    assert torch.allclose(n, y.square().sum(1, keepdim=True).sqrt(), atol=1e-5)
    assert torch.equal(m[:, -1], x[:, -1])


def test_untold_network_sees_one_and_the_loss_the_map(rng):
    seen = []

    def network(x):
        seen.append(x)
        return x[:, :-1] * 0.8

    losses = {}
    for told in ("map", "one"):
        objective = make_objective(Recipe(name="r", channels="complex", mr=MrRecipe(told=told)))
        losses[told] = float(objective(network, batch_of(np.random.default_rng(3)), torch.Generator().manual_seed(2)))
    assert torch.equal(seen[0][:, :-1], seen[1][:, :-1])
    assert torch.equal(seen[1][:, -1:], torch.ones_like(seen[0][:, -1:]))
    assert seen[0][:, -1].std() > 0.1
    # The network does not look at the map, so only a loss that weighs otherwise could tell the two apart.
    assert losses["map"] == losses["one"]


def test_single_samples_are_told_as_batches_are(rng):
    noisy = batch_of(rng, (1, 3, 16, 16))[0][0]
    pair = MrNoisePair(noisy, noisy, torch.full((3, 16, 16), 2.0))
    settings = MrRecipe(told="one")
    x, _ = as_channels(pair, settings)
    assert torch.equal(as_told(x, settings), as_told(x[None], settings)[0])
    assert torch.equal(as_told(x, settings)[-1], torch.ones(3, 16, 16))
