"""The measure of small structures: what it must say of images whose answer is known."""

import numpy as np
import pytest
from spot_results import SpotRow, lead, read_spots, table, write_spots
from spots import contrast_kept, place, planted


@pytest.fixture
def centres():
    return place(np.ones((24, 96, 96), bool), np.random.default_rng(1))


def test_sixty_spots_apart_and_inside(centres):
    assert centres.shape == (60, 3)
    distance = np.abs(centres[:, None] - centres[None]).max(-1)
    assert distance[~np.eye(60, dtype=bool)].min() >= 8
    assert centres[:, 0].min() >= 2
    assert centres[:, 0].max() <= 21


def test_half_of_the_peak_lies_one_voxel_away(centres):
    spots = planted((24, 96, 96), centres)
    z, y, x = centres.T
    assert spots[z, y, x] == pytest.approx(1, abs=1e-4)
    for neighbour in (spots[z, y, x + 1], spots[z, y - 1, x], spots[z + 1, y, x]):
        assert neighbour == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("factor", [1.0, 0.3, 0.0])
def test_contrast_kept_is_the_factor_by_which_spots_shrank(centres, factor):
    spots = planted((24, 96, 96), centres)
    assert contrast_kept(np.float32(factor) * spots, spots, centres) == pytest.approx(factor, abs=1e-6)


def row_of(truth, noisy, result, kept, method="a"):
    errors = noisy - truth, result - truth
    products = [
        float(np.mean(a * b)) for a, b in ((errors[0], errors[0]), (errors[0], errors[1]), (errors[1], errors[1]))
    ]
    return SpotRow("head", 3.0, 0, method, kept, 0.1, -5.0, *products)


def test_mixing_with_the_noisy_image_reaches_the_wanted_psnr():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=5000)
    noisy = truth + 0.2 * rng.normal(size=5000)
    result = truth + 0.3 * (noisy - truth) + 0.02 * rng.normal(size=5000)
    row = row_of(truth, noisy, result, kept=0.6)
    for strength in (0.9, 0.5, 0.1):
        mixed = row_of(truth, noisy, noisy + strength * (result - noisy), kept=0.0)
        assert row.kept_at(mixed.psnr) == pytest.approx(1 - strength * (1 - 0.6), abs=1e-6)
    assert row.kept_at(row.psnr) == pytest.approx(0.6)
    assert row.kept_at(row.psnr + 1) == 0.6
    assert row.kept_at(row_of(truth, noisy, noisy, kept=1.0).psnr - 1) == 1.0


def test_lead_compares_at_the_lower_psnr():
    rng = np.random.default_rng(3)
    truth = np.zeros(4000)
    noisy = rng.normal(size=4000)
    good, poor = row_of(truth, noisy, 0.2 * noisy, 0.6), row_of(truth, noisy, 0.5 * noisy, 0.7, "b")
    # 0.2 mixed up to 0.5: strength 0.5 / 0.8, and the good one then keeps 1 - 0.625 * 0.4 = 0.75
    assert lead(good, poor) == pytest.approx(0.05, abs=1e-6)
    assert lead(poor, good) == pytest.approx(-0.05, abs=1e-6)


def test_file_and_table(tmp_path):
    rows = [SpotRow(v, c, 0, m, 0.5, 0.1, -4.0, 0.01, 0.002, 0.001) for v in "xy" for c in (3.0, 6.0) for m in "ab"]
    rows.append(SpotRow("x", 3.0, 0, "lonely", 0.9, 0.1, -4.0, 0.01, 0.002, 0.001))
    write_spots(tmp_path / "spots.csv", rows)
    assert read_spots(tmp_path / "spots.csv") == rows
    text = table(rows, ())
    assert "| a | 30.00 | 0.50 (0.50-0.50) | -4 |" in text
    assert "Not on all: lonely" in text
    assert "| lonely" not in text
