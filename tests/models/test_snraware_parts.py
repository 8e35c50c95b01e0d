"""Convolutions, norms, cells and backbones, against the formulas they stand for."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from quietmr.data import ModelError
from quietmr.models import build_architecture
from quietmr.models.snraware import CellPlan, Snraware
from quietmr.models.snraware.cell import Cell, ConvolutionLayer, DropPath
from quietmr.models.snraware.convolution import Convolution, Down, Up
from quietmr.models.snraware.hrnet import HRNet
from quietmr.models.snraware.norms import ChannelNorm, FrameNorm
from quietmr.models.snraware.unet import UNet

PLAN = CellPlan(("C2",), 2, mixers=True, position_bias=False, faithful=False, size=(4, 16, 16), drop_path=0.5)


@pytest.fixture
def x():
    torch.manual_seed(2)
    return torch.rand(2, 4, 3, 8, 10)


def each_frame(function, x):
    return torch.stack([function(x[:, :, n]) for n in range(x.shape[2])], 2)


def reflected(frame):
    return functional.pad(frame, (1, 1, 1, 1), mode="reflect")


def test_plane_convolution_is_a_2d_convolution_of_each_frame(x):
    layer = Convolution(4, 5)
    expected = each_frame(lambda frame: functional.conv2d(reflected(frame), layer.weight[:, :, 0], layer.bias), x)
    torch.testing.assert_close(layer(x), expected)


def test_volume_convolution_reflects_every_axis(x):
    layer = Convolution(4, 5, volumetric=True)
    index = [[1, *range(n), n - 2] for n in x.shape[2:]]
    padded = x[:, :, index[0]][:, :, :, index[1]][..., index[2]]
    torch.testing.assert_close(layer(x), functional.conv3d(padded, layer.weight, layer.bias))


def test_volume_convolution_of_one_frame_sees_it_three_times(x):
    layer = Convolution(4, 5, volumetric=True)
    frame = x[:, :, 0]
    expected = functional.conv2d(reflected(frame), layer.weight.sum(2), layer.bias)
    torch.testing.assert_close(layer(frame[:, :, None])[:, :, 0], expected)


def test_down_folds_pixels_into_channels(x):
    layer = Down(4, 6)
    expected = each_frame(
        lambda frame: torch.einsum("oc,bcyx->boyx", layer.weight.flatten(1), functional.pixel_unshuffle(frame, 2)), x
    )
    torch.testing.assert_close(layer(x), expected)


def test_up_is_bilinear_in_each_frame(x):
    layer = Up(4, 3)

    def one(frame):
        finer = functional.interpolate(frame, scale_factor=2, mode="bilinear", align_corners=False)
        return functional.conv2d(reflected(finer), layer.convolution.weight[:, :, 0])

    torch.testing.assert_close(layer(x), each_frame(one, x))


def test_channel_norm_sees_one_pixel_and_frame_norm_one_frame(x):
    by_pixel = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(ChannelNorm(4)(x), by_pixel)
    axes = (1, 3, 4)
    by_frame = (x - x.mean(axes, keepdim=True)) / (x.var(axes, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(FrameNorm(4, 8, 10)(x), by_frame)


def test_convolution_layer_is_convolution_norm_prelu(x):
    layer = ConvolutionLayer(4, 4, ChannelNorm(4), True)
    made = functional.prelu(layer.norm(layer.convolution(x)), layer.activation.weight)
    torch.testing.assert_close(layer(x), x + made)
    wider = ConvolutionLayer(4, 6, ChannelNorm(6), True)
    assert (wider(x) >= 0).any()
    torch.testing.assert_close(wider(x), functional.prelu(wider.norm(wider.convolution(x)), wider.activation.weight))


def test_cell_adds_layer_and_mixer(x):
    cell = Cell(PLAN, "C2", 4, 6, 0).eval()
    middle = cell.shortcut(x) + cell.layer(cell.first_norm(x))
    wide = functional.prelu(cell.mixer[0](cell.second_norm(middle)), cell.mixer[1].weight)
    torch.testing.assert_close(cell(x), middle + cell.mixer[2](wide))


def test_drop_path_skips_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    drop = DropPath(0.25)
    x = torch.ones(4000, 2, 1, 1, 1)
    result = drop(x)
    torch.testing.assert_close(result.unique(), torch.tensor([0.0, 4 / 3]))
    assert torch.equal(result[:, 0], result[:, 1])
    assert result.mean() == pytest.approx(1.0, abs=4 * (0.25 / 0.75 / 4000) ** 0.5)
    assert torch.equal(drop.eval()(x), x)


def pointwise(in_channels, out_channels, level):
    del level
    return nn.Conv3d(in_channels, out_channels, 1)


def test_hrnet_of_three_levels_written_out():
    torch.manual_seed(0)
    net = HRNet(2, 3, pointwise)
    x = torch.rand(1, 2, 2, 8, 12)
    one, two = net.stages
    x00 = net.entry(x)
    x01, x11 = one.blocks[0](x00), one.blocks[1](one.down["0_1"](x00))
    x02 = two.blocks[0](x00 + x01)
    x12 = two.blocks[1](x11 + two.down["0_1"](x01))
    x22 = two.blocks[2](two.down["0_2"](x01) + two.down["1_2"](x11))
    fuse = net.fusion
    y0 = net.last[0](x02 + fuse["1_0"](x12) + fuse["2_0"](x22))
    y1 = net.last[1](x12 + fuse["0_1"](x02) + fuse["2_1"](x22))
    y2 = net.last[2](x22 + fuse["0_2"](x02) + fuse["1_2"](x12))
    expected = torch.cat([y0, net.expand[1](y1), net.expand[2](y2)], 1)
    assert expected.shape == (1, net.out_channels, 2, 8, 12) == (1, 14, 2, 8, 12)
    torch.testing.assert_close(net(x), expected)


def test_unet_of_two_levels_written_out():
    torch.manual_seed(0)
    net = UNet(2, 2, pointwise)
    x = torch.rand(1, 2, 2, 8, 12)
    d0 = net.encoder[0](x)
    d1 = net.encoder[1](net.down[0](d0))
    bridge = net.bridge(net.down[1](d1))
    u1 = net.decoder[1](torch.cat([net.up[1](bridge), d1], 1))
    u0 = net.decoder[0](torch.cat([net.up[0](u1), d0], 1))
    torch.testing.assert_close(net(x), u0)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("backbone", ["hrnet", "unet"])
def test_any_depth(backbone, levels):
    network = build_architecture(f"snraware-{backbone}-cnnt", width=4, heads=2, repeats=1, levels=levels)
    x = torch.rand(1, 3, 2, 17, 9)
    result = network(x)
    assert result.shape == (1, 2, 2, 17, 9)
    result.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_frame_adds_the_first_features_to_those_of_the_backbone():
    network = build_architecture("snraware-hrnet-conv2d", width=4, repeats=1).eval()
    x = torch.rand(1, 3, 2, 16, 16)
    features = network.first(x)
    made = network.backbone(features).clone()
    made[:, :4] += features
    torch.testing.assert_close(network(x), network.last(made))


def test_residual_networks_start_from_the_identity_and_add_what_the_others_make():
    arguments = {"in_channels": 2, "out_channels": 1, "width": 4, "repeats": 1}
    network = build_architecture("snraware-hrnet-conv2d", residual=True, **arguments).eval()
    x = torch.rand(1, 2, 2, 15, 16)
    assert torch.equal(network(x), x[:, :1])
    plain = build_architecture("snraware-hrnet-conv2d", **arguments).eval()
    network.load_state_dict(plain.state_dict())
    torch.testing.assert_close(network(x), x[:, :1] + plain(x))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"form": "true"}, "no form 'true'.*corrected, faithful"),
        ({"levels": 0}, "levels = 0"),
        ({"heads": 0, "width": 0}, "width = 0, heads = 0"),
        ({"size": (16, 64)}, "size"),
        ({"size": (16, 0, 64)}, "rows = 0"),
        ({"size": (16, 65, 64), "form": "faithful"}, "multiples of 2"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"residual": True, "in_channels": 2, "out_channels": 2}, "residual.*1 out, got 2"),
    ],
)
def test_choices_that_make_no_network_are_refused(arguments, told):
    with pytest.raises(ModelError, match=told):
        build_architecture("snraware-hrnet-conv2d", **arguments)


def test_unknown_parts_are_refused_with_the_known_ones():
    with pytest.raises(ModelError, match=r"'X9'.*T1"):
        PLAN.layer("X9", 4, 4, 0)
    with pytest.raises(ModelError, match="hrnet, unet"):
        Snraware("resnet", PLAN)
