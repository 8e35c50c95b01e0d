"""Every engine gives the numbers of torch, or says why it does not run."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from quietmr.data import Image, InputError, MissingExtraError, NoiseMap
from quietmr.denoise import NetworkDenoiser, create_denoiser, denoise
from quietmr.denoise.classical import CLASSICAL
from quietmr.denoise.engines import ENGINES, start_engine
from quietmr.models import ARCHITECTURES
from quietmr.phantoms import Mixture, draw_scene

MODEL = "quiet-fast"
OPENVINO = ENGINES[1:]
BFLOAT16 = "bfloat16"


def noisy_scene(shape, rng, snr=14.0):
    clean = snr * draw_scene(shape, Mixture(dynamic=0), rng)[None]
    noise = rng.standard_normal((2, *clean.shape))
    return clean, Image(np.hypot(clean + noise[0], noise[1]), noise=NoiseMap(np.array(1.0)))


def difference(image, engine, clean=None):
    """RMS and largest difference to torch in units of sigma; change of the PSNR in dB."""
    reference = NetworkDenoiser(MODEL, device="cpu")(image).data
    result = NetworkDenoiser(MODEL, engine=engine)(image)
    apart = (result.data - reference) / image.noise.level
    mse = [np.mean((data - clean) ** 2) if clean is not None else 1.0 for data in (reference, result.data)]
    facts = result.history[-1].parameters
    return np.sqrt(np.mean(apart**2)), np.abs(apart).max(), 10 * np.log10(mse[0] / mse[1]), facts


@pytest.fixture(autouse=True)
def needs_openvino(request):
    if "engine" in request.fixturenames:
        pytest.importorskip("openvino")


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 97, 64), (5, 33, 50)])
def test_openvino_equals_torch(shape, rng, engine="openvino"):
    pytest.importorskip("openvino")
    _, image = noisy_scene(shape, rng)
    _, worst, _, facts = difference(image, engine)
    assert facts["engine"] == engine
    assert worst < (0.2 if facts["precision"] == BFLOAT16 else 1e-3)


@pytest.mark.parametrize("snr", [4.0, 50.0])
@pytest.mark.parametrize("engine", OPENVINO)
def test_the_error_to_the_truth_is_that_of_torch(engine, snr):
    """Held-out scenes: none of the seeds of the calibration."""
    rng = np.random.default_rng([3, int(snr)])
    clean, image = noisy_scene((16, 72, 72), rng, snr)
    rms, _, gain, facts = difference(image, engine, clean)
    assert abs(gain) < 0.15
    assert rms < 0.15
    assert facts["precision"].startswith("int8") == (engine == "openvino-int8")


@pytest.mark.shared
@pytest.mark.parametrize("engine", OPENVINO)
def test_the_error_on_a_real_head_is_that_of_torch(engine, shared, rng):
    nibabel = pytest.importorskip("nibabel")
    head = np.asarray(nibabel.load(shared("mricron_colin27/ch2.nii.gz")).dataobj, np.float32).T[80:96, 40:152, 30:142]
    clean = 14 * head[None] / np.percentile(head[head > 0.05 * head.max()], 99)
    noise = rng.standard_normal((2, *clean.shape))
    image = Image(np.hypot(clean + noise[0], noise[1]), noise=NoiseMap(np.array(1.0)))
    _, _, gain, _ = difference(image, engine, clean)
    assert abs(gain) < (0.01 if engine == "openvino" else 0.15)


@pytest.mark.parametrize("engine", OPENVINO)
@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_scale_equivariance(engine, factor, rng):
    """The engine sees units of the noise, so that even 8 bits do not depend on the units of the image."""
    _, image = noisy_scene((4, 40, 36), rng)
    scaled = Image(image.data * np.float32(factor), noise=NoiseMap(image.noise.sigma * np.float32(factor)))
    denoiser = NetworkDenoiser(MODEL, engine=engine)
    apart = np.abs(denoiser(scaled).data / factor - denoiser(image).data)
    # Rounding of the input may move a value over the border between two integers, here and there.
    assert np.sqrt(np.mean(apart**2)) < 0.02


@pytest.mark.parametrize("engine", OPENVINO)
def test_tiled_equals_whole(engine, rng):
    _, image = noisy_scene((20, 150, 60), rng)
    whole = NetworkDenoiser(MODEL, engine=engine)(image).data
    tiled = NetworkDenoiser(MODEL, tile_voxels=100_000, engine=engine)(image).data
    assert np.sqrt(np.mean((tiled - whole) ** 2)) < 0.02


def test_quantized_is_the_same_every_time(rng, engine="openvino-int8"):
    pytest.importorskip("openvino")
    from quietmr.denoise.engines import openvino_runner

    _, image = noisy_scene((4, 40, 36), rng)
    first = NetworkDenoiser(MODEL, engine=engine)(image).data
    openvino_runner._ranges.cache_clear()
    openvino_runner._compile.cache_clear()
    np.testing.assert_array_equal(NetworkDenoiser(MODEL, engine=engine)(image).data, first)


@pytest.mark.parametrize("engine", OPENVINO)
def test_other_weights_are_other_models(engine):
    """What was compiled for one network never runs for another."""
    pair = np.abs(np.random.default_rng(2).standard_normal((2, 4, 16, 16))).astype(np.float32)
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = ARCHITECTURES["unet3d"]().eval()
        torch.nn.init.normal_(network.head.weight, std=0.1)
        results.append(start_engine(engine, network, "cpu", 5.0)(pair))
        expected = start_engine("torch", network, "cpu", 5.0)(pair)
        spread = np.std(expected - pair[0])
        assert np.sqrt(np.mean((results[-1] - expected) ** 2)) < 0.05 * spread
    assert not np.allclose(*results)


@pytest.mark.parametrize("engine", OPENVINO)
def test_presets_pass_the_engine_on(engine, rng):
    _, image = noisy_scene((4, 32, 32), rng)
    facts = denoise(image, "quiet", engine=engine).history[-1].parameters
    assert facts["engine"] == engine
    assert facts["device"] == "cpu"


def test_unknown_engines_are_refused():
    with pytest.raises(InputError, match=r"no engine 'abacus'.*torch, openvino, openvino-int8"):
        create_denoiser(MODEL, engine="abacus")


@pytest.mark.parametrize("engine", OPENVINO)
def test_what_the_engine_cannot_do_it_refuses(engine, rng):
    with pytest.raises(InputError, match="CPU only"):
        create_denoiser(MODEL, device="cuda", engine=engine)
    with pytest.raises(InputError, match="not Conv3d"):
        start_engine(engine, nn.Conv3d(2, 1, 3), "cpu", 5.0)
    for name in CLASSICAL:
        with pytest.raises(InputError, match="no network for the engine"):
            create_denoiser(name, engine=engine)


def test_int8_refuses_what_it_is_too_coarse_for(rng, engine="openvino-int8"):
    pytest.importorskip("openvino")
    _, image = noisy_scene((4, 32, 32), rng, snr=500.0)
    with pytest.raises(InputError, match="too coarse"):
        NetworkDenoiser(MODEL, engine=engine)(image)


@pytest.mark.parametrize("name", OPENVINO)
def test_the_missing_library_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'quietmr\[openvino\]'"):
        create_denoiser(MODEL, engine=name)
