"""g-maps for training."""

import numpy as np
import pytest

from quietmr.training.gmap_bank import GmapBank, cut_gmap, scan_gmaps, smooth_gmap
from quietmr.training.mr_recipe import MrRecipe
from quietmr.training.rolling import RollingBank


def test_maps_of_a_scan_are_those_of_rising_acceleration():
    maps = scan_gmaps(32, np.random.default_rng(3))
    assert maps.ndim == 3
    assert maps.shape[1:] == (32, 32)
    assert len(maps) >= 4
    assert np.isfinite(maps).all()
    assert (maps > 0).all()
    spread = [np.percentile(g, 95) / np.median(g) for g in maps]
    assert spread[3] > 1.1 * spread[0]  # R = 5 amplifies more unevenly than R = 2


def test_cut_maps_lie_within_the_whole_and_keep_a_plane_plane(rng):
    y, x = np.mgrid[0:40, 0:48]
    plane = (2 + 0.01 * y + 0.02 * x).astype(np.float32)
    for shape in ((16, 16), (24, 60), (1, 7)):
        part = cut_gmap(plane, shape, rng)
        assert part.shape == shape
        assert plane.min() - 1e-4 <= part.min() <= part.max() <= plane.max() + 1e-4
        if min(shape) > 2:
            assert np.abs(np.diff(part, 2, axis=0)).max() < 1e-4
            assert np.abs(np.diff(part, 2, axis=1)).max() < 1e-4


@pytest.mark.parametrize("shape", [(48, 48), (1, 32), (112, 60)])
def test_smooth_maps_are_positive_and_bounded(shape, rng):
    for _ in range(20):
        g = smooth_gmap(shape, rng)
        assert (g.shape, g.dtype) == (shape, np.float32)
        assert g.min() / np.median(g) > 0.1
        assert g.max() / np.median(g) < 20


def test_the_bank_gives_maps_of_all_kinds(rng, monkeypatch):
    monkeypatch.setattr(
        "quietmr.training.gmap_bank.scan_gmaps", lambda matrix, rng: np.full((7, matrix, matrix), 2.0, np.float32)
    )
    bank = GmapBank(MrRecipe(uniform=0.25), rng)
    maps = [bank.draw((16, 16)) for _ in range(600)]
    flat = [float(g[0, 0]) if np.ptp(g) < 1e-5 else 0.0 for g in maps]
    # 1/4 without acceleration; of the rest 1/4 smooth, 3/4 of scans.
    for value, share in ((1.0, 0.25), (0.0, 0.1875), (2.0, 0.5625)):
        assert np.mean(np.isclose(flat, value)) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 600))


def test_a_bank_grows_then_renews_itself(rng):
    made = []
    bank = RollingBank(lambda: made.append(len(made)) or made[-1], 3, 5, rng)
    for draws in range(1, 54):
        assert bank.draw() in made
        # One for each of the first three draws, then the 5th draw and every fifth from there on.
        assert len(made) == (draws if draws < 3 else 3 + draws // 5)
    assert len(set(bank.items)) == len(bank.items) == 3


def test_a_bank_can_grow_slowly(rng):
    made = []
    bank = RollingBank(lambda: made.append(len(made)) or made[-1], 3, 100, rng, growth=4)
    grown = []
    for _ in range(10):
        bank.draw()
        grown.append(len(made))
    assert grown == [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
