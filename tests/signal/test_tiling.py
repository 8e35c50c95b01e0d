import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietmr.data import InputError
from quietmr.signal.finite import fill_nonfinite
from quietmr.signal.tiling import blend, plan_tiles, split_axis, tile_limit

HALO, MULTIPLE = (4, 8, 8), (4, 8, 8)


@given(
    size=st.integers(1, 400),
    tile=st.integers(5, 20).map(lambda n: 8 * n),
)
def test_spans_cover_the_axis_with_weights_that_add_up_to_one(size, tile):
    spans = split_axis(size, tile, 8, 8)
    total = np.zeros(size)
    for span in spans:
        assert 0 <= span.start < span.stop <= size
        assert span.stop - span.start <= tile
        assert span.start % 8 == 0
        assert (span.weight >= 0).all()
        total[span.start : span.stop] += span.weight
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


@given(size=st.integers(50, 400))
def test_nothing_near_a_cut_counts(size):
    for span in split_axis(size, 48, 8, 8):
        margin = 4
        if span.start > 0:
            assert (span.weight[: margin - 1] == 0).all()
        if span.stop < size:
            assert (span.weight[-margin + 1 :] == 0).all()


@settings(deadline=None, max_examples=30)
@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 90), st.integers(1, 90)))
def test_blending_untouched_tiles_gives_the_whole(shape):
    volume = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    tiles = plan_tiles(shape, tile_limit(shape, 20_000, HALO, MULTIPLE), HALO, MULTIPLE)
    np.testing.assert_allclose(blend(shape, tiles, (volume[t.where] for t in tiles)), volume, atol=1e-5)


@given(shape=st.tuples(st.integers(1, 300), st.integers(1, 600), st.integers(1, 600)))
def test_tiles_stay_within_the_budget(shape):
    budget = 60_000
    limit = tile_limit(shape, budget, HALO, MULTIPLE)
    assert np.prod(limit) <= max(budget, np.prod([5 * h + m for h, m in zip(HALO, MULTIPLE, strict=True)]) * 8)
    assert all(a <= b or a % m == 0 for a, b, m in zip(limit, shape, MULTIPLE, strict=True))


def test_small_volumes_are_not_cut():
    assert tile_limit((30, 40, 50), 60_000, HALO, MULTIPLE) == (30, 40, 50)


def test_missing_voxels_take_the_nearest_value():
    data = np.zeros((1, 1, 8, 8), np.float32)
    data[..., 4:] = 5.0
    data[0, 0, 2, 1], data[0, 0, 2, 6] = np.nan, np.inf
    filled, bad = fill_nonfinite(data)
    assert bad.sum() == 2
    assert filled[0, 0, 2, 1] == 0.0
    assert filled[0, 0, 2, 6] == 5.0
    assert np.isnan(data[0, 0, 2, 1])


def test_a_frame_without_numbers_is_refused():
    data = np.ones((2, 1, 8, 8), np.float32)
    data[1] = np.nan
    with pytest.raises(InputError, match="Frame 1"):
        fill_nonfinite(data)
