"""From ``quietmr train`` of a GAN to ``quietmr denoise`` with what it gave."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
TINY = (
    "steps=2", "validate_every=2", "workers=0", "validation_cases=1", "scenes.shape=[1, 64, 64]", "scenes.pool=2",
)  # fmt: skip
ARGUMENTS = {"cyclegan": "{width: 2, blocks: 1}", "disentangled-gan": "{width: 2, code_size: 2}"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "label"), [("cyclegan", "faithful"), ("disentangled-gan", "ancestor-filled")])
def test_a_gan_is_trained_published_and_warns_when_it_denoises(command, tmp_path, monkeypatch, name, label):
    boxes = lambda shape, mixture, rng: rng.random([min(n, 64) for n in shape]).astype(np.float32)  # noqa: E731
    monkeypatch.setattr("quietmr.training.scenes.draw_scene", boxes)
    monkeypatch.setattr("quietmr.training.validation.draw_scene", boxes)
    settings = (*TINY, f"network.arguments={ARGUMENTS[name]}", "patches=[{shape: [1, 64, 64], batch: 1}]")
    out = tmp_path / "run"
    ran = command("train", RECIPES / f"{name}.yaml", *settings, "--device", "cpu", "--out", out)
    assert ran.code == 0
    assert label in ran.out
    assert "not in the scan" in ran.out
    assert ("not the paper's" in ran.out) == (name == "disentangled-gan")
    card = json.loads((out / f"{name}.json").read_text())
    assert (card["label"], card["recipe"]["step"]) == (label, "gan")
    assert "Blind" in card["noise_convention"]

    rng = np.random.default_rng(0)
    data = np.hypot(
        np.pad(np.full((20, 20, 4), 1000.0), ((10, 10), (10, 10), (0, 0))) + rng.normal(0, 30, (40, 40, 4)), 30
    )
    nib.save(nib.Nifti1Image(data.astype(np.float32), np.eye(4)), tmp_path / "in.nii.gz")
    denoise = ("denoise", tmp_path / "in.nii.gz", tmp_path / "out.nii.gz", "--sigma", 30)
    told = command(*denoise, "--removed", tmp_path / "removed.nii.gz", "--model", out / f"{name}.safetensors")
    assert told.code == 0
    assert "generative" in told.out + told.err
    assert "--removed" in told.out + told.err
    before, after, removed = (nib.load(tmp_path / f"{n}.nii.gz").get_fdata() for n in ("in", "out", "removed"))
    np.testing.assert_allclose(before - after, removed, atol=1e-2)
    sidecar = json.loads((tmp_path / "out.json").read_text())
    assert any("generative" in text for text in json.dumps(sidecar).split('"'))
