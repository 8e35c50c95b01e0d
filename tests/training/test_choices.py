"""Runs with every optimizer and with losses of the recipe: they learn, and a stop loses nothing."""

import signal

import pytest
import torch
from safetensors.torch import save_file

from quietmr.data import InputError, ModelError
from quietmr.training.checkpoint import load_checkpoint
from quietmr.training.vgg import Vgg16Features

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# Muon has its tests beside the trainer's.
OPTIMIZERS = {
    "adam": ("optimizer.beta1=0.5", "optimizer.lr_adam=0.003"),
    "adamw": ("optimizer.weight_decay=0.01",),
    "sophia": ("optimizer.lr_sign=0.003", "optimizer.hessian_every=3"),
    "sign-momentum": ("optimizer.lr_sign=0.003", "optimizer.schedule=one-cycle"),
}


def same_batches(monkeypatch):
    batches = [[torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(i))] for i in range(60)]
    monkeypatch.setattr("quietmr.training.loop.training_batches", lambda recipe, start, rank: batches[start:])


def assert_same_state(one, two):
    assert one.keys() == two.keys()
    for part in one:
        assert one[part].keys() == two[part].keys()
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_stop_and_a_resume_lose_nothing(run, tmp_path, monkeypatch, kind):
    same_batches(monkeypatch)
    settings = (f"optimizer.kind={kind}", *OPTIMIZERS[kind], "optimizer.clip=1.0", "steps=7", "validate_every=20")
    run("whole", *settings)

    def ask(news):
        if news.step == 4:
            signal.raise_signal(signal.SIGINT)

    # After step 5: between two estimates of the curvature, which has to be remembered.
    assert run("halved", *settings, tell=ask).step == 5
    run("halved", *settings, resume=True)
    (one, _), (two, _) = (load_checkpoint(tmp_path / name) for name in ("whole", "halved"))
    assert_same_state(one, two)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_learns(run, monkeypatch, kind):
    gains = []
    run(
        "run",
        f"optimizer.kind={kind}",
        *OPTIMIZERS[kind],
        "steps=40",
        "validate_every=40",
        "checkpoint_every=40",
        tell=lambda news: gains.append((news.loss, news.best)),
    )
    assert gains[-1][1] > 1.0  # dB above the noisy image


def test_the_curvature_of_a_run_is_measured(run, tmp_path):
    run("run", "steps=4", "optimizer.kind=sophia", "optimizer.hessian_every=2")
    state = load_checkpoint(tmp_path / "run")[0]["optimizer0"]
    curvature = torch.cat([tensor.flatten() for name, tensor in state.items() if name.endswith("hessian")])
    assert float((curvature > 0).double().mean()) > 0.99
    run("idle", "steps=4", "optimizer.kind=sophia", "optimizer.hessian_every=1")
    other = load_checkpoint(tmp_path / "idle")[0]["optimizer0"]
    assert any(not torch.equal(state[name], other[name]) for name in state if name.endswith("hessian"))


def test_a_run_cannot_go_on_with_another_optimizer(run):
    run("run", "steps=4")
    with pytest.raises(InputError, match=r"optimizer\.kind"):
        run("run", "steps=8", "optimizer.kind=adamw", resume=True)
    assert run("run", "steps=8", "optimizer.lr_muon=0.01", resume=True).step == 8


def test_gradients_are_shortened_to_the_norm_asked_for(run, tmp_path):
    # Short gradients move weights of plain AdamW as long ones do; its memory of them tells them apart.
    for name, clip in (("free", 1e9), ("short", 1e-3)):
        run(name, "steps=1", "optimizer.kind=adamw", f"optimizer.clip={clip}")
    norms = []
    for name in ("free", "short"):
        state = load_checkpoint(tmp_path / name)[0]["optimizer0"]
        norms.append(float(torch.cat([t.flatten() for key, t in state.items() if key.endswith("exp_avg")]).norm()))
    assert norms[1] == pytest.approx(0.1 * 1e-3, rel=1e-3)  # one step of momentum 0.9
    assert norms[0] > 10 * norms[1]


def test_the_loss_of_the_recipe_is_what_is_minimized(run, tmp_path, monkeypatch):
    same_batches(monkeypatch)
    told = {}
    for name, loss in (
        ("one", "charbonnier"),
        ("two", "gradient"),
        ("sum", "{charbonnier: 2.0, gradient: 0.5}"),
        ("old", "supervised"),
        ("new", "{log_charbonnier: 1.0}"),
    ):
        run(name, f"loss={loss}", "steps=1", tell=lambda news, name=name: told.update({name: news.loss}))
    assert told["sum"] == pytest.approx(2 * told["one"] + 0.5 * told["two"], rel=1e-5)
    assert_same_state(*(load_checkpoint(tmp_path / name)[0] for name in ("old", "new")))


def test_a_run_with_the_perceptual_loss(run, tmp_path, monkeypatch):
    monkeypatch.setenv("QUIETMR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError, match="VGG16"):
        run("run", "loss={charbonnier: 1.0, perceptual: 0.1}", "steps=2")
    assert not (tmp_path / "run").exists()
    torch.manual_seed(0)
    save_file(Vgg16Features().state_dict(), tmp_path / "vgg.safetensors")
    run("run", "loss={charbonnier: 1.0, perceptual: 0.1}", "steps=2", f"perceptual.weights={tmp_path}/vgg.safetensors")
    assert not any("features" in name for part in load_checkpoint(tmp_path / "run")[0].values() for name in part)
