"""Fine-tuning of complex networks on a few scans, and weights that stay as they are."""

import json
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from quietmr.data import Image, InputError, ModelError, NoiseMap
from quietmr.denoise import denoise
from quietmr.models import build_architecture, load_card
from quietmr.models.registry import ARCHITECTURES
from quietmr.training.adoption import adopt
from quietmr.training.checkpoint import load_checkpoint
from quietmr.training.frozen import freeze, frozen_names
from quietmr.training.held_out import HeldOut, compare
from quietmr.training.optimizers import make_optimizers
from quietmr.training.recipe import OptimizerRecipe, Recipe
from quietmr.training.run_folder import write_weights

from .test_complex_scans import smooth_series

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ARGUMENTS = {"in_channels": 3, "out_channels": 2, "widths": [8, 8], "n_blocks": [1, 1]}


@pytest.fixture
def parent(tmp_path):
    """A small network for complex images as one is published."""
    torch.manual_seed(0)
    network = build_architecture("unet3d", **ARGUMENTS)
    return published(tmp_path / "parent.safetensors", network, "unet3d", ARGUMENTS)


class Filter(torch.nn.Module):
    """A filter to be learned, which learns within a few steps; it changes nothing before."""

    def __init__(self, in_channels=3, out_channels=2):
        super().__init__()
        self.out_channels = out_channels
        self.filter = torch.nn.Conv3d(out_channels, out_channels, 3, padding=1, padding_mode="replicate", bias=False)
        torch.nn.init.zeros_(self.filter.weight)

    def forward(self, x):
        return x[:, : self.out_channels] + self.filter(x[:, : self.out_channels])


@pytest.fixture
def parent_filter(tmp_path, monkeypatch):
    """Such a filter as a trained model is published."""
    monkeypatch.setitem(ARCHITECTURES, "filter", Filter)
    return published(tmp_path / "filter.safetensors", Filter(), "filter", {"in_channels": 3, "out_channels": 2})


def published(path, network, architecture, arguments):
    """Write weights and card."""
    write_weights(path, network.state_dict())
    digest = sha256(path.read_bytes()).hexdigest()
    facts = {"architecture": architecture, "arguments": arguments, "sha256": digest}
    card = replace(load_card("quiet-fast"), name=path.stem, file=path.name, **facts)
    path.with_suffix(".json").write_text(json.dumps(asdict(card)))
    return path


def scans(folder, n, rng):
    folder.mkdir()
    gmap = np.linspace(1, 2, 32, dtype=np.float32)[None].repeat(32, 0)
    noise = gmap - 1  # smooth_series holds noise of SD 1
    with h5py.File(folder / "series.h5", "w") as file:
        for i in range(n):
            series = smooth_series((6, 1, 32, 32), rng, 300 + 20 * i)[:, 0]
            file[f"case{i}/image"] = series + noise * rng.standard_normal(series.shape)
            file[f"case{i}/gmap"] = gmap
    return folder


def tuned(run, parent, folder, out, *overrides, steps=30):
    """Fine-tune by the short recipe; gives the recipe and the run folder."""
    entries = (
        "channels=complex",
        f"start_from={parent}",
        f"steps={steps}",
        "validate_every=15",
        "validation_cases=6",
        f"scans={{folder: {folder}, share: 1.0, held_out: 0.3}}",
        "patches=[{shape: [4, 8, 16], batch: 4}]",
        *overrides,
    )
    run(out, *entries)
    return Recipe.model_validate_json((parent.parent / out / "recipe.json").read_text()), parent.parent / out


@pytest.fixture
def run(run, small):
    """The short recipe without a network: that of the parent counts."""
    small.write_text("\n".join(line for line in small.read_text().splitlines() if not line.startswith("network")))
    return run


@pytest.mark.parametrize("n", [20, 1])
def test_a_few_complex_scans_make_a_better_model(run, parent_filter, tmp_path, rng, n):
    adam = "optimizer={kind: adamw, lr_adam: 0.01, warmup: 0, ema: 0.8}"
    recipe, folder = tuned(run, parent_filter, scans(tmp_path / "scans", n, rng), "run", adam, "mr.snr=[1, 6]")
    verdict, model = adopt(recipe, folder)
    assert verdict.improved
    assert verdict.before == pytest.approx(0.0, abs=0.01)
    assert verdict.after > 1
    card = load_card(str(model))
    assert "real and imaginary part" in card.noise_convention
    assert card.training["data"]["files"][0]["kind"] == "complex series"
    assert "complex scans of the user" in card.description
    assert str(tmp_path) not in json.dumps(card.recipe)
    # The same draws, once with noise of SD 1 and once with next to none.
    noisy = smooth_series((6, 1, 32, 32), np.random.default_rng(7), 2.0)
    clean = smooth_series((6, 1, 32, 32), np.random.default_rng(7), 2e4) / 1e4
    result = denoise(Image(noisy, unit="snr", noise=NoiseMap(np.array(1.0), "complex"), frames="time"), str(model))
    assert np.mean(np.abs(result.data - clean) ** 2) < 0.9 * np.mean(np.abs(noisy - clean) ** 2)


def test_worse_weights_stay_behind(run, parent_filter, tmp_path, rng):
    recipe, folder = tuned(run, parent_filter, scans(tmp_path / "scans", 2, rng), "run", steps=1)
    network = Filter()
    torch.nn.init.constant_(network.filter.weight, 0.1)
    write_weights(folder / "best.safetensors", network.state_dict())
    verdict, model = adopt(recipe, folder)
    assert verdict.after < verdict.before
    assert model is None


def test_the_risk_of_a_complex_piece_counts_both_channels():
    class Shift(torch.nn.Module):
        """Adds a number to both channels."""

        def __init__(self, by):
            super().__init__()
            self.by = torch.nn.Parameter(torch.tensor(by))

        def forward(self, x):
            return x[:, :2] + self.by

    rng = torch.Generator().manual_seed(1)
    target = torch.randn(4, 8, 8, dtype=torch.complex64, generator=rng)
    sigma = torch.full((4, 8, 8), 0.5)
    case = HeldOut("supervised", target.clone(), sigma, target, torch.full((4, 8, 8), 2.0))
    np.testing.assert_allclose(case.risk(Shift(0.1).eval()).detach(), 2 * 0.1**2 / 0.5**2, rtol=1e-4)
    assert compare(Shift(0.2), Shift(0.1), [case]).less == pytest.approx(2 * (0.2**2 - 0.1**2) / 0.5**2, rel=1e-4)


@pytest.mark.parametrize("kind", ["muon", "sophia"])
def test_frozen_weights_stay_bit_by_bit(run, parent, tmp_path, rng, kind):
    pattern = ["stem.*", "down.0.blocks.*"]
    _, folder = tuned(
        run,
        parent,
        scans(tmp_path / "scans", 1, rng),
        "run",
        f"freeze={pattern}",
        f"optimizer={{kind: {kind}, weight_decay: 0.1, warmup: 0, ema: 0.5, lr_sign: 0.01, lr_adam: 0.01}}",
        steps=3,
    )
    before, parts = load_file(parent), load_checkpoint(folder)[0]
    frozen = [name for name in before if name.startswith(("stem.", "down.0.blocks."))]
    assert 0 < len(frozen) < len(before)
    for weights in (parts["network"], parts["average"]):
        assert all(torch.equal(weights[name], before[name]) for name in frozen)
        assert any(not torch.equal(weights[name], before[name]) for name in set(before) - set(frozen))
    with pytest.raises(InputError, match="freeze"):
        run("run", "steps=6", "channels=complex", f"start_from={parent}", resume=True)


def test_magnitude_networks_keep_weights_too(run, tmp_path):
    run("first", "steps=1", "network.arguments={widths: [8, 8], n_blocks: [1, 1]}")
    weights = tmp_path / "first" / "best.safetensors"
    network = "network.arguments={widths: [8, 8], n_blocks: [1, 1]}"
    run("second", "steps=3", network, f"start_from={weights}", "freeze=[up.*]")
    before, after = load_file(weights), load_checkpoint(tmp_path / "second")[0]["average"]
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any(name.startswith("up.") for name in changed)


def test_patterns_that_mean_nothing_or_all_are_refused(run, parent, tmp_path, rng):
    network = build_architecture("unet3d", **ARGUMENTS)
    names = [name for name, _ in network.named_parameters()]
    assert frozen_names(network, ["stem.*"]) == [name for name in names if name.startswith("stem.")]
    with pytest.raises(ModelError, match=r"'stm\.\*'.*stem\.\*"):
        freeze(network, ["up.*", "stm.*"])
    with pytest.raises(ModelError, match="nothing would be learned"):
        freeze(network, ["*"])
    assert all(weight.requires_grad for weight in network.parameters())
    # Before anything is written.
    with pytest.raises(ModelError, match="freeze"):
        tuned(run, parent, scans(tmp_path / "scans", 1, rng), "run", "freeze=[nothing]")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="start_from"):
        Recipe.model_validate({"name": "x", "freeze": ["stem.*"]})


def test_one_of_two_optimizers_may_have_nothing_to_do():
    network = build_architecture("unet3d", **ARGUMENTS)
    freeze(network, ["stem.*", "head.*"])
    held = {id(p) for o in make_optimizers(network, OptimizerRecipe()) for g in o.param_groups for p in g["params"]}
    assert held == {id(weight) for weight in network.parameters() if weight.requires_grad}


def test_the_recipe_that_ships_is_sound():
    recipe = Recipe.from_yaml(Path(__file__).parents[2] / "recipes" / "finetune_complex.yaml")
    assert (recipe.channels, recipe.start_from, recipe.scans.share) == ("complex", "quiet-complex", 1.0)
    assert recipe.scans.held_out > 0
