"""Blind noise level of real scans: known noise on top of them, and true repeats."""

import warnings

import nibabel as nib
import numpy as np
import pydicom
import pytest

from quietmr.data import Image, QuietmrWarning
from quietmr.noise import estimate_noise

from .scenes import rician

pytestmark = pytest.mark.shared


def level(data: np.ndarray, frames: str = "unknown") -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuietmrWarning)
        return estimate_noise(Image(data.reshape((1,) * (4 - data.ndim) + data.shape), frames=frames)).level


def volume(path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj, np.float32).T


@pytest.mark.parametrize("percent", [3, 9, 30])
@pytest.mark.parametrize("background", ["air", "zeroed"])
@pytest.mark.parametrize("support", [1.0, 0.7])
def test_noise_laid_on_an_averaged_head(shared, percent, background, support, rng):
    clean = volume(shared("mricron_colin27/ch2.nii.gz"))[80:96]
    sigma = 1.088 * percent  # 108.8 is its white matter
    noisy = rician(clean, sigma, rng, (1.0, support))
    if background == "zeroed":
        noisy[clean == 0] = 0
    assert level(noisy) == pytest.approx(sigma, rel=0.07)


def test_noise_laid_on_an_interpolated_scan_adds_to_its_own(shared, rng):
    clean = volume(shared("open_ms_longitudinal/patient01/study1_T1W.nii.gz"))[12:24]
    own = level(clean)
    noisy = rician(clean, 3 * own, rng, (1.0, 0.68))
    noisy[clean == 0] = 0
    assert level(noisy) == pytest.approx(np.hypot(own, 3 * own), rel=0.08)


def test_scanner_interpolation_is_reported(shared):
    clean = volume(shared("open_ms_longitudinal/patient01/study1_FLAIR.nii.gz"))
    with pytest.warns(QuietmrWarning, match=r"interpolated: k-space is filled to .*\d+% along x"):
        found = estimate_noise(Image(clean[None]))
    assert 0.5 < found.support[2] < 0.75  # 0.66 and a roll-off by the spectrum of whole rows


@pytest.fixture
def phantom_repeats(shared) -> np.ndarray:
    """Five slices, two repeats of a phantom: tiles of a 3 x 3 mosaic."""
    files = sorted(shared("dcm_qa_nih_siemens_phantom_pairs/mr_0003").glob("*.dcm"))
    mosaics = [pydicom.dcmread(file).pixel_array.astype(np.float32) for file in files]
    return np.stack([[m[i // 3 * 72 :, i % 3 * 72 :][:72, :72] for i in range(5)] for m in mosaics])


def test_true_repeats_and_a_single_image_agree_on_a_phantom(phantom_repeats):
    first, second = phantom_repeats
    difference = np.diff(np.diff((second - first) / np.sqrt(2), 2, axis=-1), 2, axis=-2) / 6
    tissue = first[:, 1:-1, 1:-1] > 0.3 * np.percentile(first, 99)
    true = 1.4826 * np.median(np.abs(difference[tissue]))
    assert level(phantom_repeats, "repetition") == pytest.approx(true, rel=0.15)
    with pytest.warns(QuietmrWarning, match="uncertain"):
        alone = estimate_noise(Image(first[None]))
    assert alone.level == pytest.approx(true, rel=0.35)
    assert alone.uncertainty >= 0.3
