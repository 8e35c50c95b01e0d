"""The book-keeping behind the quality tables: files, pairing of cells, verdicts, costs."""

import math
from dataclasses import replace

import numpy as np
import pytest
from cells import Cell, plan
from goals import Finding, check_list, differences, over_best_of_each, over_single_rival
from meter import measured
from quality import MARKS, insert
from results import Row, append, forget, read_rows
from tables import mean_psnr, scores

ROW = Row(
    "volume", "head", "white", 7.0, 0, 7.0, 100.0, "quiet", 30.0, 0.9, 31.0, 0.8, 0.1, 0.95, 7.0, 1.0, 4.0, 1.0, 20.0
)


def test_rows_come_back_and_are_forgotten(tmp_path):
    path = tmp_path / "rows.csv"
    rows = [replace(ROW, seed=seed, method=name) for seed in (0, 1) for name in ("quiet", "bm4d")]
    for row in rows:
        append(path, row)
    assert read_rows(path) == rows
    append(path, rows[0])
    assert read_rows(path) == rows
    forget(path, lambda row: row.method == "quiet")
    assert read_rows(path) == [row for row in rows if row.method == "bm4d"]


def test_plan_has_every_cell_once_and_special_noise_at_seven_percent():
    cells = list(plan(["a", "b"], [3.0, 7.0, 15.0], 2))
    assert len(cells) == len(set(cells)) == 2 * 2 * 5
    assert {cell.percent for cell in cells if cell.kind != "white"} == {7.0}
    assert {cell.kind for cell in plan(["a"], [1.0, 0.1], 1)} == {"white"}


@pytest.mark.shared
def test_noise_is_the_same_in_every_run_and_new_for_every_seed(shared):
    shared("pydicom_mr_samples/MR2_UNCR.dcm")
    first, again, other = (Cell("shoulder-t1", "white", 7.0, seed).make()[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.noisy, again.noisy)
    errors = [(case.noisy - case.truth).ravel() for case in (first, other)]
    assert abs(np.corrcoef(errors)[0, 1]) < 0.2
    assert not np.array_equal(*errors)


def test_seeds_weigh_within_their_condition_only():
    rows = [replace(ROW, psnr=20.0, seed=seed) for seed in range(3)] + [replace(ROW, psnr=30.0, percent=3.0)]
    assert mean_psnr(rows) == 25.0
    assert "| quiet | 25.00 | 0.00 | 3 |" in scores(rows)


def test_a_method_that_lacks_a_condition_is_not_in_the_means():
    text = scores([ROW, replace(ROW, percent=3.0), replace(ROW, method="half")])
    assert "left out: half" in text
    assert "| half" not in text


def test_differences_pair_equal_cells_only():
    rows = [ROW, replace(ROW, seed=1, psnr=90.0), replace(ROW, method="bm4d", psnr=29.0)]
    assert differences(rows, "quiet", "bm4d") == {ROW.cell: 1.0}


def test_single_rival_and_best_of_each_cell():
    quiet = [ROW, replace(ROW, percent=9.0, psnr=28.0)]
    nlm = [replace(row, method="dipy-nlm-classic", psnr=p) for row, p in zip(quiet, (29.0, 26.0), strict=True)]
    ascm = [replace(row, method="dipy-ascm", psnr=p) for row, p in zip(quiet, (27.0, 27.5), strict=True)]
    paid = [replace(row, method="bm4d", psnr=99.0) for row in quiet]
    rows = quiet + nlm + ascm + paid
    assert over_single_rival(rows, "quiet") == {("head",): 1.5}
    assert over_best_of_each(rows, "quiet") == {("head",): 0.75}


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"),
    [(1.0, True, "met"), (0.99, True, "**missed**"), (1.01, False, "**missed**"), (math.nan, True, "not measured")],
)
def test_verdicts(value, at_least, verdict):
    assert Finding("g", value, 1.0, at_least=at_least).verdict == verdict


def test_check_list_tells_the_miss_and_where():
    rows = [ROW, replace(ROW, percent=3.0, psnr=34.0)]
    rows += [replace(row, method="bm4d", psnr=row.psnr + shift) for row, shift in zip(rows, (-1.0, 0.2), strict=True)]
    lines = check_list(rows, []).splitlines()
    (worst,) = [line for line in lines if line.startswith("| quiet over bm4d, worst cell of 2")]
    assert "-0.20 dB (head, white 3 %, seed 0) | **missed**" in worst
    (mean,) = [line for line in lines if line.startswith("| quiet over bm4d, mean over white")]
    assert mean.endswith("| 0.40 dB | met |")
    assert all("not measured" in line for line in lines if line.startswith("| quiet (blind)"))


@pytest.mark.skipif(not math.isfinite(measured(int)[1].peak_mb), reason="memory is read from Linux")
def test_meter_sees_a_peak_that_is_gone_at_the_end():
    total, cost = measured(lambda: float(np.ones(25_000_000).sum()))
    assert total == 25e6
    assert cost.peak_mb == pytest.approx(200, rel=0.15)
    assert measured(int)[1].peak_mb < 20
    assert cost.cpu_s > 0


def test_tables_go_between_the_marks_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    for _ in range(2):
        insert(page, "new\n")
    assert page.read_text() == f"before\n{MARKS[0]}\n\nnew\n\n{MARKS[1]}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="must hold"):
        insert(page, "new")
