"""Training of complex networks: what they see, that they learn, that runs repeat and resume."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from quietmr.data import InputError, ModelError
from quietmr.models import build_architecture, create_model, load_card
from quietmr.training.checkpoint import load_checkpoint
from quietmr.training.complex_batches import ComplexBatches
from quietmr.training.complex_pairs import complex_batch, complex_pair
from quietmr.training.complex_start import for_complex
from quietmr.training.complex_validation import ComplexCase, draw_complex_cases, mean_blur_gain, mean_complex_gain
from quietmr.training.mr_recipe import MrRecipe
from quietmr.training.recipe import Recipe

from .conftest import save, smooth_volume

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

COMPLEX = (
    "channels=complex",
    "network.arguments={in_channels: 3, out_channels: 2, widths: [8, 8], n_blocks: [1, 1]}",
    "scenes.shape=[6,32,32]",
)


@pytest.fixture(autouse=True)
def quick(quick_scenes, monkeypatch):
    """Boxes for anatomy, bumps for the g-maps of scans."""
    from quietmr.training import scenes

    def bumps(matrix, rng):
        y, x = np.mgrid[-1 : 1 : matrix * 1j, -1 : 1 : matrix * 1j]
        return np.stack([1 + r * np.exp(-8 * (y - rng.uniform(-0.5, 0.5)) ** 2 - x**2) for r in (1, 3)]).astype("f4")

    def boxes(shape, mixture, rng):
        return np.resize(scenes.draw_scene(shape, mixture, rng), shape)

    monkeypatch.setattr("quietmr.training.complex_batches.draw_scene", boxes)
    monkeypatch.setattr("quietmr.training.gmap_bank.scan_gmaps", bumps)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def first_batches(recipe, n, **where):
    batches = iter(ComplexBatches(recipe, **where))
    return [next(batches) for _ in range(n)]


@pytest.fixture
def recipe(small):
    return Recipe.from_yaml(small, COMPLEX)


def test_a_batch_holds_images_maps_and_seeds(recipe):
    clean, gmaps, seeds = first_batches(recipe, 1)[0]
    assert (clean.shape, clean.dtype) == ((2, 4, 16, 16), torch.complex64)
    assert gmaps.shape == (2, 1, 16, 16)
    assert bool((gmaps > 0).all())
    assert len(set(seeds.tolist())) == 2
    x, target = complex_batch([clean, gmaps, seeds], recipe.mr, torch.Generator().manual_seed(0))
    assert (x.shape, target.shape) == ((2, 3, 4, 16, 16), (2, 2, 4, 16, 16))
    assert x.dtype == target.dtype == torch.float32
    assert bool((x[:, -1] > 0).all())


def test_batches_repeat_by_seed_and_differ_by_start_and_rank(recipe):
    one, same = (first_batches(recipe, 3) for _ in range(2))
    for a, b in zip(one, same, strict=True):
        for left, right in zip(a, b, strict=True):
            assert torch.equal(left, right)
    others = [first_batches(recipe, 3, start=1), first_batches(recipe, 3, rank=1)]
    seeds = [seed for batches in (one, *others) for batch in batches for seed in batch[2].tolist()]
    assert len(set(seeds)) == len(seeds)


def test_magnitudes_of_scans_get_ever_new_phases(small, tmp_path, rng):
    volume = smooth_volume(rng)
    save(tmp_path / "scans" / "one.nii", volume[None])
    recipe = Recipe.from_yaml(
        small, [*COMPLEX, f"scans={{folder: {tmp_path / 'scans'}, share: 1.0, gamma: 0}}", "scenes.reuse=4"]
    )
    patches = torch.cat([batch[0] for batch in first_batches(recipe, 12)])
    assert patches.dtype == torch.complex64
    assert float(patches.abs().max()) == pytest.approx(volume.max() / np.percentile(volume[volume > 50], 99), rel=0.02)
    inside = patches[:, 2, 8, 8].abs() > 0.1
    turns = torch.angle(patches[inside, 2, 8, 8])
    assert len({round(float(turn), 2) for turn in turns}) > 6
    with pytest.raises(InputError, match="no folder of scans"):
        ComplexBatches(Recipe.from_yaml(small, [*COMPLEX, f"scans={{folder: {tmp_path / 'none'}, share: 0.5}}"]))


def test_noise_repeats_by_seed_and_step_and_is_never_shared(recipe):
    clean, gmaps, seeds = first_batches(recipe, 1)[0]
    clean = torch.zeros_like(clean)

    def noise(step, seeds=seeds):
        return complex_batch([clean, gmaps, seeds], recipe.mr, torch.Generator().manual_seed(step))[0][:, :2].flatten(1)

    assert torch.equal(noise(1), noise(1))
    correlation = torch.corrcoef(torch.cat([noise(1), noise(2), noise(1, seeds + 1)])).fill_diagonal_(0)
    assert float(correlation.abs().max()) < 6 / (2 * 4 * 16 * 16) ** 0.5 * 4  # filtered noise has fewer free values


@pytest.mark.parametrize("filtered", [False, True])
def test_noise_is_as_strong_as_the_map_says(filtered):
    """Signal-free data over the map has SD 1 per real channel: the SNR unit."""
    settings = MrRecipe(jitter=0, only_white=not filtered, white=0)
    rng = np.random.default_rng(5)
    gmap = torch.linspace(1, 4, 40).expand(1, 40, 40)
    square = torch.zeros(2, 6, 40, 40)
    for _ in range(120):
        pair = complex_pair(torch.zeros(6, 40, 40, dtype=torch.complex64), gmap, rng, settings)
        square += torch.view_as_real(pair.noisy / pair.told).permute(3, 0, 1, 2).square() / 120
    # Columns of different g, frames and rows together: noise behind filters has about a tenth of independent values.
    for channel in square.mean((1, 2)).sqrt():
        np.testing.assert_allclose(channel, 1.0, atol=0.03 if filtered else 0.015)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_as_many_samples_are_white_as_the_recipe_says(share):
    settings = MrRecipe(white=share)
    rng = np.random.default_rng(2)
    still, flat = torch.zeros(1, 48, 48, dtype=torch.complex64), torch.ones(1, 48, 48)
    found = []
    for _ in range(150):
        spectrum = torch.fft.fft2(complex_pair(still, flat, rng, settings).noisy[0]).abs().square()
        # Parts of k-space that filters empty; the smallest of 2304 exponential values is about 1/2304 of their mean.
        found.append(float((spectrum < 0.02 * spectrum.mean()).float().mean()) < 0.1)
    assert np.mean(found) == pytest.approx(share, abs=4 * np.sqrt(0.24 / 150) * (0 < share < 1) + 0.02)


def test_the_snr_spans_what_the_recipe_says():
    settings = MrRecipe(snr=(2.0, 30.0), jitter=0, only_white=True)
    rng = np.random.default_rng(5)
    one, g = torch.ones(1, 12, 12, dtype=torch.complex64), torch.full((1, 12, 12), 3.0)
    pairs = [complex_pair(one, g, rng, settings) for _ in range(400)]
    snr = np.array([float((pair.clean.abs() / pair.told).median()) for pair in pairs])
    assert snr.min() >= 2.0 * 0.999
    assert snr.max() <= 30.0 * 1.001
    # Log-uniform, and of all phases.
    assert np.mean(np.log(snr)) == pytest.approx(np.log(60) / 2, abs=4 * np.log(15) / np.sqrt(12 * 400))
    assert abs(np.mean([complex((pair.clean / pair.clean.abs()).mean()) for pair in pairs])) < 4 / np.sqrt(400)


def test_the_signal_passes_the_filters_where_asked():
    rough = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 32, 32)).astype(np.complex64))
    flat = torch.ones(1, 32, 32)

    def power(through, picture):
        settings = MrRecipe(through=through, snr=(10.0, 10.0), jitter=0, white=0)
        pairs = [complex_pair(picture, flat, np.random.default_rng(i), settings) for i in range(30)]
        return np.mean([float((pair.clean.abs() / pair.told).square().mean()) for pair in pairs])

    assert power(1.0, rough) < 0.7 * power(0.0, rough)
    uniform = torch.ones(1, 32, 32, dtype=torch.complex64)
    assert power(1.0, uniform) == pytest.approx(power(0.0, uniform), rel=1e-4)


def test_a_complex_run_learns_and_has_a_yardstick(run, tmp_path):
    finished = run("run", "steps=40", "validate_every=20", *COMPLEX)
    log = lines(tmp_path / "run" / "log.jsonl")
    assert log[-1]["gain_db"] > log[0]["gain_db"]
    cases = draw_complex_cases(2, 3, MrRecipe())
    assert lines(tmp_path / "run" / "sessions.jsonl")[0]["best_blur_gain_db"] == pytest.approx(
        mean_blur_gain(cases), abs=1e-3
    )
    network = build_architecture("unet3d", in_channels=3, out_channels=2, widths=[8, 8], n_blocks=[1, 1])
    network.load_state_dict(load_file(finished.best))
    assert mean_complex_gain(network, cases) == pytest.approx(max(e["gain_db"] for e in log), abs=1e-3)


def test_a_run_becomes_a_model_for_complex_images(run, tmp_path):
    from quietmr.data import Image, NoiseMap
    from quietmr.denoise import denoise
    from quietmr.training.publish import publish

    run("run", "steps=2", *COMPLEX)
    words = ("label", "description", "license", "data", "intended_use", "limits")
    card = publish(tmp_path / "run", tmp_path / "run", dict.fromkeys(words, "test"), {})
    assert "real and imaginary part" in card.noise_convention
    image = Image(np.full((3, 1, 12, 10), 2 - 1j, np.complex64), noise=NoiseMap(np.array(0.5), "complex"))
    result = denoise(image, str(tmp_path / "run" / card.file))
    assert (result.data.dtype, result.shape) == (np.complex64, image.shape)
    assert result.history[-1].parameters["weights_sha256"] == card.sha256


def test_a_stop_and_a_resume_lose_nothing_of_a_complex_run(run, recipe, tmp_path, monkeypatch):
    batches = first_batches(recipe, 8)
    monkeypatch.setattr("quietmr.training.loop.training_batches", lambda recipe, start, rank: batches[start:])
    run("whole", *COMPLEX)
    assert run("halved", *COMPLEX, max_minutes=0.0).reason == "time"
    run("halved", *COMPLEX, resume=True)
    (one, first), (two, second) = (load_checkpoint(tmp_path / name) for name in ("whole", "halved"))
    assert (first["step"], second["step"]) == (8, 8)
    for part in one:
        for name, tensor in one[part].items():
            assert torch.equal(two[part][name], tensor), (part, name)


def test_a_complex_run_cannot_go_on_as_a_magnitude_run(run):
    run("run", "steps=1", *COMPLEX)
    with pytest.raises(InputError, match=r"channels|network"):
        run("run", "steps=2", resume=True)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("loss=sure", "magnitudes"),
        ("noise={lowest: 0.1}", "'mr'"),
        ("mr.snr=[5,2]", "SNR"),
        ("mr.law=theirs", "'ours', 'paper' or 'reference'"),
    ],
)
def test_what_complex_training_has_not_is_refused(small, override, said):
    with pytest.raises(InputError, match=said):
        Recipe.from_yaml(small, ["channels=complex", "start_from=quiet-fast", override])


def test_a_network_for_magnitudes_is_refused(run):
    with pytest.raises(ModelError, match="out_channels"):
        run("run", "channels=complex")


def test_the_start_keeps_all_inner_weights_of_the_magnitude_network():
    magnitude, card = create_model("quiet-fast"), load_card("quiet-fast")
    network, changed = for_complex(magnitude, card)
    before, after = magnitude.state_dict(), network.state_dict()
    assert (changed.arguments["in_channels"], changed.arguments["out_channels"]) == (3, 2)
    inner = [name for name in before if not name.startswith(("stem", "head"))]
    assert len(inner) == len(before) - 2
    assert all(torch.equal(before[name], after[name]) for name in inner)
    assert for_complex(network, changed)[0] is network
    x = torch.randn(1, 3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(network(x), x[:, :2])
    with pytest.raises(ModelError, match="unet3d"):
        for_complex(magnitude, replace(card, architecture="snraware-unet-conv2d"))


def test_the_best_blur_is_never_worse_than_none():
    rng = torch.Generator().manual_seed(0)
    target = torch.randn(2, 4, 16, 16, generator=rng)
    noise = torch.randn(2, 4, 16, 16, generator=rng)
    rough = ComplexCase(torch.cat([target + 0.01 * noise, torch.ones(1, 4, 16, 16)]), target)
    flat = ComplexCase(torch.cat([noise, torch.ones(1, 4, 16, 16)]), torch.zeros_like(target))
    assert mean_blur_gain([rough]) == 0
    assert mean_blur_gain([flat]) > 10
    assert flat.gain(0.5 * noise) == pytest.approx(20 * np.log10(2), abs=1e-4)


def test_the_shipped_recipe_is_one_line_away_from_magnitudes():
    recipe = Recipe.from_yaml(Path(__file__).parents[2] / "recipes" / "complex.yaml")
    assert (recipe.channels, recipe.mr.law) == ("complex", "ours")
