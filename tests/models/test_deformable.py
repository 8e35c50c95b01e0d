"""Modulated deformable convolution against one loop for each pixel, tap and channel."""

import math

import pytest
import torch
from torch.nn import functional

from quietmr.data import ModelError
from quietmr.models.deformable import DeformableConvolution, deform_convolve


def at(image, y, x):
    """Value between pixels of one channel (Y, X): bilinear, and 0 outside."""
    total, top, left = 0.0, math.floor(y), math.floor(x)
    for i in (top, top + 1):
        for j in (left, left + 1):
            if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                total += float(image[i, j]) * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


def slowly(x, offset, mask, weight, bias):
    n, channels, height, width = x.shape
    groups = mask.shape[1] // 9
    result = bias[None, :, None, None].repeat(n, 1, height, width)
    for b in range(n):
        for i in range(height):
            for j in range(width):
                for c in range(channels):
                    group = c // (channels // groups)
                    for tap in range(9):
                        place = 18 * group + 2 * tap
                        y = i + tap // 3 - 1 + float(offset[b, place, i, j])
                        z = j + tap % 3 - 1 + float(offset[b, place + 1, i, j])
                        value = at(x[b, c], y, z) * mask[b, 9 * group + tap, i, j]
                        result[b, :, i, j] += weight[:, c, tap // 3, tap % 3] * value
    return result


def drawn(groups, size=(5, 6), channels=4, out=3, dtype=torch.float64, reach=2.0):
    rng = torch.Generator().manual_seed(groups)
    x = torch.randn((2, channels, *size), generator=rng, dtype=dtype)
    offset = reach * torch.randn((2, 18 * groups, *size), generator=rng, dtype=dtype)
    mask = torch.rand((2, 9 * groups, *size), generator=rng, dtype=dtype)
    weight = torch.randn((out, channels, 3, 3), generator=rng, dtype=dtype)
    return x, offset, mask, weight, torch.randn(out, generator=rng, dtype=dtype)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_equals_the_slow_loop(groups):
    drawn_here = drawn(groups)
    torch.testing.assert_close(deform_convolve(*drawn_here), slowly(*drawn_here), rtol=1e-9, atol=1e-9)
    single = [t.float() for t in drawn_here]
    torch.testing.assert_close(deform_convolve(*single).double(), slowly(*drawn_here), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (8, 8), (64, 48), (256, 256)])
def test_without_offsets_it_is_a_convolution(size):
    x, offset, mask, weight, bias = drawn(2, size, dtype=torch.float32)
    result, reference = (
        deform_convolve(x, 0 * offset, 0 * mask + 1, weight, bias),
        functional.conv2d(x, weight, bias, padding=1),
    )
    # In single precision a place among 256 is known to about 1e-5 pixels.
    assert (result - reference).norm() < 1e-5 * reference.norm()


def test_whole_offsets_shift_the_image():
    x, offset, mask, weight, bias = drawn(1, (9, 10))
    offset[:, 0::2], offset[:, 1::2] = 2.0, -1.0
    result = deform_convolve(x, offset, 0 * mask + 1, weight, bias)
    plain = functional.conv2d(x, weight, bias, padding=1)
    torch.testing.assert_close(result[..., 1:-3, 2:-1], plain[..., 3:-1, 1:-2])


def test_gradients_are_those_of_finite_differences():
    inputs = [t[:1].requires_grad_() for t in drawn(2, (3, 3), channels=2, out=1)]
    assert torch.autograd.gradcheck(deform_convolve, inputs, eps=1e-6, atol=1e-6)


def test_a_new_layer_is_a_convolution_and_learns_where_to_look():
    torch.manual_seed(0)
    layer, x, guide = DeformableConvolution(4, 6, 3, groups=2), torch.randn(2, 4, 12, 9), torch.randn(2, 3, 12, 9)
    torch.testing.assert_close(
        layer(x, guide), functional.conv2d(x, layer.weight, layer.bias, padding=1), rtol=1e-5, atol=1e-5
    )
    layer(x, guide).square().mean().backward()
    assert layer.find.weight.grad.abs().sum() > 0
    plain = DeformableConvolution(4, 6, 3, deforms=False)
    assert plain.find is None
    torch.testing.assert_close(
        plain(x, guide), functional.conv2d(x, plain.weight, plain.bias, padding=1), rtol=0, atol=0
    )


def test_places_keep_their_precision_in_half_arithmetic():
    x, offset, mask, weight, bias = drawn(1, (200, 300), dtype=torch.float32)
    reference = deform_convolve(x, offset, mask, weight, bias)
    with torch.autocast("cpu", torch.bfloat16):
        result = deform_convolve(x, offset, mask, weight, bias)
    torch.testing.assert_close(result, reference, rtol=0, atol=0)
    coarse = deform_convolve(x.bfloat16(), offset, mask, weight, bias)
    assert (coarse - reference).std() < 0.02 * reference.std()


def test_groups_divide_channels():
    with pytest.raises(ModelError, match="do not divide 6"):
        DeformableConvolution(6, 6, 3, groups=4)
