"""The papers benchmark: what is judged where, tables from made-up rows, a tiny network run as a user would."""

import json
import math
from dataclasses import replace

import numpy as np
import papers_methods
import papers_scores
import papers_volumes
import pytest
import torch
from papers_arms import ARMS, BLOCKS, COMPONENTS, RIVALS, UNPAIRED
from papers_diffusion import TUNED, Choice, choices, diffusion, tune
from papers_figures import Sheet, draw_sheet, shown
from papers_lines import BEST as BEST_CLASSICAL
from papers_lines import complete, missing_of
from papers_methods import Facts, arm_and_seed, as_method, is_judged, make
from papers_models import publish_run
from papers_scores import PaperRow, measure, score_all
from papers_statistics import by_person, mean, paired, pooled_seed_sd, select, undecided, verdict
from papers_tables import sections
from papers_volumes import LEVELS, STRONG, T1, T2, TESTS, TUNED_ON, Cell, Truth
from PIL import Image as Picture
from results import UNTOUCHED, append, read_rows
from scipy import stats

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise.brightness import brightest_tissue
from quietmr.denoise.classical import PeronaMalik
from quietmr.models import build_architecture
from quietmr.training.run_folder import BEST, LOG, RECIPE, append_line, write_text, write_weights


def row(method, volume="ms-t1", percent=9.0, seed=0, psnr=30.0, **others):
    facts = {"ssim": psnr / 100, "bias": 0.5, "maximum": 1.3, "reference": 1.0} | others
    known = dict.fromkeys(PaperRow.__dataclass_fields__, 0.0) | facts
    text = {"group": TESTS[volume].contrast, "volume": volume, "kind": "white", "method": method}
    return PaperRow(**known | text | {"percent": percent, "seed": seed, "psnr": psnr})


def every(method, psnr, **others):
    """Rows of a method on all that it is judged on; from volume to volume a gain is 1 % larger, 3 % in the mean."""
    levels = sorted({*LEVELS, *STRONG})
    return [
        row(method, volume, level, psnr=(1 + 0.01 * i) * psnr - level, **others)
        for i, (volume, head) in enumerate(TESTS.items())
        for level in levels
        if is_judged(method, head.contrast, level)
    ]


@pytest.fixture
def head(monkeypatch):
    """A small disc for every volume."""
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    disc = np.where(y**2 + x**2 < 0.7, 100 + 20 * (x > 0), 0).astype("f4")
    clean = np.broadcast_to(disc, (1, 2, 24, 24)).copy()
    found = Truth(clean, clean > 0, 120.0)
    for module in (papers_volumes, papers_scores):
        monkeypatch.setattr(module, "truth", lambda name: found)
    monkeypatch.setattr("papers_diffusion.truth", lambda name: found)
    return found


def test_nobody_is_judged_on_whom_training_or_tuning_saw():
    tested = {one.person for one in TESTS.values()}
    assert not {"patient 01", "patient 20"} & tested
    assert {one.person for one in TUNED_ON.values()} == {"patient 01"}
    sources = [one.source for one in TESTS.values()]
    assert len(set(sources)) == len(sources)
    assert not any("patient01" in source or "patient20" in source for source in sources)


def test_each_method_is_judged_where_a_table_has_it():
    def levels(method, contrast):
        return {level for level in {*LEVELS, *STRONG} if is_judged(method, contrast, level)}

    assert levels("dncnn-s1", T1) == levels("dncnn-s1", T2) == set(LEVELS)
    assert levels("cyclegan-s0", T1) == set(STRONG)
    assert levels("cyclegan-s0", T2) == set()
    assert levels(UNTOUCHED, T1) == {*LEVELS, *STRONG}
    assert levels(UNTOUCHED, T2) == set(LEVELS)
    assert levels(TUNED, T1) == set(STRONG)
    assert arm_and_seed("das-ffdnet-small-s12") == ("das-ffdnet-small", 12)
    assert arm_and_seed("das-ffdnet-small") == ("das-ffdnet-small", None)


class Halved(torch.nn.Module):
    def forward(self, x):
        self.seen = x
        return x[:, :1] / 2


def test_a_network_sees_units_of_the_brightest_tissue_and_is_scored_in_those_of_the_image(head):
    cell = Cell("ms-t1", 5.0, 0)
    case, image = cell.make()
    unit = brightest_tissue(image.data, 6.0)
    assert unit == pytest.approx(120, rel=0.1)  # edges keep their noise
    network = Halved()
    found = as_method(network, 1.5)(image)
    assert torch.allclose(network.seen[0, 0], torch.from_numpy(image.data[0] / unit / 1.5).clamp(0, 1), atol=1e-5)
    assert torch.allclose(network.seen[0, 1], torch.tensor(6.0 / unit / 1.5), rtol=1e-4)
    assert np.allclose(found.data, np.where(image.data > 1.5 * unit, image.data, image.data / 2), rtol=2e-2)
    marks = measure(cell, "halved", as_method(network, None), Facts(3, 1.0, 7))
    assert (marks.group, marks.percent, marks.sigma, marks.maximum) == (T1, 5.0, 6.0, 120.0)
    error = (case.noisy / 2 - case.truth)[head.foreground]
    assert marks.psnr == pytest.approx(20 * np.log10(120 / np.sqrt(np.mean(error**2))), abs=0.1)
    assert marks.bias == pytest.approx(100 * error.mean() / 120, abs=0.2)


@pytest.mark.parametrize("name", ["cyclegan", "disentangled-gan", "das-blocks-0"])
def test_weights_of_a_run_are_run(name, tmp_path, rng):
    arm = next(arm for arm in ARMS if arm.name == name)
    recipe = arm.made(0).network
    network = build_architecture(recipe.architecture, **recipe.arguments)
    arm.folder(tmp_path, 0).mkdir()
    write_weights(arm.folder(tmp_path, 0) / BEST, network.state_dict())
    image = Image(rng.uniform(50, 100, (1, 2, 20, 24)), noise=NoiseMap(np.float32(2), "rician", "given"))
    run = make(f"{name}-s0", tmp_path, {})(9.0)
    once = run(image).data
    assert once.shape == image.shape
    assert np.isfinite(once).all()
    assert not np.array_equal(once, image.data)
    assert np.allclose(
        run(image.replace(data=image.data * 8, noise=NoiseMap(np.float32(16)))).data, once * 8, rtol=1e-4
    )


def test_noise_is_rician_and_the_same_in_every_run(head):
    case, image = Cell("ms-t1", 10.0, 0).make()
    assert np.array_equal(image.data, Cell("ms-t1", 10.0, 0).make()[1].data)
    assert not np.array_equal(image.data, Cell("ms-t1", 10.0, 1).make()[1].data)
    air = case.noisy[~head.foreground]
    assert np.mean(air**2) == pytest.approx(2 * 12.0**2, rel=0.15)


def test_rows_are_kept_and_those_of_other_weights_are_measured_anew(tmp_path, monkeypatch):
    runs, facts = [], {"now": Facts(3, 1.0, 123456)}

    def measured(cell, name, method, known):
        runs.append(cell)
        return row(name, cell.volume, cell.percent, cell.draw, weights=known.weights)

    monkeypatch.setattr(papers_volumes, "available", lambda: ["ms-t1", "ms-t2"])
    monkeypatch.setattr(papers_scores, "facts_of", lambda method, out: facts["now"])
    monkeypatch.setattr(papers_scores, "make", lambda *given: lambda percent: None)
    monkeypatch.setattr(papers_scores, "measure", measured)
    path = tmp_path / "rows.csv"
    score_all(["dncnn-s0"], tmp_path, path, draws=1)
    assert len(runs) == len(read_rows(path, PaperRow)) == 2 * len(LEVELS)
    score_all(["dncnn-s0"], tmp_path, path, draws=2)
    assert len(runs) == len(read_rows(path, PaperRow)) == 4 * len(LEVELS)
    score_all(["dncnn-s0"], tmp_path, path, draws=2)
    assert len(runs) == 4 * len(LEVELS)
    append(path, row("other", weights=9))
    facts["now"] = replace(facts["now"], weights=999999)
    score_all(["dncnn-s0"], tmp_path, path, draws=1)
    rows = read_rows(path, PaperRow)
    assert [one.weights for one in rows if one.method == "dncnn-s0"] == [999999] * 2 * len(LEVELS)
    assert [one.weights for one in rows if one.method == "other"] == [9]


def test_diffusion_is_tuned_and_remembered(head, tmp_path, monkeypatch):
    best = tune(15.0)
    image = Cell("ms01-t1", 15.0, 0).make()[1]

    def psnr(method):
        return -np.mean((method(image).data - head.clean)[head.foreground] ** 2)

    assert psnr(diffusion(best)) >= psnr(PeronaMalik())
    assert choices([15.0], tmp_path / "a.csv")[15.0].steps == best.steps
    monkeypatch.setattr("papers_diffusion.tune", lambda percent: pytest.fail("it was known"))
    assert choices([15.0], tmp_path / "a.csv")[15.0].conductance == best.conductance


def test_diffusion_by_planes_leaves_the_others_alone(rng):
    data = np.abs(10 + rng.standard_normal((1, 3, 12, 12))).astype("f4")
    run = diffusion(Choice(10, 3.0, 4, 1, 0))
    changed = data.copy()
    changed[0, 2] += 5
    noise = NoiseMap(np.float32(1), "rician", "given")
    one, other = (run(Image(part, noise=noise)).data for part in (data, changed))
    assert np.array_equal(one[0, :2], other[0, :2])
    assert one[0, 2].std() < data[0, 2].std()
    alone = PeronaMalik(3.0, 4)(Image(data[:, :1], noise=noise)).data
    assert np.allclose(one[:, :1], alone)


def test_means_weigh_volumes_and_people_alike():
    rows = [row("a", "ms-t1", psnr=30), row("a", "ms-t1", psnr=32, seed=1), row("a", "ms03-t2", psnr=35)]
    rows += [row("a", "colin-t1", psnr=20)]
    assert mean(rows, "psnr") == pytest.approx((31 + 35 + 20) / 3)
    assert by_person(rows, "psnr") == {"patient 03": 33, "Colin27": 20}
    assert math.isnan(mean([], "psnr"))


def test_paired_test_is_one_over_people():
    rows_a = [row("a", name, psnr=30 + i, seed=draw) for i, name in enumerate(TESTS) for draw in (0, 1)]
    rows_b = [row("b", name, psnr=29 + i * 0.7) for i, name in enumerate(TESTS)]  # one draw alone
    found = paired(rows_a, rows_b, "psnr")
    people = {}
    for i, name in enumerate(TESTS):
        people.setdefault(TESTS[name].person, []).append(1 + 0.3 * i)
    expected = stats.ttest_1samp([np.mean(values) for values in people.values()], 0)
    assert found.n == 5
    assert found.t == pytest.approx(expected.statistic)
    assert found.t_p == pytest.approx(expected.pvalue)


def test_better_needs_the_interval_and_every_seed():
    def trained(arm, *gains):
        return [r for seed, gain in enumerate(gains) for r in every(f"{arm}-s{seed}", 40 + gain)]

    base = trained("dncnn", 0, 0)
    assert verdict(base + trained("ffdnet", 1, 2), "ffdnet", "dncnn", [9.0]).word == "better"
    assert verdict(base + trained("ffdnet", -1, -2), "ffdnet", "dncnn", [9.0]).word == "worse"
    mixed = verdict(base + trained("ffdnet", 3, -0.5), "ffdnet", "dncnn", [9.0])
    assert mixed.word == "not told apart"
    assert mixed.by_seed == pytest.approx({0: 1.03 * 3, 1: 1.03 * -0.5})
    assert verdict(base, "ffdnet", "dncnn", [9.0]) is None
    one_more = verdict(base + trained("ffdnet", 1, 2, 50), "ffdnet", "dncnn", [9.0])
    people = (0 + 1 + (2 + 5) / 2 + (3 + 4) / 2 + 6) / 5
    assert one_more.difference.mean == pytest.approx(1.5 * (1 + 0.01 * people))  # the third seed has no partner
    still = base + trained("ffdnet", 1, 2) + every(UNTOUCHED, 30)
    assert verdict(still, "ffdnet", UNTOUCHED, [9.0]).by_seed == pytest.approx({0: 1.03 * 11, 1: 1.03 * 12})


def test_close_arms_are_not_told_apart():
    arms = {"dncnn": 0, "ffdnet": 0.4, "adnet": 9}
    rows = [r for arm, gain in arms.items() for seed in (0, 1) for r in every(f"{arm}-s{seed}", 40 + gain + seed)]
    assert pooled_seed_sd(rows, arms, "psnr") == pytest.approx(1.03 * math.sqrt(0.5))
    close, pairs, limit = undecided(rows, list(arms), "psnr")
    assert (close, pairs) == (1, 3)
    assert limit == pytest.approx(1.03 * 2 * math.sqrt(0.5))
    single = [r for r in rows if r.method.endswith("s0")]
    assert undecided(single, list(arms), "psnr")[0] == 3  # one seed tells nothing apart


def test_what_is_not_whole_is_left_out_and_named():
    rows = every(UNTOUCHED, 30) + every("dncnn-s0", 40) + every("ffdnet-s0", 41)[1:] + every("adnet-s1", 39)
    known, missing = complete(rows, draws=1, seeds=2)
    assert {one.method for one in known} == {UNTOUCHED, "dncnn-s0", "adnet-s1"}
    assert {"ffdnet-s0", "dncnn-s1", "adnet-s0", "cyclegan-s1", TUNED, "quiet"} <= set(missing)
    assert "cyclegan" in missing_of(missing, UNPAIRED)
    assert "cyclegan" not in missing_of(missing, RIVALS)
    assert {one.method for one in complete(rows, draws=1, seeds=1)[0]} == {UNTOUCHED, "dncnn-s0", "adnet-s1"}
    assert complete(rows, draws=2, seeds=2)[0] == known  # draws that nobody has are not asked for


def test_tables_say_what_the_rows_say():
    trained = {"parameters": 1234567.0, "steps": 800.0, "train_min": 2.5}
    rows = every(UNTOUCHED, 30) + every("perona-malik", 36) + every("skimage-tv", 35) + every(TUNED, 37)
    rows += every("quiet", 45)
    for i, arm in enumerate(ARMS):
        for seed in (0, 1):
            rows += every(f"{arm.name}-s{seed}", 34 + 0.3 * i + 0.02 * seed, **trained)
    parts = sections(rows, [Choice(15.0, 3.0, 8, 0, 30.0)], draws=1, seeds=2)
    assert set(parts) == {"setting", RIVALS, BLOCKS, COMPONENTS, UNPAIRED}
    own = [r for r in rows if r.method == "dncnn-s0" and r.group == T1 and r.percent == 9]
    both = mean(select(rows, "dncnn", [9.0], T1), "psnr")
    assert both == pytest.approx(mean(own, "psnr") + 0.01, abs=1e-3)
    assert f"{both:.2f} ±" in parts[RIVALS]
    assert "(perona-malik)" in parts[RIVALS]
    assert "(skimage-tv)" not in parts[RIVALS]
    assert BEST_CLASSICAL in parts[UNPAIRED]
    assert "1,234,567 | 800 | 2.5" in parts[RIVALS]
    assert "das-ffdnet-small against dncnn-no-norm at 9 %: **worse**, -0.62" in parts[RIVALS]
    assert "denoisenet-small against dncnn-no-norm at 7 %: **better**, +0.31" in parts[RIVALS]
    assert parts[BLOCKS].index("0 blocks") < parts[BLOCKS].index("3 blocks") < parts[BLOCKS].index("4 blocks")
    assert "3 blocks | 1,234,567" in parts[BLOCKS]
    assert "8 steps, conductance 3 noise SDs, in space" in parts[UNPAIRED]
    assert "disentangled-gan against untouched, PSNR: 15 %: **better**" in parts[UNPAIRED]
    assert "| ms-t1 | patient 03 | T1w | 1 | 1.30 | 6.9 % | +2.3 dB |" in parts["setting"]
    assert "Not there yet: " in parts["setting"]  # dipy and quiet-fast have no rows
    assert not any("Not there yet" in parts[name] for name in (RIVALS, BLOCKS, COMPONENTS, UNPAIRED))
    assert papers_methods.RIVALS[0] == "perona-malik"


def test_figures_show_the_first_training_and_the_best_classical_method(head, tmp_path, monkeypatch):
    sheet = Sheet("a.png", "title", Cell("ms-t1", 9.0, 0), ("dncnn", "ridnet", TUNED, BEST_CLASSICAL), (12, 12, 4))
    rows = every("perona-malik", 30) + every("skimage-tv", 31) + every("dncnn-s1", 40) + every("dncnn-s0", 39)
    assert shown(sheet, rows) == {"dncnn": "dncnn-s0", "skimage-tv": "skimage-tv"}
    monkeypatch.setattr("papers_figures.truth", lambda name: head)
    draw_sheet(sheet, {"dncnn": head.clean * 0.9}, tmp_path / "a.png")
    with Picture.open(tmp_path / "a.png") as picture:
        three = picture.width
    draw_sheet(sheet, {"dncnn": head.clean * 0.9, "ridnet": head.clean}, tmp_path / "b.png")
    with Picture.open(tmp_path / "b.png") as picture:
        assert picture.width == pytest.approx(three * 4 / 3, rel=0.02)


def test_without_rows_nothing_is_claimed():
    assert sections([], [], draws=2, seeds=2) == {"setting": "Nothing has been scored yet."}
    few = sections(every(UNTOUCHED, 30), [], draws=2, seeds=2)
    assert "msanet-s1" in few[RIVALS]
    assert few[BLOCKS].startswith("Not there yet")


def test_the_better_of_two_baselines_counts():
    rows = (
        every(UNTOUCHED, 30) + every("dncnn-s0", 31) + every("dncnn-no-norm-s0", 35) + every("denoisenet-small-s0", 33)
    )
    text = sections(rows, [], draws=1, seeds=1)[RIVALS]
    assert "denoisenet-small against dncnn-no-norm at 9 %: **worse**" in text
    assert "against dncnn at" not in text


def test_a_model_carries_the_scores_of_its_rows(tmp_path):
    arm = next(arm for arm in ARMS if arm.name == "ffdnet")
    run = arm.folder(tmp_path, 0)
    run.mkdir(parents=True)
    recipe = arm.made(0)
    write_text(run / RECIPE, recipe.model_dump_json())
    append_line(run / LOG, {"step": recipe.steps, "gain_db": 1.0})
    torch.manual_seed(0)
    write_weights(run / BEST, build_architecture("ffdnet").state_dict())
    rows = [*every("ffdnet-s0", 30), *every(UNTOUCHED, 20), *every("skimage-tv", 29), *every("dipy-ascm", 27)]
    card = publish_run("ffdnet", 0, tmp_path, rows, tmp_path)
    scores = json.loads((tmp_path / "ffdnet.json").read_text())["scores"]["T1w, 9 %"]
    assert scores["best classical"]["method"] == "skimage-tv"
    assert scores["untouched"]["psnr"] < scores["best classical"]["psnr"] < scores["this"]["psnr"]
    expected = [one.psnr for one in rows if (one.method, one.percent, one.group) == ("ffdnet-s0", 9.0, T1)]
    assert scores["this"]["psnr"] == round(np.mean(expected), 2)
    assert card.white == recipe.white
    with pytest.raises(InputError, match="scored"):
        publish_run("dncnn", 0, tmp_path, rows, tmp_path)
