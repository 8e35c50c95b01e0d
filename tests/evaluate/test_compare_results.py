"""Rows on the disk, plans that go together or not, and what the numbers are turned into."""

import math
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from scipy import stats

from quietmr.data import OutputError
from quietmr.evaluate.compare.conditions import Condition, Grid
from quietmr.evaluate.compare.folder import Folder
from quietmr.evaluate.compare.methods import Method
from quietmr.evaluate.compare.pairs import pairs
from quietmr.evaluate.compare.plan import ImageFacts, Plan
from quietmr.evaluate.compare.record import record
from quietmr.evaluate.compare.rows import Row, append_row, read_rows
from quietmr.evaluate.compare.summary import Results
from quietmr.evaluate.compare.table import by_level, doubts, page

SCORES = ("psnr", "psnr_whole", "ssim", "ssim_whole", "bias")
GRID = Grid(("a", "b"), ("white",), (3.0, 9.0), 1, ("untouched", "quiet", "bm4d", "mine"))
METHODS = [Method("untouched"), Method("quiet"), Method("bm4d"), Method("mine", "tool {in} {out}")]
FACTS = ImageFacts("/a.nii", "", "12ab", "", (1, 2, 3, 4), 100.0, 0.1)


def row(method="quiet", image="a", percent=3.0, psnr=30.0, seed=0, **more):
    scores = {"psnr": psnr, "psnr_whole": psnr - 1, "ssim": psnr / 40, "ssim_whole": 0.8, "bias": -0.1}
    numbers = {"sigma_told": percent, "sigma_used": percent, "cpu_s": 2.0, "wall_s": 3.0, "peak_mb": 50.0}
    condition = Condition(image, "white", percent, seed)
    return replace(Row(condition, method, 100.0, percent, voxels=500_000, scores=scores, **numbers), **more)


def plan(**change):
    facts = dict.fromkeys(GRID.images, FACTS)
    return replace(Plan(GRID, "p99", SCORES, facts, {name: name for name in GRID.methods}), **change)


def full(psnr):
    """All rows of the grid; PSNR by a function of (method, image, percent)."""
    return [row(m, c.image, c.percent, psnr(m, c.image, c.percent)) for c, m in GRID.cells()]


def test_rows_come_back_as_they_were(tmp_path):
    path = tmp_path / "rows.csv"
    noted = row(image="b, the other", note="hfen: no detail")
    rows = [row(), noted, row("mine", reason='said "no", twice', scores={}, cpu_s=math.nan)]
    for each in rows:
        append_row(path, each, SCORES)
    back = read_rows(path, SCORES)
    assert back[:2] == rows[:2]
    assert back[2].failed
    assert back[2].reason == rows[2].reason
    assert math.isnan(back[2].cpu_s)


def test_of_two_rows_of_one_cell_the_later_one_counts(tmp_path):
    path = tmp_path / "rows.csv"
    for each in (row(reason="broken"), row(psnr=31.0)):
        append_row(path, each, SCORES)
    (only,) = read_rows(path, SCORES)
    assert only.scores["psnr"] == 31.0
    assert not only.failed


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_line_torn_by_a_crash_is_dropped_and_written_over(tmp_path, torn):
    path = tmp_path / "rows.csv"
    for image in ("a", "b"):
        append_row(path, row(image=image), SCORES)
    path.write_bytes(path.read_bytes()[:-torn])
    assert read_rows(path, SCORES) == [row()]
    append_row(path, row(image="c"), SCORES)
    assert read_rows(path, SCORES) == [row(), row(image="c")]


def test_file_torn_in_its_heading_starts_again(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("image,ki")
    append_row(path, row(), SCORES)
    assert read_rows(path, SCORES) == [row()]


def test_the_same_plan_goes_on_and_a_longer_one_grows(tmp_path):
    folder = Folder(tmp_path / "out")
    with folder.locked():
        assert folder.open(plan()) == plan()
        for method in GRID.methods:
            folder.add(row(method), SCORES)
        assert folder.open(plan()) == plan()
        longer = replace(GRID, levels=(5.0,), methods=("untouched", "median"))
        grown = folder.open(plan(grid=longer, identities={"untouched": "untouched", "median": "1"}))
    assert grown.grid.levels == (3.0, 5.0, 9.0)
    assert grown.grid.methods == (*GRID.methods, "median")
    assert folder.plan() == grown


def test_methods_that_never_had_a_result_are_left_out_unless_named_again(tmp_path):
    folder = Folder(tmp_path)
    folder.open(plan())
    for method in ("untouched", "quiet"):
        folder.add(row(method), SCORES)
    folder.add(row("mine", reason="no licence"), SCORES)
    again = folder.open(plan(grid=replace(GRID, methods=("untouched", "quiet"))))
    assert again.grid.methods == ("untouched", "quiet")
    assert folder.open(plan()).grid.methods == ("untouched", "quiet", "bm4d", "mine")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": "max"}, "reference p99, now it is max"),
        ({"scores": (*SCORES, "hfen")}, "hfen"),
        ({"threads": 2}, "threads"),
        ({"images": {"a": replace(FACTS, pixels="99"), "b": FACTS}}, "an image a"),
        ({"images": {"a": replace(FACTS, mask="99"), "b": FACTS}}, "mask"),
        ({"identities": {"quiet": "sha256 0"}}, "another quiet"),
    ],
)
def test_what_may_not_stand_in_one_table_is_refused_in_one_sentence(tmp_path, change, words):
    folder = Folder(tmp_path)
    folder.open(plan())
    with pytest.raises(OutputError, match=words) as refused:
        folder.open(plan(**change))
    assert "\n" not in str(refused.value)
    assert folder.plan() == plan()


def test_force_starts_anew_and_leaves_files_of_others(tmp_path):
    folder = Folder(tmp_path)
    folder.open(plan())
    folder.add(row(), SCORES)
    (tmp_path / "notes.txt").write_text("mine")
    assert folder.open(plan(reference="max"), force=True).reference == "max"
    assert folder.rows(SCORES) == []
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_with_files_of_others_and_no_comparison_is_refused(tmp_path, force):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="notes"):
        Folder(tmp_path).open(plan(), force=force)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "grid": {}}'])
def test_a_damaged_plan_is_told(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(OutputError, match="damaged"):
        Folder(tmp_path).open(plan())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="flock is there on POSIX alone")
def test_two_runs_in_one_folder_are_refused(tmp_path):
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); print(flush=True); "
        "input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(OutputError, match="Another run"), Folder(tmp_path).locked():
            pass
        other.communicate(b"\n")
    with Folder(tmp_path).locked():
        pass


def test_mean_and_sd_are_over_images_and_draws():
    results = Results(GRID, full(lambda method, image, percent: {"a": 30.0, "b": 34.0}[image] - percent), METHODS)
    spread = results.spread("quiet", "psnr", "white", 3.0)
    assert (spread.mean, spread.sd, spread.n) == (29.0, pytest.approx(math.sqrt(8)), 2)
    assert results.spread("quiet", "psnr").mean == pytest.approx(26.0)


def test_costs_are_per_million_voxels():
    costs = Results(GRID, full(lambda *_: 30.0), METHODS).costs("quiet")
    assert (costs.cpu_s, costs.wall_s, costs.peak_mb) == (4.0, 6.0, 50.0)


def test_best_is_bold_and_the_best_that_is_free_has_a_dagger():
    value = {"untouched": 20.0, "quiet": 30.0, "bm4d": 31.0, "mine": 30.5}
    lines = by_level(Results(GRID, full(lambda method, *_: value[method]), METHODS), "white", "psnr").splitlines()
    (best,) = (line for line in lines if line.startswith("| bm4d"))
    (free,) = (line for line in lines if line.startswith("| quiet"))
    assert "**31.00" in best
    assert "\N{DAGGER}" in free
    assert "dagger" not in best
    assert [line.split(" |")[0][2:] for line in lines[-4:]] == ["bm4d", "mine", "quiet", "untouched"]


def test_a_method_with_gaps_is_never_the_best_and_says_how_many_it_has():
    rows = [each for each in full(lambda method, *_: 50.0 if method == "mine" else 30.0) if each.key != missing()]
    results = Results(GRID, rows, METHODS)
    text = by_level(results, "white", "psnr")
    assert "50.00 (1 of 2)" in text
    assert "**50.00 \N{PLUS-MINUS SIGN} 0.00**" in text  # at the other level it has both
    assert "mine" not in results.complete


def missing():
    return Condition("a", "white", 3.0, 0), "mine"


def test_pairs_are_differences_on_the_same_noisy_images():
    value = {"untouched": 20.0, "quiet": 30.0, "bm4d": 31.0, "mine": 29.0}
    results = Results(GRID, full(lambda method, image, percent: value[method] + (image == "b") * percent), METHODS)
    found = {pair.other: pair for pair in pairs(results, "psnr")}
    assert list(found) == ["untouched", "bm4d", "mine"]
    assert found["mine"].difference.mean == pytest.approx(1.0)
    assert found["mine"].difference.sd == pytest.approx(0.0, abs=1e-9)
    assert (found["mine"].better, found["mine"].met) == (4, 4)
    assert found["bm4d"].better == 0
    assert all(pair.p is None for pair in found.values())


def test_with_enough_images_p_is_wilcoxons_corrected_by_holm(rng):
    images = tuple("abcdefgh")
    grid = replace(GRID, images=images, methods=("quiet", "bm4d", "mine"))
    psnr = {(m, i): 30 + 0.3 * rng.standard_normal() + (m == "quiet") for m in grid.methods for i in images}
    rows = [row(m, c.image, c.percent, psnr[m, c.image]) for c, m in grid.cells()]
    found = {pair.other: pair.p for pair in pairs(Results(grid, rows, METHODS), "psnr")}
    raw = {
        other: stats.wilcoxon([psnr["quiet", i] - psnr[other, i] for i in images]).pvalue for other in ("bm4d", "mine")
    }
    small, large = sorted(raw, key=raw.__getitem__)
    assert found[small] == pytest.approx(min(1, 2 * raw[small]))
    assert found[large] == pytest.approx(max(raw[large], found[small]))


def test_noise_of_the_clean_image_is_told_where_it_is_not_small():
    noisy = plan(images={"a": replace(FACTS, own_noise=1.5), "b": FACTS})
    (text,) = doubts(noisy)
    assert "a is not clean" in text
    assert "50%" in text
    assert "36.5 dB" in text  # 20 log10(100 / 1.5)


def test_page_and_record_hold_for_no_row_one_row_and_failures():
    for rows in ([], [row()], [*full(lambda *_: 30.0)[:-1], row("mine", "b", 9.0, reason="no licence")]):
        results = Results(GRID, rows, METHODS)
        text, facts = page(plan(), results), record(plan(), results)
        assert f"{results.done} of {GRID.size} results" in text
        assert facts["done"] == results.done
        assert len(facts["means"]) == 4 * 2
    assert "no licence" in text
    assert facts["failures"][0]["method"] == "mine"
