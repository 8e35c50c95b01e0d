"""What the faithful form keeps of the reference code, and what the corrected form puts right."""

import pytest
import torch

from quietmr.data import ModelError
from quietmr.models import build_architecture
from quietmr.models.snraware.attention import Attention
from quietmr.models.snraware.convolution import Convolution
from quietmr.models.snraware.kinds import KINDS

SMALL = {"width": 16, "heads": 4, "repeats": 1, "size": (4, 16, 16)}
WINDOW_KINDS = ["V2", "V3", "S3", "Sh"]


def both_forms(name, **arguments):
    return (build_architecture(name, form=form, **SMALL, **arguments).eval() for form in ("faithful", "corrected"))


def without_gradient(network):
    network(torch.rand(1, 3, 4, 16, 16)).square().sum().backward()
    return {name for name, weight in network.named_parameters() if weight.grad is None}


@pytest.mark.parametrize("name", ["cnnt", "swin3d", "vit3d", "vit2d", "conv3d", "conv2d"])
@pytest.mark.parametrize("backbone", ["hrnet", "unet"])
def test_faithful_networks_leave_the_known_weights_unused(name, backbone):
    faithful, _ = both_forms(f"snraware-{backbone}-{name}")
    expected = set()
    for weight, _ in faithful.named_parameters():
        idle_norm = ".second_norm." in weight and name != "cnnt"
        idle_value = ".layer.value." in weight and name == "swin3d"
        if idle_norm or idle_value:
            expected.add(weight)
    assert without_gradient(faithful) == expected
    assert expected or name == "cnnt"


def test_faithful_networks_take_one_size_of_image_and_any_number_of_frames():
    faithful, corrected = both_forms("snraware-hrnet-t1l1g1-small")
    for frames in (1, 3, 17):
        assert faithful(torch.rand(1, 3, frames, 16, 16)).shape == (1, 2, frames, 16, 16)
    with pytest.raises(ModelError, match=r"16 x 16 pixels only.*got 16 x 18.*corrected"):
        faithful(torch.rand(1, 3, 4, 16, 18))
    assert corrected(torch.rand(1, 3, 4, 16, 18)).shape == (1, 2, 4, 16, 18)


def layers(code, heads, faithful):
    """A layer of random weights, the same for the same arguments but the form."""
    torch.manual_seed(5)
    kind = KINDS[code]
    return Attention(kind, Convolution, 8, 8, heads, faithful=faithful)


def test_forms_of_temporal_attention_agree_without_a_bias():
    x = torch.rand(2, 8, 4, 16, 16)
    torch.testing.assert_close(layers("T1", 4, True)(x), layers("T1", 4, False)(x), rtol=0, atol=0)


@pytest.mark.parametrize("code", ["L1", "G1", "V2", "V3"])
def test_forms_cut_heads_from_pixels_or_from_channels(code):
    x = torch.rand(1, 8, 4, 16, 16)
    one_head = [layers(code, 1, faithful)(x) for faithful in (True, False)]
    torch.testing.assert_close(*one_head, rtol=1e-5, atol=1e-6)
    many = [layers(code, 4, faithful)(x) for faithful in (True, False)]
    assert (many[0] - many[1]).abs().max() > 1e-4


def test_faithful_windows_read_the_key_in_another_order_for_a_value():
    faithful, corrected = layers("S3", 2, True), layers("S3", 2, False)
    x = torch.rand(1, 8, 2, 8, 8)
    seen = []
    faithful.output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    faithful(x)
    tokens = 2 * 8 * 8
    query, key = (p(x).flatten(2).reshape(2, 4, tokens).mT for p in (corrected.query, corrected.key))
    value = key.flatten().reshape(tokens, 2, 4).transpose(0, 1)
    cosines = torch.nn.functional.normalize(query, dim=-1) @ torch.nn.functional.normalize(key, dim=-1).mT
    expected = (cosines.softmax(-1) @ value).mT.reshape(1, 8, 2, 8, 8)
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-6)
    changed = corrected(x)
    corrected.value.weight.data.mul_(2)
    assert not torch.allclose(corrected(x), changed)


@pytest.mark.parametrize("name", ["vit2d", "vit3d", "swin3d"])
def test_faithful_window_kinds_have_eight_heads_whatever_is_asked(name):
    faithful, corrected = both_forms(f"snraware-hrnet-{name}", position_bias=True)
    heads = [
        {weight.shape[1] for key, weight in network.named_parameters() if key.endswith("bias.table")}
        for network in (faithful, corrected)
    ]
    assert heads == [{8}, {4}]


def test_training_mode_drops_branches_and_evaluation_does_not():
    network = build_architecture("snraware-hrnet-conv2d", drop_path=0.5, **SMALL)
    x = torch.rand(1, 3, 4, 16, 16)
    torch.manual_seed(0)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
