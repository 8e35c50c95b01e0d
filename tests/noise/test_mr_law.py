"""Draws follow their law, both directions independently; laws that mean nothing are refused."""

from collections import Counter
from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy import stats

from quietmr.data import InputError
from quietmr.noise.mr_law import OURS, PAPER, REFERENCE, MrNoiseLaw, mr_noise_law
from quietmr.noise.mr_noise import draw

LAWS = {"ours": OURS, "paper": PAPER, "reference": REFERENCE}
N = 3000


@pytest.fixture(scope="module", params=LAWS)
def drawn(request):
    law = LAWS[request.param]
    rng = np.random.default_rng(1)
    return law, [draw(rng, (8, 32, 32), law, n_gmaps=3) for _ in range(N)]


def equally_likely(values, choices):
    counts = Counter(values)
    assert set(counts) == set(choices)
    assert stats.chisquare([counts[choice] for choice in choices]).pvalue > 1e-4


def test_levels_follow_their_law(drawn):
    law, draws = drawn
    low, high = law.sigma
    levels = np.array([one.sigma for one in draws])
    logarithmic = law.spacing == "log-uniform"
    position = np.log(levels / low) / log(high / low) if logarithmic else (levels - low) / (high - low)
    assert stats.kstest(position, "uniform").pvalue > 1e-4


def test_ratios_strengths_and_maps_are_equally_likely(drawn):
    law, draws = drawn
    for axis in ("y", "x"):
        filters = [getattr(one, axis) for one in draws]
        equally_likely([each.resolution for each in filters], law.resolution)
        equally_likely([each.gaussian for each in filters], law.gaussian)
        cut = [each for each in filters if each.partial_fourier is not None]
        equally_likely([each.partial_fourier for each in cut], law.partial_fourier)
        equally_likely([each.side for each in cut], ("early", "late"))
    equally_likely([one.gmap for one in draws], (0, 1, 2, None))


def test_directions_are_cut_as_often_as_the_law_says(drawn):
    law, draws = drawn
    counts = Counter((one.y.partial_fourier is not None, one.x.partial_fourier is not None) for one in draws)
    for combination, share in zip(((False, False), (True, False), (False, True), (True, True)), law.cut, strict=True):
        assert counts[combination] / N == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / N))


@pytest.mark.parametrize(("cut", "expected"), [((0, 1, 0, 0), (True, False)), ((0, 0, 1, 0), (False, True))])
def test_cut_names_y_before_x(cut, expected):
    one = draw(np.random.default_rng(1), (8, 32, 32), replace(OURS, cut=cut))
    assert (one.y.partial_fourier is not None, one.x.partial_fourier is not None) == expected


def test_directions_are_independent(drawn):
    _, draws = drawn
    for what in ("resolution", "gaussian"):
        pairs = Counter((getattr(one.y, what), getattr(one.x, what)) for one in draws)
        values = sorted({value for pair in pairs for value in pair})
        table = [[pairs[first, second] for second in values] for first in values]
        assert stats.chi2_contingency(table).pvalue > 1e-4


def test_temporal_filters_are_as_frequent_as_the_law_says(drawn):
    law, draws = drawn
    share = law.temporal_share
    filtered = [one.temporal for one in draws if one.temporal]
    assert len(filtered) / N == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / N))
    assert not filtered or set(filtered) == set(law.temporal)


def test_short_series_have_no_temporal_filter():
    law = replace(OURS, temporal_share=1.0)
    rng = np.random.default_rng(1)
    assert all(draw(rng, (2, 8, 8), law).temporal == 0 for _ in range(20))
    assert all(draw(rng, (3, 8, 8), law).temporal > 0 for _ in range(20))


def test_seeds_of_one_generator_differ(drawn):
    _, draws = drawn
    assert len({one.seed for one in draws}) == N


def test_presets_are_found_by_name_and_ours_is_the_default():
    assert {name: mr_noise_law(name) for name in LAWS} == LAWS
    assert MrNoiseLaw() == OURS
    with pytest.raises(InputError, match="ours, paper, reference"):
        mr_noise_law("white")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sigma": (2.0, 1.0)},
        {"sigma": (-1.0, 1.0), "spacing": "uniform"},
        {"sigma": (0.0, 1.0)},
        {"sigma": (1.0, float("nan"))},
        {"sigma": (1.0, float("inf"))},
        {"resolution": ()},
        {"resolution": (0.0,)},
        {"resolution": (1.2,)},
        {"partial_fourier": (0.5,)},
        {"cut": (0.5, 0.5, 0.5, -0.5)},
        {"cut": (0.2, 0.2, 0.2, 0.2)},
        {"gaussian": (-1.0,)},
        {"temporal": (0.0,)},
        {"temporal_share": 1.5},
    ],
)
def test_laws_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError, match=f"has {next(iter(wrong))} = .*: use "):
        replace(OURS, **wrong)
