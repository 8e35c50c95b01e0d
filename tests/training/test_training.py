"""The trainer: it learns, it resumes, it is reproducible, alone and in two processes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.models import build_architecture
from quietmr.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer
from quietmr.training.losses import log_charbonnier
from quietmr.training.muon import Muon, orthogonalize
from quietmr.training.recipe import OptimizerRecipe, Recipe
from quietmr.training.scenes import SceneBatches
from quietmr.training.validation import draw_cases, mean_gain

pytest.importorskip("lightning_fabric")

SMALL = """
name: small
seed: 3
steps: {steps}
validate_every: 4
checkpoint_every: 4
workers: 0
validation_cases: 4
network: {{architecture: unet3d, arguments: {{widths: [8, 8], n_blocks: [1, 1]}}}}
scenes: {{shape: [6, 32, 32], pool: 2, reuse: 4}}
patches: [{{shape: [4, 16, 16], batch: 2}}]
optimizer: {{lr_muon: 0.02, lr_adam: 0.01, warmup: 0, flat: 1.0, ema: 0.5}}
"""


def recipe_of(folder: Path, steps: int) -> Path:
    path = folder / f"small{steps}.yaml"
    path.write_text(SMALL.format(steps=steps))
    return path


def run(folder: Path, steps: int, out: str, **options) -> Path:
    from quietmr.training.loop import train

    train(Recipe.from_yaml(recipe_of(folder, steps)), folder / out, device="cpu", **options)
    return folder / out


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_learns_and_explains_itself(tmp_path):
    from safetensors.torch import load_file

    out = run(tmp_path, 24, "run")
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == list(range(4, 25, 4))
    assert log[-1]["gain_db"] > log[0]["gain_db"]
    assert json.loads((out / "recipe.json").read_text())["name"] == "small"
    network = build_architecture("unet3d", widths=[8, 8], n_blocks=[1, 1])
    network.load_state_dict(load_file(out / "best.safetensors"))
    best = max(entry["gain_db"] for entry in log)
    assert mean_gain(network, draw_cases(4, 3)) == pytest.approx(best, abs=1e-3)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_same_recipe_gives_the_same_weights(tmp_path):
    (one, _), (two, _) = (load_checkpoint(run(tmp_path, 4, name)) for name in ("a", "b"))
    for part in one:
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_resuming_goes_on_from_the_checkpoint_with_new_scenes(tmp_path):
    out = run(tmp_path, 4, "run")
    before, numbers = load_checkpoint(out)
    assert numbers["step"] == 4
    run(tmp_path, 8, "run", resume=True)
    after, numbers = load_checkpoint(out)
    assert numbers["step"] == 8
    assert any(not torch.equal(before["network"][k], after["network"][k]) for k in before["network"])
    fresh, again = (next(iter(SceneBatches(*_scene_settings(), start=start))) for start in (0, 4))
    assert not torch.equal(fresh, again)


def _scene_settings():
    recipe = Recipe.model_validate({"name": "x", "scenes": {"shape": [4, 24, 24]}, "patches": [{"shape": [4, 16, 16]}]})
    return recipe.scenes, recipe.patches, recipe.seed


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_time_left_stops_with_a_checkpoint(tmp_path):
    out = run(tmp_path, 24, "run", max_minutes=0.0)
    assert load_checkpoint(out)[1]["step"] == 1
    with pytest.raises(InputError, match="no checkpoint"):
        load_checkpoint(tmp_path / "nothing")


def test_ranks_and_workers_never_draw_the_same_scenes():
    settings = _scene_settings()
    firsts = [next(iter(SceneBatches(*settings, start=0, rank=rank))) for rank in range(3)]
    assert not torch.equal(firsts[0], firsts[1])
    assert not torch.equal(firsts[1], firsts[2])


def test_noise_differs_by_seed_step_and_rank():
    from quietmr.training.loop import noise_generator

    device = torch.device("cpu")
    seeds = {noise_generator(s, t, r, device).initial_seed() for s in range(3) for t in range(50) for r in range(4)}
    assert len(seeds) == 3 * 50 * 4


@pytest.mark.nightly
def test_two_processes_end_with_one_set_of_weights(tmp_path):
    command = [sys.executable, "-m", "quietmr", "train", str(recipe_of(tmp_path, 8)), "--out", str(tmp_path / "run")]
    subprocess.run([*command, "--processes", "2", "--device", "cpu"], check=True, timeout=250)
    assert load_checkpoint(tmp_path / "run")[1]["step"] == 8


def test_muon_orthogonalizes():
    torch.manual_seed(0)
    for shape in ((16, 40), (40, 16), (24, 24)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert float(values.max()) < 1.3
        assert float(values.median()) > 0.6


def test_muon_state_survives_a_checkpoint():
    def made():
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.randn(4, 3, 3))
        return weight, Muon([weight], lr=0.1)

    def step(weight, optimizer, seed):
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        optimizer.step()

    weight, optimizer = made()
    step(weight, optimizer, 0)
    other, fresh = made()
    other.data.copy_(weight.data)
    restore_optimizer(fresh, optimizer_tensors(optimizer))
    step(weight, optimizer, 1)
    step(other, fresh, 1)
    torch.testing.assert_close(other, weight, rtol=0, atol=0)


def test_rate_warms_up_stays_and_falls_to_zero():
    from quietmr.training.loop import rate

    settings = OptimizerRecipe(warmup=10, flat=0.5)
    rates = [rate(step, 100, settings) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:50] == [1.0] * 41
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0.0


def test_loss_counts_in_noise_units_and_decibels():
    torch.manual_seed(0)
    target, sigma = torch.rand(2, 1, 4, 8, 8), torch.full((2, 1, 4, 8, 8), 0.1)
    error = 0.02 * torch.randn(2, 1, 4, 8, 8)
    loss = log_charbonnier(target + error, target, sigma)
    # In other units the loss is the same.
    torch.testing.assert_close(log_charbonnier(7 * (target + error), 7 * target, 7 * sigma), loss)
    # Errors well below the noise are counted almost in squares: half of it is nearly 6 dB = log 4 less.
    half = log_charbonnier(target + error / 2, target, sigma)
    assert float(loss - half) == pytest.approx(np.log(4), abs=0.2)


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: x\nstepz: 3", "stepz"), ("name: x\nsteps: -1", "steps"), ("[", "YAML"), ("name: [", "YAML")],
)
def test_wrong_recipes_are_refused_by_name(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Recipe.from_yaml(path)
    with pytest.raises(InputError, match="cannot be read"):
        Recipe.from_yaml(tmp_path / "missing.yaml")


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_recipes_are_valid(path):
    assert Recipe.from_yaml(path).name == path.stem


def test_the_center_of_kspace_keeps_the_mean_and_low_frequencies():
    from quietmr.training.scenes import keep_kspace_center

    y, x = np.meshgrid(np.arange(32), np.arange(48), indexing="ij")
    wave = 2.0 + np.cos(2 * np.pi * (3 * y / 32 + 5 * x / 48))
    half = keep_kspace_center(wave[None].astype(np.float32), 2)
    np.testing.assert_allclose(half[0], wave[::2, ::2], atol=1e-5)
    fine = 2.0 + np.cos(2 * np.pi * 14 * x / 48)
    np.testing.assert_allclose(keep_kspace_center(fine[None].astype(np.float32), 2), 2.0, atol=1e-5)
