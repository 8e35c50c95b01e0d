"""Runs shared by processes: they see, learn and save what one process does."""

import itertools
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from safetensors.torch import load_file

from quietmr.data import InputError
from quietmr.training.checkpoint import load_checkpoint
from quietmr.training.cluster import find_team
from quietmr.training.launch import Launch, make_fabric
from quietmr.training.loader import training_batches
from quietmr.training.objectives import make_objective
from quietmr.training.recipe import Recipe
from quietmr.training.streams import batches_of_a_step, noise_generator, streams_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

SCRIPT = Path(__file__).with_name("ranks.py")
ranks = SimpleNamespace(**runpy.run_path(str(SCRIPT)))

PAIRS = [("one", "two"), ("whole", "halves"), ("alone", "shared"), ("alone", "back"), ("slower-one", "slower-two")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of runs by this process and by two that torchrun starts, side by side.

    one, two: the same recipe in one and in two processes. slower-one, slower-two: on a plateau from the start. whole,
    halves: the same four images per step, in one batch and in one half for each of two processes. alone, shared: "one"
    resumed in one and in two processes. back: "two" resumed in one.
    """
    folder = tmp_path_factory.mktemp("ranks")
    ranks.train_on_scenes(folder, "one", "batches_per_step=2")
    ranks.train_on_scenes(folder, "slower-one", "batches_per_step=2", *ranks.PLATEAU)
    ranks.train_on_parts(folder, "whole", 4)
    for name in ("alone", "shared"):
        shutil.copytree(folder / "one", folder / name)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    told = subprocess.run(
        [*torchrun, str(SCRIPT), str(folder)],
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    shutil.copytree(folder / "two", folder / "back")
    for name in ("alone", "back"):
        ranks.save_resumed_state(folder, name)
        ranks.train_on_scenes(folder, name, "--resume", "steps=16")
    return folder


def assert_same_weights(one, two, **tolerance):
    for part, tensors in one.items():
        for name, tensor in tensors.items():
            torch.testing.assert_close(two[part][name], tensor, msg=f"{part} {name}", **tolerance)


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_the_loss_curve_is_that_of_one_process(runs, one, two):
    curve = ranks.losses(runs / one)
    assert len(curve) >= 12
    assert len(set(curve)) == len(curve)
    # Exact but for the order of float32 sums; the log has five digits.
    assert ranks.losses(runs / two) == pytest.approx(curve, abs=3e-5)


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_the_weights_are_those_of_one_process(runs, one, two):
    (weights, numbers), (others, other_numbers) = (load_checkpoint(runs / name) for name in (one, two))
    assert numbers["step"] == other_numbers["step"]
    assert_same_weights({"network": weights["network"]}, others, rtol=1e-3, atol=2e-5)


def test_a_run_that_shares_no_batches_learns_something_else(runs):
    # What makes the comparisons above able to fail: a step matters, and so does each half of a batch.
    first = ranks.losses(runs / "whole")
    ranks.train_on_parts(runs, "half", 2)
    assert ranks.losses(runs / "half") != pytest.approx(first, abs=1e-2)
    # So do lower rates.
    assert ranks.losses(runs / "slower-one") != pytest.approx(ranks.losses(runs / "one"), abs=1e-3)


def test_the_first_process_alone_writes_checkpoints(runs):
    assert [path.name for path in runs.glob("saved-by-*")] == ["saved-by-0"]


@pytest.mark.parametrize("state", ["shared-state0of2", "shared-state1of2", "back-state0of1", "alone-state0of1"])
def test_a_resumed_state_is_that_of_the_checkpoint_to_the_last_bit(runs, state):
    before = runs / ("two" if state.startswith("back") else "one")
    parts, numbers = load_checkpoint(before)
    assert numbers["batches_per_step"] == 2
    loaded = load_file(runs / f"{state}.safetensors")
    del loaded["patience"]
    stored = {f"{part}:{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    assert loaded.keys() == stored.keys()
    assert any("momentum" in name for name in stored)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in stored.items())


def test_others_wait_while_the_first_process_validates(runs):
    for rank in range(2):
        assert load_file(runs / f"shared-state{rank}of2.safetensors")["patience"] >= 6


def test_the_record_tells_how_a_step_was_shared(runs):
    sessions = [json.loads(line) for line in (runs / "shared" / "sessions.jsonl").read_text().splitlines()]
    facts = [(s["processes"], s["batches_per_step"]) for s in sessions if "started" in s]
    assert facts == [(1, 2), (2, 2), (2, 2)]


def test_every_batch_of_a_step_is_the_work_of_one_process():
    for processes, batches in ((1, 1), (1, 6), (2, 6), (3, 6), (6, 6)):
        shares = [list(streams_of(rank, processes, batches)) for rank in range(processes)]
        assert list(itertools.chain(*shares)) == list(range(batches))
        assert {len(share) for share in shares} == {batches // processes}


def test_batches_of_a_step_are_those_of_the_recipe_then_of_the_run_then_of_the_processes():
    assert batches_of_a_step(6, 4, 2) == 6
    assert batches_of_a_step(None, 4, 2) == 4
    assert batches_of_a_step(None, 1, 2) == 2
    assert batches_of_a_step(None, None, 3) == 3
    with pytest.raises(InputError, match="4 batches per step, which 3 processes"):
        batches_of_a_step(4, None, 3)


def test_no_two_batches_share_a_generator_in_the_32_bits_that_torch_keeps():
    cpu = torch.device("cpu")
    words = [
        noise_generator(seed, step, stream, cpu, purpose).initial_seed() % 2**32
        for seed in (3, 4)
        for step in range(2000)
        for stream in range(4)
        for purpose in (0, 1)
    ]
    # A hash would give two of 32 000 the same word with a probability of 11 %.
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("channels", ["magnitude", "complex"])
def test_no_two_samples_of_all_batches_workers_and_sessions_share_their_noise(tmp_path, monkeypatch, channels):
    white = {
        "magnitude": ["noise={filtered: 0, varying: 0, jitter: 0}"],
        "complex": ["channels=complex", "mr={only_white: true, uniform: 1.0, jitter: 0}"],
    }
    (tmp_path / "ranks.yaml").write_text(ranks.RECIPE)
    recipe = Recipe.from_yaml(tmp_path / "ranks.yaml", white[channels])
    seen = []
    monkeypatch.setattr("quietmr.training.objectives.make_loss", lambda *_: lambda output, *_: seen.append(output))
    for module in ("scenes", "complex_batches"):
        monkeypatch.setattr(f"quietmr.training.{module}.draw_scene", lambda shape, mixture, rng: rng.random(shape, "f"))
    objective = make_objective(recipe)
    for start, stream, worker in ((s, r, w) for s in (0, 5) for r in (0, 1) for w in (0, 1)):
        for module in ("scenes", "complex_batches"):
            here = SimpleNamespace(id=worker)
            monkeypatch.setattr(f"quietmr.training.{module}.get_worker_info", lambda here=here: here)
        batches = iter(training_batches(recipe, start, stream).dataset)
        # Workers take turns: worker w draws the batches of the steps start + w, start + w + 2 ...
        for step in (start + worker, start + worker + 2):
            clean, *rest = next(batches)
            rng = noise_generator(recipe.seed, step, stream, torch.device("cpu"))
            # Nothing but noise.
            objective(lambda x: x[:, :-1], [torch.zeros_like(clean), *rest], rng)
    noise = torch.cat(seen).flatten(1)
    assert len(noise) == 2 * 2 * 2 * 2 * 2
    alike = torch.corrcoef(noise).abs() - torch.eye(len(noise))
    # Independent noise correlates by about 1 / sqrt(values).
    assert alike.max() < 5.5 / noise.shape[1] ** 0.5


TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "6", "LOCAL_WORLD_SIZE": "3", "RANK": "4", "LOCAL_RANK": "1"}
SLURM = {
    "SLURM_JOB_ID": "4242",
    "SLURM_STEP_ID": "0",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "6",
    "SLURM_NTASKS_PER_NODE": "3",
    "SLURM_NNODES": "2",
    "SLURM_PROCID": "4",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_NODELIST": "node[7-8]",
}


@pytest.fixture
def surroundings(monkeypatch):
    """Pretend to be started by something that sets these variables, and nothing else of the kind."""
    for name in (*TORCHRUN, *SLURM, "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)

    def pretend(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return pretend


@pytest.mark.parametrize(("given", "kind"), [(TORCHRUN, TorchElasticEnvironment), (SLURM, SLURMEnvironment)])
def test_a_process_finds_its_place_among_those_of_two_nodes(surroundings, given, kind):
    surroundings(**given, MASTER_PORT="29500")
    fabric = make_fabric(Recipe(name="x"), Launch(device="cpu"))
    environment = fabric.strategy.cluster_environment
    assert type(environment) is kind
    assert (fabric.world_size, fabric.global_rank, fabric.local_rank) == (6, 4, 1)
    environment.validate_settings(num_devices=3, num_nodes=2)
    assert kind is TorchElasticEnvironment or environment.main_address == "node7"
    assert find_team(3).size == 6
    with pytest.raises(InputError, match="started 3 processes on each node, and --processes is 2"):
        find_team(2)


def test_without_a_starter_quietmr_starts_processes_on_this_machine(surroundings):
    assert (find_team(None).size, find_team(4).per_node, find_team(4).nodes) == (1, 4, 1)
    with pytest.raises(InputError, match="1 or more"):
        find_team(0)
    # In a batch script that does not use srun, and in an interactive shell, nobody else was started.
    for lone in ({"SLURM_STEP_ID": ""}, {"SLURM_JOB_NAME": "bash"}, {"SLURM_NTASKS": "1"}):
        surroundings(**{**SLURM, **lone})
        if "SLURM_STEP_ID" in lone:
            del os.environ["SLURM_STEP_ID"]
        assert type(find_team(4).environment) is LightningEnvironment
        assert find_team(None).size == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SLURM_NTASKS_PER_NODE": "0"}, "--ntasks-per-node"),
        ({"SLURM_NTASKS": "7"}, "same number on all nodes"),
        ({"SLURM_NNODES": "3"}, "2 of the 3 nodes"),
    ],
)
def test_tasks_that_differ_between_nodes_are_refused(surroundings, wrong, said):
    surroundings(**{**SLURM, **wrong})
    with pytest.raises(InputError, match=said):
        find_team(None)


def test_processes_do_not_wait_for_weights_that_the_faithful_networks_leave_idle(surroundings):
    for form, waits_for_all in (("faithful", False), ("corrected", True)):
        network = {"architecture": "snraware-hrnet-swin3d", "arguments": {"form": form}}
        fabric = make_fabric(Recipe(name="x", network=network), Launch(device="cpu", processes=2))
        assert fabric.strategy._ddp_kwargs["find_unused_parameters"] is not waits_for_all


def start_two_processes(small, out, steps):
    command = [sys.executable, "-m", "quietmr", "train", str(small), "--out", str(out), f"steps={steps}"]
    return subprocess.Popen(
        [
            *command,
            "--processes",
            "2",
            "--device",
            "cpu",
            "--set",
            "scenes.shape=[4,16,16]",
            "validation_cases=1",
            "workers=1",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


@pytest.mark.nightly
def test_two_processes_end_with_one_set_of_weights(small, tmp_path):
    process = start_two_processes(small, tmp_path / "run", 8)
    output, _ = process.communicate(timeout=250)
    assert process.returncode == 0, output
    assert load_checkpoint(tmp_path / "run")[1]["step"] == 8


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_processes_stop_together_with_a_checkpoint(small, tmp_path, number):
    process = start_two_processes(small, tmp_path / "run", 1_000_000)
    deadline = time.monotonic() + 200
    while not (tmp_path / "run" / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    # As a terminal or a batch system does it: to every process of the group, workers included.
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 128 + number, output
    last = json.loads((tmp_path / "run" / "sessions.jsonl").read_text().splitlines()[-1])
    assert last["ended"] == signal.Signals(number).name
    assert load_checkpoint(tmp_path / "run")[1]["step"] == last["step"]


RANKS = """
import sys
from pathlib import Path

from safetensors.torch import save_file

from quietmr.training import loop
from quietmr.training.launch import Launch
from quietmr.training.recipe import Recipe

folder = Path(sys.argv[1])
fit = loop._fit


def fit_and_tell(run, recipe, fabric, *others):
    reason = fit(run, recipe, fabric, *others)
    state = {name: t.contiguous().clone() for name, t in run.parts()["optimizer0"].items()}
    weights = {name: t.contiguous().clone() for name, t in run.parts()["network"].items()}
    save_file(state | weights, folder / f"rank{fabric.global_rank}.safetensors")
    return reason


loop._fit = fit_and_tell
choices = ["optimizer.kind=sophia", "optimizer.hessian_every=2", "steps=3"]
choices += ["scenes.shape=[4,16,16]", "validation_cases=1"]
loop.train(Recipe.from_yaml(folder / "small.yaml", choices), folder / "run", Launch(device="cpu", processes=2))
"""


@pytest.mark.nightly
def test_two_processes_agree_on_weights_and_curvature(small, tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    command = [sys.executable, str(script), str(small.parent)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    one, two = (load_file(tmp_path / f"rank{rank}.safetensors") for rank in range(2))
    assert any(name.endswith("hessian") and float(tensor.max()) > 0 for name, tensor in one.items())
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=0)
