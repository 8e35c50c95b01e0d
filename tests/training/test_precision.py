"""Which arithmetic a run gets."""

import pytest
import torch

from quietmr.data import InputError
from quietmr.training.precision import choose_precision
from quietmr.training.recipe import Recipe

CPU = torch.device("cpu")


@pytest.fixture
def amx(monkeypatch):
    """A CPU with bfloat16 and AMX, whatever runs the test."""
    monkeypatch.setattr("quietmr.training.precision.has_amx", lambda: True)
    monkeypatch.setattr("quietmr.training.precision.runs_bfloat16", lambda device: True)


def recipe(shape, precision="auto", architecture="unet3d", loss="supervised"):
    return Recipe.model_validate(
        {
            "name": "x",
            "precision": precision,
            "loss": loss,
            "network": {"architecture": architecture},
            "patches": [{"shape": (16, 32, 32)}, {"shape": shape}],
        }
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((16, 48, 48), "bf16-mixed"),
        ((1, 112, 112), "bf16-mixed"),
        ((1, 130, 130), "32-true"),
        ((16, 130, 130), "bf16-mixed"),
    ],
)
def test_bfloat16_is_left_where_its_gradients_are_wrong(amx, shape, expected):
    assert choose_precision(recipe(shape), CPU) == expected


def test_a_network_that_folds_nothing_reaches_the_limit_earlier(amx):
    assert choose_precision(recipe((1, 112, 112), architecture="snraware-hrnet-conv2d"), CPU) == "32-true"


def test_networks_for_planes_are_free_of_it(amx):
    assert choose_precision(recipe((1, 256, 256), "bf16", architecture="dncnn"), CPU) == "bf16-mixed"


@pytest.mark.parametrize("layer", [torch.nn.Conv2d(8, 16, 3, padding=1), torch.nn.ConvTranspose2d(8, 16, 2, 2)])
def test_gradients_of_plane_convolutions_are_right(layer):
    layer = layer.to(memory_format=torch.channels_last)
    x = torch.randn(1, 8, 96, 96, generator=torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
    found = []
    for reduced in (False, True):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
            made = layer(x)
        made.float().square().sum().backward()
        found.append(layer.weight.grad.clone())
    assert (found[1] - found[0]).norm() < 0.02 * found[0].norm()


def test_asking_for_wrong_gradients_is_refused(amx):
    with pytest.raises(InputError, match="AMX"):
        choose_precision(recipe((3, 130, 130), "bf16"), CPU)
    assert choose_precision(recipe((3, 130, 130), "32"), CPU) == "32-true"


def test_other_cpus_do_as_they_can(monkeypatch):
    monkeypatch.setattr("quietmr.training.precision.has_amx", lambda: False)
    for can in (True, False):
        monkeypatch.setattr("quietmr.training.precision.runs_bfloat16", lambda device, can=can: can)
        assert choose_precision(recipe((1, 130, 130)), CPU) == ("bf16-mixed" if can else "32-true")


def test_gradients_of_the_allowed_sizes_agree_with_float32():
    """On the CPU that runs the test; without AMX it is easy."""
    for frames, side in ((1, 56), (3, 54), (16, 32)):
        torch.manual_seed(0)
        layer = torch.nn.Conv3d(32, 32, 3, padding=1, bias=False).to(memory_format=torch.channels_last_3d)
        x = torch.randn(1, 32, frames, side, side).contiguous(memory_format=torch.channels_last_3d)
        gradients = []
        for reduced in (False, True):
            layer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
                out = layer(x)
            (out.float() * torch.linspace(-1, 1, side)).sum().backward()
            gradients.append(layer.weight.grad.clone())
        assert float((gradients[1] - gradients[0]).norm() / gradients[0].norm()) < 0.02
