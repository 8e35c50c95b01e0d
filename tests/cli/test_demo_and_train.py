"""The two verbs that need no scan of the user."""

import json

import numpy as np
import pytest

from quietmr import read
from quietmr.cli.demo import demo_scan
from quietmr.cli.main import main


@pytest.mark.filterwarnings("ignore")
def test_demo_writes_all_that_it_promises_and_can_be_run_again(tmp_path, capsys):
    folder = tmp_path / "new" / "demo"
    for _ in range(2):
        assert main(["demo", str(folder)]) == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "epi_denoised.nii.gz",
        "epi_denoised.json",
        "epi_noise.nii.gz",
        "epi_removed.nii.gz",
        "epi.png",
        "epi.html",
    }
    before, after, removed = (
        read(path).data for path in (demo_scan(), folder / "epi_denoised.nii.gz", folder / "epi_removed.nii.gz")
    )
    # The denoised scan is rounded to the integers of the source, what was removed is not.
    assert abs(before - removed - after).max() <= 0.5 + 1e-3
    assert json.loads((folder / "epi_denoised.json").read_text())
    assert str(folder / "epi.png") in capsys.readouterr().out


TINY = (
    "{name: tiny, steps: 1, workers: 0, validation_cases: 1, scenes: {shape: [4, 16, 16]},"
    " patches: [{shape: [4, 16, 16]}], network: {arguments: {widths: [8, 8], n_blocks: [1, 1]}}}"
)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A recipe that takes a moment, with scenes that cost nothing."""

    def noise(shape, mixture, rng):
        del mixture
        return rng.random([min(n, 16) for n in shape]).astype("float32")

    monkeypatch.setattr("quietmr.training.scenes.draw_scene", noise)
    monkeypatch.setattr("quietmr.training.validation.draw_scene", noise)
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(TINY)
    return recipe


@pytest.mark.filterwarnings("ignore")
def test_train_runs_a_recipe_and_refuses_a_wrong_one(tiny, tmp_path, capsys):
    train = ["train", str(tiny), "--device", "cpu", "--out"]
    assert main([*train, str(tmp_path / "run"), "steps=2", "--set", "seed=4"]) == 0
    assert (tmp_path / "run" / "best.safetensors").exists()
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (recipe["steps"], recipe["seed"]) == (2, 4)
    said = capsys.readouterr()
    assert "step 2/2" in said.err
    assert "best.safetensors" in said.out
    assert main([*train, str(tmp_path / "run")]) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*train, str(tmp_path / "other"), "stepz=1"]) == 1
    assert "stepz" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    assert main(["train", "--quiet"]) == 2
    assert main([*train, str(tmp_path / "run"), "--resume", "--force"]) == 2


@pytest.mark.filterwarnings("ignore")
def test_a_stopped_run_says_how_to_go_on(tiny, tmp_path, capsys):
    train = ["train", str(tiny), "--device", "cpu", "--out", str(tmp_path / "run"), "steps=3"]
    assert main([*train, "--max-minutes", "0"]) == 0
    assert "--resume" in capsys.readouterr().out
    assert main([*train, "--resume"]) == 0


@pytest.mark.filterwarnings("ignore")
def test_a_fine_tuning_that_helps_nobody_writes_no_model(tiny, tmp_path, capsys, rng):
    import nibabel as nib

    (tmp_path / "scans").mkdir()
    volume = 300 + 100 * rng.random((40, 40, 10)).astype("float32")
    nib.save(nib.Nifti1Image(volume, np.eye(4)), tmp_path / "scans" / "a.nii.gz")
    overrides = [
        "start_from=quiet-fast", "scans.share=1", "scans.held_out=0.4", "patches.0.shape=[4,16,16]",
        "optimizer.lr_muon=1e-9", "optimizer.lr_adam=1e-9",
    ]  # fmt: skip
    tiny.write_text("{name: tiny, steps: 1, workers: 0, validation_cases: 1, patches: [{shape: [4, 16, 16]}]}")
    train = ["train", str(tiny), "--device", "cpu", "--out", str(tmp_path / "run"), "--data", str(tmp_path / "scans")]
    assert main([*train, *overrides]) == 0
    said = capsys.readouterr().out
    assert "no model was written" in said
    assert not (tmp_path / "run" / "tiny.safetensors").exists()
