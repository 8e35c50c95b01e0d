"""Being registered is being tested."""

import pytest
import torch

from quietmr.data import ModelError
from quietmr.models import ARCHITECTURES, build_architecture, create_model, list_models, to_channels_last

SIZES = [(1, 8, 8), (1, 9, 31), (3, 16, 17), (8, 24, 20), (5, 13, 11)]


def network_of(name):
    torch.manual_seed(0)
    return build_architecture(name).eval()


@pytest.fixture(params=sorted(ARCHITECTURES))
def network(request):
    return network_of(request.param)


@pytest.mark.parametrize("size", SIZES)
def test_any_size_keeps_its_size(network, size):
    x = torch.rand(1, 2, *size)
    assert network(x).shape == (1, 1, *size)


def test_scaling_image_and_noise_scales_the_result(network):
    x = torch.rand(2, 2, 4, 16, 18)
    reference = network(x)
    for c in (1e-4, 2.0, 1e4):
        torch.testing.assert_close(network(c * x) / c, reference, rtol=1e-4, atol=1e-5)


def test_every_weight_gets_a_gradient(network):
    network(torch.rand(1, 2, 4, 16, 16)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_deterministic_and_independent_of_the_batch(network):
    x = torch.rand(3, 2, 4, 16, 16)
    together = network(x)
    torch.testing.assert_close(network(x), together, rtol=0, atol=0)
    alone = torch.cat([network(sample[None]) for sample in x])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_channels_last_changes_nothing(network):
    x = torch.rand(2, 2, 4, 16, 16)
    reference = network(x)
    torch.testing.assert_close(to_channels_last(network)(x), reference, rtol=1e-4, atol=1e-5)


def test_exported_equals_eager(network):
    x = torch.rand(2, 2, 4, 16, 16)
    exported = torch.export.export(network, (x,)).module()
    torch.testing.assert_close(exported(x), network(x), rtol=1e-5, atol=1e-6)


def test_saved_and_loaded_is_the_same(network, tmp_path):
    from safetensors.torch import load_file, save_file

    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    other = type(network)()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    x = torch.rand(1, 2, 4, 16, 16)
    torch.testing.assert_close(other.eval()(x), network(x), rtol=0, atol=0)


def test_shift_by_the_tile_grid_shifts_the_result():
    network = network_of("unet3d")
    f, y, x = network.multiple
    image = torch.zeros(1, 2, 64, 160, 160)
    image[:, :, 28:36, 70:90, 70:90] = torch.rand(1, 2, 8, 20, 20)
    shifted = image.roll((f, y, x), (2, 3, 4))
    torch.testing.assert_close(network(shifted), network(image).roll((f, y, x), (2, 3, 4)), rtol=1e-4, atol=1e-5)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="unet3d"):
        build_architecture("unet4d")
    with pytest.raises(ModelError, match="known ones"):
        create_model("no-such-model")


@pytest.mark.parametrize("name", list_models())
def test_shipped_models_load_and_have_the_parameters_of_their_card(name):
    from quietmr.models import load_card

    network = create_model(name)
    assert sum(p.numel() for p in network.parameters()) == load_card(name).parameters
    fresh = create_model(name, pretrained=False)
    assert any(not torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters(), strict=True))
