"""Noise2Fast: pairs, network, and one image denoised by itself."""

import json
import warnings

import nibabel as nib
import numpy as np
import pytest
import torch

from quietmr.cli.main import main
from quietmr.data import Geometry, Image, InputError, NoiseMap
from quietmr.denoise import Denoiser, denoise
from quietmr.training import noise2fast
from quietmr.training.noise2fast import Noise2Fast, checkerboard, make_network

from .conftest import rician, save, smooth_volume


@pytest.fixture
def hasty(monkeypatch):
    """A network so narrow that steps cost little."""
    monkeypatch.setattr(noise2fast, "_WIDTH", 8)
    monkeypatch.setattr(noise2fast, "_LAYERS", 3)
    monkeypatch.setattr(noise2fast, "_RATE", 1e-2)


def an_image(rng, shape=(4, 40, 44), sigma=80.0, *, is_complex=False):
    clean = smooth_volume(rng, shape)
    if is_complex:
        noise = sigma * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
        data, kind = (clean * np.exp(0.3j) + noise).astype(np.complex64), "complex"
    else:
        data, kind = rician(clean, sigma, rng).astype(np.float32), "rician"
    return Image(data[None], Geometry(), noise=NoiseMap(np.float32(sigma), kind, "given")), clean


def test_the_network_has_the_weights_of_the_paper():
    assert sum(p.numel() for p in make_network().parameters()) == 259_201


@pytest.mark.parametrize("upright", [True, False])
def test_both_colors_together_use_every_pixel_once(upright):
    plane = torch.arange(2 * 6 * 8.0).reshape(2, 6, 8)
    one, two = (checkerboard(plane, color, upright=upright) for color in (0, 1))
    assert one.shape == ((2, 3, 8) if upright else (2, 6, 4))
    assert sorted(torch.cat([one.flatten(), two.flatten()]).tolist()) == plane.flatten().tolist()
    # What is compared are neighbors: beside each other, or one below the other.
    assert set((one - two).abs().flatten().tolist()) == ({8.0} if upright else {1.0})
    # No two pixels of one color share an edge.
    row, column = one[0] // 8, one[0] % 8
    assert len(set(((row + column) % 2).flatten().tolist())) == 1


@pytest.mark.parametrize("is_complex", [False, True])
def test_one_image_is_denoised_by_itself(rng, hasty, is_complex):
    image, clean = an_image(rng, is_complex=is_complex)
    told = []
    method = Noise2Fast(seed=1, progress=told.append)
    assert isinstance(method, Denoiser)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = denoise(image, method)
    truth = clean * np.exp(0.3j) if is_complex else clean
    before, after = (np.mean(np.abs(data[0] - truth) ** 2) for data in (image.data, result.data))
    assert after < 0.75 * before
    assert result.data.dtype == image.data.dtype
    assert told[-1] == 1.0
    assert told == sorted(told)
    facts = result.history[-1].parameters
    assert (facts["method"], facts["seed"], facts["sigma"]) == ("noise2fast", 1, 80.0)
    assert facts["steps"] > 100


def test_a_seed_makes_the_same_image_and_another_one_another(rng, hasty):
    image, _ = an_image(rng, (1, 24, 24))
    state = torch.get_rng_state()
    one, two, other = (Noise2Fast(seed, most_steps=20)(image).data for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(rng, hasty, scale):
    image, _ = an_image(rng, (1, 25, 31))
    scaled = Image(
        image.data * np.float32(scale), Geometry(), noise=NoiseMap(np.float32(80 * scale), "rician", "given")
    )
    one, two = (Noise2Fast(most_steps=20)(each).data for each in (image, scaled))
    np.testing.assert_allclose(two / scale, one, rtol=1e-3, atol=1.0)


def test_what_cannot_be_learned_from_is_refused_or_left_alone(rng, hasty):
    with pytest.raises(InputError, match="8 x 8"):
        Noise2Fast()(an_image(rng, (4, 6, 40))[0])
    with pytest.raises(InputError, match="no noise level"):
        Noise2Fast()(Image(np.ones((1, 1, 16, 16), np.float32)))
    flat = Image(np.full((1, 1, 16, 16), 5.0, np.float32), noise=NoiseMap(np.float32(1), "rician", "given"))
    np.testing.assert_array_equal(Noise2Fast()(flat).data, flat.data)


def test_one_command_on_one_scan(rng, hasty, tmp_path, capsys):
    image, clean = an_image(rng)
    source = save(tmp_path / "scan.nii.gz", image.data)
    command = ["denoise", str(source), str(tmp_path / "out.nii.gz"), "--model", "noise2fast", "--seed", "3"]
    assert main([*command, "--sigma", "80", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["model"], facts["seed"]) == ("noise2fast", 3)
    sidecar = json.loads((tmp_path / "out.json").read_text())
    assert (sidecar["ModelName"], sidecar["Seed"]) == ("noise2fast", 3)
    result = nib.load(tmp_path / "out.nii.gz").get_fdata().transpose(2, 1, 0)
    assert np.mean((result - clean) ** 2) < 0.75 * np.mean((image.data[0] - clean) ** 2)
    assert main([*command, "--force", "--report", str(tmp_path / "page.html")]) == 2
    assert "noise2fast learns on every scan anew" in capsys.readouterr().err
