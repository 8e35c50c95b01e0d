"""VGG16: the layout of the published file, and files that are something else."""

import hashlib
from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from quietmr.data import ModelError
from quietmr.training.vgg import Vgg16Features, cached_weights, load_vgg16

SMALL = (2, 3, 4, 5)


def published(path, widths=SMALL, **changes):
    """A random file with the names of the published one, its later layers included."""
    rng = torch.Generator().manual_seed(0)
    numbers = {0: 0, 2: 0, 5: 1, 7: 1, 10: 2, 12: 2, 14: 2, 17: 3, 19: 3, 21: 3, 24: 3, 26: 3, 28: 3}
    tensors, channels = {}, 3
    for number, block in numbers.items():
        tensors[f"features.{number}.weight"] = torch.randn(widths[block], channels, 3, 3, generator=rng)
        tensors[f"features.{number}.bias"] = torch.randn(widths[block], generator=rng)
        channels = widths[block]
    tensors["classifier.0.weight"] = torch.randn(4, 7, generator=rng)
    tensors |= changes.pop("replaced", {})
    for name in changes.pop("dropped", ()):
        del tensors[name]
    save_file(tensors, path)
    return tensors


def test_features_are_those_of_the_layers_in_the_file(tmp_path):
    tensors = published(tmp_path / "vgg.safetensors")
    network = load_vgg16(tmp_path / "vgg.safetensors", widths=SMALL)
    gray = torch.rand(3, 1, 16, 24)
    # A second implementation, by the numbers in the file: convolutions, rectifiers between, halving in the gaps.
    mean, sd = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x, wanted = (gray.expand(-1, 3, -1, -1) - mean) / sd, []
    for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21)):
        if wanted:
            x = nn.functional.max_pool2d(x, 2)
        for i in block:
            x = nn.functional.conv2d(
                x, tensors[f"features.{i}.weight"], tensors[f"features.{i}.bias"], padding=1
            ).relu()
        wanted.append(x)
    for found, expected in zip(network(gray), wanted, strict=True):
        torch.testing.assert_close(found, expected)
    assert not any(weight.requires_grad for weight in network.parameters())


def test_the_size_is_that_of_the_published_network():
    channels = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512)
    expected = sum(9 * a * b + b for a, b in pairwise(channels))
    with torch.device("meta"):
        network = Vgg16Features()
    assert sum(weight.numel() for weight in network.parameters()) == expected
    assert network.taps == [3, 8, 15, 22]


def test_weights_are_found_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("QUIETMR_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"needs the weights of VGG16.*vgg16\.safetensors.*convert"):
        load_vgg16(widths=SMALL)
    published(cached_weights())
    assert cached_weights().parent == tmp_path
    assert load_vgg16(widths=SMALL)(torch.rand(1, 1, 8, 8))[3].shape == (1, 5, 1, 1)
    monkeypatch.delenv("QUIETMR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cached_weights() == tmp_path / "quietmr" / "vgg16.safetensors"


def test_the_hash_is_checked(tmp_path):
    path = tmp_path / "vgg.safetensors"
    published(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    load_vgg16(path, digest.upper(), widths=SMALL)
    with pytest.raises(ModelError, match="SHA-256"):
        load_vgg16(path, "0" * 64, widths=SMALL)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "vgg.safetensors"
    path.write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="not a safetensors file"):
        load_vgg16(path, widths=SMALL)
    published(path, dropped=["features.5.bias"])
    with pytest.raises(ModelError, match=r"'features\.5\.bias'.*nothing"):
        load_vgg16(path, widths=SMALL)
    published(path, replaced={"features.2.weight": torch.zeros(2)})
    with pytest.raises(ModelError, match=r"'features\.2\.weight'"):
        load_vgg16(path, widths=SMALL)
    published(path)
    with pytest.raises(ModelError, match=r"\(64, 3, 3, 3\)"):
        load_vgg16(path)
