"""The benchmarks of evidence without a truth: their files, tables and picture."""

import itertools
import math

import numpy as np
import pytest
from lesion_figure import draw_figure
from lesion_rows import LesionRow, at_equal_psnr, leads, table
from PIL import Image as Picture
from repeats import Case, RepeatRow, measure, text_of
from row_files import append_rows, read_rows

from quietmr.data import Image, NoiseMap
from quietmr.evaluate.fresh_noise import add_noise


def rows_of(method, kept, mse):
    """A method whose errors have nothing to do with those of the noisy image (mean square 0.01)."""
    scenes = itertools.product(("a", "b"), (2.0, 4.0), (3.0, 8.0))
    return [LesionRow(v, 7.0, method, d, c, kept, 0.01, 0.01, 0.0, mse) for v, d, c in scenes]


def test_rows_come_back_as_they_were(tmp_path):
    rows = rows_of("quiet", 0.75, 0.001)
    path = tmp_path / "new" / "rows.csv"
    append_rows(path, rows[:3])
    append_rows(path, iter(rows[3:]))
    assert read_rows(path, LesionRow) == rows
    assert read_rows(tmp_path / "none.csv", LesionRow) == []


def test_equal_psnr_is_that_of_the_worst_method_but_the_simple_ones():
    ours, rival, simple = rows_of("quiet", 0.5, 0.001), rows_of("tv", 0.6, 0.004), rows_of("gaussian", 0.9, 0.008)
    rows = ours + rival + simple
    assert at_equal_psnr(rows, rival[0], ("gaussian",)) == 0.6
    # (1 - s)^2 0.01 + s^2 0.001 = 0.004
    s = (0.02 - math.sqrt(0.02**2 - 4 * 0.011 * 0.006)) / 0.022
    assert at_equal_psnr(rows, ours[0], ("gaussian",)) == pytest.approx(1 - s * 0.5)
    text = table(rows, 7.0, ("gaussian",))
    assert f"| quiet | 30.00 | 0.50 ({1 - s * 0.5:.2f})" in text
    assert "| gaussian | 20.97 | 0.90 | 0.90 |" in text
    assert f"| tv | {1 - s * 0.5 - 0.6:+.2f} (worst {1 - s * 0.5 - 0.6:+.2f}, behind in 0 of 8) |" in leads(
        rows, "quiet"
    )


def test_the_picture_is_drawn(tmp_path):
    rows = rows_of("quiet", 0.8, 0.001) + rows_of("skimage-tv", 0.6, 0.004) + rows_of("gaussian", 0.9, 0.008)
    draw_figure(rows, 7.0, ("gaussian",), tmp_path / "curve.png")
    with Picture.open(tmp_path / "curve.png") as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(0xF2, 0xB3, 0x3D), (0x7B, 0xC9, 0x6F)} <= colors


def test_repeats_in_units_of_sigma(rng):
    clean = np.full((1, 12, 40, 40), 100, np.float32)
    noise = NoiseMap(np.float32(5), "rician", "given")
    images = [Image(add_noise(clean, noise, rng)) for _ in range(3)]
    row = measure("flat", Case(images, [noise] * 3, np.ones(clean.shape, bool), clean), "gaussian")
    assert (row.data, row.method, row.count, row.sigma) == ("flat", "gaussian", 3, 5)
    assert row.within_before == pytest.approx(1, rel=0.02)
    assert row.snr == pytest.approx(20, rel=0.01)
    assert row.error_after == pytest.approx(row.true_error, rel=0.1)
    real = [RepeatRow(f"real ({k})", "quiet", 2, 1, 9, 1, k, 0.4, 0.3, 0.2, 0.6, math.nan) for k in (0.25, 0.75)]
    text = text_of([row, *real])
    assert "| 3 x flat, SNR 20 | gaussian |" in text
    assert "| 2 times 2 x real, SNR 9 | quiet | 1.00 | 0.50 | 0.40 | 0.30 | 0.20 | 0.60 |" in text
