"""A network of another paper, from ``quietmr train`` to ``denoise``, its report, ``compare`` and ``models``."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest

from quietmr.models import registry

RECIPE = """
name: toy
steps: 2
workers: 0
validation_cases: 1
network: {architecture: dncnn, white: 1.5, arguments: {width: 4, layers: 3}}
scenes: {shape: [1, 24, 24], pool: 1}
patches: [{shape: [1, 16, 16]}]
noise: {lowest: 0.02, highest: 0.2, filtered: 0, varying: 0, jitter: 0}
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    boxes = lambda shape, mixture, rng: rng.random([min(n, 24) for n in shape]).astype(np.float32)  # noqa: E731
    monkeypatch.setattr("quietmr.training.scenes.draw_scene", boxes)
    monkeypatch.setattr("quietmr.training.validation.draw_scene", boxes)
    path = tmp_path / "toy.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def trained(command, recipe, tmp_path):
    """The model that a training of two steps leaves, and what it said."""
    ran = command("train", recipe, "--device", "cpu", "--out", tmp_path / "run")
    assert ran.code == 0
    return tmp_path / "run" / "toy.safetensors", ran.out


@pytest.mark.filterwarnings("ignore")
def test_from_training_to_everything_that_takes_a_model(command, trained, tmp_path, make_scan):
    model, told = trained
    assert f"quietmr denoise IN OUT --model {model}" in told
    card = json.loads(model.with_suffix(".json").read_text())
    assert (card["label"], card["recipe"]["network"]["white"]) == ("faithful", 1.5)
    assert "Blind" in card["noise_convention"]
    assert "width=4" in card["description"]

    clean, scan, out, page = (tmp_path / name for name in ("clean.nii.gz", "noisy.nii.gz", "out.nii.gz", "page.html"))
    make_scan("noisy.nii.gz", truth=clean, shape=(24, 28, 6))
    ran = command("denoise", scan, out, "--model", model, "--report", page)
    assert ran.code == 0, ran.err
    before, after = (nib.load(path).get_fdata() for path in (scan, out))
    assert after.shape == before.shape
    assert np.isfinite(after).all()
    text = out.with_name("out.json").read_text()
    tissue = np.percentile(nib.load(clean).get_fdata(), 99)
    (white,) = _all_of("white", json.loads(text))
    assert white == pytest.approx(1.5 * tissue, rel=0.1)
    assert "generative" not in text
    assert "Blind" in page.read_text()

    scores = tmp_path / "scores"
    ran = command("compare", clean, scores, "--methods", model, "--levels", "5", "--workers", "0")
    assert ran.code == 0, ran.err
    with (scores / "results.csv").open(newline="") as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"ok"}


def _all_of(key, content):
    """Values of a key anywhere in JSON."""
    if isinstance(content, dict):
        return [v for k, v in content.items() if k == key] + [f for v in content.values() for f in _all_of(key, v)]
    return [found for value in content for found in _all_of(key, value)] if isinstance(content, list) else []


@pytest.mark.filterwarnings("ignore")
def test_models_tell_label_size_paper_and_weights(command, trained, monkeypatch):
    model, _ = trained
    shown = command("models", "show", model).out
    for line in ("label: faithful", "parameters: ", "weights: toy.safetensors", "dimensions: 2-D", "license: Up to"):
        assert line in shown
    assert "paper: Zhang et al. 2017" in shown
    monkeypatch.setattr(registry, "list_models", lambda *args, **kwargs: ["toy"])
    monkeypatch.setattr("quietmr.models.list_models", lambda *args, **kwargs: ["toy"])
    monkeypatch.setattr("quietmr.denoise.run.list_models", lambda *args, **kwargs: ["toy"])
    monkeypatch.setattr("quietmr.models.load_card", lambda name: registry.load_card(str(model)))
    (line,) = command("models", "list", "toy").out.splitlines()
    assert line.startswith("toy  network 2-D, 0.00 M weights")
    assert "faithful: 17 convolutions" in line


@pytest.mark.filterwarnings("ignore")
def test_a_training_without_a_unit_says_why_it_is_no_model(command, recipe, tmp_path):
    ran = command("train", recipe, "network.white=null", "--device", "cpu", "--out", tmp_path / "run")
    assert ran.code == 0
    assert "set network.white" in ran.out
    assert not (tmp_path / "run" / "toy.json").exists()
