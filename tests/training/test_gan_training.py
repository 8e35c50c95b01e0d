"""Runs of both GANs at tiny width: what moves when, what a stop loses, and what is refused."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from quietmr.data import InputError, ModelError
from quietmr.models import ARCHITECTURES, build_architecture
from quietmr.training.checkpoint import load_checkpoint
from quietmr.training.gan.batches import UnpairedBatches, unpaired_images
from quietmr.training.gan.domains import check_disjoint
from quietmr.training.gan.recipe import PUBLISHED
from quietmr.training.gan.step import GanStep, make_family
from quietmr.training.gan.terms import blurred_edges
from quietmr.training.launch import Launch
from quietmr.training.loop import train
from quietmr.training.recipe import Recipe
from tests.training.conftest import save

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
RECIPES = Path(__file__).parents[2] / "recipes"

TINY = {
    "cyclegan": ("network.arguments={width: 2, blocks: 1}", "patches=[{shape: [1, 32, 32], batch: 2}]", "gan.pool=3"),
    "disentangled-gan": (
        "network.arguments={width: 2, code_size: 2}",
        "patches=[{shape: [1, 64, 64], batch: 1}]",
        "gan.pool=2",
        "gan.field_planes=1",
    ),
}
SHORT = ("steps=4", "validate_every=20", "checkpoint_every=20", "workers=0", "validation_cases=1", "optimizer.ema=0.5")


@pytest.fixture
def gan(tmp_path, monkeypatch):
    """Run a tiny GAN with fixed batches and a small validation; gives how it ended."""

    def batches(recipe, start, stream):
        _, y, x = recipe.patches[0].shape
        shape = (2, recipe.patches[0].batch, 1, y, x)
        for number in range(start, 1000):
            yield list(torch.rand(shape, generator=torch.Generator().manual_seed(10 * number + stream)))

    def cases(n, seed, noise):
        from quietmr.training.validation import Case

        rng = torch.Generator().manual_seed(seed)
        told = torch.stack([noise(torch.ones(1, 2, 2), rng)[2] for _ in range(200)])
        assert 0.05 <= float(told.min()) < 0.07
        assert 0.25 < float(told.max()) <= 0.3
        clean = torch.rand((1, 32, 32), generator=rng)
        return [Case(clean + 0.1 * torch.randn(clean.shape, generator=rng), clean, torch.full_like(clean, 0.1))] * n

    monkeypatch.setattr("quietmr.training.loop.training_batches", batches)
    monkeypatch.setattr("quietmr.training.keeper.draw_cases", cases)
    monkeypatch.setattr("quietmr.training.keeper.save_curve", lambda *_: None)

    def start(name, out, *overrides, tell=None, **launch):
        recipe = tiny(name, *overrides)
        return train(recipe, tmp_path / out, Launch(device="cpu", **launch), tell)

    return start


def tiny(name, *overrides):
    return Recipe.from_yaml(RECIPES / f"{name}.yaml", (*SHORT, *TINY[name], *overrides))


def assert_same(one, two):
    assert one.keys() == two.keys()
    for part in one:
        assert one[part].keys() == two[part].keys(), part
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, rtol=0, atol=0, msg=f"{part} {name}")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", TINY)
def test_the_recipes_have_the_published_settings(name):
    recipe = Recipe.from_yaml(RECIPES / f"{name}.yaml")
    assert recipe.gan.weights == dict(PUBLISHED[name].weights)
    assert recipe.network.architecture in ARCHITECTURES
    assert (recipe.optimizer.kind, recipe.optimizer.lr_adam, recipe.optimizer.beta1) == ("adam", 2e-4, 0.5)


@pytest.mark.parametrize("name", TINY)
def test_a_run_has_named_finite_terms_and_gives_the_network_of_the_registry(gan, tmp_path, name):
    finished = gan(name, "run")
    assert (finished.step, finished.reason) == (4, "done")
    (entry,) = lines(tmp_path / "run" / "log.jsonl")
    assert set(entry["terms"]) == {*PUBLISHED[name].weights, "noisy_critic", "clean_critic"}
    assert all(math.isfinite(value) for value in entry["terms"].values())
    arguments = tiny(name).network.arguments
    network = build_architecture(name, **arguments).eval()
    network.load_state_dict(load_file(finished.best))
    x = torch.rand(1, 1, 1, 40, 36, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(x), network(x), rtol=0, atol=0)
        assert 0 <= network(x).min() <= network(x).max() <= 1


@pytest.mark.parametrize("name", TINY)
def test_a_stop_and_a_resume_lose_nothing(gan, tmp_path, name):
    gan(name, "whole", "batches_per_step=2")

    def ask(news):
        if news.step == 2:
            signal.raise_signal(signal.SIGTERM)

    # It stops after step 3; of two batches per step the pools hold more than they keep.
    assert gan(name, "halved", "batches_per_step=2", tell=ask).reason == "SIGTERM"
    assert gan(name, "halved", resume=True).step == 4
    (one, _), (two, _) = (load_checkpoint(tmp_path / folder) for folder in ("whole", "halved"))
    assert_same(one, two)
    assert len(one["pool-clean"]["images"]) == tiny(name).gan.pool


def test_the_same_recipe_gives_the_same_weights(gan, tmp_path):
    for out in ("a", "b"):
        gan("disentangled-gan", out, "steps=2")
    gan("disentangled-gan", "c", "steps=2", "seed=1")
    a, b, c = (load_checkpoint(tmp_path / out)[0] for out in ("a", "b", "c"))
    assert_same(a, b)
    assert any(not torch.equal(a["gan"][key], c["gan"][key]) for key in a["gan"])


def test_generators_move_in_every_second_step_and_discriminators_in_all(gan, tmp_path):
    states = []
    for steps in (1, 2, 3):
        gan("disentangled-gan", "run", f"steps={steps}", "optimizer.flat=1.0", resume=steps > 1)
        states.append(load_checkpoint(tmp_path / "run")[0]["gan"])

    def moved(before, after):
        return {
            "critics" if "critic" in key else "makers" for key in before if not torch.equal(before[key], after[key])
        }

    assert moved(states[0], states[1]) == {"critics"}
    assert moved(states[1], states[2]) == {"critics", "makers"}


@pytest.mark.parametrize("name", TINY)
def test_every_weight_of_the_generators_gets_a_gradient_from_the_terms(name):
    recipe = tiny(name)
    torch.manual_seed(0)
    family = make_family(recipe, blurred_edges)
    rng = torch.Generator().manual_seed(0)
    _, y, x = recipe.patches[0].shape
    noisy, clean = unpaired_images([torch.rand(2, 1, y, x, generator=rng), torch.rand(2, 1, y, x)], recipe, rng)
    terms = family.cross(noisy, clean, rng).terms
    assert set(terms) == set(PUBLISHED[name].weights)
    total = sum(term() for term in terms.values())
    total.backward()
    for key, weight in family.gan.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key


def test_discriminators_learn_to_tell_domains_apart(gan, tmp_path):
    # Generators that stand still are found out: the loss falls below that of a coin, 1/4 for squares.
    gan("cyclegan", "run", "steps=30", "gan.critic_steps=1000", "optimizer.lr_adam=0.01", "optimizer.flat=1.0")
    terms = lines(tmp_path / "run" / "log.jsonl")[-1]["terms"]
    assert max(terms["noisy_critic"], terms["clean_critic"]) < 0.15


def test_images_come_in_units_of_white(gan):
    recipe = tiny("cyclegan", "gan.add_noise=false", "scans.share=1", "gan.noisy=[a]", "gan.clean=[b]", "gan.white=2")
    noisy, clean = unpaired_images([torch.full((1, 2, 4, 4), 1.0), torch.full((1, 2, 4, 4), 3.0)], recipe, None)
    assert noisy.shape == (2, 1, 4, 4)
    assert noisy.unique().tolist() == [0.0]
    assert clean.unique().tolist() == [1.0]


def test_drawn_noise_is_on_the_noisy_domain_alone():
    recipe = tiny("cyclegan", "noise={lowest: 0.2, highest: 0.2, filtered: 0, varying: 0, jitter: 0}")
    flat = torch.full((1, 1, 64, 64), 0.6)
    noisy, clean = unpaired_images([flat, flat], recipe, torch.Generator().manual_seed(0))
    torch.testing.assert_close(clean, torch.full_like(clean, 2 * 0.6 / 1.5 - 1))
    # Rician at an SNR of 3: the SD is a little below sigma; -1 to 1 doubles it, white divides it.
    assert noisy.std().item() == pytest.approx(2 * 0.2 / 1.5, rel=0.08)


@pytest.fixture
def scans(tmp_path):
    """Scans of three people: (folder, recipe entries)."""
    rng = np.random.default_rng(0)
    for i in (1, 2, 3):
        save(tmp_path / "scans" / f"sub-{i}" / "T1.nii.gz", 500 + i * 100 * rng.random((1, 8, 40, 40)))
    return tmp_path / "scans", (f"scans.folder={tmp_path / 'scans'}", "scans.share=1", "patches.0.shape=[1, 32, 32]")


def test_domains_are_of_different_people(scans):
    _, entries = scans
    recipe = tiny("cyclegan", *entries, 'gan.noisy=["sub-1/*"]', 'gan.clean=["sub-[23]/*"]')
    noisy, clean = next(iter(UnpairedBatches(recipe)))
    assert noisy.shape == clean.shape == (2, 1, 32, 32)
    again = next(iter(UnpairedBatches(recipe)))
    torch.testing.assert_close(again[0], noisy, rtol=0, atol=0)
    both = tiny("cyclegan", *entries, 'gan.noisy=["sub-[12]/*"]', 'gan.clean=["sub-[23]/*"]')
    with pytest.raises(InputError, match=r"'sub-2' is in the noisy and in the clean scans .* different people"):
        UnpairedBatches(both)


def test_a_copy_under_another_name_is_found(scans):
    folder, entries = scans
    (folder / "sub-9").mkdir()
    (folder / "sub-9" / "T1.nii.gz").write_bytes((folder / "sub-1" / "T1.nii.gz").read_bytes())
    recipe = tiny("cyclegan", *entries, 'gan.noisy=["sub-1/*"]', 'gan.clean=["sub-9/*"]')
    with pytest.raises(InputError, match="the same file"):
        UnpairedBatches(recipe)
    nobody = tiny("cyclegan", *entries, 'gan.noisy=["sub-1/*"]', 'gan.clean=["sub-9/*"]', "gan.subject=person[0-9]")
    with pytest.raises(InputError, match="finds no person"):
        UnpairedBatches(nobody)


def test_scenes_of_the_domains_differ(monkeypatch):
    monkeypatch.setattr("quietmr.training.scenes.draw_scene", lambda s, m, r: r.random(s).astype(np.float32))
    noisy, clean = next(iter(UnpairedBatches(tiny("cyclegan", "scenes.shape=[1, 32, 32]"))))
    assert not torch.equal(noisy, clean)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("loss=l1", "loss must be left out"),
        ("optimizer.kind=muon", "adam"),
        ("channels=complex", "magnitude"),
        ("start_from=quiet-fast", "start_from"),
        ("precision=bf16", "bf16"),
        ("gan.weights={cyle: 3}", "no term 'cyle'"),
        ("gan.weights={cycle: -1}", "weight of the term 'cycle' is -1"),
        ("gan.weights={adversarial: 0}", "adversarial"),
        ("patches=[{shape: [1, 30, 32]}]", "multiples of 4"),
        ("patches=[{shape: [1, 16, 16]}]", "at least 32"),
        ("patches=[{shape: [1, 32, 32]}, {shape: [1, 64, 64]}]", "one size"),
        ("gan.add_noise=false", "share must be 1"),
        ("scans.share=0.5", "gan.noisy and gan.clean"),
        ("gan.noisy=[a]", "share must be above 0"),
        ("scans.files=[a]", "scans.files"),
        ("gan.subject='['", "regular expression"),
        ("network.architecture=dncnn", "not 'dncnn'"),
        ("step=ordinary", "step: gan"),
    ],
)
def test_what_a_gan_cannot_do_is_refused_in_one_sentence(entry, words):
    with pytest.raises(InputError, match=words) as told:
        tiny("cyclegan", entry)
    assert "\n" not in str(told.value)


def test_a_gan_has_one_process(gan):
    with pytest.raises(InputError, match="one process"):
        gan("cyclegan", "run", processes=2)


def test_a_run_cannot_go_on_with_other_weights_of_its_terms(gan):
    gan("cyclegan", "run", "steps=1")
    with pytest.raises(InputError, match="another 'gan'"):
        gan("cyclegan", "run", "gan.weights.cycle=5", resume=True)


def test_features_of_a_vgg_need_its_weights(gan, tmp_path):
    with pytest.raises(ModelError, match="VGG16"):
        gan("disentangled-gan", "run", "gan.features=vgg16", f"perceptual.weights={tmp_path / 'none.safetensors'}")
    assert not (tmp_path / "run").exists()


def test_batches_of_a_step_are_averaged():
    # Without a pool and without drawn noise the same batch twice gives the step of that batch once.
    own = ("gan.add_noise=false", "scans.share=1", "gan.noisy=[a]", "gan.clean=[b]", "gan.pool=0")
    recipe = tiny("cyclegan", *own)
    batch = list(torch.rand((2, 1, 1, 32, 32), generator=torch.Generator().manual_seed(0)))
    weights, losses = [], []
    for n in (1, 2):
        torch.manual_seed(0)
        step = GanStep(recipe, blurred_edges, Fabric(accelerator="cpu", devices=1))
        losses.append(step.take(0, range(n), [batch] * n))
        weights.append(step.family.gan.state_dict())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    for key in weights[0]:
        torch.testing.assert_close(weights[0][key], weights[1][key])


def test_a_person_is_found_below_other_folders_and_by_the_first_folder_otherwise(tmp_path):
    volume = np.random.default_rng(0).random((1, 8, 40, 40))
    for i, name in enumerate(("raw/sub-1/a", "derived/sub-1/b", "raw/sub-2/c", "anna/d", "ben/d")):
        save(tmp_path / f"{name}.nii.gz", 100 * (i + volume))
    entries = (f"scans.folder={tmp_path}", "scans.share=1")

    def check(noisy, clean, *more):
        check_disjoint(tiny("cyclegan", *entries, f'gan.noisy=["{noisy}"]', f'gan.clean=["{clean}"]', *more))

    with pytest.raises(InputError, match="'sub-1'"):
        check("raw/sub-1/*", "derived/**/*.nii.gz")
    check("raw/sub-1/*", "raw/sub-2/*")
    check("anna/*", "ben/*")
    with pytest.raises(InputError, match=r"'d\.nii\.gz'"):
        check("anna/*", "ben/*", "gan.subject='[^/]+$'")


@pytest.mark.parametrize("arguments", ["{widht: 4}", "{in_channels: 2, out_channels: 2}", "{norm: batch}"])
@pytest.mark.parametrize("name", TINY)
def test_arguments_that_the_network_has_not_are_refused(gan, name, arguments):
    with pytest.raises(ModelError):
        gan(name, "run", f"network.arguments={arguments}")


def test_terms_can_be_left_out(gan, tmp_path):
    off = "{kl: 0, cycle: 0, self_reconstruction: 0, perceptual: 0, perceptual_noisy: 0}"
    gan("disentangled-gan", "run", f"gan.weights={off}", "gan.share=last", "steps=2", "optimizer.clip=1.0")
    (entry,) = lines(tmp_path / "run" / "log.jsonl")
    assert set(entry["terms"]) == {"adversarial", "noisy_critic", "clean_critic"}
