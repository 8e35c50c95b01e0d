"""Magnitude and phase as two DICOM series."""

import warnings

import numpy as np
import pydicom
import pytest

from quietmr.io import read, write
from quietmr.io.pair import read_polar


@pytest.fixture
def series(scan, make, tmp_path, rng):
    """Folders of magnitude and phase, as Siemens stores them, and the complex values."""
    magnitude = rng.integers(1, 2000, (4, 10, 12)).astype("<u2")
    phase = rng.integers(0, 4096, (4, 10, 12)).astype("<u2")
    phase.flat[:2] = 0, 4095
    scan.volume(tmp_path / "m", magnitude)
    twin = make(study=scan.study)
    kind = ["ORIGINAL", "PRIMARY", "P", "ND"]
    twin.volume(tmp_path / "p", phase, ImageType=kind, RescaleSlope="2", RescaleIntercept="-4096", SeriesNumber=6)
    return tmp_path / "m", tmp_path / "p", magnitude * np.exp(1j * np.pi * (2.0 * phase - 4096) / 4096)


def test_series_make_one_complex_image(series):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pair = read_polar(*series[:2])
    assert str(pair.unit) == "scanner units, -4096 to 4096"
    np.testing.assert_allclose(pair.image.data[0], series[2], atol=2e-3)


def test_copies_are_series_in_the_units_of_their_sources(series, tmp_path):
    pair = read_polar(*series[:2])
    changed = pair.image.data * np.complex64(0.5j)
    for image, name in zip(pair.split(pair.image.replace(data=changed)), ("mo", "po"), strict=True):
        write(image, tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = read_polar(tmp_path / "mo", tmp_path / "po")
        assert read(tmp_path / "po").data.min() >= -4096
    assert back.unit == pair.unit
    # half a step of the magnitude, and half a step of the phase at its largest
    assert np.abs(back.image.data - changed).max() < 0.5 + np.abs(changed).max() * np.pi / 4096
    dataset = pydicom.dcmread(next((tmp_path / "po").iterdir()))
    assert (dataset.RescaleSlope, dataset.RescaleIntercept) == (2, -4096)
    assert dataset.ImageType[2] == "P"
