"""Each metric against a second implementation (scikit-image, torchmetrics, a direct formula) or a closed form."""

import numpy as np
import pytest
import torch
import torchmetrics.functional.image as peers
from scipy.ndimage import convolve, gaussian_filter
from scipy.special import ndtr
from skimage import filters
from skimage import metrics as skimage_metrics

from quietmr.evaluate import metrics

from .pictures import RANGE, blobs, noisy


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    truth = blobs(rng)
    return noisy(truth, rng), truth


def tensor(slices: np.ndarray) -> torch.Tensor:
    return torch.tensor(slices[0][:, None])


def test_psnr_and_nrmse_agree_with_skimage(pair) -> None:
    image, truth = pair
    assert metrics.psnr(image, truth, RANGE) == pytest.approx(
        skimage_metrics.peak_signal_noise_ratio(truth, image, data_range=RANGE), abs=1e-9
    )
    assert metrics.nrmse(image, truth) == pytest.approx(
        skimage_metrics.normalized_root_mse(truth, image, normalization="euclidean"), abs=1e-9
    )


def test_ssim_map_agrees_with_skimage_in_two_and_three_dimensions(pair) -> None:
    image, truth = pair
    keys = {"data_range": RANGE, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
    planes = [skimage_metrics.structural_similarity(x, y, **keys)[1] for x, y in zip(image[0], truth[0], strict=True)]
    np.testing.assert_allclose(metrics.ssim_map(image, truth, RANGE)[0], planes, atol=1e-9)
    deep = np.random.default_rng(1).uniform(0, RANGE, (2, 1, 13, 20, 17))
    volume = skimage_metrics.structural_similarity(deep[0, 0], deep[1, 0], **keys)[1]
    np.testing.assert_allclose(metrics.ssim_map(deep[0], deep[1], RANGE, 3)[0], volume, atol=1e-9)
    assert metrics.ssim3d(deep[0], deep[1], RANGE) == pytest.approx(volume.mean(), abs=1e-9)


def test_multiscale_ssim_agrees_with_torchmetrics(pair) -> None:
    image, truth = pair
    theirs = peers.multiscale_structural_similarity_index_measure(tensor(image), tensor(truth), data_range=RANGE)
    assert metrics.ms_ssim(image, truth, RANGE) == pytest.approx(float(theirs), abs=1e-4)


def test_vif_agrees_with_torchmetrics(pair) -> None:
    image, truth = pair
    for n in range(2):
        scaled = [tensor(a[:, n : n + 1]) * 255 / RANGE for a in (image, truth)]
        theirs = float(peers.visual_information_fidelity(*scaled))
        assert metrics.vif(image[0, n], truth[0, n], RANGE) == pytest.approx(theirs, abs=1e-4)


def test_vif_knows_that_contrast_without_noise_adds_information(pair) -> None:
    _, truth = pair
    assert metrics.vif(70 + 1.5 * (truth - 70), truth, RANGE) > 1.05
    assert metrics.vif(np.full_like(truth, 70), truth, RANGE) == pytest.approx(0, abs=1e-6)


def test_gmsd_agrees_with_a_direct_computation(pair) -> None:
    """Xue's own steps with a two-dimensional kernel, on torch."""
    image, truth = pair
    kernel = torch.tensor([[1.0, 0, -1]] * 3, dtype=torch.float64) / 3
    gradients = []
    for a in (image, truth):
        small = torch.nn.functional.avg_pool2d(tensor(a) * 255 / RANGE, 2)
        padded = torch.nn.functional.pad(small, (1, 1, 1, 1), mode="replicate")  # = mirrored, for a reach of 1
        parts = [torch.nn.functional.conv2d(padded, k[None, None]) for k in (kernel, kernel.T)]
        gradients.append(torch.sqrt(parts[0] ** 2 + parts[1] ** 2))
    x, y = gradients
    similarity = (2 * x * y + 170) / (x**2 + y**2 + 170)
    direct = similarity.flatten(1).std(dim=1).mean()
    assert metrics.gmsd(image, truth, RANGE) == pytest.approx(float(direct), abs=1e-9)


def test_hfen_agrees_with_the_kernel_of_the_paper(pair) -> None:
    image, truth = pair
    y, x = np.mgrid[-7:8, -7:8]
    gauss = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    kernel = gauss * (x**2 + y**2 - 2 * 1.5**2) / (1.5**4 * gauss.sum())
    kernel -= kernel.mean()
    error, detail = (
        np.stack([convolve(plane, kernel, mode="reflect") for plane in a[0]]) for a in (image - truth, truth)
    )
    direct = np.linalg.norm(error) / np.linalg.norm(detail)
    assert metrics.hfen(image, truth) == pytest.approx(direct, abs=1e-9)


def test_gradient_error_agrees_with_the_operator_of_skimage(pair) -> None:
    image, truth = pair

    def gradient(a: np.ndarray) -> np.ndarray:
        return np.stack([f(plane) for plane in a[0] for f in (filters.sobel_h, filters.sobel_v)])

    direct = np.linalg.norm(gradient(image - truth)) / np.linalg.norm(gradient(truth))
    assert metrics.gradient_error(image, truth) == pytest.approx(direct, abs=1e-9)


@pytest.mark.parametrize("sd", [0.8, 1.0, 1.6, 2.5])
@pytest.mark.parametrize("angle", [0.0, 0.5, 1.3])
def test_edge_width_of_a_blurred_step(sd: float, angle: float) -> None:
    y, x = np.mgrid[:70, :70] - 34.6
    step = 20 + 80 * ndtr((x * np.cos(angle) + y * np.sin(angle)) / sd)
    assert metrics.edge_spread_width(step, step) == pytest.approx(2.3548 * sd, rel=0.03)


def test_edge_width_survives_noise_and_adds_up_in_squares() -> None:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:160, :160] - 80.2
    disc = 20 + 80 * ndtr((50 - np.hypot(x, y)) / 1.0)
    softer = gaussian_filter(disc, 1.2)
    expected = 2.3548 * (np.hypot(1.0, 1.2) - 1.0)
    assert metrics.edge_broadening(softer, disc) == pytest.approx(expected, rel=0.05)
    assert metrics.edge_broadening(softer + 5 * rng.standard_normal(disc.shape), disc) == pytest.approx(
        expected, abs=0.2
    )
    assert metrics.edge_broadening(disc + 0.8 * (disc - gaussian_filter(disc, 1)), disc) < -0.2


def test_region_figures_by_hand() -> None:
    a, b = np.array([9.0, 10, 11]), np.array([18.0, 20, 22])
    assert metrics.snr(a) == 10
    assert metrics.cnr_paper(a, b) == pytest.approx(2 * 10 / (1 + 2))
    assert metrics.cnr(a, b, 4.0) == 2.5
    np.testing.assert_allclose(metrics.cvar_map(np.array([[9.0, 0], [11, 0]])), [np.sqrt(2) / 10, 0])
    assert metrics.cvar(np.array([[9.0, 0], [11, 0]]), [1, 0]) == pytest.approx(np.sqrt(2) / 10)


def test_bias_by_tissue_and_by_intensity_find_what_was_put_in() -> None:
    rng = np.random.default_rng(5)
    truth = rng.choice([10.0, 50, 90], (1, 4, 30, 30))
    shift = {10.0: 4.0, 50.0: 0.0, 90.0: -2.0}
    image = truth + np.vectorize(shift.get)(truth) + 0.5 * rng.standard_normal(truth.shape)
    labels = np.searchsorted([20, 60], truth)  # 0, 1, 2
    first, second = metrics.bias_by_tissue(image, truth, labels, {1: "grey"})
    assert (first.name, second.name) == ("grey", "label 2")
    assert (first.truth, second.truth) == (50, 90)
    assert abs(first.bias) < 5 * first.standard_error
    assert abs(second.bias + 2) < 5 * second.standard_error
    assert second.sd == pytest.approx(0.5, rel=0.1)
    parts = metrics.bias_by_intensity(image, truth, [0, 30, 60, 90])
    assert [part.voxels for part in parts] == [np.count_nonzero(truth == value) for value in shift]
    np.testing.assert_allclose([part.bias for part in parts], [4, 0, -2], atol=0.1)
    assert metrics.bias(image, truth, 100.0) == pytest.approx(np.mean(image - truth), abs=1e-9)
    quantiles = metrics.bias_by_intensity(image, truth + np.arange(30) * 1e-3, 10)
    assert sum(part.voxels for part in quantiles) == truth.size
