"""What published networks do to images, beyond their shapes."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional

from quietmr.data import ModelError
from quietmr.models import build_architecture
from quietmr.models.cdncnn import ComplexConvolution, RadialNorm
from quietmr.models.cyclegan import PatchCritic
from quietmr.models.das_ffdnet import DualResidualBlock, RecursiveAttention
from quietmr.models.folding import fold_norms
from quietmr.models.gates import ChannelGate, SpatialGate
from quietmr.models.msanet import multi_scale


def built(name, **arguments):
    torch.manual_seed(1)
    return build_architecture(name, **arguments).eval()


def silenced(module):
    """The same with all weights 0, so that every gate stands in the middle."""
    for weight in module.parameters():
        nn.init.zeros_(weight)
    return module


def reach(network, size, channels=1):
    """Rows and columns of the input that one output pixel in the middle sees."""
    x = torch.rand((1, channels, *size), requires_grad=True)
    out = network(x)
    out[..., out.shape[-2] // 2, out.shape[-1] // 2].sum().backward()
    seen = x.grad.abs().sum((0, 1))
    return int((seen.sum(1) > 0).sum()), int((seen.sum(0) > 0).sum())


@pytest.mark.parametrize(("name", "pixels"), [("dncnn", 35), ("dncnn-blind", 41)])
def test_dncnn_sees_as_far_as_published(name, pixels):
    network = built(name, width=2, norm=False)
    for weight in network.parameters():
        weight.data.abs_()
    assert reach(network.network, (51, 51)) == (pixels, pixels)


def test_the_patch_critic_scores_patches_of_70_pixels():
    critic = PatchCritic(width=2, norm="none")
    for weight in critic.parameters():
        weight.data.abs_()
    assert reach(critic, (128, 128)) == (70, 70)


def test_drunet_without_bias_is_homogeneous():
    network = built("drunet", width=4, blocks=1)
    x = torch.rand(1, 2, 1, 16, 19)
    for c in (1e-3, 7.0, 1e4):
        torch.testing.assert_close(network(c * x) / c, network(x), rtol=1e-4, atol=1e-6)


def test_ffdnet_takes_one_level_or_a_map():
    network = built("ffdnet", width=8)
    image = torch.rand(1, 1, 1, 40, 72)
    by_level = [network(torch.cat([image, torch.full_like(image, sigma)], 1)) for sigma in (0.1, 0.4)]
    halves = torch.full_like(image, 0.1)
    halves[..., 36:] = 0.4
    by_map = network(torch.cat([image, halves], 1))
    assert not torch.allclose(*by_level)
    # 15 convolutions at half resolution see 30 pixels.
    torch.testing.assert_close(by_map[..., :4], by_level[0][..., :4])
    torch.testing.assert_close(by_map[..., -4:], by_level[1][..., -4:])


def test_recursive_attention_with_gates_in_the_middle_is_the_identity():
    attention, x = silenced(RecursiveAttention(32)), torch.randn(2, 32, 9, 7)
    torch.testing.assert_close(attention(x), x)
    torch.manual_seed(0)
    features = torch.randn(2, 64, 32, 32)
    fresh = RecursiveAttention(64)(features)
    assert (fresh - features).norm() < 0.3 * features.norm()


def test_gates_are_those_of_cbam():
    torch.manual_seed(0)
    x, channel, spatial = torch.randn(2, 32, 6, 5), ChannelGate(32), SpatialGate()
    network = channel.networks[0]
    expected = torch.sigmoid(network(x.mean((2, 3))) + network(x.amax((2, 3))))
    torch.testing.assert_close(channel(x), x * expected[:, :, None, None])
    maps = torch.stack([x.mean(1), x.amax(1)], 1)
    expected = torch.sigmoid(functional.conv2d(maps, spatial.convolutions[0][0].weight, padding=3))
    torch.testing.assert_close(spatial(x), x * expected)


def test_the_gates_of_msanet_start_from_one():
    block, x = multi_scale(16), torch.randn(1, 16, 8, 8)
    for gate in (block.body[1], block.body[2]):
        torch.testing.assert_close(silenced(gate)(x), x)


def test_the_dual_residual_block_weighs_its_branches_and_keeps_its_input():
    torch.manual_seed(0)
    block, x = DualResidualBlock(4), torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(silenced(DualResidualBlock(4))(x), x)
    widen, _, inner, narrow, _ = block.body
    u = functional.relu(widen(x))
    v = inner.body[2](functional.relu(inner.body[0](u)))
    v = u + v * torch.sigmoid(v.mean((2, 3), keepdim=True))
    y = narrow(v)
    torch.testing.assert_close(block(x), x + y * torch.sigmoid(y.mean((2, 3), keepdim=True)))


def test_the_ablations_of_das_ffdnet():
    x = torch.rand(1, 1, 1, 16, 16)
    sizes = []
    for blocks in range(5):
        network = built("das-ffdnet", width=8, blocks=blocks)
        assert network(x).shape == x.shape
        sizes.append(sum(p.numel() for p in network.parameters()))
    steps = {b - a for a, b in pairwise(sizes)}
    assert len(steps) == 1
    # Without batch normalization the result is the same in training and in use.
    network = built("das-ffdnet", width=8, norm="none")
    torch.testing.assert_close(network.train()(x), network.eval()(x), rtol=0, atol=0)
    plain = built("das-ffdnet", width=8, deforms=False)
    assert not any("find" in name for name, _ in plain.named_parameters())
    with pytest.raises(ModelError, match="no norm 'group'"):
        built("das-ffdnet", norm="group")


@pytest.mark.parametrize("name", ["msanet", "sadnet"])
def test_deformable_networks_have_a_form_without(name):
    network = built(name, width=8, deforms=False)
    assert not any("find" in weight_name for weight_name, _ in network.named_parameters())
    assert network(torch.rand(1, 1, 1, 16, 16)).isfinite().all()


def test_the_ablations_of_denoisenet():
    x = 100 * torch.randn(1, 1, 1, 16, 16)
    small = {"width": 16, "levels": 2}
    result = built("denoisenet", **small)(x)
    assert result.min() >= 0
    assert result.max() <= 1
    residual = built("denoisenet", head="residual", **small)
    torch.testing.assert_close(x - residual(x), residual.network.head(residual.network.body(x[:, :, 0]))[:, :, None])
    without = built("denoisenet", attention=False, **small)
    assert not any(isinstance(module, ChannelGate | SpatialGate) for module in without.modules())
    plain = built("denoisenet", attention=False, residual=False, **small)
    assert sum(p.numel() for p in plain.parameters()) < sum(p.numel() for p in without.parameters())
    for network in (without, plain, built("denoisenet", residual=False, **small)):
        assert network(x).isfinite().all()
    with pytest.raises(ModelError, match="sigmoid head"):
        built("denoisenet", in_channels=3, out_channels=2)
    assert built("denoisenet", in_channels=3, out_channels=2, head="residual", **small).out_channels == 2


def test_complex_convolution_is_one():
    torch.manual_seed(0)
    layer = ComplexConvolution(3, 5).double()
    x = torch.randn(2, 3, 7, 6, dtype=torch.complex128)
    weight = torch.complex(layer.real, layer.imaginary)
    expected = functional.conv2d(x, weight, padding=1)
    result = torch.complex(*layer(torch.cat([x.real, x.imag], 1)).chunk(2, 1))
    torch.testing.assert_close(result, expected)


def test_radial_norm_keeps_phases_and_brings_magnitudes_to_one():
    norm = RadialNorm(3)
    x = 5 * torch.randn(4, 3, 16, 16, dtype=torch.complex64) + 20
    result = torch.complex(*norm(torch.cat([x.real, x.imag], 1)).chunk(2, 1))
    along = (result * x.conj()).real / x.abs()
    torch.testing.assert_close((result * x.conj()).imag / x.abs(), torch.zeros_like(along), rtol=0, atol=1e-5)
    torch.testing.assert_close(along.mean((0, 2, 3)), torch.ones(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(along.std((0, 2, 3)), torch.ones(3), rtol=0, atol=1e-3)
    assert norm(torch.zeros(2, 6, 4, 4)).isfinite().all()


def test_red3d_is_never_negative():
    assert built("red3d", widths=(4, 6))(torch.randn(1, 1, 4, 8, 8)).min() >= 0


@pytest.mark.parametrize("name", ["dncnn", "cnn-dmri", "adnet", "red3d", "ricianet3d"])
def test_folded_norms_change_nothing(name):
    small = {"red3d": {"widths": (4, 6)}, "ricianet3d": {"width": 4, "stages": 3}}
    network = built(name, **small.get(name, {"width": 8}))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
    folded, x = fold_norms(network), torch.randn(1, 1, 3, 12, 12)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-5)
    left = sum(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in folded.modules())
    assert left == (1 if name == "red3d" else 0)  # behind a sum


def test_a_folded_dncnn_has_the_published_size_without_norms():
    assert sum(weight.numel() for weight in fold_norms(build_architecture("dncnn")).parameters()) == 555_137
