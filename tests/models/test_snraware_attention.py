"""Tokens and attention, against loops that say the same slowly."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional

from quietmr.data import ModelError
from quietmr.models.snraware.attention import Attention, PositionBias, cosine_attention
from quietmr.models.snraware.convolution import Convolution
from quietmr.models.snraware.kinds import KINDS, AttentionKind
from quietmr.models.snraware.tokens import Axis, Cut

ATTENTION = {code: kind for code, kind in KINDS.items() if isinstance(kind, AttentionKind)}
SIZES = [(1, 8, 8), (16, 16, 24), (3, 9, 17), (19, 12, 5), (2, 3, 1)]


def attention_by_loops(query, key, value, allowed=None, bias=None):
    """One head; every token of a group one after another."""
    out = torch.zeros_like(value)
    for i, q in enumerate(query):
        terms = []
        for j, k in enumerate(key):
            if allowed is None or allowed[i, j]:
                cosine = (q @ k) / (q.norm() * k.norm())
                terms.append((j, torch.exp(cosine + (0 if bias is None else bias[i, j]))))
        total = sum(weight for _, weight in terms)
        for j, weight in terms:
            out[i] += weight / total * value[j]
    return out


@pytest.fixture
def tokens():
    torch.manual_seed(1)
    return torch.randn(3, 2, 3, 7, 5).double()


def test_attention_is_softmax_of_cosines(tokens):
    query, key, value = tokens
    result = cosine_attention(query, key, value)
    for g, h in product(range(2), range(3)):
        torch.testing.assert_close(result[g, h], attention_by_loops(query[g, h], key[g, h], value[g, h]))


def test_mask_and_bias_act_before_the_softmax(tokens):
    query, key, value = tokens
    mask = (torch.rand(2, 1, 7, 7) > 0.5) | torch.eye(7, dtype=torch.bool)
    bias = torch.randn(3, 7, 7).double()
    result = cosine_attention(query, key, value, mask, bias)
    for g, h in product(range(2), range(3)):
        expected = attention_by_loops(query[g, h], key[g, h], value[g, h], mask[g, 0], bias[h])
        torch.testing.assert_close(result[g, h], expected)
    torch.testing.assert_close(cosine_attention(query, key, torch.ones_like(value), mask, bias), torch.ones_like(value))


def test_faithful_bias_comes_after_the_softmax_and_leaks_through_the_mask(tokens):
    query, key, value = tokens
    mask = torch.eye(7, dtype=torch.bool).expand(2, 1, 7, 7)
    bias = torch.randn(3, 7, 7).double()
    result = cosine_attention(query, key, value, mask, bias, bias_last=True)
    torch.testing.assert_close(result, value + torch.einsum("hij,ghjf->ghif", bias, value))


@pytest.mark.parametrize("pixel_major", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("code", ATTENTION)
def test_merge_undoes_split(code, size, pixel_major):
    cut = ATTENTION[code].cut(size)
    x = torch.rand(2, 4, *size)
    split = cut.split(x, 2, pixel_major=pixel_major)
    assert split.shape[:2] == (2 * cut.n_groups, 2)
    assert torch.equal(cut.merge(split, 4, pixel_major=pixel_major), x)


def places(axes):
    """Group, token and first pixel along one axis."""
    groups, tokens, pixels = axes
    return [(g, t, (g * tokens + t) * pixels) for g in range(groups) for t in range(tokens)]


@pytest.mark.parametrize("code", ["T1", "L1", "G1", "V2", "V3", "S3"])
def test_tokens_are_blocks_of_pixels(code):
    size = (16, 16, 24)
    cut = ATTENTION[code].cut(size)
    assert cut.padded == size
    x = torch.rand(2, 4, *size)
    found = cut.split(x, 1).reshape(2, *(axis[0] for axis in cut.axes), *cut.tokens, -1)
    major = cut.split(x, 1, pixel_major=True).reshape(found.shape)
    pf, py, px = (axis[2] for axis in cut.axes)
    for (gf, tf, f), (gy, ty, y), (gx, tx, column) in product(*(places(axis) for axis in cut.axes)):
        block = x[:, :, f : f + pf, y : y + py, column : column + px]
        assert torch.equal(found[:, gf, gy, gx, tf, ty, tx], block.flatten(1))
        assert torch.equal(major[:, gf, gy, gx, tf, ty, tx], block.movedim(1, -1).flatten(1))


def test_kinds_cut_a_training_patch_as_documented():
    cuts = {code: kind.cut((16, 64, 64)) for code, kind in ATTENTION.items()}
    assert {code: (cut.n_groups, cut.tokens) for code, cut in cuts.items()} == {
        "T1": (1, (16, 1, 1)),
        "L1": (16 * 64, (1, 2, 2)),
        "G1": (16, (1, 16, 16)),
        "V2": (16, (1, 8, 8)),
        "V3": (1, (1, 8, 8)),
        "S3": (64, (16, 8, 8)),
        "Sh": (64, (16, 8, 8)),
    }
    assert cuts["Sh"].shift == (0, 4, 4)
    assert ATTENTION["Sh"].cut((33, 8, 9)).shift == (8, 0, 4)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("size", [(1, 8, 8), (1, 7, 9), (5, 4, 6), (3, 12, 3)])
def test_mask_joins_pixels_of_one_unbroken_window(size, shifted):
    cut = Cut.of(size, (Axis(1, 2), Axis(1, 4), Axis(1, 4)), shifted=shifted)
    numbers = torch.arange(1, 1 + size[0] * size[1] * size[2]).reshape(1, 1, *size).double()
    pixel = cut.split(numbers, 1)[:, 0, :, 0].long() - 1  # -1 is padding
    mask = cut.mask(torch.device("cpu"))
    mask = torch.ones(*pixel.shape, pixel.shape[1], dtype=torch.bool) if mask is None else mask
    for group, allowed in zip(pixel, mask, strict=True):
        where = torch.stack(torch.unravel_index(group.clamp(min=0), size), -1)
        extent = torch.tensor(cut.tokens)
        near = ((where[:, None] - where[None, :]).abs() < extent).all(-1)
        real = group >= 0
        assert torch.equal(allowed[real], (near & real)[real])
        assert allowed.any(-1).all()  # or the softmax would have nothing to sum


def one_by_one(in_channels, out_channels):
    return nn.Conv3d(in_channels, out_channels, 1)


def test_windows_know_nothing_of_each_other_nor_of_the_padding():
    torch.manual_seed(0)
    x = torch.rand(2, 4, 3, 12, 21)
    for code in ("L1", "S3"):
        layer = Attention(ATTENTION[code], one_by_one, 4, 4, 2, extent=(16, 8, 8))
        whole = layer(x)
        for y, column in product(range(0, 12, 8), range(0, 21, 8)):
            window = x[..., y : y + 8, column : column + 8]
            torch.testing.assert_close(whole[..., y : y + 8, column : column + 8], layer(window))


def test_temporal_attention_is_a_softmax_over_frames():
    torch.manual_seed(0)
    layer = Attention(ATTENTION["T1"], Convolution, 4, 6, 2).double()
    x = torch.rand(2, 4, 5, 7, 6).double()

    def frames(projection, x):
        weight, bias = projection.weight[:, :, 0], projection.bias
        padded = [functional.pad(x[:, :, n], (1, 1, 1, 1), mode="reflect") for n in range(5)]
        return torch.stack([functional.conv2d(frame, weight, bias) for frame in padded], 1)

    query, key, value = (frames(layer.get_submodule(name), x) for name in ("query", "key", "value"))
    mixed = torch.zeros_like(value)
    for b, head in product(range(2), (slice(0, 3), slice(3, 6))):
        q, k, v = (part[b, :, head] for part in (query, key, value))
        q = q / q.pow(2).sum((1, 2, 3), keepdim=True).sqrt()
        k = k / k.pow(2).sum((1, 2, 3), keepdim=True).sqrt()
        for n in range(5):
            weights = torch.stack([(q[n] * k[m]).sum() for m in range(5)]).exp()
            mixed[b, n, head] = sum(weights[m] / weights.sum() * v[m] for m in range(5))
    torch.testing.assert_close(layer(x), frames(layer.output, mixed.transpose(1, 2)).transpose(1, 2))


def test_temporal_attention_takes_frames_in_any_order():
    layer = Attention(ATTENTION["T1"], Convolution, 4, 4, 2)
    x = torch.rand(1, 4, 6, 8, 9)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(layer(x[:, :, order]), layer(x)[:, :, order], rtol=1e-5, atol=1e-6)


def test_position_bias_is_looked_up_by_distance():
    bias = PositionBias((2, 3, 3), 2)
    table = bias.table.reshape(3, 5, 5, 2)
    everywhere = list(product(range(2), range(3), range(3)))
    found = bias((2, 3, 3))
    for (i, a), (j, b) in product(enumerate(everywhere), enumerate(everywhere)):
        f, y, x = (p - q for p, q in zip(a, b, strict=True))
        assert torch.equal(found[:, i, j], table[f + 1, y + 2, x + 2])


def test_distances_beyond_the_table_take_its_last_entry():
    bias = PositionBias((1, 1, 3), 1)
    row = bias((1, 1, 6))[0, 5]
    assert row.unique().numel() == 3
    assert torch.equal(row[:4], row[3].expand(4))


def test_frames_last_reads_the_table_in_the_order_of_the_reference_code():
    bias = PositionBias((2, 3, 3), 1, frames_last=True)
    numbered = list(product(range(3), range(3), range(2)))  # (y, x, f), though tokens come (f, y, x)
    table = bias.table.reshape(5, 5, 3)
    found = bias((2, 3, 3))[0]
    for (i, a), (j, b) in product(enumerate(numbered), enumerate(numbered)):
        y, x, f = (p - q for p, q in zip(a, b, strict=True))
        assert found[i, j] == table[y + 2, x + 2, f + 1]


def test_heads_must_divide_the_features():
    with pytest.raises(ModelError, match="3 heads do not divide 4 channels"):
        Attention(ATTENTION["T1"], Convolution, 4, 4, 3)
    layer = Attention(ATTENTION["V2"], Convolution, 4, 4, 24, faithful=True)
    with pytest.raises(ModelError, match="24 heads do not divide the 256 features"):
        layer(torch.rand(1, 4, 1, 8, 8))
