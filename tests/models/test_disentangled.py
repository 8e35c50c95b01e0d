"""The parts of the disentangled GAN, and the way through them that denoises."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from quietmr.data import ModelError
from quietmr.models import build_architecture
from quietmr.models.disentangled import DisentangledGan, MultiScaleCritic, Posterior, as_network


@pytest.fixture
def gan():
    torch.manual_seed(0)
    return DisentangledGan(width=8)


def image(n=2, size=32, seed=0):
    return torch.rand((n, 1, size, size), generator=torch.Generator().manual_seed(seed))


def test_domains_share_what_the_paper_and_its_ancestor_share(gan):
    assert gan.noisy_content is gan.clean_content
    assert gan.to_noisy.shared is gan.to_clean.shared
    ancestor = DisentangledGan(width=8, share="last")
    assert ancestor.noisy_content is not ancestor.clean_content
    assert ancestor.noisy_content.shared is ancestor.clean_content.shared


def test_a_training_step_can_go_all_ways(gan):
    """The equations of the paper: both crossings, both cycles, both self-reconstructions, scores at three scales."""
    rng = torch.Generator().manual_seed(0)
    noisy, clean = 2 * image(size=64) - 1, 2 * image(size=64, seed=1) - 1
    posterior = gan.noise(noisy)
    code = posterior.draw(rng)
    noisy_content, clean_content = gan.noisy_content(noisy), gan.clean_content(clean)
    fake_clean, fake_noisy = gan.to_clean(noisy_content, code), gan.to_noisy(clean_content, code)
    again = gan.noise(fake_noisy).draw(rng)
    cycled = gan.to_clean(gan.noisy_content(fake_noisy), again)
    cycled_noisy = gan.to_noisy(gan.clean_content(fake_clean), again)
    own = gan.to_noisy(noisy_content, code)
    scores = [*gan.clean_critic(fake_clean), *gan.noisy_critic(fake_noisy)]
    loss = (cycled - clean).abs().mean() + (cycled_noisy - noisy).abs().mean() + (own - noisy).abs().mean()
    loss = loss + sum(score.square().mean() for score in scores) + 0.01 * posterior.divergence()
    loss.backward()
    for name, weight in gan.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


def test_the_denoiser_has_the_weights_of_the_gan_and_nothing_random(gan):
    denoiser = gan.denoiser().eval()
    own = {id(weight) for weight in gan.parameters()}
    assert {id(weight) for weight in denoiser.parameters()} < own
    x = image()
    with torch.no_grad():
        first = denoiser(x)
        torch.nn.init.normal_(gan.noise.log_variance.weight)
        torch.testing.assert_close(denoiser(x), first, rtol=0, atol=0)
        torch.nn.init.normal_(gan.noise.mean.weight, std=5.0)
        assert not torch.allclose(denoiser(x), first)
    assert first.min() >= 0
    assert first.max() <= 1


def test_the_denoiser_becomes_the_network_of_the_registry(gan):
    network = as_network(gan.denoiser()).eval()
    registered = build_architecture("disentangled-gan", width=8).eval()
    registered.load_state_dict(network.state_dict())
    x = image()[:, :, None]
    with torch.no_grad():
        torch.testing.assert_close(registered(x), network(x), rtol=0, atol=0)


def test_content_is_blurred_by_noise_in_training_only(gan):
    x = image()
    with torch.no_grad():
        apart = gan.noisy_content(x) - gan.noisy_content(x)
        assert float(apart.std()) == pytest.approx(2**0.5, rel=0.05)
        gan.eval()
        torch.testing.assert_close(gan.noisy_content(x), gan.noisy_content(x), rtol=0, atol=0)


def test_the_divergence_is_that_of_normal_laws():
    mean, log_variance = torch.randn(5, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)
    law = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(law, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum()
    torch.testing.assert_close(Posterior(mean, log_variance).divergence(), expected)
    assert float(Posterior(0 * mean, 0 * mean).divergence()) == 0


def test_codes_are_drawn_from_their_law():
    posterior = Posterior(torch.full((20_000, 2), 3.0), torch.full((20_000, 2), 2 * torch.tensor(0.5).log()))
    code = posterior.draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(code.mean(0), torch.full((2,), 3.0), rtol=0, atol=0.02)
    torch.testing.assert_close(code.std(0), torch.full((2,), 0.5), rtol=0, atol=0.02)
    again = posterior.draw(torch.Generator().manual_seed(0))
    torch.testing.assert_close(again, code, rtol=0, atol=0)


def test_instance_norm_loses_the_mean_intensity_and_none_keeps_it():
    x = image(1)
    for norm, keeps in (("instance", False), ("none", True)):
        torch.manual_seed(0)
        gan = DisentangledGan(width=8, norm=norm).eval()
        with torch.no_grad():
            # A part of the entry that has seen its first norm.
            made = [gan.noisy_content.own[:4](value).mean().item() for value in (x, x + 1)]
        assert (abs(made[0] - made[1]) > 1e-4) == keeps


def test_planes_of_noise_reach_the_noisy_image():
    torch.manual_seed(0)
    gan = DisentangledGan(width=8, field_planes=2).eval()
    content, code = gan.noisy_content(image(1)), torch.zeros(1, 8)
    fields = [torch.randn(1, 2, 32, 32) for _ in range(2)]
    with torch.no_grad():
        assert not torch.allclose(*(gan.to_noisy(content, code, field) for field in fields))
        with pytest.raises(ModelError, match="takes 2 planes of noise, got 0"):
            gan.to_noisy(content, code)
        with pytest.raises(ModelError, match="takes 0 planes of noise, got 2"):
            gan.to_clean(content, code, fields[0])


def test_critics_look_at_three_scales():
    scores = MultiScaleCritic(width=4)(image(1, 128))
    assert [score.shape[-1] for score in scores] == [8, 4, 2]


def test_unknown_choices_are_refused():
    with pytest.raises(ModelError, match="share 'some'"):
        DisentangledGan(share="some")
    with pytest.raises(ModelError, match="no norm 'batch'"):
        DisentangledGan(norm="batch")
    with pytest.raises(ModelError, match="between 0 and 1"):
        build_architecture("disentangled-gan", in_channels=3, out_channels=2)
