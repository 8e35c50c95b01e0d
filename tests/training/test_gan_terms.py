"""Terms of GAN training against closed forms, and the pool of made images."""

import math

import pytest
import torch
from torch.nn import functional

from quietmr.models.disentangled import Posterior
from quietmr.training.gan.pool import ImagePool
from quietmr.training.gan.terms import (
    blurred_edges,
    cross_entropy,
    distance,
    feature_distance,
    judged,
    least_squares,
    told_apart,
)
from quietmr.training.vgg import Vgg16Features


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_divergence_of_a_normal_law_from_the_standard_one():
    # 0.5 (m^2 + s^2 - ln s^2 - 1): for m = 2, s = 3 by hand, twice.
    law = Posterior(torch.full((1, 2), 2.0), torch.full((1, 2), math.log(9.0)))
    assert law.divergence().item() == pytest.approx(2 * 0.5 * (4 + 9 - math.log(9) - 1))
    # By drawing: the mean of ln p - ln q.
    z = 2 + 3 * draw(400_000).double()
    ratio = torch.distributions.Normal(2, 3).log_prob(z) - torch.distributions.Normal(0, 1).log_prob(z)
    assert law.divergence().item() == pytest.approx(2 * ratio.mean().item(), rel=0.01)


def test_least_squares_has_its_minimum_at_the_label():
    assert least_squares(torch.ones(2, 1, 3, 3), True).item() == 0
    assert least_squares(torch.full((4,), 3.0), True).item() == 4
    assert least_squares(torch.full((4,), 3.0), False).item() == 9


@pytest.mark.parametrize("is_real", [True, False])
def test_cross_entropy_is_that_of_torch_and_survives_large_scores(is_real):
    scores = torch.cat([draw(50), torch.tensor([200.0, -200.0])])
    expected = functional.binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(is_real)))
    torch.testing.assert_close(cross_entropy(scores, is_real), expected)
    assert cross_entropy(torch.zeros(3), is_real).item() == pytest.approx(math.log(2))


def test_the_best_discriminator_of_equal_images_is_undecided():
    # Goodfellow et al.: for equal laws the optimum is 1/2, the loss 2 ln 2; here half of it.
    score = torch.tensor([0.7], requires_grad=True)
    loss = told_apart(score, score, cross_entropy)
    loss.backward()
    assert score.grad.item() > 0
    assert told_apart(torch.zeros(1), torch.zeros(1), cross_entropy).item() == pytest.approx(math.log(2))
    assert told_apart(torch.full((1,), 0.5), torch.full((1,), 0.5), least_squares).item() == pytest.approx(0.25)


def test_scales_add_up():
    scales = [draw(2, 1, 4, 4), draw(2, 1, 2, 2, seed=1)]
    both = judged(scales, least_squares, is_real=True)
    torch.testing.assert_close(both, sum(judged(scale, least_squares, is_real=True) for scale in scales))


def test_the_distance_of_white_noise_is_its_mean_magnitude():
    noise = draw(1, 1, 400, 400)
    assert distance(noise, torch.zeros_like(noise)).item() == pytest.approx(math.sqrt(2 / math.pi), rel=0.01)


def test_the_stand_in_for_perception_sees_shapes_more_than_noise():
    image = draw(1, 1, 64, 64)
    assert blurred_edges(image, image).item() == 0
    # Another brightness has no edges: its size comes back at every scale.
    assert blurred_edges(image + 0.25, image).item() == pytest.approx(0.25, rel=1e-4)
    # Alternating pixels vanish in the first mean over 2 x 2.
    board = torch.ones(1, 1, 64, 64)
    board[..., ::2] = -1
    assert blurred_edges(image + board, image).item() == pytest.approx(0, abs=1e-5)
    # A ramp along x of 1 per pixel: at scale k differences are 2^k, and the mean magnitude is that of the ramp.
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    assert blurred_edges(ramp, torch.zeros_like(ramp)).item() == pytest.approx(31.5 + (2 + 4 + 8) / 3)


def test_features_are_compared_in_the_third_block():
    torch.manual_seed(0)
    features = Vgg16Features(widths=(4, 4, 4, 4))
    one, other = draw(1, 1, 32, 32).clamp(-1, 1), draw(1, 1, 32, 32, seed=1).clamp(-1, 1)
    assert feature_distance(one, one, features).item() == 0
    found, wanted = features((one + 1) / 2)[2], features((other + 1) / 2)[2]
    torch.testing.assert_close(feature_distance(one, other, features), functional.mse_loss(found, wanted))


def test_a_pool_gives_back_new_images_until_it_is_full_then_half_of_them():
    rng = torch.Generator().manual_seed(1)
    pool = ImagePool(50)
    first = draw(50, 1, 2, 2)
    torch.testing.assert_close(pool.exchange(first, rng), first)
    later = 100 + draw(2000, 1, 2, 2, seed=2)
    given = pool.exchange(later, rng)
    same = (given == later).flatten(1).all(1)
    assert same.float().mean().item() == pytest.approx(0.5, abs=0.04)
    # What is exchanged comes back later, each image once.
    assert len(torch.unique(given.flatten(1), dim=0)) == 2000


def test_a_pool_without_room_keeps_nothing_and_gradients_never_pass():
    made = draw(3, 1, 2, 2).requires_grad_()
    for size in (0, 5):
        pool = ImagePool(size)
        assert not pool.exchange(made, torch.Generator()).requires_grad
        assert len(pool.images) == min(size, 3)


def test_a_pool_comes_back_as_it_was():
    one, two = ImagePool(3), ImagePool(3)
    one.exchange(draw(5, 1, 2, 2), torch.Generator().manual_seed(0))
    two.restore(one.tensors(), torch.device("cpu"))
    later = draw(4, 1, 2, 2, seed=3)
    given = [pool.exchange(later, torch.Generator().manual_seed(4)) for pool in (one, two)]
    torch.testing.assert_close(given[0], given[1], rtol=0, atol=0)
    empty = ImagePool(3)
    empty.restore(ImagePool(3).tensors(), torch.device("cpu"))
    assert empty.images == []
