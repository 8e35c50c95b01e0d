"""Statistics against scipy, closed forms, hand examples and published figures that can be recomputed."""

import numpy as np
import pytest
from scipy import stats

from quietmr.data import InputError
from quietmr.evaluate.statistics import (
    bootstrap_interval,
    compare_with,
    holm,
    interval_from_sd,
    interval_from_t,
    paired_comparison,
)

DRUG = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
OTHER = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])


def test_students_own_sleep_data(rng) -> None:
    """Student, Biometrika 6 (1908) 1: ten patients, two drugs; t = 4.0621, p = 0.00283, interval 0.7001 to 2.4599."""
    found = paired_comparison(DRUG, OTHER, rng)
    assert found.n == 10
    assert found.mean == pytest.approx(1.58)
    assert found.t == pytest.approx(4.0621, abs=5e-5)
    assert found.t_p == pytest.approx(0.002833, abs=1e-6)
    assert (found.t_interval.low, found.t_interval.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)
    assert found.effect == pytest.approx(4.0621 / np.sqrt(10), abs=1e-4)
    assert found.wins == 9


def test_paired_comparison_agrees_with_scipy(rng) -> None:
    a, b = rng.normal(1.0, 2.0, 40), rng.normal(0.4, 2.0, 40)
    found = paired_comparison(a, b, rng, level=0.9)
    t = stats.ttest_rel(a, b)
    interval = t.confidence_interval(0.9)
    assert (found.t, found.t_p) == pytest.approx((t.statistic, t.pvalue))
    assert (found.t_interval.low, found.t_interval.high) == pytest.approx((interval.low, interval.high))
    ranks = stats.wilcoxon(a, b)
    assert (found.wilcoxon, found.wilcoxon_p) == pytest.approx((ranks.statistic, ranks.pvalue))


def test_swapping_the_methods_turns_the_signs(rng) -> None:
    there, back = paired_comparison(DRUG, OTHER, rng), paired_comparison(OTHER, DRUG, rng)
    assert (back.mean, back.t, back.effect) == pytest.approx((-there.mean, -there.t, -there.effect))
    assert (back.t_p, back.wilcoxon_p, back.sd) == pytest.approx((there.t_p, there.wilcoxon_p, there.sd))
    assert back.t_interval.low == pytest.approx(-there.t_interval.high)
    assert (there.wins, back.wins) == (9, 0)


def test_published_table_of_the_hmad_net_paper() -> None:
    """Table 3, n = 999: PSNR +5.44 (t 68.3083, 5.2816 to 5.5940), SSIM +0.1710 (t 47.8367, 0.1640 to 0.1780).

    The mean difference is printed to two digits (5.44 is anything from 5.435 to 5.445), which carries over to the ends.
    """
    psnr = interval_from_t(5.44, 68.3083, 999)
    assert (psnr.low, psnr.high) == pytest.approx((5.2837, 5.5963), abs=1e-4)
    assert (psnr.low, psnr.high) == pytest.approx((5.2816, 5.5940), abs=0.005)
    middle = (5.2816 + 5.5940) / 2
    exact = interval_from_t(middle, 68.3083, 999)
    assert (exact.low, exact.high) == pytest.approx((5.2816, 5.5940), abs=1e-4)
    ssim = interval_from_t(0.1710, 47.8367, 999)
    assert (ssim.low, ssim.high) == pytest.approx((0.1640, 0.1780), abs=5e-5)


def test_intervals_from_summaries_agree_with_each_other() -> None:
    found = interval_from_sd(1.58, float(np.std(DRUG - OTHER, ddof=1)), 10)
    again = interval_from_t(1.58, 4.062127683, 10)
    assert (found.low, found.high) == pytest.approx((again.low, again.high), abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


def test_bootstrap_agrees_with_scipy_and_with_theory(rng) -> None:
    skewed = rng.exponential(1.0, 60)
    found = bootstrap_interval(skewed, np.random.default_rng(1), draws=20000)
    theirs = stats.bootstrap((skewed,), np.mean, n_resamples=20000, method="BCa", rng=np.random.default_rng(2))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.03 * width)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.03 * width)
    many = rng.normal(3, 2, 3000)
    normal = bootstrap_interval(many, rng)
    half = 1.96 * many.std() / np.sqrt(many.size)
    assert (normal.low, normal.high) == pytest.approx((many.mean() - half, many.mean() + half), abs=0.1 * half)


def test_bootstrap_covers_the_truth_as_often_as_it_says(rng) -> None:
    inside = 0
    for _ in range(300):
        found = bootstrap_interval(rng.normal(1.0, 1.0, 30), rng, level=0.9, draws=999)
        inside += found.low <= 1.0 <= found.high
    assert 0.84 < inside / 300 < 0.95


def test_bootstrap_needs_its_generator_only() -> None:
    a, b = (paired_comparison(DRUG, OTHER, np.random.default_rng(3)).bootstrap for _ in range(2))
    assert a == b


def test_holm_by_hand() -> None:
    """0.01 x 4, 0.015 x 3, 0.03 x 2, 0.04 x 1 made rising: 0.04, 0.045, 0.06, 0.06."""
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.015]), [0.06, 0.04, 0.06, 0.045])
    np.testing.assert_allclose(holm([0.7, 0.6]), [1, 1])
    assert holm([]).size == 0
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.2, np.nan])


def test_refusals_in_one_sentence(rng) -> None:
    with pytest.raises(InputError, match="one case"):
        paired_comparison([1.0], [2.0], rng)
    with pytest.raises(InputError, match="same value in every case"):
        paired_comparison([1.0, 2], [1.0, 2], rng)
    with pytest.raises(InputError, match="1 of 3 pairs"):
        paired_comparison([1.0, 2, np.nan], [1.0, 2, 3], rng)
    with pytest.raises(InputError, match="1 of 2 pairs"):
        paired_comparison([np.inf, 2], [1.0, 2], rng)
    with pytest.raises(InputError, match="equally many"):
        paired_comparison([1.0, 2], [1.0, 2, 3], rng)
    for mean, t in ((1.0, -2.0), (0.0, 3.0), (1.0, 0.0), (1.0, np.nan)):
        with pytest.raises(InputError, match="standard error"):
            interval_from_t(mean, t, 10)
    with pytest.raises(InputError, match="one case"):
        interval_from_t(1.0, 2.0, 1)
    with pytest.raises(InputError, match="not negative"):
        interval_from_sd(1.0, -2.0, 10)
    with pytest.raises(InputError, match="level"):
        interval_from_sd(1.0, 2.0, 10, level=95)


def test_equal_differences_have_no_spread(rng) -> None:
    found = paired_comparison([2.0, 3, 4], [1.0, 2, 3], rng)
    assert (found.mean, found.sd, found.t, found.effect, found.t_p) == (1.0, 0.0, np.inf, np.inf, 0.0)
    assert (found.bootstrap.low, found.bootstrap.high) == (1.0, 1.0)


def test_several_methods_are_corrected_together(rng) -> None:
    values = {"plain": OTHER, "drug": DRUG, "both": DRUG + OTHER}
    found = compare_with("plain", values, rng)
    assert [one.method for one in found] == ["drug", "both"]
    np.testing.assert_allclose([one.t_p for one in found], holm([one.comparison.t_p for one in found]))
    assert found[0].comparison.mean == pytest.approx(1.58)
    with pytest.raises(InputError, match="copy against plain: Both methods"):
        compare_with("plain", {"plain": OTHER, "copy": OTHER}, rng)
    with pytest.raises(InputError, match="at least one other"):
        compare_with("plain", {"plain": OTHER}, rng)
