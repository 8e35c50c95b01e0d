"""Real scans as training data: found, identified, prepared, divided."""

import hashlib
import warnings

import numpy as np
import pytest

from quietmr.data import InputError
from quietmr.signal.kspace import keep_kspace
from quietmr.training.noisy_batches import NoisyBatches
from quietmr.training.noisy_scans import load_noisy
from quietmr.training.recipe import Recipe
from quietmr.training.scan_files import find_scans, scan_facts
from quietmr.training.scan_recipe import ScanRecipe
from quietmr.training.scans import load_clean, split
from quietmr.training.scenes import SceneBatches

from .conftest import rician, save, smooth_volume


def test_cropping_kspace_keeps_low_frequencies_and_reduces_noise(rng):
    y, x = np.meshgrid(np.arange(40), np.arange(48), indexing="ij")
    wave = (2.0 + np.cos(2 * np.pi * (3 * y / 40 + 5 * x / 48)))[None].astype(np.float32)
    np.testing.assert_allclose(keep_kspace(wave, (1, 0.5, 0.5))[0], wave[0, ::2, ::2], atol=1e-5)
    noise = 100 + rng.standard_normal((4, 100, 100)).astype(np.float32)
    assert keep_kspace(noise, (1, 0.5, 0.5)).std() == pytest.approx(0.5, rel=0.05)


def test_every_readable_scan_is_found_and_identified(tmp_path, rng):
    for name in ("b/two.nii.gz", "one.nii"):
        save(tmp_path / name, smooth_volume(rng)[None])
    (tmp_path / "notes.json").write_text("{}")
    settings = ScanRecipe(folder=str(tmp_path))
    assert [path.name for path in find_scans(settings)] == ["two.nii.gz", "one.nii"]
    facts = scan_facts(settings)
    assert [fact["file"] for fact in facts] == ["b/two.nii.gz", "one.nii"]
    assert facts[1]["sha256"] == hashlib.sha256((tmp_path / "one.nii").read_bytes()).hexdigest()
    with pytest.raises(InputError, match=r"matches '\*\.png'"):
        find_scans(ScanRecipe(folder=str(tmp_path), files=("*.png",)))
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none", ""):
        with pytest.raises(InputError, match="--data"):
            find_scans(ScanRecipe(folder=str(folder)))


def test_a_folder_of_dicom_is_one_scan(shared):
    folder = shared("dcm_qa_nih_siemens_phantom_pairs")
    found = find_scans(ScanRecipe(folder=str(folder)))
    assert found
    assert all(path.is_dir() for path in found)


@pytest.mark.parametrize("shape", [(20, 30, 30), (5, 30, 30), (1, 40, 30)])
def test_what_is_held_out_is_never_trained_on(shape):
    scan = np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape)
    training, held_out = split(scan, 0.2)
    seen = np.concatenate([piece.ravel() for piece in training])
    assert sorted([*seen, *held_out.ravel()]) == list(scan.ravel())
    assert 0.1 < held_out.size / scan.size < 0.3
    assert split(scan, 0.0)[0][0] is scan


def test_training_patches_come_from_the_training_part_only(tmp_path, rng):
    volume = np.full((20, 24, 24), 100.0, np.float32)
    volume[split(np.arange(20.0, dtype=np.float32)[:, None, None], 0.2)[1].ravel().astype(int)] = 50.0
    save(tmp_path / "scan.nii.gz", volume[None])
    scans = {"folder": str(tmp_path), "share": 1.0, "held_out": 0.2, "gamma": 0.0}
    recipe = Recipe.model_validate({"name": "x", "scans": scans, "patches": [{"shape": [4, 16, 16]}]})
    stream = iter(SceneBatches(recipe))
    for _ in range(20):
        np.testing.assert_allclose(next(stream)[0], 1.0, rtol=1e-5)
    assert len(load_clean(recipe.scans)) == 1


def noisy_recipe(folder, loss, **scans):
    settings = {"folder": str(folder), "share": 1.0, "held_out": 0.2, **scans}
    patches = [{"shape": [2, 16, 16], "batch": 3}]
    return Recipe.model_validate(
        {"name": "x", "loss": loss, "start_from": "quiet-fast", "scans": settings, "patches": patches}
    )


def test_noisy_scans_keep_their_noise_and_know_it(tmp_path, rng):
    clean = smooth_volume(rng, (12, 64, 64))
    save(tmp_path / "scan.nii.gz", rician(clean, 40.0, rng)[None])
    measured = load_noisy(ScanRecipe(folder=str(tmp_path)), repeats=False)[0]
    told = load_noisy(ScanRecipe(folder=str(tmp_path), sigma=40.0), repeats=False)[0]
    scale = 40.0 / told.sigma
    np.testing.assert_allclose(measured.sigma * scale, 40.0, rtol=0.1)
    assert told.frames.max() == pytest.approx(1.0, abs=0.3)
    noisy, sigma, support = next(iter(NoisyBatches(noisy_recipe(tmp_path, "sure", sigma=40.0))))
    assert noisy.shape == (3, 2, 16, 16)
    np.testing.assert_allclose(sigma, told.sigma, rtol=1e-6)
    assert support.shape == (3, 3)


def test_pairs_show_the_same_place_with_noise_of_their_own(tmp_path, rng):
    clean = 500 + smooth_volume(rng, (12, 40, 40))
    save(tmp_path / "scan.nii.gz", np.stack([rician(clean, 20.0, rng) for _ in range(3)]))
    first, second, sigma = next(iter(NoisyBatches(noisy_recipe(tmp_path, "noise2noise", sigma=20.0))))
    assert float((first - second).std()) == pytest.approx(float(sigma[0]) * 2**0.5, rel=0.1)
    assert float(first.std()) > 3 * float((first - second).std())


def test_scans_that_teach_nothing_are_refused(tmp_path, rng):
    volume = smooth_volume(rng)
    save(tmp_path / "one" / "scan.nii.gz", volume[None])
    with pytest.raises(InputError, match="loss=sure"):
        NoisyBatches(noisy_recipe(tmp_path / "one", "noise2noise", sigma=1.0))
    save(tmp_path / "nan" / "scan.nii.gz", np.where(volume > 500, np.nan, volume)[None])
    with pytest.raises(InputError, match="not finite"):
        load_clean(ScanRecipe(folder=str(tmp_path / "nan")))
    save(tmp_path / "signed" / "scan.nii.gz", rng.standard_normal((1, 8, 64, 64)))
    with pytest.raises(InputError, match="negative"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_noisy(ScanRecipe(folder=str(tmp_path / "signed")), repeats=False)
    save(tmp_path / "small" / "scan.nii.gz", volume[None, :, :12, :12])
    with pytest.raises(InputError, match="No patch"):
        NoisyBatches(noisy_recipe(tmp_path / "small", "sure", sigma=1.0))
