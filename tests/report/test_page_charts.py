"""Small drawings put values where they belong."""

import re

import numpy as np
import pytest

from quietmr.data import Image
from quietmr.evaluate.lesion_survival import LesionSurvival
from quietmr.evaluate.residual import Finding
from quietmr.report.page.charts import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, gauge, histogram, round_numbers, survival


def finding(value, low, high):
    return Finding("", value, "", (low, high), None, "", "")


@pytest.mark.parametrize(
    ("value", "low", "high", "inside"),
    [
        (0.0, -1.0, 1.0, True),
        (1.5, -1.0, 1.0, False),
        (-9.0, -1.0, 1.0, False),
        (0.9, None, 1.0, True),
        (1.2, None, 1.0, False),
        (40.0, None, 1.0, False),
        (0.5, 1.0, None, False),
        (1e-12, None, 2e-12, True),
        (-3.0, None, -1.0, True),
    ],
)
def test_a_value_stands_inside_the_zone_if_it_is_within_the_limits(value, low, high, inside):
    drawn = gauge(finding(value, low, high))
    assert 0 <= drawn.low < drawn.high <= 100
    assert 0 <= drawn.value <= 100
    assert (drawn.low <= drawn.value <= drawn.high) == inside


@pytest.mark.parametrize(
    ("value", "low", "high"), [(1.0, None, None), (float("nan"), 0.0, 1.0), (float("inf"), 0.0, 1.0)]
)
def test_without_a_value_or_a_limit_nothing_is_drawn(value, low, high):
    assert gauge(finding(value, low, high)) is None


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (-3, 4.2, [-2, 0, 2, 4]), (0, 2.4e9, [0, 0.5e9, 1e9, 1.5e9, 2e9]), (0, 1e-9, None)],
)
def test_axes_have_round_numbers(low, high, numbers):
    found = round_numbers(low, high, 5)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-12 <= n <= high + 1e-12 for n in found)
    if numbers is not None:
        assert found == pytest.approx(numbers)


def heights(path):
    return [HEIGHT - BOTTOM - float(y) for y in re.findall(r"V([\d.]+)", path)][:-1]


def test_histogram_heights_are_shares_of_the_voxels(rng):
    before = Image(rng.uniform(0, 100, (1, 10, 50, 50)).astype(np.float32))
    after = Image(np.where(before.data < 50, 25, 75).astype(np.float32))
    drawn = histogram(before, after, np.ones(before.shape, bool))
    flat, peaks = np.array(heights(drawn.before)), np.array(heights(drawn.after))
    assert (peaks > peaks.max() / 2).sum() == 2
    assert flat.std() < 0.2 * flat.mean() + 0.1
    assert flat.sum() == pytest.approx(peaks.sum(), rel=0.1)
    assert [tick.label for tick in drawn.ticks] == ["0", "20", "40", "60", "80"]


def test_whole_numbers_make_no_comb(rng):
    """Values in steps of 2.0078, as of an 8-bit file with a slope: other bins would be empty here and there."""
    values = np.rint(rng.normal(100, 25, (1, 10, 60, 60)) / 2.0078).clip(1) * 2.0078
    image = Image(values.astype(np.float32))
    drawn = np.array(heights(histogram(image, image, np.ones(image.shape, bool)).before))
    inner, least = drawn[1:-1], 0.1 * drawn.max()
    assert not ((inner + least < drawn[:-2]) & (inner + least < drawn[2:])).any()


def test_nothing_to_count_draws_no_histogram():
    flat = Image(np.zeros((1, 1, 4, 4), np.float32))
    assert histogram(flat, flat, np.ones(flat.shape, bool)) is None
    missing = Image(np.full((1, 1, 4, 4), np.nan, np.float32))
    assert histogram(missing, missing, np.zeros(flat.shape, bool)) is None


def test_curves_lie_at_the_part_that_is_left_and_labels_do_not_touch():
    kept = np.array([[0.0, 0.1], [0.99, 1.0]])
    drawn = survival(LesionSurvival((1.0, 3.0), (2.0, 4.0), kept, np.full((2, 2), 0.05), 9))
    zero, whole = drawn.y_ticks[0].at, drawn.y_ticks[2].at
    assert whole == drawn.whole < zero
    by_name = {curve.label: curve for curve in drawn.curves}
    assert by_name["2 σ"].points[0][1] == zero
    assert by_name["4 σ"].points[1][1] == whole
    assert by_name["4 σ"].points[0][1] == pytest.approx(zero + 0.1 * (whole - zero), abs=0.2)
    upper, lower = by_name["2 σ"].bars[0][1:]
    assert lower - upper == pytest.approx(0.1 * (zero - whole), abs=0.2)
    places = sorted(curve.label_at for curve in drawn.curves)
    assert places[1] - places[0] >= 14
    assert all(LEFT <= x <= WIDTH - RIGHT for curve in drawn.curves for x, _ in curve.points)


def test_what_was_not_measured_is_left_out():
    kept = np.array([[np.nan], [0.5]])
    (curve,) = survival(LesionSurvival((1.0, 3.0), (2.0,), kept, kept, 9)).curves
    assert len(curve.points) == 1
    assert survival(LesionSurvival((1.0,), (2.0,), np.array([[np.nan]]), np.array([[np.nan]]), 9)) is None
