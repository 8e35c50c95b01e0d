"""The two verbs that need no scan of the user."""

import json

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
    assert names == {"epi_denoised.nii.gz", "epi_denoised.json", "epi_noise.nii.gz", "epi_removed.nii.gz", "epi.png"}
    before, after, removed = (
        read(path).data for path in (demo_scan(), folder / "epi_denoised.nii.gz", folder / "epi_removed.nii.gz")
    )
    # The denoised scan is rounded to the integers of the source, what was removed is not.
    assert abs(before - removed - after).max() <= 0.5 + 1e-3
    assert json.loads((folder / "epi_denoised.json").read_text())
    assert str(folder / "epi.png") in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
def test_train_runs_a_recipe_and_refuses_a_wrong_one(tmp_path, capsys):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(
        "{name: tiny, steps: 1, workers: 0, validation_cases: 1, scenes: {shape: [4, 16, 16]},"
        " patches: [{shape: [4, 16, 16]}], network: {arguments: {widths: [8, 8], n_blocks: [1, 1]}}}"
    )
    assert main(["train", str(recipe), "--out", str(tmp_path / "run"), "--device", "cpu"]) == 0
    assert (tmp_path / "run" / "best.safetensors").exists()
    recipe.write_text("{name: tiny, stepz: 1}")
    assert main(["train", str(recipe), "--out", str(tmp_path / "other")]) == 1
    assert "stepz" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
