"""Published networks: being registered is being tested."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from quietmr.data import ModelError
from quietmr.models import ARCHITECTURES, build_architecture
from quietmr.models.gates import ChannelGate
from quietmr.models.papers import PAPERS

# Arguments that make a network small and leave it what it is.
SMALL = {
    "adnet": {"width": 8},
    "cdncnn": {"width": 8, "layers": 5},
    "cnn-dmri": {"width": 8, "blocks": 2},
    "cyclegan": {"width": 8, "blocks": 2},
    "das-ffdnet": {"width": 8},
    "das-ffdnet-small": {"width": 8, "blocks": 1},
    "denoisenet": {"width": 8, "levels": 3},
    "denoisenet-large": {"width": 8, "head": "residual", "levels": 2},
    "denoisenet-small": {"width": 8, "levels": 2},
    "disentangled-gan": {"width": 8},
    "dncnn": {"width": 8},
    "dncnn-blind": {"width": 8, "layers": 4},
    "drunet": {"width": 8, "blocks": 1},
    "ffdnet": {"width": 8},
    "hmad-net": {"width": 8, "levels": 3},
    "msanet": {"width": 8},
    "rdunet": {"width": 8},
    "rdunet-small": {"width": 8},
    "red3d": {"widths": (4, 6, 8)},
    "ricianet3d": {"width": 4, "stages": 8},
    "ridnet": {"width": 16, "blocks": 2},
    "sadnet": {"width": 8, "offset_width": 8},
}
# Tracing takes long for each layer; these have all kinds of them.
SHORT = {
    "adnet": {"layers": 6},
    "das-ffdnet": {"blocks": 1, "levels": 1},
    "denoisenet": {"levels": 1},
    "hmad-net": {"levels": 1},
    "msanet": {"bodies": ("AB", "B")},
    "ricianet3d": {"stages": 2},
}
VARIANTS = {"das-ffdnet-small", "denoisenet-large", "denoisenet-small", "dncnn-blind", "rdunet-small"}
DEFAULTS = {"cdncnn": (3, 2), "ffdnet": (2, 1), "drunet": (2, 1)}
MAGNITUDES_ONLY = {"cyclegan", "denoisenet", "denoisenet-small", "disentangled-gan", "hmad-net", "red3d"}
BLIND_ONLY = {"cyclegan", "disentangled-gan"}
THREE_D = {"red3d", "ricianet3d"}
# Four poolings of a batch normalization: fewer pixels than these have no spread to normalize by, in training.
SIZES = [(1, 8, 8), (1, 9, 31), (2, 16, 17), (2, 35, 21), (1, 1, 3)]


def pairs_of(name):
    """Channels in and out that a network can mean."""
    magnitudes = [(1, 1), (2, 1)]
    pairs = magnitudes if name in MAGNITUDES_ONLY else [*magnitudes, (2, 2), (3, 2)]
    if name == "cdncnn":
        pairs = [(2, 2), (3, 2)]
    if name == "ffdnet":
        pairs = [(2, 1), (3, 2)]
    return [(a, b) for a, b in pairs if a == b or name not in BLIND_ONLY]


def network_of(name, *channels, **arguments):
    torch.manual_seed(0)
    a, b = channels or DEFAULTS.get(name, (1, 1))
    network = build_architecture(name, in_channels=a, out_channels=b, **{**SMALL[name], **arguments})
    for weight in network.parameters():
        # What starts at zero (offsets) would hide what lies before it.
        if not weight.any() and weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.1)
    return network.eval()


@pytest.fixture(params=sorted(PAPERS))
def name(request):
    return request.param


def test_every_published_network_is_registered_and_tested():
    assert set(SMALL) == set(PAPERS) <= set(ARCHITECTURES)


def test_any_size_keeps_its_size(name):
    for channels in pairs_of(name):
        network = network_of(name, *channels)
        for size in SIZES if channels == DEFAULTS.get(name, (1, 1)) else SIZES[1:2]:
            with torch.no_grad():
                result = network(torch.rand(1, channels[0], *size))
            assert result.shape == (1, channels[1], *size)
            assert result.isfinite().all()


def test_channels_that_cannot_be_meant_are_refused_in_one_sentence(name):
    possible = pairs_of(name)
    for channels in [(1, 1), (2, 1), (2, 2), (3, 2), (3, 1), (1, 2), (4, 3), (0, 0)]:
        if channels not in possible:
            with pytest.raises(ModelError, match="out") as problem:
                network_of(name, *channels)
            assert str(problem.value).endswith(".")


def test_counts_that_no_network_has_are_refused(name):
    small = SMALL[name]
    for argument, value in small.items():
        if isinstance(value, int):
            with pytest.raises(ModelError, match=r"at least|no multiple"):
                build_architecture(name, **{**small, argument: -1})


def test_every_weight_gets_a_gradient(name):
    network = network_of(name).train(name != "disentangled-gan")
    for gate in (module for module in network.modules() if isinstance(module, ChannelGate)):
        # Small gates have a single unit inside, and one that is off for every image learns nothing.
        for inside in (part for part in gate.networks if isinstance(part, torch.nn.Sequential)):
            inside[1] = torch.nn.LeakyReLU()
    x = torch.rand(2, network.in_channels, 2, 32, 32, generator=torch.Generator().manual_seed(1))
    (network(x) - x[:, : network.out_channels] / 2).square().mean().backward()
    for weight_name, weight in network.named_parameters():
        # Nothing in the mean of a clean image depends on the spread of its noise code.
        if "log_variance" in weight_name:
            continue
        # A bias before a normalization of the batch or the image does nothing.
        assert weight.grad is not None, weight_name
        assert weight.grad.isfinite().all(), weight_name
        assert weight_name.endswith("bias") or weight.grad.abs().sum() > 0, weight_name


def test_deterministic_and_independent_of_the_batch(name):
    network = network_of(name)
    x = torch.rand(2, network.in_channels, 3, 17, 21)
    with torch.no_grad():
        together, again = network(x), network(x)
        alone = torch.cat([network(sample[None]) for sample in x])
    torch.testing.assert_close(again, together, rtol=0, atol=0)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_frames_are_apart_in_two_dimensions_and_together_in_three(name):
    network = network_of(name)
    x = torch.rand(1, network.in_channels, 3, 16, 16)
    with torch.no_grad():
        whole = network(x)
        apart = torch.cat([network(x[:, :, i : i + 1]) for i in range(3)], 2)
    assert torch.allclose(apart, whole, rtol=1e-4, atol=1e-5) == (name not in THREE_D)


def test_a_blind_network_does_not_see_the_noise_map(name):
    network = network_of(name)
    n = network.in_channels
    x = torch.rand(1, n, 2, 16, 16)
    with torch.no_grad():
        if n == network.out_channels:
            told = [network(torch.cat([x, torch.full_like(x[:, :1], sigma)], 1)) for sigma in (0.1, 0.4)]
            for result in told:
                torch.testing.assert_close(result, network(x), rtol=0, atol=0)
        else:
            other = torch.cat([x[:, :-1], x[:, -1:] + 0.3], 1)
            assert not torch.allclose(network(other), network(x))
        with pytest.raises(ModelError, match="channels, got 7"):
            network(torch.rand(1, 7, 2, 16, 16))


@pytest.mark.parametrize("name", sorted(set(PAPERS) - VARIANTS))
def test_exported_equals_eager(name):
    network = network_of(name, **SHORT.get(name, {}))
    x = torch.rand(2, network.in_channels, 2, 16, 10)
    with torch.no_grad():
        exported = torch.export.export(network, (x,)).module()
        torch.testing.assert_close(exported(x), network(x), rtol=1e-5, atol=1e-6)


def test_saved_and_loaded_is_the_same(name, tmp_path):
    network = network_of(name)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    other = network_of(name)
    for weight in other.parameters():
        weight.data.zero_()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    x = torch.rand(1, network.in_channels, 2, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(other(x), network(x), rtol=0, atol=0)
