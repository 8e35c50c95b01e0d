"""Complex images kept as two real ones: units of the phase, and what comes back."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from quietmr.data import Image, InputError, Meta, QuietmrWarning, Storage
from quietmr.io.pair import Pair, read_parts, read_polar
from quietmr.io.phase_units import phase_unit

TURN = 2 * np.pi
# name, turn, lowest value, type: what scanners and converters write
UNITS = {
    "radians": (TURN, -np.pi, "<f4"),
    "radians from 0": (TURN, 0.0, "<f4"),
    "degrees": (360.0, -180.0, "<i2"),
    "milliradians": (1000 * TURN, -1000 * np.pi, "<i2"),
    "Siemens": (8192.0, -4096.0, "<i2"),
    "Siemens, not scaled": (4096.0, 0.0, "<u2"),
    "centered": (4096.0, -2048.0, "<i2"),
}


def as_image(data, storage=None, source=None):
    return Image(np.asarray(data, np.float32), meta=Meta(storage=storage, source=source))


def phases(shape, rng):
    return rng.uniform(-np.pi, np.pi, shape)


def in_units(radians, turn, lowest, dtype):
    values = lowest + np.mod(radians * turn / TURN - lowest, turn)
    if np.dtype(dtype).kind == "f":
        return values
    whole = np.rint(values)
    return np.where(whole > lowest + turn - 0.5, np.rint(lowest), whole)


def save(path, data, dtype="<f4", affine=None):
    nib.save(nib.Nifti1Image(np.asarray(data).T.astype(dtype), np.eye(4) if affine is None else affine), path)
    return path


@pytest.mark.parametrize("name", UNITS)
def test_the_range_tells_the_unit(name, rng):
    turn, lowest, dtype = UNITS[name]
    radians = phases((1, 6, 32, 32), rng)
    image = as_image(in_units(radians, turn, lowest, dtype), Storage(dtype))
    unit = phase_unit(image)
    assert (unit.turn, unit.lowest, unit.is_certain) == (turn, lowest, True)
    step = 0.0 if dtype == "<f4" else TURN / turn
    assert np.abs(np.angle(np.exp(1j * (unit.radians(image.data) - radians)))).max() < 0.51 * step + 1e-5


@pytest.mark.parametrize("name", UNITS)
def test_units_come_back_and_stay_within_the_turn(name, rng):
    turn, lowest, dtype = UNITS[name]
    image = as_image(in_units(phases((1, 6, 32, 32), rng), turn, lowest, dtype), Storage(dtype))
    unit = phase_unit(image)
    moved = unit.radians(image.data) + rng.uniform(-10, 10, image.shape)
    back = unit.values(moved, image.data, Storage(dtype))
    stored = np.rint(back) if dtype != "<f4" else back
    assert stored.min() >= image.data.min() - 1
    assert stored.max() <= np.ceil(lowest + turn) - (dtype != "<f4")
    error = np.angle(np.exp(1j * (unit.radians(back) - moved)))
    assert np.abs(error).max() <= (0.51 * TURN / turn if dtype != "<f4" else 0) + 1e-5
    np.testing.assert_allclose(
        unit.values(unit.radians(image.data), image.data, Storage(dtype)) % turn,
        image.data % turn,
        atol=1e-3 * turn / 1000,
    )


def test_philips_fractions_with_a_slope_are_radians(rng):
    step = TURN / 4095
    stored = rng.integers(0, 4096, (1, 4, 32, 32))
    image = as_image(stored * step - np.pi, Storage("<i2", step, -np.pi))
    unit = phase_unit(image)
    assert unit.name == "radians"
    back = unit.values(np.full(image.shape, np.pi - 1e-4), image.data, image.meta.storage)
    assert np.rint((back + np.pi) / step).max() <= 4095


def test_unwrapped_phase_stays_unwrapped(rng):
    unwrapped = 9 * phases((1, 2, 20, 20), rng)
    unit = phase_unit(as_image(unwrapped), turn=TURN)
    assert unit.lowest is None
    moved = unit.values(np.angle(np.exp(1j * (unwrapped + 0.3))), as_image(unwrapped).data, None)
    np.testing.assert_allclose(moved - unwrapped, 0.3, atol=1e-4)


def test_masked_fractions_are_radians_with_a_doubt(rng):
    image = as_image(rng.uniform(-1, 0.8, (1, 2, 16, 16)))
    assert not phase_unit(image).is_certain
    assert phase_unit(image).name == "radians"


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.zeros(64), "only one value"),
        (np.full(64, np.nan), "NaN"),
        (np.arange(64) % 4, "no full turn"),  # labels
        (np.linspace(0, 1500, 64).round(), "no full turn"),  # a magnitude
        (np.linspace(-20, 25, 64), "no full turn"),  # unwrapped
        (np.linspace(-9000, 9000, 64), "no full turn"),
        (np.linspace(0, 1e9, 64), "no full turn"),
        (np.exp(1j * np.arange(64)), "complex"),
    ],
)
def test_what_cannot_be_phase_is_refused(values, word):
    image = Image(values.reshape(1, 1, 8, 8), meta=Meta(source=Path("phase.nii")))
    with pytest.raises(InputError, match=rf"phase\.nii.*{word}"):
        phase_unit(image)


@pytest.mark.parametrize("turn", [0.0, -1.0, np.nan, np.inf])
def test_impossible_turns_are_refused(turn, rng):
    with pytest.raises(InputError, match="positive"):
        phase_unit(as_image(phases((1, 1, 8, 8), rng)), turn)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_polar_pair_is_the_complex_image_and_back(scale, rng, tmp_path):
    wanted = (scale * (rng.standard_normal((4, 20, 24)) + 1j * rng.standard_normal((4, 20, 24)))).astype(np.complex64)
    pair = read_polar(save(tmp_path / "m.nii", np.abs(wanted)), save(tmp_path / "p.nii", np.angle(wanted)))
    assert pair.image.data.dtype == np.complex64
    np.testing.assert_allclose(pair.image.data[0] / scale, wanted / scale, atol=2e-6)
    changed = (2j * wanted)[np.newaxis]
    magnitude, phase = pair.split(pair.image.replace(data=changed))
    np.testing.assert_allclose(magnitude.data / scale, np.abs(changed) / scale, rtol=1e-5)
    np.testing.assert_allclose(np.exp(1j * phase.data), changed / np.abs(changed), atol=1e-5)


def test_parts_are_the_complex_image_and_back(rng, tmp_path):
    parts = rng.integers(-500, 500, (2, 4, 20, 24))
    paths = [save(tmp_path / f"{name}.nii", part, "<i2") for name, part in zip("ri", parts, strict=True)]
    pair = read_parts(*paths)
    np.testing.assert_array_equal(pair.image.data[0], parts[0] + 1j * parts[1])
    real, imaginary = pair.split(pair.image.replace(data=1j * pair.image.data))
    np.testing.assert_array_equal(real.data[0], -parts[1])
    np.testing.assert_array_equal(imaginary.data[0], parts[0])
    assert (real.meta, imaginary.meta.source) == (pair.first.meta, paths[1])


def test_voxels_that_did_not_change_keep_their_very_values(rng):
    magnitude = rng.uniform(0, 5, (1, 2, 16, 16)).astype(np.float32)
    phase = phases(magnitude.shape, rng).astype(np.float32)
    phase[0, 0, 0, :4] = np.nan
    magnitude[0, 0, 1, :4] = np.inf
    magnitude[0, 0, 2, :4] = 0
    pair = Pair(as_image(magnitude), as_image(phase), phase_unit(as_image(phase)))
    data = pair.image.data.copy()
    assert np.isnan(data).sum() == 8
    data[0, 1] *= 1.5
    first, second = pair.split(pair.image.replace(data=data))
    np.testing.assert_array_equal(first.data[0, 0], magnitude[0, 0])
    np.testing.assert_array_equal(second.data[0, 0], phase[0, 0])
    np.testing.assert_allclose(first.data[0, 1], 1.5 * magnitude[0, 1], rtol=1e-5)


def test_files_that_do_not_belong_together_are_refused(rng, tmp_path):
    magnitude = save(tmp_path / "m.nii", rng.uniform(1, 5, (3, 12, 14)))
    shifted = np.eye(4)
    shifted[0, 3] = 1.0
    others = {
        "shape": save(tmp_path / "crop.nii", phases((3, 12, 13), rng)),
        "1 mm away": save(tmp_path / "moved.nii", phases((3, 12, 14), rng), affine=shifted),
        "complex already": save(tmp_path / "c.nii", np.exp(1j * phases((3, 12, 14), rng)), "<c8"),
    }
    for word, other in others.items():
        with pytest.raises(InputError, match=word):
            read_polar(magnitude, other)
        with pytest.raises(InputError, match=word):
            read_parts(magnitude, other)
    with pytest.raises(InputError, match="negative values"):
        read_polar(save(tmp_path / "p.nii", phases((3, 12, 14), rng)), magnitude)


def test_one_frame_of_phase_does_not_serve_a_series(rng, tmp_path):
    series = save(tmp_path / "m.nii", rng.uniform(1, 5, (4, 3, 12, 14)))
    with pytest.raises(InputError, match="shape"):
        read_polar(series, save(tmp_path / "p.nii", phases((3, 12, 14), rng)))


def test_doubt_about_the_unit_is_a_warning(rng, tmp_path):
    magnitude = save(tmp_path / "m.nii", rng.uniform(1, 5, (3, 12, 14)))
    with pytest.warns(QuietmrWarning, match="taken for radians"):
        read_polar(magnitude, save(tmp_path / "p.nii", 0.2 * phases((3, 12, 14), rng)))
