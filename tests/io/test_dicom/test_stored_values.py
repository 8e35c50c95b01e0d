"""Which integers a derived series stores: the old ones where they serve, never coarser ones in silence."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from quietmr.data import OutputError, QuietmrWarning, Step


def test_rounded_values_keep_the_old_type_and_scale(one, ramp):
    values = np.linspace(0, 4000, 48) + 0.3
    _, back, written = one(ramp() * 80, values, BitsStored=12, HighBit=11, RescaleSlope="2", RescaleIntercept="-5")
    assert (written.BitsStored, written.PixelRepresentation) == (12, 0)
    assert (written.RescaleSlope, written.RescaleIntercept) == (2, -5)
    assert np.abs(back.data.ravel() - values).max() <= 1.0 + 1e-3
    assert written.pixel_array.max() < 4096


def test_values_above_twelve_bits_get_sixteen(one, ramp):
    _, back, written = one(ramp() * 80, ramp() * 100, BitsStored=12, HighBit=11)
    assert (written.BitsStored, written.HighBit) == (16, 15)
    assert "RescaleSlope" not in written
    assert np.array_equal(back.data[0, 0], ramp() * 100.0)


def test_half_a_step_above_twelve_bits_is_too_much(one, ramp):
    values = np.linspace(0, 4095.5, 48)
    _, back, written = one(ramp() * 80, values, BitsStored=12, HighBit=11)
    assert written.pixel_array.max() < 2**written.BitsStored
    assert np.abs(back.data.ravel() - values).max() <= 0.5


def test_negative_values_of_unsigned_pixels(one, ramp, rng):
    removed = rng.normal(0, 30, 48).astype(np.float32)
    _, back, written = one(ramp() * 80, removed, history=(Step("removed"),), PixelPaddingValue=0)
    assert written.PixelRepresentation == 0
    assert written.RescaleIntercept <= removed.min()
    assert written.RescaleSlope <= 1
    assert np.abs(back.data.ravel() - removed).max() <= written.RescaleSlope / 2 * 1.001
    assert written.SeriesDescription == "t1 small removed"
    # counted in old stored values
    assert "PixelPaddingValue" not in written


def test_negative_values_of_signed_pixels_keep_their_type(one, ramp):
    stored = ramp(dtype="<i2") * 80 - 2000
    _, back, written = one(stored, -stored)
    assert (written.PixelRepresentation, written.get("RescaleSlope")) == (1, None)
    assert np.array_equal(back.data[0, 0], -stored)


def test_values_in_snr_units_are_not_rounded_to_old_steps(one, ramp, rng):
    values = rng.uniform(0, 300, 48)
    _, back, written = one(ramp() * 80, values, unit="snr")
    assert written.RescaleSlope < 0.01
    assert np.abs(back.data.ravel() - values).max() <= written.RescaleSlope / 2 * 1.001


def test_too_wide_a_range_is_said(one, ramp):
    with pytest.warns(QuietmrWarning, match="times coarser"):
        _, back, written = one(ramp(), np.linspace(-1e6, 1e6, 48))
    assert np.abs(back.data.ravel() - np.linspace(-1e6, 1e6, 48)).max() <= written.RescaleSlope / 2 * 1.01


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    slope=st.sampled_from([1.0, 3.774114, 0.25, 1e-3, -2.0]),
    intercept=st.sampled_from([0.0, 6.1e-05, -1024.0]),
    center=st.floats(-500, 500),
    spread=st.floats(1e-3, 300),
    signed=st.booleans(),
)
def test_quantization_is_never_coarser_than_the_source(one, ramp, rng, slope, intercept, center, spread, signed):
    stored = ramp(dtype="<i2" if signed else "<u2") * 100
    values = intercept + slope * (center + rng.normal(0, spread, 48))
    image, back, _ = one(stored, values, RescaleSlope=f"{slope:g}", RescaleIntercept=f"{intercept:g}")
    float32 = np.abs(values).max() * 2.0**-23
    assert np.abs(back.data.ravel() - values).max() <= abs(slope) / 2 * 1.001 + float32
    assert back.geometry.affine == pytest.approx(image.geometry.affine)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(slope=1e-4, intercept=999.9, dtype="|u1", seed=0)
@given(
    slope=st.floats(1e-4, 1e3),
    intercept=st.floats(-1e3, 1e3),
    dtype=st.sampled_from(["|u1", "<u2", "<i2"]),
    seed=st.integers(0, 99),
)
def test_untouched_integers_are_identical(one, slope, intercept, dtype, seed):
    info = np.iinfo(dtype)
    stored = np.random.default_rng(seed).integers(info.min, info.max, (3, 5), dtype=dtype, endpoint=True)
    _, _, written = one(stored, RescaleSlope=f"{slope:.9g}", RescaleIntercept=f"{intercept:.9g}")
    assert np.array_equal(written.pixel_array, stored)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_refused(one, ramp, value, tmp_path):
    values = ramp().astype(float)
    values[0, 0] = value
    with pytest.raises(OutputError, match="1 voxels are NaN or infinite"):
        one(ramp(), values)
    assert not (tmp_path / "out.dcm").exists()
