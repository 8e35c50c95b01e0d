"""benchmarks/cine.py: its noise is that of the reconstruction, and its rulers measure what they say."""

from dataclasses import replace

import numpy as np
import pytest
from cine_measures import edges, fidelity, snr, upslope, wall
from cine_rivals import BLUR, RIVALS, find, variants
from cine_scans import CASES, Scan, measure
from cine_table import UNTOUCHED, Row, append, read, tables, unbiased
from scipy.ndimage import gaussian_filter, shift
from scipy.special import erf

from quietmr.evaluate.running import Running
from quietmr.phantoms.raw.canvas import Tissue
from quietmr.recon import reconstruct

SMALL = replace(
    CASES["cine, 16 coils"], matrix=(64, 48, 1), coils=6, acceleration=(3, 1), calibration_lines=(16, 1), frames=2
)


@pytest.fixture(scope="module")
def measured():
    return measure(SMALL)


def test_shortcuts_to_replicas_are_exact(measured):
    _, _, proof = measured
    assert proof.sum < 1e-3
    assert proof.columns < 1e-4
    # g was found with the covariance that 256 noise readouts show, the replicas have the true one.
    assert proof.spread < 0.03


def test_replicas_have_the_noise_of_whole_reconstructions(measured):
    scan, replicas, _ = measured
    rows, columns = scan.window
    ours = np.concatenate([replicas(number) for number in range(150)]) / scan.g[scan.window]
    assert np.sqrt(np.square(np.abs(ours)).mean() / 2) == pytest.approx(1.0, abs=0.01)
    # The same relation of a pixel to its aliases, a third of the picture away, as in the noise of scans.
    from quietmr.phantoms.raw import simulate_raw

    protocol = replace(SMALL, frames=1, repetitions=150, breathing_mm=0.0)
    noise = reconstruct(simulate_raw(protocol, np.random.default_rng(2)).kspace)
    theirs = noise.data[:, 0] - noise.data[:, 0].mean(axis=0)
    theirs = (theirs / noise.noise.sigma[0, 0])[:, rows, columns]
    for values in (ours, theirs):
        assert _likeness(values, 0) == pytest.approx(1.0)
    assert _likeness(ours, 16) > 0.1
    assert _likeness(ours, 16) == pytest.approx(_likeness(theirs, 16), rel=0.15)
    assert _likeness(ours, 5) < 0.02


def _likeness(noise, lag):
    """RMS of the correlation of a pixel with that ``lag`` rows below, less what chance gives."""
    upper, lower = noise[:, : noise.shape[1] - lag], noise[:, lag:]
    relation = (upper * lower.conj()).mean(axis=0)
    level = np.sqrt((np.abs(upper) ** 2).mean(axis=0) * (np.abs(lower) ** 2).mean(axis=0))
    return float((np.abs(relation / level) ** 2).mean() - (1 / len(noise) if lag else 0))


WIDTH = 1.6


def disks(radii, width=WIDTH, center=(40.0, 44.0)):
    """Pool of brightness 3 in a wall of brightness 1, 10 pixels thick, with edges that are error functions."""
    y, x = np.meshgrid(np.arange(80.0) - center[0], np.arange(88.0) - center[1], indexing="ij")
    distance = np.hypot(y, x)
    frames = [1 + (1 - erf((distance - radius) / (np.sqrt(2) * width / 2.5631))) for radius in radii]
    return np.stack(frames), np.stack([distance < radius for radius in radii])


def scan_of(radii, noise=0.0, rng=None):
    clean, pool = disks(radii)
    labels = np.where(pool, Tissue.LEFT_BLOOD, Tissue.MYOCARDIUM).astype(np.uint8)
    # two small papillary muscles, which the edges of the pool do not meet
    for column in (41, 47):
        labels[:, 45:48, column - 1 : column + 2] = Tissue.PAPILLARY
        clean[:, 45:48, column - 1 : column + 2] -= 1.5
    g = np.ones(clean.shape[1:], np.float32)
    noisy = clean if rng is None else clean + noise * rng.standard_normal(clean.shape)
    return Scan("test", clean.astype(np.complex64), noisy.astype(np.complex64), g, labels, np.ones_like(g, bool))


RADII = 11 + 3 * np.sin(np.arange(24) * 2 * np.pi / 12)


@pytest.mark.parametrize("blur", [0.0, 0.5, 1.0])
def test_edge_width_is_that_of_the_error_function_and_grows_with_a_blur(blur):
    scan = scan_of(np.full(3, 12.0))
    image = np.abs(scan.clean).astype(float)
    found = edges(gaussian_filter(image, (0, blur, blur)) if blur else image, scan)
    expected = np.hypot(WIDTH, 2.5631 * blur)
    assert found.lateral == pytest.approx(expected, rel=0.06)
    assert found.septal == pytest.approx(expected, rel=0.06)
    assert (found.papillary_contrast == pytest.approx(1.0)) == (blur == 0)
    assert found.papillary_contrast < 0.8 or blur < 1


def test_wall_that_is_late_or_does_not_move_enough():
    scan = scan_of(RADII)
    true = wall(np.abs(scan.clean), scan)
    assert (true.amplitude, true.lag, true.error, true.profile) == pytest.approx((1, 0, 0, 0), abs=1e-3)
    half = wall(disks(RADII.mean() + 0.5 * (RADII - RADII.mean()))[0], scan)
    assert half.amplitude == pytest.approx(0.5, abs=0.02)
    assert half.error == pytest.approx(0.5 * RADII.std(), rel=0.05)
    late = wall(disks(11 + 3 * np.sin((np.arange(24) - 0.7) * 2 * np.pi / 12))[0], scan)
    assert late.lag == pytest.approx(0.7, abs=0.1)
    assert late.amplitude > 0.9
    assert late.profile > 0.05


def test_a_temporal_blur_flattens_the_motion_of_the_wall():
    # Motion within the edge, where brightness is linear in it.
    scan = scan_of(11 + 0.1 * (RADII - 11))
    blurred = wall(gaussian_filter(np.abs(scan.clean).astype(float), (2.0, 0, 0), mode="wrap"), scan)
    # Of a sine of 12 frames a Gaussian of 2 frames leaves exp(-(2 pi 2 / 12)^2 / 2).
    assert blurred.amplitude == pytest.approx(np.exp(-0.5 * (2 * np.pi * 2 / 12) ** 2), abs=0.03)


def test_psnr_and_bias_of_known_errors(rng):
    scan = scan_of(np.full(4, 16.0))
    truth = np.abs(scan.clean)
    noise = 0.1 * rng.standard_normal(truth.shape)
    assert fidelity(truth + noise, scan).psnr == pytest.approx(20 * np.log10(scan.reference / 0.1), abs=0.1)
    brighter = fidelity(1.03 * truth, scan)
    assert brighter.bias_blood == pytest.approx(3.0, abs=1e-3)
    assert brighter.bias_myocardium == pytest.approx(3.0, abs=1e-3)


def test_upslope_of_contrast_agent_that_a_method_smears():
    scan = scan_of(np.full(24, 12.0))
    course = 0.2 + 1 / (1 + np.exp(-(np.arange(24) - 12) / 1.5))
    scan = replace(scan, clean=(scan.clean * course[:, None, None]).astype(np.complex64))
    assert not scan.bright_frames.all()
    truth = np.abs(scan.clean).astype(float)
    assert np.isnan(wall(truth, scan).amplitude)
    found = upslope(gaussian_filter(truth, (2.0, 0, 0)), scan)
    steepest = [
        max(np.polyfit(range(5), c[t : t + 5], 1)[0] for t in range(20)) for c in (gaussian_filter(course, 2.0), course)
    ]
    assert found.upslope_blood == pytest.approx(steepest[0] / steepest[1], rel=1e-3)
    assert upslope(truth, scan).upslope_myocardium == pytest.approx(1.0)


def test_running_mean_and_sd_are_those_of_the_whole_stack(rng):
    stack = 1e3 + rng.standard_normal((9, 4, 5))
    running = Running()
    for value in stack:
        running.add(value)
    # single precision: 1e-7 of the mean, which is a thousand SDs here
    np.testing.assert_allclose(running.mean, stack.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(running.sd, stack.std(axis=0, ddof=1), rtol=1e-3)


def test_snr_and_cnr_by_their_formulas():
    mean, sd = np.array([[26.0, 26.0, 10.0]]), np.array([[2.0, 2.0, 4.0]])
    found = snr(mean, sd, [mean > 20, mean < 20])
    assert (found.blood, found.myocardium, found.cnr) == (13.0, 2.5, 2 * 16.0 / 6.0)


def test_few_replicas_do_not_flatter(rng):
    running = Running()
    for value in 20 + 2 * rng.standard_normal((5, 200, 200)):
        running.add(value)
    mask = np.ones((200, 200), bool)
    mask[:100] = False
    found = snr(running.mean, running.sd, [mask, ~mask])
    assert found.blood > 10.7
    row = Row("", "", replicas=5, snr_blood=found.blood, sd_blood=found.sd_blood)
    # What is left is the spread of the mean.
    assert unbiased(row).snr_blood == pytest.approx(10.0, rel=0.03)
    assert unbiased(row).sd_blood == pytest.approx(2.0, rel=0.02)


def test_variants_of_rivals_have_their_own_words_and_follow_the_noise(rng):
    for rival in RIVALS:
        words = [variant.words for variant in variants(rival)]
        assert len(words) == len(set(words)) > 1
    data = (5 + rng.standard_normal((11, 10, 12)) + 1j * rng.standard_normal((11, 10, 12))).astype(np.complex64)
    g = np.ones((10, 12), np.float32)
    np.testing.assert_allclose(find(BLUR, "0 px, 0 frames").run(data, g), np.abs(data), rtol=1e-6)
    tried = [*list(variants("scikit-image wavelet")), *list(variants("dipy local PCA"))[-3:]]
    for variant in tried:
        once, twice = variant.run(data, g), variant.run(2 * data, 2 * g)
        np.testing.assert_allclose(twice, 2 * once, rtol=1e-3)
        assert once.shape == data.shape
        assert once.std() < np.abs(data).std()


def test_a_shift_in_time_is_no_blur_in_space():
    scan = scan_of(RADII)
    moved = shift(np.abs(scan.clean).astype(float), (1, 0, 0), order=1, mode="grid-wrap")
    assert wall(moved, scan).lag == pytest.approx(1.0, abs=0.1)


def test_results_file_keeps_the_latest_and_the_tables_judge(tmp_path):
    path, case = tmp_path / "cine.jsonl", "cine, 16 coils"
    base = {"psnr": 40.0, "snr_blood": 13.0, "snr_myocardium": 5.0, "cnr": 8.0, "replicas": 64}
    append(path, Row(case, UNTOUCHED, **base))
    append(path, Row(case, BLUR, "0.5 px, 1 frames", **(base | {"psnr": 45.0})))
    append(path, Row(case, "quiet-complex", **(base | {"psnr": 30.0})))
    append(path, Row(case, "quiet-complex", **(base | {"psnr": 48.5, "snr_blood": 70.0, "snr_myocardium": 17.0})))
    rows = read(path)
    assert len(rows) == 3
    text = tables(rows)
    assert "| 3.50 dB | met |" in text
    assert "5.38× | met" in text
    assert "3.40× | **missed**" in text
    assert "PSNR over the best rival" not in text
