"""Gradients of convolutions and norms in bfloat16, where those of torch are wrong on some CPUs."""

import pytest
import torch

from quietmr.models.snraware.norms import ChannelNorm, FrameNorm
from quietmr.models.volume_convolution import VolumeConvolution, weight_gradient

# Channels, kernel, stride, padding, size (F, Y, X): where torch 2.13 is wrong or crashes, with AMX or without.
CASES = [
    (64, 64, (3, 3, 3), (1, 1, 1), (1, 1, 1), (2, 48, 48)),
    (96, 96, (3, 3, 3), (1, 1, 1), (1, 1, 1), (2, 38, 38)),
    (16, 16, (3, 3, 3), (1, 1, 1), (1, 1, 1), (2, 96, 96)),
    (8, 2, (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 96, 40)),
    (64, 128, (1, 2, 2), (1, 2, 2), (0, 0, 0), (1, 128, 128)),
    (12, 16, (3, 3, 3), (2, 2, 2), (1, 1, 1), (5, 47, 33)),
]


def gradients(network, x, *, reduced):
    network.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
        y = network(x)
    assert y.dtype == (torch.bfloat16 if reduced else torch.float32)
    y.float().square().mean().backward()
    return [y.detach().float(), x.grad, network.weight.grad, network.bias.grad]


@pytest.mark.parametrize(("into", "out", "kernel", "stride", "padding", "size"), CASES)
def test_gradients_in_bfloat16_are_those_of_float32(into, out, kernel, stride, padding, size):
    torch.manual_seed(0)
    network = VolumeConvolution(into, out, kernel, stride=stride, padding=padding)
    x = torch.randn(1, into, *size)
    exact, rounded = (gradients(network, x, reduced=reduced) for reduced in (False, True))
    for a, b in zip(exact, rounded, strict=True):
        # bfloat16 rounds by 2^-9; the errors of torch's own gradient begin at 2 %.
        assert (a - b).norm() < 0.01 * a.norm()


@pytest.mark.parametrize(("into", "out", "kernel", "stride", "padding", "size"), CASES)
def test_the_gradient_of_a_volume_is_the_sum_of_those_of_its_frames(into, out, kernel, stride, padding, size):
    torch.manual_seed(0)
    network = VolumeConvolution(into, out, kernel, stride=stride, padding=padding, bias=False)
    x = torch.randn(2, into, *(min(n, 20) for n in size))
    y = network(x)
    slope = torch.randn_like(y)
    y.backward(slope)
    found = weight_gradient(x, network.weight.detach(), slope, stride, padding)
    torch.testing.assert_close(found, network.weight.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("norm", [ChannelNorm(16), FrameNorm(16, 64, 64)])
def test_norms_learn_in_bfloat16_as_in_float32(norm):
    torch.manual_seed(0)
    x, slope = torch.randn(1, 16, 16, 64, 64).to(torch.bfloat16).float(), torch.randn(1, 16, 16, 64, 64) + 0.1
    found = []
    for reduced in (False, True):
        norm.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            y = norm(x.to(torch.bfloat16) if reduced else x)
        (y.float() * slope).sum().backward()
        found.append([norm.weight.grad, norm.bias.grad])
    for a, b in zip(*found, strict=True):
        assert (a - b).norm() < 0.01 * a.norm()
