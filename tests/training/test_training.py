"""The trainer: it learns, it resumes, it is reproducible, it stops when asked"""

import json
import os
import signal

import pytest
import torch
from safetensors.torch import load_file

from quietmr.data import InputError, OutputError
from quietmr.denoise.device import runs_bfloat16
from quietmr.models import build_architecture
from quietmr.noise.synthesis import NoiseLaw
from quietmr.training.checkpoint import load_checkpoint, save_checkpoint
from quietmr.training.magnitude_noise import degraded_batch, rician
from quietmr.training.recipe import Recipe
from quietmr.training.validation import draw_cases, mean_gain

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_learns_and_explains_itself(run, tmp_path):
    finished = run("run", "steps=24")
    out = tmp_path / "run"
    log = lines(out / "log.jsonl")
    assert [entry["step"] for entry in log] == list(range(4, 25, 4))
    assert log[-1]["gain_db"] > log[0]["gain_db"]
    network = build_architecture("unet3d", widths=[8, 8], n_blocks=[1, 1])
    network.load_state_dict(load_file(finished.best))
    best = max(entry["gain_db"] for entry in log)
    assert mean_gain(network, draw_cases(2, 3)) == pytest.approx(best, abs=1e-3)
    assert (finished.step, finished.reason) == (24, "done")


def test_the_folder_of_a_run_tells_what_shaped_it(run, small, tmp_path):
    from PIL import Image as Picture

    run("run", command="quietmr train small.yaml")
    out = tmp_path / "run"
    assert Recipe.model_validate_json((out / "recipe.json").read_text()) == Recipe.from_yaml(small)
    begin, end = lines(out / "sessions.jsonl")
    assert begin["command"] == "quietmr train small.yaml"
    assert begin["versions"]["torch"] == torch.__version__
    precision = "bf16-mixed" if runs_bfloat16(torch.device("cpu")) else "32-true"
    assert (begin["seed"], begin["from_step"], begin["precision"], begin["device"]) == (3, 0, precision, "cpu")
    assert begin["machine"]["cores"] == os.cpu_count()
    assert (end["ended"], end["step"]) == ("done", 8)
    with Picture.open(out / "curve.png") as picture:
        assert min(picture.size) > 300
    host = os.uname().nodename
    assert len(host) < 4 or host not in (out / "sessions.jsonl").read_text()


def test_the_same_recipe_gives_the_same_weights(run, tmp_path):
    for name in ("a", "b"):
        run(name, "steps=4")
    (one, _), (two, _) = (load_checkpoint(tmp_path / name) for name in ("a", "b"))
    for part in one:
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, rtol=0, atol=0)


def test_resuming_goes_on_where_it_stopped(run, tmp_path):
    run("run", "steps=4")
    before, _ = load_checkpoint(tmp_path / "run")
    run("run", "steps=8", resume=True)
    after, numbers = load_checkpoint(tmp_path / "run")
    assert numbers["step"] == 8
    assert [entry["step"] for entry in lines(tmp_path / "run" / "log.jsonl")] == [4, 8]
    assert any(not torch.equal(before["network"][k], after["network"][k]) for k in before["network"])
    sessions = lines(tmp_path / "run" / "sessions.jsonl")
    assert [s["from_step"] for s in sessions if "started" in s] == [0, 4]
    assert sessions[2]["recipe_changes"] == {"steps": [4, 8]}


def test_a_stop_and_a_resume_lose_nothing_of_the_state(run, tmp_path, monkeypatch):
    # With the same batches after the stop the weights are those of a run without one, to the last bit.
    batches = [[torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(i))] for i in range(8)]
    monkeypatch.setattr("quietmr.training.loop.training_batches", lambda recipe, start, rank: batches[start:])
    run("whole")
    assert run("halved", max_minutes=0.0).reason == "time"
    run("halved", resume=True)
    (one, _), (two, _) = (load_checkpoint(tmp_path / name) for name in ("whole", "halved"))
    for part in one:
        for name, tensor in one[part].items():
            torch.testing.assert_close(two[part][name], tensor, rtol=0, atol=0)


def test_checkpoints_of_the_first_trainer_can_be_resumed(run, tmp_path):
    # It wrote recipe.json without the entries that came later, and no sessions.
    run("run", "steps=4")
    out = tmp_path / "run"
    stored = json.loads((out / "recipe.json").read_text())
    for name in ("loss", "start_from", "precision"):
        del stored[name]
    del stored["scans"]["sigma"], stored["scans"]["license"], stored["scans"]["held_out"]
    (out / "recipe.json").write_text(json.dumps(stored))
    for name in ("sessions.jsonl", "curve.png"):
        (out / name).unlink()
    assert run("run", "steps=8", resume=True).step == 8


def test_two_runs_are_never_mixed(run, tmp_path):
    with pytest.raises(InputError, match="no checkpoint"):
        run("run", resume=True)
    run("run", "steps=4")
    with pytest.raises(OutputError, match="--resume"):
        run("run", "steps=4")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert run("run", "steps=5", force=True).step == 5
    assert [entry["step"] for entry in lines(tmp_path / "run" / "log.jsonl")] == [4, 5]
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_run_cannot_go_on_with_another_network(run):
    run("run", "steps=4")
    with pytest.raises(InputError, match="network"):
        run("run", "steps=8", "network.arguments.widths=[8, 12]", resume=True)
    # Other data is a decision of the user, written down; scores are made comparable again.
    assert run("run", "steps=8", "noise.lowest=0.05", resume=True).step == 8


def test_the_best_score_follows_the_validation_that_is_asked_for(run, tmp_path):
    run("run", "steps=4")
    run("run", "steps=5", "validation_cases=3", resume=True)
    best = load_checkpoint(tmp_path / "run")[1]["best"]
    network = build_architecture("unet3d", widths=[8, 8], n_blocks=[1, 1])
    network.load_state_dict(load_file(tmp_path / "run" / "best.safetensors"))
    assert best == pytest.approx(mean_gain(network, draw_cases(3, 3)), abs=1e-3)


def test_a_damaged_checkpoint_is_refused(run, tmp_path):
    run("run", "steps=4")
    file = tmp_path / "run" / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        run("run", "steps=8", resume=True)


def test_an_interrupted_checkpoint_leaves_the_old_one(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, {"network": {"w": torch.ones(2)}}, {"step": 1})

    def cut(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("quietmr.training.checkpoint.save_file", cut)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, {"network": {"w": torch.zeros(2)}}, {"step": 2})
    parts, numbers = load_checkpoint(tmp_path)
    assert numbers == {"step": 1}
    assert parts["network"]["w"].tolist() == [1.0, 1.0]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_step_and_writes_a_checkpoint(run, tmp_path, name):
    def ask(news):
        if news.step == 3:
            signal.raise_signal(signal.Signals[name])

    before = signal.getsignal(signal.Signals[name])
    finished = run("run", tell=ask)
    assert (finished.step, finished.reason) == (4, name)
    assert load_checkpoint(tmp_path / "run")[1]["step"] == 4
    assert signal.getsignal(signal.Signals[name]) is before
    assert run("run", resume=True).step == 8


def test_a_run_begins_with_given_weights(run, tmp_path):
    first = run("first", "steps=4")
    second = run("second", "steps=1", f"start_from={first.best}", "optimizer.lr_muon=1e-9", "optimizer.lr_adam=1e-9")
    old, new = load_file(first.best), load_checkpoint(tmp_path / "second")[0]["network"]
    for name, tensor in old.items():
        torch.testing.assert_close(new[name], tensor, rtol=1e-5, atol=1e-6)
    assert lines(second.best.parent / "sessions.jsonl")[0]["parent"]["name"] == "best.safetensors"


def test_bfloat16_is_used_where_it_is_asked_for(run, tmp_path):
    run("run", "steps=2", "precision=bf16")
    assert lines(tmp_path / "run" / "sessions.jsonl")[0]["precision"] == "bf16-mixed"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_noise_is_drawn_where_the_batch_lies():
    clean = torch.rand(2, 4, 8, 8, device="cuda")
    x, target = degraded_batch(clean, rician(NoiseLaw()), torch.Generator("cuda").manual_seed(0))
    assert x.device == target.device == clean.device
    assert x.shape == (2, 2, 4, 8, 8)
