"""Recipes: refused by name where wrong, changed entry by entry from the command line."""

from pathlib import Path

import pytest

from quietmr.data import InputError
from quietmr.training.lessons import LESSONS
from quietmr.training.recipe import Recipe

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("papers/*.yaml")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nstepz: 3", "stepz"),
        ("name: x\nsteps: -1", "steps"),
        ("name: ../x", "name"),
        ("name: x\nloss: sure", "start_from"),
        ("name: x\nloss: sure\nstart_from: a\nscans: {share: 1, held_out: 0.2, keep: 0.5}", "keep"),
        ("name: x\nloss: noise2void\nscans: {share: 0.5, held_out: 0.2}", "share"),
        (
            "name: x\nloss: noise2void\nscans: {share: 1, held_out: 0.2}\npatches: [{shape: [4, 4, 16]}]",
            "5 rows and columns",
        ),
        ("[", "YAML"),
        ("name: [", "YAML"),
        ("- name", "top level"),
        ("name: x\nloss: psnr", "no loss 'psnr'.*supervised.*charbonnier"),
        ("name: x\nloss: {charbonnier: 1, psnr: 1}", "no loss 'psnr'"),
        ("name: x\nloss: {charbonnier: -1}", "above 0"),
        ("name: x\nloss: {}", "at least one"),
        ("name: x\nloss: {sure: 1, mse: 1}", "stands alone"),
        ("name: x\nperceptual: {sha256: abc}", "perceptual.sha256"),
        ("name: x\noptimizer: {kind: sophie}", "optimizer.kind"),
        (
            "name: x\nloss: sure\nstart_from: a\nscans: {share: 1, held_out: 0.2}\noptimizer: {kind: sophia}",
            "clean images",
        ),
    ],
)
def test_wrong_recipes_are_refused_by_name(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Recipe.from_yaml(path)


def test_a_missing_recipe_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Recipe.from_yaml(tmp_path / "missing.yaml")


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_shipped_recipes_are_valid(path):
    assert Recipe.from_yaml(path).steps > 0


def test_the_recipe_for_fine_tuning_takes_every_loss():
    path = next(path for path in RECIPES if path.stem == "finetune")
    for loss in LESSONS:
        recipe = Recipe.from_yaml(path, [f"loss={loss}", "scans.folder=mine"])
        assert (recipe.loss, recipe.scans.folder) == (loss, "mine")
        assert recipe.scans.held_out > 0


@pytest.mark.parametrize(
    ("loss", "lesson", "weights"),
    [
        ("supervised", "supervised", {"log_charbonnier": 1.0}),
        ("charbonnier", "supervised", {"charbonnier": 1.0}),
        ("{charbonnier: 1.0, gradient: 0.5}", "supervised", {"charbonnier": 1.0, "gradient": 0.5}),
        ("noise2noise", "noise2noise", {}),
    ],
)
def test_a_loss_is_a_name_or_a_weighted_sum(loss, lesson, weights):
    path = next(path for path in RECIPES if path.stem == "finetune")
    recipe = Recipe.from_yaml(path, [f"loss={loss}"])
    assert (recipe.lesson, recipe.loss_weights) == (lesson, weights)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_overrides_reach_every_depth(small):
    before = Recipe.from_yaml(small)
    after = Recipe.from_yaml(
        small, ["steps=11", "optimizer.lr_muon=1e-3", "patches.0.batch=7", "scenes.shape=[4, 20, 24]", "noise.jitter=0"]
    )
    assert (after.steps, after.optimizer.lr_muon, after.patches[0].batch) == (11, 1e-3, 7)
    assert after.scenes.shape == (4, 20, 24)
    assert after.noise == {"jitter": 0}
    assert after.model_copy(
        update={name: getattr(before, name) for name in ("steps", "optimizer", "patches", "scenes", "noise")}
    ) == before  # fmt: skip


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("steps=[", "not YAML"),
        ("stepz=3", "stepz"),
        ("optimizer.lr=3", "optimizer.lr"),
        ("patches.3.batch=2", "leads nowhere"),
        ("steps.more=2", "no place"),
        ("steps=many", "steps"),
    ],
)
def test_wrong_overrides_are_refused(small, override, message):
    with pytest.raises(InputError, match=message):
        Recipe.from_yaml(small, [override])
