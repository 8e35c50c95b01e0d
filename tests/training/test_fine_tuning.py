"""Fine-tuning: judged on what was held out, and never for the worse."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from quietmr import read
from quietmr.data import ModelError
from quietmr.denoise import denoise
from quietmr.models import build_architecture, create_model, load_card
from quietmr.training.adoption import adopt
from quietmr.training.held_out import compare, draw_held_out, pooled_gain
from quietmr.training.parent import adapted, load_parent
from quietmr.training.recipe import Recipe
from quietmr.training.run_folder import write_weights

from .conftest import rician, save

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIGMA = 60.0


class Blur(nn.Module):
    """A denoiser with one strength, 0 (does nothing) to 1 (local mean)."""

    def __init__(self, strength):
        super().__init__()
        self.strength = nn.Parameter(torch.tensor(strength))

    def forward(self, x):
        noisy = x[:, :1]
        mean = nn.functional.avg_pool3d(noisy, 3, stride=1, padding=1, count_include_pad=False)
        return noisy + self.strength * (mean - noisy)


@pytest.fixture
def folders(tmp_path, rng):
    """The same smooth object clean, noisy and twice noisy."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (20, 64, 64)), indexing="ij")
    clean = 700 + 150 * np.sin(4 * y + 2 * z) * np.cos(3 * x)
    save(tmp_path / "clean" / "scan.nii.gz", clean[None])
    save(tmp_path / "noisy" / "scan.nii.gz", rician(clean, SIGMA, rng)[None])
    save(tmp_path / "pairs" / "scan.nii.gz", np.stack([rician(clean, SIGMA, rng) for _ in range(2)]))
    return tmp_path


def recipe_for(folder, loss, **entries):
    scans = {"folder": str(folder), "share": 1.0, "held_out": 0.4}
    if loss != "supervised":
        scans["sigma"] = SIGMA
    patches = [{"shape": [4, 16, 16], "batch": 2}]
    return Recipe.model_validate(
        {"name": "mine", "loss": loss, "start_from": "quiet-fast", "scans": scans, "patches": patches, "workers": 0}
        | entries
    )


CASES = [("supervised", "clean"), ("sure", "noisy"), ("noise2noise", "pairs")]


@pytest.mark.parametrize(("loss", "folder"), CASES)
def test_held_out_parts_tell_good_from_bad_without_truth(folders, loss, folder):
    recipe = recipe_for(folders / folder, loss, noise={"filtered": 0, "varying": 0, "lowest": 0.05, "highest": 0.06})
    weak, strong = Blur(0.2), Blur(0.9)
    validation, gate = draw_held_out(recipe, strong)
    assert pooled_gain(strong, validation) > pooled_gain(weak, validation) + 3
    assert compare(weak, strong, gate).improved
    assert not compare(strong, weak, gate).improved
    assert not compare(strong, strong, gate).improved


@pytest.mark.parametrize(("loss", "folder"), CASES[1:])
def test_the_estimated_error_is_the_true_one(folders, loss, folder):
    recipe = recipe_for(folders / folder, loss)
    network = Blur(0.9)
    cases = [case for part in draw_held_out(recipe, network) for case in part]
    estimated = float(torch.cat([case.risk(network).flatten() for case in cases]).mean())
    clean = read(folders / "clean" / "scan.nii.gz").data
    image = read(folders / folder / "scan.nii.gz")
    from quietmr.noise import rician_mean
    from quietmr.training.scans import split
    from quietmr.training.validation import denoised

    noisy = torch.from_numpy(np.ascontiguousarray(split(image.data, 0.4)[1][0]))
    output = denoised(network, noisy, torch.full_like(noisy, SIGMA)).numpy()
    aim = split(clean, 0.4)[1][0]
    true = np.mean((rician_mean(output, SIGMA) - rician_mean(aim, SIGMA)) ** 2) / SIGMA**2
    # In squared noise SDs, of which the noisy image has about 1; above three noise SDs nearly everywhere.
    assert estimated == pytest.approx(float(true), abs=0.03)


def tuned(folders, run, weights):
    """Pretend that a run came to these weights."""
    run.mkdir()
    recipe = recipe_for(folders / "clean", "supervised", start_from=str(parent_file(folders)))
    write_weights(run / "best.safetensors", weights)
    (run / "recipe.json").write_text(adapted(recipe, load_parent(recipe)).model_dump_json())
    (run / "log.jsonl").write_text(json.dumps({"step": 1, "minutes": 0.1, "loss": None, "gain_db": 1.0}) + "\n")
    return Recipe.model_validate_json((run / "recipe.json").read_text())


def parent_file(folders):
    """A parent with a card: the shipped network, its last weights halved, so that it can be improved."""
    path = folders / "parent.safetensors"
    if not path.exists():
        from hashlib import sha256

        network = create_model("quiet-fast")
        with torch.no_grad():
            network.head.weight *= 0.5
        write_weights(path, network.state_dict())
        from dataclasses import asdict, replace

        card = replace(
            load_card("quiet-fast"), name="parent", file=path.name, sha256=sha256(path.read_bytes()).hexdigest()
        )
        path.with_suffix(".json").write_text(json.dumps(asdict(card)))
    return path


def test_better_weights_become_a_model_that_denoises(folders):
    recipe = tuned(folders, folders / "run", create_model("quiet-fast").state_dict())
    verdict, model = adopt(recipe, folders / "run")
    assert verdict.after > verdict.before
    card = load_card(str(model))
    assert card.label == "fine-tuned"
    assert str(folders) not in json.dumps(card.recipe)
    image = read(folders / "noisy" / "scan.nii.gz")
    result = denoise(image, str(model), noise=SIGMA)
    clean = read(folders / "clean" / "scan.nii.gz").data
    assert np.mean((result.data - clean) ** 2) < 0.2 * np.mean((image.data - clean) ** 2)
    # The folder of the run means the same model.
    again = denoise(image, str(folders / "run") + "/", noise=SIGMA)
    np.testing.assert_array_equal(again.data, result.data)


def test_worse_weights_never_become_a_model(folders):
    worse = build_architecture("unet3d", **load_card("quiet-fast").arguments).state_dict()
    recipe = tuned(folders, folders / "run", worse)
    verdict, model = adopt(recipe, folders / "run")
    assert verdict.after < verdict.before
    assert model is None
    assert not (folders / "run" / "mine.safetensors").exists()
    (folders / "run" / "best.safetensors").unlink()
    assert adopt(recipe, folders / "run") == (None, None)


def test_the_network_is_that_of_the_parent():
    recipe = Recipe.model_validate({"name": "x", "start_from": "quiet-fast"})
    assert dict(adapted(recipe, load_parent(recipe)).network.arguments) == dict(load_card("quiet-fast").arguments)
    other = Recipe.model_validate(
        {"name": "x", "start_from": "quiet-fast", "network": {"arguments": {"widths": [8, 8], "n_blocks": [1, 1]}}}
    )
    with pytest.raises(ModelError, match="another network"):
        adapted(other, load_parent(other))
    with pytest.raises(ModelError, match="no trained model"):
        load_parent(Recipe.model_validate({"name": "x", "start_from": "nothing"}))
