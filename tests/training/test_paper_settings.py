"""What recipes of papers on pictures need: impulses, choice by SSIM, lower rates on plateaus, brightness."""

import json

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from quietmr.data import InputError
from quietmr.noise.impulse import ImpulseLaw, lose_pixels
from quietmr.noise.synthesis import NoiseLaw, draw_noise
from quietmr.training.checkpoint import load_checkpoint
from quietmr.training.held_out import draw_held_out, mean_similarity
from quietmr.training.keeper import Score, make_score
from quietmr.training.magnitude_noise import noise_of
from quietmr.training.objectives import make_objective
from quietmr.training.optimizer_recipe import OptimizerRecipe
from quietmr.training.optimizers import set_rates
from quietmr.training.plateau import Plateau
from quietmr.training.rates import rate
from quietmr.training.recipe import Recipe
from quietmr.training.scenes import SceneBatches
from quietmr.training.validation import Measured, similarity_of

from .conftest import save, smooth_volume

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
BLIND = ["network={architecture: dncnn, arguments: {layers: 3, width: 4}, white: 1.25}", "loss=mse_ssim"]
IMPULSES = [*BLIND, "impulse={densities: [0.1, 0.3]}", "noise={filtered: 0, varying: 0, jitter: 0}"]


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


class Identity(torch.nn.Module):
    """Leaves the image as it is."""

    def __init__(self):
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x[:, :1]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_lost_pixels_are_black_or_white_at_one_of_the_densities():
    clean = torch.rand((4, 128, 128), generator=generator(9)) + 0.4
    law = ImpulseLaw((0.1, 0.3), 1.25)
    found = set()
    for seed in range(8):
        noisy, target, sigma = lose_pixels(clean, law, generator(seed))
        assert (float(noisy.min()), float(noisy.max())) == (0.0, 1.25)
        assert torch.equal(target, clean.clamp(max=1.25))
        lost = noisy != target
        assert set(noisy[lost].unique().tolist()) == {0.0, 1.25}
        density = float((noisy == 0).float().mean()) * 2
        found.add(min(law.densities, key=lambda each: abs(each - density)))
        assert density == pytest.approx(min(law.densities, key=lambda each: abs(each - density)), abs=0.012)
        # The told SD is the mean of the squared change over all draws, so that of one large draw is near it.
        assert float((noisy - target).square().mean().sqrt()) == pytest.approx(float(sigma[0, 0, 0]), rel=0.03)
        assert bool((sigma == sigma[0, 0, 0]).all())
    assert found == {0.1, 0.3}


@pytest.mark.parametrize(("share", "least", "most"), [(1.0, 60, 60), (0.5, 18, 42)])
def test_a_share_of_the_samples_gets_impulses_and_the_others_rician_noise(small, share, least, most):
    degrade = noise_of(Recipe.from_yaml(small, [*IMPULSES, f"impulse.share={share}"]))
    rng, clean = generator(), torch.full((1, 16, 16), 0.5)
    samples = [degrade(clean, rng)[0] for _ in range(60)]
    with_impulses = sum(bool((noisy == 0.5).float().mean() > 0.4) for noisy in samples)
    assert least <= with_impulses <= most


def test_training_validation_and_held_out_parts_have_the_noise_of_the_recipe(small, tmp_path, rng, quick_scenes):
    save(tmp_path / "scans" / "a.nii.gz", smooth_volume(rng)[None])
    scans = f"scans={{folder: {tmp_path / 'scans'}, share: 1, held_out: 0.3}}"
    recipe = Recipe.from_yaml(small, [*IMPULSES, scans])
    white = np.float32(1.25)
    seen = []
    objective = make_objective(recipe)
    batch = [torch.full((2, 4, 16, 16), 0.5)]
    objective(lambda x: seen.append(x) or x[:, :1], batch, generator(1))
    again = []
    objective(lambda x: again.append(x) or x[:, :1], batch, generator(1))
    assert torch.equal(seen[0], again[0])
    assert set(seen[0][:, 0].unique().tolist()) == {0.0, 0.5, float(white)}
    validation, gate = draw_held_out(recipe, Identity())
    for piece in (*validation, *gate):
        changed = piece.noisy != piece.other
        assert set(piece.noisy[changed].unique().tolist()) <= {0.0, float(white)}
        assert 0.02 < float(changed.float().mean()) < 0.4
    shown = []

    class Look(Identity):
        def forward(self, x):
            shown.append(x[:, 0])
            return x[:, :1]

    make_score(Recipe.from_yaml(small, IMPULSES), Identity()).measure(Look())
    assert all(bool((x == 1).any()) and float(x.max()) <= 1 for x in shown)  # in units of white


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["impulse={densities: [0.1]}"], "network.white"),
        ([*BLIND, "impulse={densities: [30]}"], "above 0 and up to 1, got 30"),
        ([*BLIND, "impulse={share: 0.5}"], "without densities"),
        (["channels=complex", "impulse={densities: [0.1]}"], "magnitudes"),
        (["channels=complex", "best_by=ssim"], "magnitudes and clean"),
        (["loss=noise2void", "scans={share: 1, held_out: 0.1}", "brightness=0.2"], "magnitudes and clean"),
        (["brightness=1"], "brightness"),
        (["best_by=loss"], "best_by"),
        (["optimizer.schedule=steps"], "schedule"),
    ],
)
def test_what_cannot_be_meant_is_refused(small, changes, said):
    with pytest.raises(InputError, match=said):
        Recipe.from_yaml(small, changes)


def test_stored_recipes_without_the_new_entries_mean_what_they_meant(small):
    recipe = Recipe.from_yaml(small)
    stored = json.loads(recipe.model_dump_json())
    for entry in ("impulse", "best_by", "brightness"):
        del stored[entry]
    del stored["optimizer"]["plateau_factor"], stored["optimizer"]["plateau_patience"]
    assert Recipe.model_validate(stored) == recipe
    assert (recipe.best_by, recipe.brightness, recipe.impulse.densities) == ("gain", 0.0, ())


def test_levels_are_uniform_between_their_bounds_if_asked():
    rng, law = generator(), NoiseLaw(lowest=0.0, highest=0.1, varying=0, filtered=0, linear=1.0)
    levels = torch.stack([draw_noise((1, 1, 1), law, rng).sigma[0, 0, 0] for _ in range(4000)])
    # Mean and variance of a uniform law, within four standard errors.
    assert float(levels.mean()) == pytest.approx(0.05, abs=4 * 0.1 / 12**0.5 / 4000**0.5)
    assert float(levels.std()) == pytest.approx(0.1 / 12**0.5, rel=0.05)


def test_a_patch_is_brighter_or_darker_as_a_whole(small, monkeypatch):
    monkeypatch.setattr("quietmr.training.scenes.draw_scene", lambda shape, mixture, rng: np.ones(shape, np.float32))
    batches = iter(SceneBatches(Recipe.from_yaml(small, ["brightness=0.3"])))
    patches = torch.cat([next(batches)[0] for _ in range(100)]).flatten(1)
    assert bool((patches == patches[:, :1]).all())
    factors = patches[:, 0]
    assert 0.7 <= float(factors.min()) < 0.75
    assert 1.25 < float(factors.max()) <= 1.3
    plain = next(iter(SceneBatches(Recipe.from_yaml(small))))[0]
    assert bool((plain == 1).all())


def test_similarity_is_that_of_another_implementation(rng):
    target = rng.random((2, 30, 24)).astype(np.float32) * 1.7
    output = target + 0.2 * rng.standard_normal(target.shape).astype(np.float32)
    expected = [
        structural_similarity(
            a, b, data_range=target.max(), gaussian_weights=True, use_sample_covariance=False, full=True
        )[1].mean()
        for a, b in zip(output, target, strict=True)
    ]
    found = similarity_of(torch.from_numpy(output), torch.from_numpy(target))
    assert found == pytest.approx(np.mean(expected), abs=1e-4)
    assert similarity_of(torch.zeros(1, 12, 12), torch.zeros(1, 12, 12)) == 1.0


def test_the_best_weights_are_those_of_the_best_similarity(run, tmp_path, monkeypatch):
    measured = iter([Measured(1.0, 0.5), Measured(3.0, 0.4), Measured(0.5, 0.6), Measured(9.0, 0.1)])
    monkeypatch.setattr("quietmr.training.loop.make_score", lambda *_: Score(lambda network: next(measured)))
    news = []
    run("run", "steps=16", *BLIND, "best_by=ssim", tell=news.append)
    assert [entry["ssim"] for entry in log(tmp_path / "run")] == [0.5, 0.4, 0.6, 0.1]
    assert load_checkpoint(tmp_path / "run")[1]["best"] == 0.6
    assert (news[-1].gain, news[-1].ssim, news[-1].best) == (9.0, 0.1, 0.6)


def test_similarity_is_measured_where_it_decides_on_scenes_and_on_held_out_parts(small, tmp_path, rng, quick_scenes):
    save(tmp_path / "scans" / "a.nii.gz", smooth_volume(rng)[None])
    scans = f"scans={{folder: {tmp_path / 'scans'}, share: 1, held_out: 0.3}}"
    assert make_score(Recipe.from_yaml(small, BLIND), Identity()).measure(Identity()).ssim is None
    for more in ([], [scans]):
        recipe = Recipe.from_yaml(small, [*BLIND, *more, "best_by=ssim", "noise={lowest: 0.05, highest: 0.06}"])
        found = make_score(recipe, Identity()).measure(Identity())
        assert found.decisive == found.ssim
        assert 0.05 < found.ssim < 0.99
        assert found.gain == pytest.approx(0, abs=0.01)
    validation, _ = draw_held_out(recipe, Identity())
    assert mean_similarity(Identity(), validation) == pytest.approx(found.ssim, abs=1e-4)


def test_rates_fall_when_torch_would_lower_them(rng):
    weight = torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    other = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", factor=0.5, patience=2, threshold=0)
    plateau, best = Plateau(0.5, 2), -np.inf
    for score in np.cumsum(rng.standard_normal(60)):
        plateau.note(better=score > best)
        best = max(best, score)
        other.step(score)
        assert plateau.pace == optimizer.param_groups[0]["lr"]
    assert plateau.reductions > 3
    settings = OptimizerRecipe(schedule="plateau", warmup=10)
    assert [rate(step, 100, settings) for step in (4, 9, 50, 99)] == [0.5, 1.0, 1.0, 1.0]


def test_a_plateau_lowers_the_rates_of_a_run_and_survives_a_stop(run, tmp_path, monkeypatch):
    monkeypatch.setattr("quietmr.training.loop.make_score", lambda *_: Score(lambda network: Measured(0.0)))
    rates = []

    def note(optimizers, step, steps, settings, pace):
        set_rates(optimizers, step, steps, settings, pace)
        rates.append(optimizers[-1].param_groups[0]["lr"] / optimizers[-1].param_groups[0]["initial_lr"])

    monkeypatch.setattr("quietmr.training.ordinary_step.set_rates", note)
    settings = ("validate_every=1", "optimizer.schedule=plateau", "optimizer.plateau_patience=1", *BLIND)
    run("whole", "steps=8", *settings)
    # The first validation is the best of all; each second one after it lowers the rates.
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]
    rates.clear()
    run("halved", "steps=4", *settings)
    run("halved", "steps=8", *settings, resume=True)
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]
