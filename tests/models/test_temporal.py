"""Moving averages over frames, and gates that tell how much of what is left is noise."""

import pytest
import torch

from quietmr.models import build_architecture
from quietmr.models.temporal import gated, temporal_residuals

WINDOWS = (3, 7, 15)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(windows=WINDOWS, seed=0):
    torch.manual_seed(seed)
    arguments = {"in_channels": 3, "out_channels": 2, "widths": [8, 16], "n_blocks": [1, 1], "slope": 0.02}
    return build_architecture("unet3d", **arguments, windows=list(windows)).eval()


def sample(frames=9, side=13, seed=1):
    x = draw(1, 3, frames, side, side, seed=seed)
    x[:, 2] = x[:, 2].abs() + 0.5
    return x


@pytest.mark.parametrize("frames", [1, 2, 5, 40])
def test_what_does_not_change_leaves_nothing(frames):
    still = draw(2, 2, 1, 6, 5).expand(-1, -1, frames, -1, -1) * 1000
    assert float(temporal_residuals(still, WINDOWS).abs().max()) < 1e-3


def test_residuals_are_the_image_less_the_mean_of_the_frames_around():
    image = draw(1, 2, 12, 3, 4)
    made = temporal_residuals(image, WINDOWS)
    for k, n in enumerate(WINDOWS):
        for t in range(12):
            around = image[:, :, max(0, t - n // 2) : t + n // 2 + 1].mean(dim=2)
            torch.testing.assert_close(made[:, k, :, t], image[:, :, t] - around)


def test_noise_keeps_the_part_that_the_mean_does_not_take():
    made = temporal_residuals(draw(1, 2, 64, 60, 60), WINDOWS)[0, :, :, 16:-16]
    for k, n in enumerate(WINDOWS):
        assert float(made[k].var()) == pytest.approx(1 - 1 / n, rel=0.01)


def test_open_gates_average_and_closed_ones_do_nothing():
    image, sigma = draw(1, 2, 10, 4, 4), torch.ones(1, 1, 10, 4, 4)
    residuals = temporal_residuals(image, (3, 7))
    closed = torch.zeros(1, 2, 10, 4, 4)
    assert float(gated(residuals, closed, sigma).abs().max()) == 0
    opened = closed.clone()
    opened[:, 1] = 1e9
    mean_of_seven = image - temporal_residuals(image, (7,))[:, 0]
    torch.testing.assert_close(image - gated(residuals, opened, sigma), mean_of_seven, atol=1e-5, rtol=0)


def test_gates_stay_finite_where_nothing_is_known():
    residuals = temporal_residuals(draw(1, 2, 5, 3, 3), (3,))
    out = gated(residuals, torch.zeros(1, 1, 5, 3, 3), torch.zeros(1, 1, 5, 3, 3))
    assert bool(torch.isfinite(out).all())


def test_gates_turn_with_the_phase():
    residuals = temporal_residuals(draw(1, 2, 6, 3, 3), (3,))
    gates, sigma = draw(1, 1, 6, 3, 3, seed=4), torch.ones(1, 1, 6, 3, 3)
    turned = torch.stack([-residuals[:, :, 1], residuals[:, :, 0]], dim=2)
    out, out_turned = gated(residuals, gates, sigma), gated(turned, gates, sigma)
    torch.testing.assert_close(out_turned, torch.stack([-out[:, 1], out[:, 0]], dim=1))


def test_the_network_stays_homogeneous():
    net, x = network(), sample()
    with torch.inference_mode():
        for c in (1e-6, 7.0, 1e6):
            torch.testing.assert_close(net(c * x) / c, net(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 3, 17])
def test_any_number_of_frames_works(frames):
    with torch.inference_mode():
        out = network()(sample(frames))
    assert out.shape == (1, 2, frames, 13, 13)
    assert bool(torch.isfinite(out).all())


def test_windows_are_part_of_the_network():
    with torch.inference_mode():
        one, other = network(WINDOWS)(sample()), network((3, 7, 9))(sample())
    assert not torch.allclose(one, other)


def test_gates_learn():
    net = network()
    (net(sample()) ** 2).mean().backward()
    assert float(net.head.weight.grad[2:].abs().max()) > 0
    assert float(net.stem.weight.grad[:, 12:].abs().max()) > 0
