"""What holds for every metric: identity, direction, scale, masks, refusals."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import InputError
from quietmr.evaluate import metrics
from quietmr.evaluate.metrics import METRICS

from .pictures import RANGE, blobs, noisy

EACH = pytest.mark.parametrize("name", METRICS)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return blobs(np.random.default_rng(2), (1, 2, 60, 72))


def image_of(truth: np.ndarray, sigma: float = 8.0) -> np.ndarray:
    return noisy(truth, np.random.default_rng(9), sigma)


@EACH
def test_truth_itself_is_perfect(name: str, truth: np.ndarray) -> None:
    assert METRICS[name](truth, truth, RANGE) == pytest.approx(METRICS[name].perfect, abs=1e-6)


@EACH
def test_more_damage_is_worse(name: str, truth: np.ndarray) -> None:
    metric = METRICS[name]
    damage = {
        "bias": lambda much: truth - much,
        "edge-broadening": lambda much: gaussian_filter(truth, [0, 0, much / 5, much / 5]),
    }
    make = damage.get(name, lambda much: image_of(truth, much))
    values = [metric(make(much), truth, RANGE) for much in (2.0, 5.0, 10.0)]
    if metric.better == "zero":
        values = [abs(value) for value in values]
    worsens = np.diff(values) < 0 if metric.better == "higher" else np.diff(values) > 0
    assert worsens.all()


@EACH
@pytest.mark.parametrize("factor", [255.0, 1e-9, 1e9])
def test_scale_changes_nothing(name: str, factor: float, truth: np.ndarray) -> None:
    image = image_of(truth)
    plain = METRICS[name](image, truth, RANGE)
    assert METRICS[name](factor * image, factor * truth, factor * RANGE) == pytest.approx(plain, rel=1e-6, abs=1e-9)


@EACH
def test_float32_and_integers_give_what_float64_gives(name: str, truth: np.ndarray) -> None:
    image, whole = np.round(image_of(truth)), np.round(truth)
    plain = METRICS[name](image, whole, RANGE)
    assert METRICS[name](image.astype(np.float32), whole.astype(np.uint8), RANGE) == pytest.approx(plain, rel=1e-6)


@EACH
def test_a_mask_hides_what_lies_far_outside(name: str, truth: np.ndarray) -> None:
    """Damage farther from the mask than any window reaches changes nothing; inside it does."""
    mask = np.zeros(truth.shape, bool)
    mask[:, 0, 6:54, 6:60] = True
    image = gaussian_filter(image_of(truth, 4.0), [0, 0, 0.5, 0.5]) + 1
    far = image.copy()
    far[:, 1] = 0
    reach = {"ssim3d"}  # its window sees the next slice
    plain = METRICS[name](image, truth, RANGE, mask)
    if name not in reach:
        assert METRICS[name](far, truth, RANGE, mask) == pytest.approx(plain, rel=1e-9)
    near = gaussian_filter(image, [0, 0, 2, 2]) - 3
    assert METRICS[name](near, truth, RANGE, mask) != pytest.approx(plain, rel=1e-3)


@EACH
def test_refusals_in_one_sentence(name: str, truth: np.ndarray) -> None:
    metric, hole = METRICS[name], truth.copy()
    hole[0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="same grid"):
        metric(truth[:, :1], truth, RANGE)
    with pytest.raises(InputError, match="1 values that are NaN"):
        metric(hole, truth, RANGE)
    with pytest.raises(InputError, match="no voxel"):
        metric(truth, truth, RANGE, np.zeros(truth.shape))
    with pytest.raises(InputError, match="mask on the grid"):
        metric(truth, truth, RANGE, np.ones((3, 5)))
    with pytest.raises(InputError, match="Only the truth is complex"):
        metric(truth, truth + 0j, RANGE)


@pytest.mark.parametrize(
    "name", [n for n in METRICS if n not in {"nrmse", "hfen", "gradient-error", "edge-broadening"}]
)
@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_data_range_must_be_positive(name: str, wrong: float, truth: np.ndarray) -> None:
    with pytest.raises(InputError, match="data range"):
        METRICS[name](truth, truth, wrong)


@EACH
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 1, 9), (1, 3, 8, 8), (2, 1, 12, 12)])
def test_tiny_images_give_a_number_or_a_sentence(name: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)
    true = rng.uniform(10, 100, shape)
    try:
        value = METRICS[name](noisy(true, rng), true, RANGE)
    except InputError as refusal:
        assert str(refusal).count(". ") == 0
        assert str(refusal).endswith((".", "?"))
    else:
        assert np.isfinite(value)


@EACH
def test_uniform_truth_gives_a_number_or_a_sentence(name: str) -> None:
    flat = np.full((1, 1, 64, 64), 50.0)
    for image in (image_of(flat), 0 * flat):
        try:
            assert np.isfinite(METRICS[name](image, flat, RANGE))
        except InputError as refusal:
            assert "uniform" in str(refusal) or "edges" in str(refusal)


def test_a_picture_is_one_slice_of_one_frame(truth: np.ndarray) -> None:
    image = image_of(truth)
    for metric in METRICS.values():
        assert metric(image[0, 0], truth[0, 0], RANGE) == metric(image[:, :1], truth[:, :1], RANGE)
        assert metric(image[0], truth[0], RANGE) == metric(image, truth, RANGE)


def test_one_slice_is_the_same_in_two_and_three_dimensions(truth: np.ndarray) -> None:
    image = image_of(truth)[:, :1]
    assert metrics.ssim3d(image, truth[:, :1], RANGE) == pytest.approx(metrics.ssim(image, truth[:, :1], RANGE))


def test_complex_images(truth: np.ndarray) -> None:
    """PSNR per real channel of the complex error; the phase counts. SSIM of magnitudes: it does not."""
    rng = np.random.default_rng(7)
    true = truth * np.exp(0.3j)
    image = true + 5 * (rng.standard_normal(truth.shape) + 1j * rng.standard_normal(truth.shape))
    assert metrics.psnr(image, true, RANGE) == pytest.approx(20 * np.log10(RANGE / 5), abs=0.1)
    turned = true * np.exp(0.1j)
    assert metrics.psnr(turned, true, RANGE) < 40
    assert metrics.nrmse(turned, true) == pytest.approx(2 * np.sin(0.05))
    for name in ("ssim", "ms-ssim", "vif", "gmsd", "hfen", "gradient-error", "bias"):
        assert METRICS[name](turned, true, RANGE) == pytest.approx(METRICS[name].perfect, abs=1e-6)


def test_a_command_is_told_that_the_truth_was_given_twice(truth: np.ndarray) -> None:
    with pytest.raises(InputError, match="same file"):
        metrics.check_pair(truth, truth)
    assert metrics.check_pair(image_of(truth), truth).truth.shape == truth.shape
    with pytest.raises(InputError, match="numbers"):
        metrics.check_pair(np.array([["a"]]), truth)
    with pytest.raises(InputError, match="axes"):
        metrics.check_pair(np.zeros(5), np.zeros(5))


def test_refusals_of_regions_and_repeats() -> None:
    with pytest.raises(InputError, match="noise is zero"):
        metrics.snr(np.ones(5))
    with pytest.raises(InputError, match="at least two voxels"):
        metrics.snr(np.ones(5), [0, 0, 1, 0, 0])
    with pytest.raises(InputError, match="NaN"):
        metrics.cnr_paper([1, 2, np.nan], [1, 2])
    with pytest.raises(InputError, match="noise is zero"):
        metrics.cnr([1.0, 2], [3.0, 4], 0)
    with pytest.raises(InputError, match="at least two of them"):
        metrics.cvar_map(np.ones((1, 4)))
    with pytest.raises(InputError, match="mean zero"):
        metrics.cvar(np.array([[1.0, -1], [1.0, 1]]))
    with pytest.raises(InputError, match="rising"):
        metrics.bias_by_intensity(np.ones((4, 4)), np.ones((4, 4)), [3, 2])
    with pytest.raises(InputError, match="between the edges"):
        metrics.bias_by_intensity(np.ones((4, 4)), np.ones((4, 4)), [3, 4])
    with pytest.raises(InputError, match="no voxel"):
        metrics.bias_by_tissue(np.ones((4, 4)), np.ones((4, 4)), np.zeros((4, 4)))


def test_bins_of_equal_values() -> None:
    (part,) = metrics.bias_by_intensity(np.full((4, 4), 3.0), np.ones((4, 4)))
    assert (part.truth, part.bias, part.sd, part.voxels) == (1, 2, 0, 16)
