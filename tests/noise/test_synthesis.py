import math

import pytest
import torch

from quietmr.noise.synthesis import NoiseLaw, add_noise, colour, draw_filter, draw_gain, draw_noise


def generator(seed=5):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(6))
def test_filtered_noise_keeps_its_standard_deviation(seed):
    rng = generator(seed)
    shape = (24, 64, 64)
    noise = torch.complex(*torch.randn((2, *shape), generator=rng))
    filtered = colour(noise, draw_filter(shape, rng))
    # 98 304 values, of which the filter may leave an eighth independent: 4 SE of an SD is 4 / sqrt(2 n).
    tolerance = 4 / math.sqrt(2 * noise.numel() / 8)
    assert float(filtered.real.std()) == pytest.approx(1.0, abs=tolerance)
    assert float(filtered.imag.std()) == pytest.approx(1.0, abs=tolerance)


def test_magnitude_noise_follows_the_rician_moments():
    # E[x^2] = a^2 + 2 sigma^2 for sigma per real channel (Gudbjartsson and Patz 1995).
    law = NoiseLaw(lowest=0.2, highest=0.2, filtered=0.0, varying=0.0, jitter=0.0)
    for a in (0.0, 0.3, 2.0):
        clean = torch.full((16, 64, 64), a)
        noisy, target, sigma = add_noise(clean, draw_noise((16, 64, 64), law, generator()))
        assert torch.equal(target, clean)
        assert float(sigma.max()) == pytest.approx(0.2, rel=1e-5)
        expected = a**2 + 2 * 0.2**2
        error = math.sqrt(float(noisy.square().var()) / noisy.numel())
        assert float(noisy.square().mean()) == pytest.approx(expected, abs=5 * error)


def test_level_is_log_uniform_within_its_bounds():
    law = NoiseLaw(filtered=0.0, varying=0.0)
    rng = generator()
    levels = torch.tensor([float(draw_noise((1, 4, 4), law, rng).sigma[0, 0, 0]) for _ in range(2000)])
    assert float(levels.min()) >= law.lowest * 0.999
    assert float(levels.max()) <= law.highest * 1.001
    position = (levels / law.lowest).log() / math.log(law.highest / law.lowest)
    assert float(position.mean()) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 2000))


def test_same_seed_same_draw_other_seed_other_draw():
    law = NoiseLaw()
    one, two, other = (draw_noise((4, 16, 16), law, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.noise, two.noise)
    assert one.told == two.told
    assert not torch.equal(one.noise, other.noise)


def test_gain_maps_are_positive_and_smooth():
    for seed in range(10):
        gain = draw_gain((8, 48, 48), generator(seed))
        assert float(gain.min()) > 0
        assert float(gain.diff(dim=-1).abs().max()) < 0.3 * float(gain.max())


def test_signal_is_filtered_by_the_same_filter_when_drawn_so():
    law = NoiseLaw(lowest=1e-6, highest=1e-6, filtered=1.0, varying=0.0)
    rng = generator(3)
    clean = torch.rand((4, 32, 32), generator=rng) + 1.0
    for _ in range(8):
        draw = draw_noise((4, 32, 32), law, rng)
        noisy, target, _ = add_noise(clean, draw)
        torch.testing.assert_close(noisy, target, atol=1e-4, rtol=1e-4)
        assert torch.equal(target, clean) != draw.signal_too or bool((draw.transfer == 1).all())
