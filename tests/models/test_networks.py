"""Being registered is being tested; published networks are in test_paper_networks.py."""

import pytest
import torch

from quietmr.data import ModelError
from quietmr.models import ARCHITECTURES, build_architecture, create_model, list_models, to_channels_last
from quietmr.models.papers import PAPERS
from quietmr.models.snraware import RELEASED, TABLE_2

SIZES = [(1, 8, 8), (1, 9, 31), (3, 16, 17), (8, 24, 20), (5, 13, 11)]
SHORT = {"width": 16, "heads": 4, "repeats": 1}
DESIGNS = {**TABLE_2, **RELEASED}


def one_of_each():
    """Names of architectures that still differ when a block goes through its cells once."""
    seen = {(DESIGNS[name].backbone, DESIGNS[name].cells): name for name in reversed(DESIGNS)}
    return sorted({*seen.values(), *(set(ARCHITECTURES) - set(DESIGNS) - set(PAPERS))})


def network_of(name, in_channels=3, out_channels=2, **arguments):
    torch.manual_seed(0)
    small = {**SHORT, **arguments} if name in DESIGNS else {}
    return build_architecture(name, in_channels=in_channels, out_channels=out_channels, **small).eval()


@pytest.fixture(params=one_of_each())
def network(request):
    return network_of(request.param)


@pytest.mark.parametrize("name", one_of_each())
def test_any_size_keeps_its_size(name):
    magnitude, complex_valued = network_of(name, 2, 1), network_of(name)
    cases = [(magnitude, 1, SIZES[0]), *((complex_valued, 2, size) for size in SIZES)]
    for network, n, size in cases:
        with torch.no_grad():
            result = network(torch.rand(1, n + 1, *size))
        assert result.shape == (1, n, *size)
        assert result.isfinite().all()


def test_scaling_image_and_noise_scales_the_result():
    network = network_of("unet3d")
    x = torch.rand(2, 3, 4, 16, 18)
    reference = network(x)
    for c in (1e-4, 2.0, 1e4):
        torch.testing.assert_close(network(c * x) / c, reference, rtol=1e-4, atol=1e-5)


def test_every_weight_gets_a_gradient(network):
    network(torch.rand(1, 3, 2, 16, 16)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().sum() > 0, name


def test_deterministic_and_independent_of_the_batch(network):
    x = torch.rand(2, 3, 4, 17, 11)
    with torch.no_grad():
        together, again = network(x), network(x)
        alone = torch.cat([network(sample[None]) for sample in x])
    torch.testing.assert_close(again, together, rtol=0, atol=0)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_channels_last_changes_nothing(network):
    x = torch.rand(2, 3, 2, 16, 16)
    with torch.no_grad():
        reference = network(x)
        torch.testing.assert_close(to_channels_last(network)(x), reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", one_of_each())
def test_exported_equals_eager(name):
    # Tracing takes seconds for each block; more levels add blocks of the same kinds.
    network = network_of(name) if name.endswith("conv2d") else network_of(name, levels=1)
    x = torch.rand(2, 3, 2, 16, 10)
    with torch.no_grad():
        exported = torch.export.export(network, (x,)).module()
        torch.testing.assert_close(exported(x), network(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", one_of_each())
def test_saved_and_loaded_is_the_same(name, tmp_path):
    from safetensors.torch import load_file, save_file

    network = network_of(name)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    other = network_of(name)
    for weight in other.parameters():
        weight.data.zero_()
    other.load_state_dict(load_file(tmp_path / "w.safetensors"))
    x = torch.rand(1, 3, 2, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(other(x), network(x), rtol=0, atol=0)


def test_shift_by_the_tile_grid_shifts_the_result():
    network = network_of("unet3d")
    f, y, x = network.multiple
    image = torch.zeros(1, 3, 64, 160, 160)
    image[:, :, 28:36, 70:90, 70:90] = torch.rand(1, 3, 8, 20, 20)
    shifted = image.roll((f, y, x), (2, 3, 4))
    torch.testing.assert_close(network(shifted), network(image).roll((f, y, x), (2, 3, 4)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["hrnet-cnnt", "unet-cnnt", "hrnet-conv3d", "unet-conv3d", "hrnet-swin3d"])
def test_shift_by_the_window_grid_shifts_the_result(name):
    # What sees its surroundings only; attention across a frame carries the edges of the image everywhere.
    network = network_of(f"snraware-{name}", levels=1)
    _, y, x = network.multiple
    image = torch.zeros(1, 3, 2, 128, 128)
    image[..., 52:60, 52:60] = torch.rand(1, 3, 2, 8, 8)
    with torch.no_grad():
        moved, still = network(image.roll((y, x), (3, 4))), network(image)
    assert still.std() > 0
    torch.testing.assert_close(moved, still.roll((y, x), (3, 4)), rtol=1e-4, atol=1e-5)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="unet3d"):
        build_architecture("unet4d")
    with pytest.raises(ModelError, match="known ones"):
        create_model("no-such-model")


def test_unknown_arguments_are_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="no argument depth; it has in_channels, out_channels"):
        build_architecture("unet3d", depth=3)
    with pytest.raises(ModelError, match="no argument design"):
        build_architecture("snraware-hrnet-conv2d", design=None)


def test_a_narrow_pattern_also_lists_what_is_still_to_be_trained():
    assert list_models() == list_models("quiet*")
    assert list_models("snraware-*") == sorted(DESIGNS)
    assert len(TABLE_2) == 14
    assert {"unet3d", "snraware-unet-cnnt"} < set(list_models("*unet*"))


def test_channels_and_form_are_open_only_for_untrained_models():
    network = create_model("snraware-unet-conv2d", in_channels=2, out_channels=1, form="corrected")
    assert (network.first.in_channels, network.last.out_channels) == (2, 1)
    with pytest.raises(ModelError, match="no argument form"):
        create_model("unet3d", form="faithful")
    with pytest.raises(ModelError, match=r"trained.*in_channels"):
        create_model(list_models()[0], in_channels=3)


@pytest.mark.parametrize("name", list_models())
def test_shipped_models_load_and_have_the_parameters_of_their_card(name):
    from quietmr.models import load_card

    network = create_model(name)
    assert sum(p.numel() for p in network.parameters()) == load_card(name).parameters
    fresh = create_model(name, pretrained=False)
    assert any(not torch.equal(a, b) for a, b in zip(network.parameters(), fresh.parameters(), strict=True))
