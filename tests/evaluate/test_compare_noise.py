"""The images of a comparison: the noise that is added has the level it says, and bad clean images are refused."""

from dataclasses import replace

import numpy as np
import pytest

from quietmr.data import Geometry, Image, InputError, QuietmrWarning
from quietmr.evaluate.compare.conditions import Condition, Grid
from quietmr.evaluate.compare.noise_cases import KINDS
from quietmr.evaluate.compare.references import foreground, make_reference, own_noise

GRID = Grid(("a", "b"), ("white", "varying"), (3.0, 9.0), 2, ("untouched", "gaussian"))


def head(rng, shape=(1, 4, 60, 64), peak=100.0):
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape[1:]), indexing="ij")
    inside = (0.3 * z) ** 2 + (y / 0.8) ** 2 + (x / 0.7) ** 2 < 1
    values = inside * (0.6 + 0.4 * np.cos(5 * x) * np.cos(4 * y)) * peak
    return np.broadcast_to(values, shape).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_error_of_a_signed_image_has_the_stated_sigma(rng, kind):
    data = head(rng) - np.float32(20)
    with pytest.warns(QuietmrWarning, match="Gaussian"):
        reference = make_reference("a", Image(data), rule=200.0)
    assert reference.signed
    case, image = Condition("a", kind, 5.0, 0).make(reference)
    error = (case.noisy - case.truth) / case.sigma
    # 15 360 voxels: relative standard error of an SD 0.6 % (correlated noise: of a third of the voxels, 1 %)
    assert error.std() == pytest.approx(1, abs=0.03)
    assert np.median(case.sigma[reference.foreground]) == pytest.approx(10.0, rel=0.01)
    assert image.noise.kind == "gaussian"


def test_air_of_a_magnitude_follows_rayleighs_law(rng):
    reference = make_reference("a", Image(head(rng)), rule="max")
    case, image = Condition("a", "white", 10.0, 0).make(reference)
    air = case.noisy[~reference.foreground & (case.truth == 0)]
    sigma = 0.1 * reference.image.data.max()
    assert np.mean(air**2) == pytest.approx(2 * sigma**2, rel=0.05)
    assert image.noise.kind == "rician"


def test_real_and_imaginary_part_each_have_sigma(rng):
    reference = make_reference("a", Image((head(rng) * np.exp(0.7j)).astype(np.complex64)), rule=100.0)
    case, image = Condition("a", "white", 4.0, 1).make(reference)
    error = case.noisy - case.truth
    assert error.real.std() == pytest.approx(4, rel=0.03)
    assert error.imag.std() == pytest.approx(4, rel=0.03)
    assert image.noise.kind == "complex"


def test_noise_is_the_same_in_every_run_and_new_for_every_image_level_and_seed(rng):
    reference = make_reference("a", Image(head(rng)))
    here = Condition("a", "white", 5.0, 0)
    first, again = (here.make(reference)[0].noisy for _ in range(2))
    np.testing.assert_array_equal(first, again)
    for change in ({"seed": 1}, {"percent": 7.0}, {"image": "b"}):
        other = replace(here, **change).make(reference)[0].noisy
        errors = [(noisy - reference.image.data)[reference.foreground] for noisy in (first, other)]
        assert abs(np.corrcoef(errors)[0, 1]) < 0.1


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_everything_scales_with_the_image(rng, scale):
    plain = make_reference("a", Image(head(rng)))
    scaled = make_reference("a", Image(head(rng) * np.float32(scale)))
    assert scaled.level == pytest.approx(scale * plain.level, rel=1e-5)
    np.testing.assert_array_equal(scaled.foreground, plain.foreground)
    one, other = (Condition("a", "white", 5.0, 0).make(reference)[0].noisy for reference in (plain, scaled))
    np.testing.assert_allclose(other, scale * one, rtol=2e-5, atol=scale * 1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 60, 64), (3, 4, 60, 64)])
def test_small_flat_and_serial_images_have_a_foreground(rng, shape):
    reference = make_reference("a", Image(head(rng, shape)))
    assert reference.inside.any()
    assert reference.inside.shape == shape


def test_holes_belong_to_the_foreground_and_specks_do_not():
    volume = np.zeros((1, 30, 30))
    volume[0, 5:25, 5:25] = 100
    volume[0, 12:18, 12:18] = 0
    volume[0, 1, 1] = 100
    expected = np.zeros((1, 30, 30), bool)
    expected[0, 5:25, 5:25] = True
    found = foreground(volume)
    assert found[0, 14, 14]
    assert not found[0, 1, 1]
    assert (found ^ expected).sum() <= 4  # an opening rounds the corners


def test_mask_says_where_scores_are_taken_and_not_what_100_percent_is(rng):
    mask = np.zeros((1, 4, 60, 64), bool)
    mask[0, :, 28:32, 28:32] = True
    masked, plain = (make_reference("a", Image(head(rng)), given) for given in (mask, None))
    assert masked.inside.sum() == 4 * 16
    assert masked.level == plain.level


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data * 0, "constant"),
        (lambda data: data * 0 + 7, "constant"),
        (lambda data: np.where(data > 60, np.nan, data), "NaN"),
    ],
)
def test_what_is_no_clean_image_is_refused(rng, change, words):
    with pytest.raises(InputError, match=words):
        make_reference("scan", Image(change(head(rng))))


@pytest.mark.parametrize(
    ("mask", "words"), [(np.zeros((1, 4, 60, 64)), "is empty"), (np.ones((1, 3, 60, 64)), "does not fit")]
)
def test_masks_that_are_empty_or_do_not_fit_are_refused(rng, mask, words):
    with pytest.raises(InputError, match=words):
        make_reference("scan", Image(head(rng)), mask)


def test_a_few_negative_values_of_a_magnitude_are_set_to_zero_and_told(rng):
    data = head(rng).copy()
    data[0, 0, 0, :5] = -0.1
    with pytest.warns(QuietmrWarning, match="5 negative values"):
        reference = make_reference("scan", Image(data))
    assert not reference.signed
    assert reference.image.data.min() == 0


def test_noise_of_a_clean_image_is_seen(rng):
    clean = head(rng, (1, 4, 96, 96))
    noisy = np.hypot(clean + 3 * rng.standard_normal(clean.shape), 3 * rng.standard_normal(clean.shape))
    assert own_noise(make_reference("scan", Image(noisy))) == pytest.approx(3, rel=0.2)


def test_geometry_goes_with_the_noisy_image(rng):
    geometry = Geometry(np.diag([-1.0, 2, 3, 1]))
    _, noisy = Condition("a", "white", 5.0, 0).make(make_reference("a", Image(head(rng), geometry)))
    np.testing.assert_array_equal(noisy.geometry.affine, geometry.affine)


def test_grid_has_every_cell_once():
    cells = list(GRID.cells())
    assert len(cells) == len(set(cells)) == GRID.size == 2 * 2 * 2 * 2 * 2


def test_grids_grow_by_what_is_new_and_keep_what_was():
    new = Grid(("b", "c"), ("white",), (5.0,), 1, ("untouched", "median"))
    grown = GRID.grown_by(new)
    assert grown.images == ("a", "b", "c")
    assert grown.levels == (3.0, 5.0, 9.0)
    assert grown.methods == ("untouched", "gaussian", "median")
    assert grown.seeds == 2
    assert set(GRID.cells()) | set(new.cells()) <= set(grown.cells())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": (0.0,)}, "percent over 0"),
        ({"levels": (float("nan"),)}, "percent over 0"),
        ({"levels": ()}, "levels"),
        ({"kinds": ("pink",)}, "pink"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_grids_without_sense_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        replace(GRID, **change)
