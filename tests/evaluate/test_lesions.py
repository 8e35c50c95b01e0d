"""Lesion survival, against the closed form of a linear filter and of doing nothing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from quietmr.data import Geometry, Image, InputError, NoiseMap
from quietmr.denoise.classical import GaussianFilter, MedianFilter
from quietmr.evaluate.bumps import SD_PER_FWHM, Bump, place_bumps
from quietmr.evaluate.fresh_noise import add_noise
from quietmr.evaluate.lesions import lesion_survival
from quietmr.evaluate.typical_block import crop, typical_block

SIZES = (3.0, 4.0, 6.0)
ONE = NoiseMap(np.float32(1), "gaussian", "given")


def untouched(image):
    return image


def geometry(z, y, x):
    return Geometry(np.diag([x, y, z, 1.0]))


def kept_of_axis(diameter, width, mm):
    profile = np.exp(-0.5 * (np.arange(-60, 61) * mm / (diameter * SD_PER_FWHM)) ** 2)
    return gaussian_filter1d(profile, width) @ profile / (profile @ profile)


def test_kept_of_a_wide_bump_nears_the_formula_of_continuous_space():
    """(1 + b^2 / (2 s^2))^(-1/2) for blur of SD b on a bump of SD s."""
    for width, size in ((0.8, 4), (2, 9)):
        expected = (1 + width**2 / (2 * (size * SD_PER_FWHM) ** 2)) ** -0.5
        assert kept_of_axis(size, width, 1) == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize(
    ("shape", "voxel"), [((1, 36, 64, 64), (1, 1, 1)), ((1, 20, 60, 70), (2, 1, 0.8)), ((1, 1, 90, 90), (5, 1, 1))]
)
def test_a_gaussian_filter_keeps_what_its_formula_says(shape, voxel, rng):
    """Kept is the product over the axes of <blurred profile, profile> / <profile, profile>."""
    width = 0.8  # voxels
    image = Image(np.full(shape, 30, np.float32), geometry(*voxel))
    found = lesion_survival(
        GaussianFilter(width), image, ONE, diameters_mm=SIZES, contrasts=(2, -5), count=4, rng=rng, around=image
    )
    axes = voxel if shape[1] > 1 else voxel[1:]
    for row, size in zip(found.kept, SIZES, strict=True):
        np.testing.assert_allclose(row, np.prod([kept_of_axis(size, width, mm) for mm in axes]), rtol=0.01)
    assert found.error.max() < 0.01
    assert found.kept.shape == found.error.shape == (3, 2)


@pytest.mark.parametrize("kind", ["gaussian", "complex"])
def test_doing_nothing_keeps_all(kind, rng):
    data = (
        40 * np.exp(1j * rng.uniform(0, 6, (2, 8, 40, 40))) if kind == "complex" else rng.normal(0, 9, (2, 8, 40, 40))
    )
    image = Image(data)
    noise = NoiseMap(np.linspace(1, 2, 40), kind, "given")
    mask = np.ones(image.shape, bool)
    found = lesion_survival(
        untouched, image, noise, diameters_mm=(2, 4), contrasts=(3, -3), count=3, rng=rng, mask=mask, around=image
    )
    np.testing.assert_allclose(found.kept, 1, atol=1e-5)


def test_the_rician_law_takes_its_part_of_a_contrast_at_low_snr(rng):
    """The mean of a magnitude is A + sigma^2 / (2 A), so a small change of A is passed on as 1 - sigma^2 / (2 A^2)."""
    snr = 5.0
    image = Image(np.full((1, 40, 120, 120), snr, np.float32))
    noise = NoiseMap(np.float32(1), "rician", "given")
    found = lesion_survival(
        untouched, image, noise, diameters_mm=(5,), contrasts=(0.2,), count=80, rng=rng, around=image
    )
    assert found.kept[0, 0] == pytest.approx(1 - 1 / (2 * snr**2), abs=4 * found.error[0, 0])
    assert found.error[0, 0] < 0.004


def test_a_median_filter_wipes_out_what_is_smaller_than_half_its_window(rng):
    image = Image(np.full((1, 24, 48, 48), 100, np.float32))
    found = lesion_survival(
        MedianFilter(5), image, ONE, diameters_mm=(1, 8), contrasts=(20,), count=3, rng=rng, around=image
    )
    assert found.kept[0, 0] < 0.1
    assert found.kept[1, 0] > 0.7


def test_bumps_of_all_sizes_share_an_image_without_touching(rng):
    tissue = np.zeros((30, 70, 70), bool)
    tissue[3:27, 5:65, 5:65] = True
    voxel = (2.0, 1.0, 1.0)
    sheets = place_bumps(tissue, voxel, SIZES, 12, rng)
    assert sorted(bump.diameter for sheet in sheets for bump in sheet) == sorted(SIZES * 12)
    for sheet in sheets:
        for i, one in enumerate(sheet):
            z, y, x = one.center
            assert tissue[z, y, x]
            for other in sheet[:i]:
                apart = np.linalg.norm((np.array(one.center) - other.center) * voxel)
                assert apart > one.reach + other.reach + 2


def test_bumps_that_do_not_fit_into_one_image_go_into_several(rng):
    image = Image(np.full((1, 10, 24, 24), 60, np.float32))
    calls = []

    def counting(image):
        calls.append(1)
        return image

    found = lesion_survival(counting, image, ONE, diameters_mm=(3, 5), contrasts=(2,), count=12, rng=rng, around=image)
    assert found.count == 12
    assert len(calls) > 2
    np.testing.assert_allclose(found.kept, 1, atol=1e-4)


def test_half_of_the_peak_lies_half_a_diameter_away():
    box, profile = Bump((10, 10, 10), 4.0).profile((21, 21, 21), (1.0, 1.0, 2.0))
    whole = np.zeros((21, 21, 21))
    whole[box] = profile
    assert whole[10, 10, 10] == 1
    assert whole[12, 10, 10] == pytest.approx(0.5, abs=1e-6)
    assert whole[10, 10, 11] == pytest.approx(0.5, abs=1e-6)


def test_a_region_gives_what_the_same_block_gives(rng):
    data = rng.uniform(40, 60, (1, 30, 60, 60)).astype(np.float32)
    noise = NoiseMap(rng.uniform(1, 2, (30, 60, 60)), "rician", "given")
    image = Image(data, noise=noise)
    region = typical_block(image, np.ones((1, 1, 1, 1), bool), 20_000)
    assert np.prod([part.stop - part.start for part in region]) <= 20_000
    block = crop(image, region)
    choices = {"diameters_mm": (3,), "contrasts": (4,), "count": 5}
    whole = lesion_survival(
        GaussianFilter(), image, noise, rng=np.random.default_rng(1), region=region, around=image, **choices
    )
    alone = lesion_survival(GaussianFilter(), block, block.noise, rng=np.random.default_rng(1), around=block, **choices)
    np.testing.assert_array_equal(whole.kept, alone.kept)


def test_the_typical_block_is_where_the_tissue_is(rng):
    mask = np.zeros((1, 40, 100, 120), bool)
    mask[:, 20:36, 50:90, 70:110] = True
    image = Image(np.zeros(mask.shape, np.float32))
    region = typical_block(image, mask, 40 * 40 * 20)
    assert mask[0][region].sum() == mask.sum()
    assert typical_block(image, mask, 10**9) == (slice(0, 40), slice(0, 100), slice(0, 120))
    flat = typical_block(Image(np.zeros((1, 1, 500, 20))), np.ones(1, bool), 4000)
    assert [part.stop - part.start for part in flat] == [1, 200, 20]
    with pytest.raises(InputError, match="empty"):
        typical_block(image, np.zeros(1, bool))
    with pytest.raises(InputError, match="does not fit"):
        typical_block(image, np.ones((7, 7), bool))


def test_dark_bumps_stay_above_zero(rng):
    """A magnitude of 3 sigma has no room for a bump of -5 sigma: only the brighter half is used."""
    data = np.full((1, 12, 40, 40), 3, np.float32)
    data[..., 20:] = 30
    image = Image(data)
    noise = NoiseMap(np.float32(1), "rician", "given")
    seen = []

    def watching(image):
        seen.append(image.data)
        return image

    lesion_survival(watching, image, noise, diameters_mm=(3,), contrasts=(-5,), count=4, rng=rng, around=image)
    assert np.abs(seen[1] - seen[0])[..., :19].max() < 1
    assert (seen[1] - seen[0]).min() < -4


@pytest.mark.parametrize("around", ["denoised", "image"])
def test_without_a_truth_a_linear_filter_is_seen_as_it_is(around, rng):
    clean = np.full((1, 30, 50, 50), 30, np.float32)
    image = Image(add_noise(clean, ONE, rng))
    found = lesion_survival(
        GaussianFilter(0.6), image, ONE, diameters_mm=(4,), contrasts=(3,), count=4, rng=rng, around=around
    )
    s = 4 * SD_PER_FWHM
    assert found.kept[0, 0] == pytest.approx((1 + 0.36 / (2 * s**2)) ** -1.5, rel=0.02)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale):
    found = [
        lesion_survival(
            GaussianFilter(), Image(np.full((1, 16, 32, 32), 30 * c, np.float32)), NoiseMap(np.float32(c)),
            diameters_mm=(3,), contrasts=(4,), count=3, rng=np.random.default_rng(4),
        ).kept[0, 0]
        for c in (1.0, scale)
    ]  # fmt: skip
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_what_makes_no_sense_is_refused_in_one_sentence(rng):
    image = Image(np.full((1, 12, 30, 30), 30, np.float32))
    small = np.pad(np.ones((4, 4, 4), bool), ((4, 4), (13, 13), (13, 13)))
    cases = [
        ({"diameters_mm": ()}, "at least one"),
        ({"diameters_mm": (0,)}, "positive"),
        ({"contrasts": (0,)}, "other than 0"),
        ({"contrasts": (np.nan,)}, "other than 0"),
        ({"count": 1}, "at least 2 bumps"),
        ({"diameters_mm": (50,), "mask": small}, "large enough"),
        ({"mask": np.zeros((1, 1, 1, 1), bool)}, "no voxel"),
        ({"around": Image(np.zeros((1, 1, 4, 4)))}, "grid of the image"),
    ]
    for change, words in cases:
        with pytest.raises(InputError, match=words):
            lesion_survival(untouched, image, ONE, rng=rng, **({"count": 2} | change))
