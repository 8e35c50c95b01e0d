"""The complex benchmark: its noise, its routes for classical methods, its scores and tables."""

from dataclasses import replace

import complex_subjects
import numpy as np
import pytest
from complex_cells import LEVELS, ComplexCell, ComplexRow, plan
from complex_methods import RIVALS, by_magnitude, by_parts, flattened, smooth_turn, suits
from complex_quality import score_complex
from complex_subjects import give_phase, middle, raw_case
from complex_tables import finished, gains, report, verdict
from noise_cases import NoisyCase, draw
from results import append, read_rows

from quietmr.data import Image, NoiseMap

ROW = ComplexRow(
    "real volume", "head", "white", 7.0, 0, 7.0, 100.0, "quiet-complex",
    32.0, 0.9, 33.0, 0.9, 0.1, 0.95, 7.0, 1.0, 4.0, 1.0, 20.0, 30.0, 31.0,
)  # fmt: skip
NLM = "dipy-nlm-classic (flat)"


@pytest.fixture
def clean(rng) -> np.ndarray:
    magnitude = np.zeros((1, 4, 48, 40), np.float32)
    magnitude[:, :, 8:40, 6:34] = 100.0
    return give_phase(magnitude, rng)


@pytest.mark.parametrize("kind", ["white", "correlated", "varying"])
def test_noise_has_the_told_level_in_both_channels(clean, kind):
    mask = np.abs(clean) > 0
    cases = [draw(clean, mask, 5.0, kind, f"seed {i}") for i in range(30)]
    noise = np.stack([(case.noisy - case.truth) / case.sigma for case in cases])
    assert noise.real.std() == pytest.approx(1.0, abs=0.02)
    assert noise.imag.std() == pytest.approx(1.0, abs=0.02)
    assert abs(np.mean(noise.real * noise.imag)) < 0.02
    assert np.median(cases[0].sigma[mask]) == pytest.approx(5.0, rel=1e-3)


def test_magnitudes_and_complex_images_meet_the_same_noise(clean):
    mask = np.abs(clean) > 0
    flat = np.abs(clean)
    magnitude = draw(flat, mask, 5.0, "correlated", "one")
    both = draw(flat.astype(np.complex64), mask, 5.0, "correlated", "one")
    np.testing.assert_allclose(magnitude.truth, np.abs(both.truth), rtol=1e-5, atol=1e-3)
    inside = np.abs(both.truth.real) > 20
    np.testing.assert_allclose(magnitude.noisy[inside], np.abs(both.noisy)[inside], rtol=1e-4)


def test_phase_keeps_the_magnitude_and_fills_the_circle(rng):
    magnitude = rng.uniform(1, 2, (3, 2, 32, 32)).astype(np.float32)
    turned = give_phase(magnitude, rng)
    np.testing.assert_allclose(np.abs(turned), magnitude, rtol=1e-5)
    steps = np.angle(turned[..., 1:] * turned[..., :-1].conj())
    assert np.abs(steps).max() < 1.6
    assert np.ptp(np.angle(turned)) > 3.0


def test_noise_of_the_raw_brain_is_what_its_map_says(monkeypatch):
    small = replace(complex_subjects._BRAIN, matrix=(32, 32, 8), coils=8, calibration_lines=(16, 8))
    monkeypatch.setattr(complex_subjects, "_BRAIN", small)
    complex_subjects._scan.cache_clear()
    case, mask, reference = raw_case("raw 3x1", "test", 7.0)
    complex_subjects._scan.cache_clear()
    noise = ((case.noisy - case.truth) / case.sigma)[mask]
    assert np.std([noise.real, noise.imag]) == pytest.approx(1.0, abs=0.06)
    assert np.median(case.sigma[mask]) == pytest.approx(0.07 * reference, rel=1e-3)


def identity(image: Image) -> Image:
    return image


def test_routes_put_back_what_they_took_off(clean):
    image = Image(clean, noise=NoiseMap(np.float32(1), "complex", "given"))
    np.testing.assert_array_equal(by_parts(identity, image).data, clean)
    np.testing.assert_allclose(flattened(identity, image).data, clean, atol=1e-3)
    result = by_magnitude(identity, image).data
    np.testing.assert_allclose(np.abs(result), np.abs(clean), rtol=1e-5, atol=1e-4)
    inside = (slice(None), slice(None), slice(14, 34), slice(12, 28))
    assert np.abs(np.angle(result * clean.conj()))[inside].max() < 0.5


def test_a_flattened_image_is_real_nearly_everywhere(clean):
    image = Image(clean, noise=NoiseMap(np.float32(1), "complex", "given"))
    flat = clean * smooth_turn(image).conj()
    assert np.square(flat.imag).sum() < 0.05 * np.square(flat.real).sum()
    assert np.square(clean.imag).sum() > 0.05 * np.square(clean.real).sum()


def test_methods_for_series_run_on_series_and_bm3d_on_pictures():
    assert not suits("dipy-mppca (flat)", is_series=False, is_picture=False)
    assert suits("dipy-mppca (flat)", is_series=True, is_picture=False)
    assert suits("bm3d (re, im)", is_series=False, is_picture=True)
    assert not suits("bm3d (re, im)", is_series=False, is_picture=False)
    assert suits("quiet-complex", is_series=True, is_picture=False)


def test_an_error_of_the_phase_is_none_of_the_magnitude(clean):
    mask = np.abs(clean) > 0
    case = draw(clean, mask, 5.0, "white", "phase")
    turned = score_complex(
        clean * np.exp(0.1j).astype(np.complex64), NoisyCase(clean, case.noisy, case.sigma), mask, 100
    )
    assert turned["psnr"] == pytest.approx(20 * np.log10(np.sqrt(2) / (2 * np.sin(0.05))), abs=1e-3)
    assert turned["psnr_magnitude"] > 80
    assert turned["ssim"] == pytest.approx(1.0, abs=1e-4)


def test_middle_is_the_middle():
    assert middle(np.zeros((1, 9, 100, 20)), (1, 3, 50, 40)) == (
        slice(0, 1), slice(3, 6), slice(25, 75), slice(0, 40),
    )  # fmt: skip


def test_plan_has_every_cell_once_and_the_telling_ones_first():
    cells = list(plan(["brain-raw", "spine-phantom-0"], LEVELS, 1))
    assert len(cells) == len(set(cells)) == 3 * 2 + 3 * 3
    assert {cell.percent for cell in cells[:5]} == {LEVELS[0]}
    assert {cell.kind for cell in cells[-4:]} == {"correlated", "varying"}
    assert ComplexCell("brain-raw", "raw 2x2", 7.0, 0) in cells


def test_gain_is_over_the_rival_that_is_best_in_the_cell(tmp_path):
    rivals = [replace(ROW, method=name, psnr=psnr) for name, psnr in zip(list(RIVALS)[:3], (20, 29.5, 25), strict=True)]
    other = [replace(ROW, percent=15.0, psnr=27.0), replace(ROW, percent=15.0, method=NLM, psnr=26.0)]
    alone = replace(ROW, percent=3.0, psnr=99.0)
    rows = [ROW, *rivals, *other, alone]
    assert gains(rows, "quiet-complex") == [2.5, 1.0]
    assert "| real volume | quiet-complex | +1.75 | +1.00 | 1 of 2 | +12.00 |" in verdict(rows, rows)
    path = tmp_path / "rows.csv"
    for row in rows:
        append(path, row)
    assert read_rows(path, ComplexRow) == rows


def test_unfinished_cells_are_in_no_table():
    other = replace(ROW, method=NLM, psnr=31.0)
    rows = [ROW, other, replace(ROW, percent=3.0, psnr=99.0), replace(ROW, volume="head 2", group="real picture")]
    assert finished(rows) == [ROW, other, rows[-1]]
    assert "32.00 (+1.00)" in report(rows)
