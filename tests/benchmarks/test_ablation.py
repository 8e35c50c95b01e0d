"""The ablation: arms differ in what they claim, scores are what they say, runs go on, tests find what is there."""

import json
from dataclasses import replace
from pathlib import Path

import ablation_cases
import ablation_runs
import numpy as np
import pytest
import torch
from ablation import main
from ablation_arms import ARMS, CNNT, CONV, NETWORKS, PROPOSED, Plan, plans
from ablation_cases import SETS, Case, digest, draw_cases
from ablation_runs import Record, denoised, finish, read_record
from ablation_scores import Scores, best_blur, score
from ablation_tables import holm, paired, report
from scipy import stats
from skimage.metrics import structural_similarity

from quietmr.training.launch import Finished
from quietmr.training.run_folder import BEST, write_weights

RECIPES = Path(__file__).resolve().parents[2] / "recipes" / "ablation"


@pytest.fixture
def case(rng):
    """A bright square in the complex plane with noise of a map, (2, 24, 24)."""
    clean = torch.zeros(2, 24, 24, dtype=torch.complex64)
    clean[:, 6:18, 6:18] = 10 * torch.exp(torch.tensor(0.7j))
    sigma = torch.linspace(0.5, 1.5, 24).expand(2, 24, 24)
    noise = torch.from_numpy(rng.standard_normal((2, 2, 24, 24)).astype("f4"))
    return Case(clean + sigma * torch.complex(noise[0], noise[1]), clean, sigma)


@pytest.fixture
def quick(monkeypatch):
    """Boxes for anatomy, bumps for the g-maps of scans."""
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    maps = np.stack([1 + r * np.exp(-8 * y**2 - x**2) for r in range(1, 8)]).astype("f4")
    monkeypatch.setattr(ablation_cases, "scan_gmaps", lambda matrix, rng: maps)
    box = np.zeros((2, 24, 24), "c8")
    box[:, 6:18, 6:18] = 1
    monkeypatch.setattr(ablation_cases, "SHAPE", (2, 24, 24))
    monkeypatch.setattr(ablation_cases, "_SCENE", (2, 24, 24))
    monkeypatch.setattr(ablation_cases, "draw_picture", lambda shape, mixture, rng: box * rng.uniform(0.5, 1))


def flat(entries, before=""):
    if not isinstance(entries, dict):
        return {before: entries}
    return {k: v for key, value in entries.items() for k, v in flat(value, f"{before}.{key}").items()}


@pytest.mark.parametrize("file", sorted(path.name for path in RECIPES.glob("*.yaml")))
def test_arms_differ_in_what_they_claim_and_in_nothing_else(file):
    def entries(network, arm):
        return flat(Plan(network, arm, 1).recipe(RECIPES / file).model_dump(mode="json", exclude={"name"}))

    for network in NETWORKS:
        base = entries(network, PROPOSED)
        changed = {arm: {k for k, v in entries(network, arm).items() if base[k] != v} for arm in ARMS}
        channels = {".network.arguments.in_channels", ".network.arguments.out_channels"}
        assert changed[PROPOSED] == set()
        assert changed["without g-map"] == {".mr.told"}
        assert changed["without MR noise"] == {".mr.only_white"}
        assert changed["magnitude"] == {".mr.told", ".mr.images", *channels}


def test_plan_has_all_arms_of_two_networks_and_the_fair_pair_once():
    every = list(plans(range(3), None))
    assert len({plan.name for plan in every}) == len(every) == 30
    assert [plan.seed for plan in every] == sorted(plan.seed for plan in every)


@pytest.mark.parametrize("name", SETS)
def test_noise_of_the_cases_is_what_they_say(name, quick):
    cases = draw_cases(name, 6)
    noise = [torch.view_as_real((case.noisy - case.clean) / case.sigma) for case in cases]
    assert abs(torch.stack(noise).std() - 1) < 0.02
    assert digest(cases) == digest(draw_cases(name, 6)) != digest(cases[:3])
    # White noise alone has a flat spectrum: high frequencies hold as much as low ones.
    spectrum = torch.stack([torch.fft.fft2((c.noisy - c.clean) / c.sigma).abs().square() for c in cases]).mean((0, 1))
    ratio = float(spectrum[9:15, 9:15].mean() / spectrum.mean())
    assert (abs(ratio - 1) < 0.3) == ("white" in name)


def test_scores_are_those_of_the_definitions(case):
    output = case.noisy * 0.9
    found, image, truth = score(output, case), output.abs().numpy(), case.clean.abs().numpy()
    rmse = np.sqrt(np.mean((image - truth) ** 2))
    assert found.psnr_2048 == pytest.approx(20 * np.log10(2048 / rmse), abs=1e-4)
    assert found.psnr == pytest.approx(20 * np.log10(10 / rmse), abs=1e-4)
    maps = [
        structural_similarity(a, b, data_range=10, gaussian_weights=True, use_sample_covariance=False, full=True)[1]
        for a, b in zip(image, truth, strict=True)
    ]
    assert found.ssim == pytest.approx(np.stack(maps)[:, 5:-5, 5:-5].mean(), abs=1e-4)


def test_gain_is_over_the_noisy_image_and_blind_to_phase_only_in_magnitudes(case):
    assert score(case.noisy, case).gain == score(case.noisy, case).complex_gain == 0
    turned = score(case.clean * 1.0001j, case)
    assert turned.gain > 50
    assert turned.complex_gain < 0
    assert score(case.clean.abs() * 0.9, case).complex_gain is None


def test_best_blur_is_none_without_noise_and_strong_in_noise(case):
    assert best_blur(replace(case, noisy=case.clean * 1.0001)).psnr > 60
    assert best_blur(case).gain > 2
    assert best_blur(case).complex_gain > 2


def test_networks_see_what_their_arm_has(case):
    seen = {}

    class Spy(torch.nn.Module):
        def __init__(self, arm, n):
            super().__init__()
            self.weight, self.arm, self.n = torch.nn.Parameter(torch.ones(1)), arm, n

        def forward(self, x):
            seen[self.arm] = x[0]
            return x[:, : self.n]

    made = {
        arm: denoised(Spy(arm, 1 if arm == "magnitude" else 2), case, Plan(CONV, arm, 0).recipe(RECIPES / "cpu.yaml"))
        for arm in ARMS
    }
    parts = torch.stack([case.noisy.real, case.noisy.imag])
    for arm in (PROPOSED, "without MR noise"):
        assert torch.equal(seen[arm], torch.cat([parts, case.sigma[None]]))
    assert torch.equal(seen["without g-map"], torch.cat([parts, torch.ones(1, 2, 24, 24)]))
    assert torch.equal(seen["magnitude"], torch.stack([case.noisy.abs(), torch.ones(2, 24, 24)]))
    assert torch.equal(made[PROPOSED], case.noisy)
    assert torch.equal(made["magnitude"], case.noisy.abs())


@pytest.fixture
def trainings(monkeypatch):
    """Weights as they are made, instead of a training; the list tells what was trained."""
    done = []

    def train(recipe, folder, launch):
        done.append(recipe.name)
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        network = ablation_runs.build_architecture(recipe.network.architecture, **recipe.network.arguments)
        write_weights(folder / BEST, network.state_dict())
        return Finished(folder / BEST, recipe.steps, "done", True)

    monkeypatch.setattr(ablation_runs, "train", train)
    return done


def test_finished_runs_are_skipped_and_others_scores_made_anew(case, trainings, tmp_path):
    def run(plan, sets):
        return finish(plan, RECIPES / "cpu.yaml", tmp_path, sets)

    plan = Plan(CONV, PROPOSED, 0, steps=5)
    assert run(plan, {"squares": [case]})
    first = read_record(tmp_path / plan.name)
    assert not run(plan, {"squares": [case]})
    # Other images: scored, not trained. Other steps: trained.
    assert run(plan, {"squares": [replace(case, noisy=case.noisy * 1.1)]})
    assert len(trainings) == 1
    second = read_record(tmp_path / plan.name)
    assert (second.cpu_s, second.recipe) == (first.cpu_s, first.recipe)
    assert second.scores != first.scores
    assert run(replace(plan, steps=6), {"squares": [case]})
    assert len(trainings) == 2


def test_command_goes_on_where_it_was_and_prints_tables(trainings, quick, tmp_path, capsys):
    words = ["--steps", "5", "--seeds", "1", "--cases", "2", "--out", str(tmp_path)]
    assert main(words) == 0
    assert len(trainings) == 10
    (tmp_path / Plan(CNNT, "magnitude", 0).name / "scores.json").unlink()
    first = capsys.readouterr().out
    assert main(words) == 0
    assert trainings[10:] == [Plan(CNNT, "magnitude", 0).name]
    assert without_costs(capsys.readouterr().out) == without_costs(first)
    main([*words, "--table-only"])
    assert without_costs(capsys.readouterr().out) == without_costs(first)
    assert "| best blur |" in first


def without_costs(tables):
    return tables.split("#### moving")[1:]


def made(network, arm, seed, psnr):
    scores = [Scores(p, p, 0.9, p - 20, None if arm == "magnitude" else p - 20) for p in psnr]
    return Record(network, arm, seed, 5, "r", "c", 1000, 2.0, {"squares": scores})


def test_tables_find_the_planted_order_and_only_differences_that_are_there(rng):
    base = 25 + 3 * rng.standard_normal(20)
    records = []
    for seed in range(3):
        records.append(made(CONV, PROPOSED, seed, base + 0.01 * rng.standard_normal(20)))
        records.append(made(CONV, "without g-map", seed, base + 0.01 * rng.standard_normal(20)))
        records.append(made(CONV, "magnitude", seed, base - 1 + 0.1 * rng.standard_normal(20)))
    text = report(records, {"untouched": {"squares": [Scores(20, 20, 0.5, 0, 0)] * 20}})
    assert "> magnitude." in text
    (lost,) = [line for line in text.splitlines() if "conv3d: proposed - magnitude" in line]
    (same,) = [line for line in text.splitlines() if "conv3d: proposed - without g-map" in line]
    assert "< 0.0001" in lost
    assert "< 0.0001" not in same
    assert float(lost.split("|")[3].split()[0]) == pytest.approx(1, abs=0.05)
    assert "without MR noise" not in text
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {CONV} | magnitude |")]
    assert row.split("|")[7].strip() == "-"


def test_paired_tests_are_those_of_scipy_on_means_over_seeds(rng):
    a, b = rng.standard_normal((2, 3, 20))
    found = paired(a, b)
    assert found.t == pytest.approx(stats.ttest_rel(a.mean(0), b.mean(0)).pvalue)
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(a.mean(0), b.mean(0)).pvalue)
    assert found.difference == pytest.approx(np.mean(found.by_seed))
    assert paired(a, a).t == 1


def test_holm_is_between_uncorrected_and_bonferroni_and_keeps_the_order(rng):
    # Holm's own way: the smallest p is compared with alpha / n, the next with alpha / (n - 1), until one fails.
    p = rng.random(8) ** 3
    corrected = np.array(holm(list(p)))
    for alpha in (0.01, 0.05, 0.2, 0.5):
        rejected, order = np.zeros(8, bool), np.argsort(p)
        for k, i in enumerate(order):
            if p[i] > alpha / (8 - k):
                break
            rejected[i] = True
        assert np.array_equal(corrected <= alpha, rejected)


def test_record_is_plain_json(case, trainings, tmp_path):
    plan = Plan(CONV, "magnitude", 0, steps=5)
    finish(plan, RECIPES / "cpu.yaml", tmp_path, {"squares": [case]})
    text = (tmp_path / plan.name / "scores.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["scores"]["squares"][0]["complex_gain"] is None
