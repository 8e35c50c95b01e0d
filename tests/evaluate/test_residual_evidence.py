"""What is said about right and wrong denoisers."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, median_filter

from quietmr.data import Image, InputError, NoiseMap
from quietmr.evaluate.residual import residual_evidence
from quietmr.phantoms.scene import Mixture, draw_scene

SIGMA = 0.07
HEADS = Mixture(head=1, regions=0, leaves=0, dynamic=0, thick=0, spine=0, joint=0, abdomen=0, heart=0)


@pytest.fixture(scope="module")
def clean():
    return draw_scene((6, 112, 112), HEADS, np.random.default_rng(5))[np.newaxis]


def noisy_of(clean, seed=1, sigma=SIGMA):
    rng = np.random.default_rng(seed)
    noise = sigma * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape))
    return np.abs(clean + noise).astype(np.float32)


def evidence(before, after, sigma=SIGMA, mask=None, kind="rician"):
    return residual_evidence(Image(before), Image(after), NoiseMap(np.float32(sigma), kind, "given"), mask)


def blob(shape, place, height=5 * SIGMA, width=2.0):
    z, y, x = np.ogrid[: shape[1], : shape[2], : shape[3]]
    distance = (z - place[0]) ** 2 + (y - place[1]) ** 2 + (x - place[2]) ** 2
    return (height * np.exp(-distance / (2 * width**2))).astype(np.float32)[np.newaxis]


def inside(clean):
    """A place in the middle of bright tissue."""
    level = gaussian_filter(clean[0, 3], 6)
    return (3, *np.unravel_index(np.argmax(level), level.shape))


def test_noise_alone_passes_at_the_stated_rate(clean):
    part = np.ascontiguousarray(clean[:, 2:4])
    verdicts = [evidence(noisy_of(part, seed), part).verdict for seed in range(16)]
    assert sum(verdict != "only noise" for verdict in verdicts) <= 1  # at 1 % two of 16 happen once in a hundred runs


@pytest.mark.parametrize("width", [0.7, 1.0, 1.5])
def test_blur_is_detected(clean, width):
    before = noisy_of(clean)
    found = evidence(before, gaussian_filter(before, (0, 0, width, width)))
    assert found.verdict == "structure removed"
    assert found.findings[0].passed is False


def test_median_is_detected(clean):
    before = noisy_of(clean)
    assert evidence(before, median_filter(before, (1, 3, 3, 3))).verdict == "structure removed"


def test_sharpening_is_detected(clean):
    sharp = clean + 0.7 * (clean - gaussian_filter(clean, (0, 0, 1, 1)))
    assert evidence(noisy_of(clean), sharp).verdict == "structure added"


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_next_to_nothing_is_called_so(clean, share):
    before = noisy_of(clean)
    assert evidence(before, before + np.float32(share) * (clean - before)).verdict == "nothing removed"


def test_all_signal_of_a_flat_object_removed_is_no_noise():
    before = 50 + np.random.default_rng(0).standard_normal((1, 2, 64, 64)).astype(np.float32)
    assert evidence(before, np.full_like(before, 50), 1.0).verdict == "only noise"
    assert evidence(before, np.full_like(before, 20), 1.0).verdict == "structure removed"


def test_one_absurd_voxel_changes_nothing(clean):
    before = noisy_of(clean)
    before[0, 3, 50, 50] = 1e30
    assert evidence(before, clean).verdict == "only noise"


@pytest.mark.parametrize(("sign", "verdict"), [(1, "structure added"), (-1, "structure removed")])
def test_a_blob_is_found_where_it_is(clean, sign, verdict):
    """A blob that is in one image only: in the denoised one it was made up, in the noisy one it got lost."""
    place = inside(clean)
    planted = blob(clean.shape, place)
    before, after = (clean, clean + planted) if sign > 0 else (clean + planted, clean)
    found = evidence(noisy_of(before), after)
    where = np.unravel_index(np.argmax(-sign * found.structure), found.structure.shape)
    assert np.linalg.norm(np.subtract(where[1:], place)) <= 4
    assert -sign * found.structure[where] > 8
    if sign > 0:
        assert found.verdict == verdict


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_units_do_not_matter(clean, factor):
    before = noisy_of(clean)
    after = gaussian_filter(before, (0, 0, 0.8, 0.8))
    plain, scaled = evidence(before, after), evidence(before * factor, after * factor, SIGMA * factor)
    assert scaled.verdict == plain.verdict
    for one, other in zip(plain.findings, scaled.findings, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-3, abs=1e-4)
    assert np.allclose(plain.structure, scaled.structure, atol=0.05)


def test_complex_images(clean):
    rng = np.random.default_rng(3)
    truth = clean * np.exp(1j * np.linspace(0, 3, clean.shape[-1]))
    before = truth + SIGMA * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape))
    assert evidence(before, truth, kind="complex").verdict == "only noise"
    parts = [gaussian_filter(part, (0, 0, 1, 1)) for part in (before.real, before.imag)]
    assert evidence(before, parts[0] + 1j * parts[1], kind="complex").verdict == "structure removed"
    assert evidence(before, truth + 3 * blob(clean.shape, inside(clean)), kind="complex").verdict == "structure added"


def test_real_images_with_negative_values(clean):
    before = clean + SIGMA * np.random.default_rng(3).standard_normal(clean.shape).astype(np.float32)
    assert evidence(before, clean, kind="gaussian").verdict == "only noise"
    assert evidence(before, gaussian_filter(before, (0, 0, 1, 1)), kind="gaussian").verdict == "structure removed"


def test_voxels_without_a_number_are_left_out(clean):
    before, after = noisy_of(clean), clean.copy()
    before[0, 2, 40:44, 50:60] = np.nan
    after[0, 2, 40:44, 50:60] = np.nan
    after[0, 4, 60, 60] = np.inf
    found = evidence(before, after)
    assert found.verdict == "only noise"
    assert np.isfinite(found.structure).all()
    assert not found.structure[0, 2, 40:44, 50:60].any()


def test_outside_the_mask_nothing_is_tested(clean):
    before = noisy_of(clean)
    half = np.zeros(clean.shape, bool)
    half[..., :56] = True
    after = np.where(half, clean, gaussian_filter(before, (0, 0, 1, 1)))
    assert evidence(before, after).verdict == "structure removed"
    masked = evidence(before, after, mask=half[0])
    assert masked.verdict == "only noise"
    assert not masked.structure[~half].any()


def test_series_and_pictures(clean):
    series = np.moveaxis(clean, 0, 1)
    assert evidence(noisy_of(series), series).verdict == "only noise"
    picture = clean[:, 3:4]
    before = noisy_of(picture)
    assert evidence(before, picture).verdict == "only noise"
    assert evidence(before, gaussian_filter(before, (0, 0, 1, 1))).verdict == "structure removed"


def test_an_image_smoothed_before_is_not_judged(clean):
    before = gaussian_filter(noisy_of(clean), (0, 0, 1, 1))
    found = evidence(before, gaussian_filter(before, (0, 0, 1, 1)), SIGMA / 3)
    assert found.verdict == "nothing claimed"
    assert "filtered" in found.words


def test_an_interpolated_image_is_not_judged(clean):
    noise = NoiseMap(np.float32(SIGMA), support=(1.0, 0.5, 0.5))
    found = residual_evidence(Image(noisy_of(clean)), Image(clean), noise)
    assert found.verdict == "nothing claimed"
    assert "interpolated" in found.words


@pytest.mark.parametrize(
    ("shape", "sigma"), [((1, 1, 8, 8), 1.0), ((1, 1, 64, 64), 0.0), ((1, 4, 20, 20), 1e9), ((1, 1, 300, 1), 1.0)]
)
def test_too_little_to_judge(shape, sigma):
    image = np.random.default_rng(0).normal(50, 1, shape).astype(np.float32)
    found = evidence(image, np.full(shape, 50, np.float32), sigma)
    assert found.verdict == "nothing claimed"
    assert found.structure.shape == shape


def test_what_does_not_fit_is_refused(clean):
    with pytest.raises(InputError, match="same grid"):
        evidence(clean, clean[:, :3])
    with pytest.raises(InputError, match="same form"):
        evidence(clean, clean + 0j)
    with pytest.raises(InputError, match="mask has shape"):
        evidence(clean, clean, mask=np.ones((3, 3), bool))
    with pytest.raises(InputError, match="mask is empty"):
        evidence(clean, clean, mask=np.zeros(clean.shape, bool))
    with pytest.raises(InputError, match="no finite number"):
        evidence(np.full_like(clean, np.nan), clean)
