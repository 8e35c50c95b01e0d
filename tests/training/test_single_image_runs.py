"""Whole runs that see one noisy scan and nothing else."""

import json

import numpy as np
import pytest

from quietmr import read
from quietmr.cli.training_words import told_result
from quietmr.denoise import denoise
from quietmr.models import load_card
from quietmr.training.adoption import adopt
from quietmr.training.recipe import Recipe

from .conftest import rician, save, smooth_volume

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SIGMA = 90.0
SINGLE = ("neighbor2neighbor", "noise2void", "corruption2self")


@pytest.fixture
def scan(tmp_path, rng):
    """A noisy scan in a folder of its own; gives the truth."""
    clean = smooth_volume(rng, (16, 48, 48))
    save(tmp_path / "scans" / "scan.nii.gz", rician(clean, SIGMA, rng)[None])
    return clean


def settings(tmp_path, loss, steps):
    return (
        f"loss={loss}",
        f"steps={steps}",
        f"validate_every={steps}",
        f"checkpoint_every={steps}",
        "optimizer.ema=0.9",
        f"scans.folder={tmp_path / 'scans'}",
        f"scans.sigma={SIGMA}",
        "scans.share=1.0",
        "scans.held_out=0.3",
    )


def told(run, tmp_path, capsys, *overrides):
    finished = run("run", *overrides)
    recipe = Recipe.model_validate_json((tmp_path / "run" / "recipe.json").read_text())
    told_result(recipe, tmp_path / "run", finished)
    return capsys.readouterr().out


GENTLE = (
    "optimizer.lr_muon=0.01",
    "optimizer.lr_adam=0.001",
    "patches.0.shape=[8, 24, 24]",
    "patches.0.batch=1",
    "network.arguments={widths: [16, 16], n_blocks: [1, 1], slope: 0.02}",
    'precision="32"',
)


def test_one_noisy_scan_teaches_a_network_to_denoise_it(run, scan, tmp_path, capsys, monkeypatch):
    # So small a scan has few independent blocks: here any fall of the error lets the model through.
    monkeypatch.setattr("quietmr.training.held_out._STANDARD_ERRORS", 0.0)
    said = told(run, tmp_path, capsys, *settings(tmp_path, "corruption2self", 120), *GENTLE)
    assert "Use it: quietmr denoise" in said
    model = tmp_path / "run" / "small.safetensors"
    image = read(tmp_path / "scans" / "scan.nii.gz")
    result = denoise(image, str(model), noise=SIGMA)
    tissue = scan > 0
    before, after = (np.mean((data[0][tissue] - scan[tissue]) ** 2) for data in (image.data, result.data))
    assert after < 0.9 * before
    card = load_card(str(model))
    assert card.label == "self-supervised"
    assert str(tmp_path) not in str(card.recipe)


@pytest.mark.parametrize("loss", ["neighbor2neighbor", "noise2void"])
def test_runs_without_a_parent_end_with_a_verdict(run, scan, tmp_path, capsys, loss):
    said = told(run, tmp_path, capsys, *settings(tmp_path, loss, 3))
    assert "held-out parts of your scans" in said
    assert ("Use it" in said) != ("The untouched scan stays the better choice" in said)


def test_a_network_that_learned_nothing_is_not_published(run, scan, tmp_path):
    run("run", *settings(tmp_path, "noise2void", 1), "optimizer.lr_muon=1e-9", "optimizer.lr_adam=1e-9")
    verdict, model = adopt(Recipe.model_validate_json((tmp_path / "run" / "recipe.json").read_text()), tmp_path / "run")
    assert model is None
    assert verdict is None or not verdict.improved


@pytest.mark.parametrize("loss", SINGLE)
def test_a_trained_network_can_be_the_start(run, scan, tmp_path, loss):
    arguments = json.dumps(dict(load_card("quiet-fast").arguments))
    network = f"network={{architecture: unet3d, arguments: {arguments}}}"
    finished = run("run", *settings(tmp_path, loss, 1), "start_from=quiet-fast", network)
    assert (finished.step, finished.reason) == (1, "done")
