"""Small recipes, small scans, and scenes that cost nothing."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("lightning_fabric")

from quietmr.training.launch import Launch
from quietmr.training.recipe import Recipe

SMALL = """
name: small
seed: 3
steps: 8
validate_every: 4
checkpoint_every: 4
workers: 0
validation_cases: 2
network: {architecture: unet3d, arguments: {widths: [8, 8], n_blocks: [1, 1]}}
scenes: {shape: [6, 32, 32], pool: 2, reuse: 4}
patches: [{shape: [4, 16, 16], batch: 2}]
optimizer: {lr_muon: 0.02, lr_adam: 0.01, warmup: 0, flat: 1.0, ema: 0.5}
"""


@pytest.fixture
def quick_scenes(monkeypatch):
    """Boxes in place of anatomy: what a scene shows does not matter to the trainer."""

    def boxes(shape, mixture, rng):
        del mixture
        shape = [min(n, 24) for n in shape]
        scene = np.zeros(shape, np.float32)
        for _ in range(12):
            corner = [int(rng.integers(0, max(1, n - 2))) for n in shape]
            size = [int(rng.integers(1, max(2, n // 2))) for n in shape]
            scene[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = rng.uniform(0.1, 1.0)
        return scene

    monkeypatch.setattr("quietmr.training.scenes.draw_scene", boxes)
    monkeypatch.setattr("quietmr.training.validation.draw_scene", boxes)


@pytest.fixture
def small(tmp_path):
    """Path of a small recipe."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def run(small, tmp_path, quick_scenes):
    """Run the small recipe with overrides into a folder; gives how it ended."""
    from quietmr.training.loop import train

    def start(out="run", *overrides, tell=None, **launch):
        recipe = Recipe.from_yaml(small, overrides)
        return train(recipe, tmp_path / out, Launch(device="cpu", **launch), tell)

    return start


def smooth_volume(rng, shape=(12, 40, 44)):
    """A smooth object with air around it, brightest about 1000."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = (y**2 + x**2 < 0.8).astype(float)
    waves = 0.6 + 0.2 * np.sin(5 * y + 2 * z) * np.cos(4 * x) + 0.1 * rng.random()
    return (1000 * inside * waves).astype(np.float32)


def rician(clean, sigma, rng):
    """Magnitude with complex noise."""
    return np.abs(clean + sigma * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape)))


def save(path: Path, frames):
    """Write (T, Z, Y, X) as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.asarray(frames, np.float32).transpose(3, 2, 1, 0)
    nib.save(nib.Nifti1Image(array if array.shape[-1] > 1 else array[..., 0], np.eye(4)), path)
    return path
