"""Repeats against the closed forms of a linear filter and of a method with a known bias."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import Image, InputError, NoiseMap
from quietmr.denoise.classical import GaussianFilter
from quietmr.evaluate.fresh_noise import add_noise
from quietmr.evaluate.repeats import compare_repeats

SHAPE = (1, 24, 48, 48)
SIGMA = 2.0


def repeats_of(signal, count, rng, kind="gaussian"):
    noise = NoiseMap(np.float32(SIGMA), kind, "given")
    return [Image(add_noise(signal, noise, rng), noise=noise) for _ in range(count)]


def structured(rng, dtype=np.float32):
    return (100 + 30 * gaussian_filter(rng.standard_normal(SHAPE), 0.7)).astype(dtype)


@pytest.mark.parametrize(("count", "dtype"), [(2, np.float32), (5, np.float32), (3, np.complex64)])
def test_shrinking_towards_the_truth_removes_noise_alone(count, dtype, rng):
    """d = s + (x - s) / 2: within-subject SD, error and limits halve; the mean change is noise, sigma / 2 / sqrt(R)."""
    signal = structured(rng, dtype)
    before = repeats_of(signal, count, rng, "complex" if dtype == np.complex64 else "gaussian")
    after = [image.replace(data=signal + (image.data - signal) / 2) for image in before]
    found = compare_repeats(before, after, align=False)
    assert found.within_before == pytest.approx(SIGMA, rel=0.01)
    assert found.within_after == pytest.approx(SIGMA / 2, rel=0.01)
    assert found.ratio == pytest.approx(0.5, rel=1e-4)
    assert found.bias_noise == pytest.approx(SIGMA / 2 / np.sqrt(count), rel=0.01)
    assert found.bias_rms == pytest.approx(found.bias_noise, rel=0.015)
    assert found.structure < 0.15 * SIGMA
    assert found.error_after == pytest.approx(SIGMA / 2, rel=0.03)
    assert found.agreement_after == pytest.approx(2.77 * SIGMA / 2, rel=0.02)
    assert found.cv_before == pytest.approx(100 * SIGMA / 100, rel=0.1)


@pytest.mark.parametrize("count", [2, 4])
def test_a_blur_repeats_well_and_is_caught_by_the_mean_change(count, rng):
    """Blur is linear: it changes the signal by (K - 1) s in every repeat, and its error is that and the noise left."""
    signal = structured(rng)
    before = repeats_of(signal, count, rng)
    after = [GaussianFilter(0.8)(image) for image in before]
    inner = np.s_[4:-4, 4:-4, 4:-4]  # where the kernel is not mirrored
    lost = (gaussian_filter(signal[0], 0.8) - signal[0])[inner]
    mask = np.zeros(SHAPE[1:], bool)
    mask[inner] = True
    found = compare_repeats(before, after, align=False, mask=mask)
    kernel = gaussian_filter(np.pad([[[1.0]]], 6), 0.8)
    left = SIGMA * np.sqrt((kernel**2).sum())
    assert found.within_after == pytest.approx(left, rel=0.03)
    assert found.structure == pytest.approx(np.sqrt(np.mean(lost**2)), rel=0.03)
    assert found.error_after == pytest.approx(np.sqrt(np.mean(lost**2) + left**2), rel=0.03)
    assert np.corrcoef(found.bias[0][inner].ravel(), lost.ravel())[0, 1] > 0.9


def test_a_result_that_is_always_the_same_is_repeatable_and_wrong(rng):
    signal = structured(rng)
    before = repeats_of(signal, 3, rng)
    after = [image.replace(data=np.full(SHAPE, signal.mean(), np.float32)) for image in before]
    found = compare_repeats(before, after, align=False)
    assert found.ratio == 0
    assert found.structure == pytest.approx(signal.std(), rel=0.02)
    assert found.error_after == pytest.approx(signal.std(), rel=0.02)


def test_doing_nothing_changes_nothing(rng):
    before = repeats_of(structured(rng), 3, rng)
    found = compare_repeats(before, before)
    assert (found.ratio, found.bias_rms, found.bias_noise, found.structure) == (1, 0, 0, 0)
    assert found.error_after == pytest.approx(SIGMA, rel=0.02)


def test_the_rician_floor_is_no_bias_if_the_noise_is_known(rng):
    """The truth itself, at SNR 1.5, lies below the mean of the magnitudes."""
    signal = np.full(SHAPE, 1.5 * SIGMA, np.float32)
    before = repeats_of(signal, 4, rng, "rician")
    after = [image.replace(data=signal) for image in before]
    blind, told = compare_repeats(before, after), compare_repeats(before, after, before[0].noise)
    assert blind.bias_mean < -0.3 * SIGMA
    assert told.bias_mean == pytest.approx(0, abs=0.01 * SIGMA)
    assert told.structure < 0.1 * SIGMA
    assert told.error_after < 0.1 * SIGMA or np.isnan(told.error_after)


def test_drift_of_the_scanner_is_taken_out(rng):
    signal = structured(rng)
    before = [
        image.replace(data=np.float32(1 + 0.02 * k) * image.data)
        for k, image in enumerate(repeats_of(signal, 3, rng))
    ]  # fmt: skip
    drifting, aligned = (compare_repeats(before, before, align=align) for align in (False, True))
    assert drifting.within_before > 1.3 * SIGMA
    assert aligned.within_before == pytest.approx(SIGMA, rel=0.04)
    np.testing.assert_allclose(aligned.factors, [1.02, 1, 1 / 1.02], rtol=1e-3)


def test_a_mask_and_voxels_without_a_number(rng):
    before = repeats_of(structured(rng), 2, rng)
    wild = before[0].data.copy()
    wild[0, 0, 0, 0] = np.nan
    wild[..., 24:] *= 3
    before[0] = before[0].replace(data=wild)
    mask = np.zeros(SHAPE, bool)
    mask[..., :24] = True
    found = compare_repeats(before, before, mask=mask, align=False)
    assert found.within_before == pytest.approx(SIGMA, rel=0.02)
    assert np.isfinite(found.sd_before).all()


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale, rng):
    before = repeats_of(structured(rng), 2, rng)
    scaled = [image.replace(data=np.float32(scale) * image.data) for image in before]
    one, other = (compare_repeats(images, [GaussianFilter()(_known(i, c)) for i in images]) for images, c in
                  ((before, 1.0), (scaled, scale)))  # fmt: skip
    for name in ("within_before", "within_after", "bias_rms", "bias_noise", "error_after"):
        assert getattr(other, name) / scale == pytest.approx(getattr(one, name), rel=1e-4)


def _known(image, scale):
    return image.replace(noise=NoiseMap(np.float32(SIGMA * scale), "gaussian", "given"))


def test_what_makes_no_sense_is_refused_in_one_sentence(rng):
    two = repeats_of(structured(rng), 2, rng)
    other = Image(np.zeros((1, 1, 8, 8)))
    cases = [
        ((two[:1], two[:1]), {}, "at least two images"),
        ((two, two[:1]), {}, "two equal lists"),
        ((two, [two[0], other]), {}, "one grid"),
        (([two[0]] * 2, two), {}, "copies"),
        ((two, two), {"mask": np.zeros(SHAPE, bool)}, "mask is empty"),
        ((two, two), {"mask": np.ones((5, 5), bool)}, "does not fit"),
    ]
    for given, choice, words in cases:
        with pytest.raises(InputError, match=words):
            compare_repeats(*given, **choice)
