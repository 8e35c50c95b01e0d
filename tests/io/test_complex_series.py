"""Complex series in plain HDF5: what the layout means, and what is refused in one sentence."""

import random
import time

import h5py
import numpy as np
import pytest

from quietmr.data import InputError
from quietmr.io.complex_series import Case, case_names, holds_series, read_case

QUICK, NIGHTLY = 120, 20000


def write(path, name="one", *, noise_sd=None, **arrays):
    with h5py.File(path, "a") as file:
        for key, array in arrays.items():
            file[f"{name}/{key}"] = array
        if noise_sd is not None:
            file[name].attrs["noise_sd"] = noise_sd
    return path


def series(rng, shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


@pytest.mark.parametrize(
    ("image", "gmap", "sigma"),
    [
        ((6, 5), (6, 5), (1, 1, 6, 5)),
        ((3, 6, 5), (6, 5), (1, 1, 6, 5)),
        ((3, 6, 5), (3, 6, 5), (3, 1, 6, 5)),
        ((3, 2, 6, 5), (6, 5), (1, 1, 6, 5)),
        ((3, 2, 6, 5), (2, 6, 5), (1, 2, 6, 5)),
        ((3, 2, 6, 5), (3, 1, 6, 5), (3, 1, 6, 5)),
    ],
)
def test_axes_mean_what_the_layout_says(tmp_path, rng, image, gmap, sigma):
    data, own = series(rng, image), rng.uniform(1, 3, gmap).astype(np.float32)
    others = rng.uniform(1, 9, (4, *gmap))
    path = write(tmp_path / "a.h5", image=data, gmap=own, gmaps=others, noise_sd=2.5)
    assert holds_series(path)
    assert case_names(path) == ["one"]
    case = read_case(path, "one")
    four = data.reshape(image if len(image) == 4 else (image[0] if len(image) == 3 else 1, 1, *image[-2:]))
    np.testing.assert_array_equal(case.image.data, four)
    assert case.image.noise.kind == "complex"
    np.testing.assert_allclose(case.image.noise.sigma, 2.5 * own.reshape(sigma), rtol=1e-6)
    np.testing.assert_allclose(case.gmaps, others.reshape(4, *sigma), rtol=1e-6)
    assert (case.image.unit, case.image.frames) == ("stored", "time" if len(four) > 1 else "unknown")


def test_snr_units_are_the_default_and_other_numbers_are_converted(tmp_path, rng):
    data = series(rng, (2, 4, 4)).astype(">c16")
    path = write(tmp_path / "a.h5", image=data, gmap=np.full((4, 4), 2, ">i2"))
    pair = np.zeros((2, 4, 4), [("r", "<f4"), ("i", "<f4")])  # as Julia and MATLAB write complex numbers
    pair["r"], pair["i"] = data.real, data.imag
    write(path, "two", image=pair, gmap=np.ones((4, 4)))
    one, two = (read_case(path, name) for name in case_names(path))
    np.testing.assert_array_equal(one.image.data, two.image.data)
    assert one.image.unit == "snr"
    np.testing.assert_array_equal(one.image.noise.sigma, 2.0)
    assert len(one.gmaps) == 0


def refused(path, said, name="one"):
    with pytest.raises(InputError, match=said) as caught:
        for found in case_names(path):
            read_case(path, found)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert name is None or f"/{name}" in text


ONES, MAP = np.ones((3, 6, 5), np.complex64), np.ones((6, 5), np.float32)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": np.ones((3, 6, 5)), "gmap": MAP}, "complex64"),
        ({"image": np.array([[b"a"]]), "gmap": MAP}, "complex64"),
        ({"image": np.ones(5, np.complex64), "gmap": MAP}, "shape"),
        ({"image": np.ones((1, 1, 1, 6, 5), np.complex64), "gmap": MAP}, "shape"),
        ({"image": np.ones((0, 6, 5), np.complex64), "gmap": MAP}, "shape"),
        ({"image": ONES}, "'gmap'"),
        ({"gmap": MAP}, "'image'"),
        ({"image": ONES, "gmap": MAP.T}, "shape"),
        ({"image": ONES, "gmap": np.ones((2, 6, 5))}, "shape"),
        ({"image": ONES, "gmap": np.ones((1, 3, 6, 5))}, "shape"),
        ({"image": ONES, "gmap": np.ones(30)}, "float32"),
        ({"image": ONES, "gmap": MAP.astype(complex)}, "float32"),
        ({"image": ONES, "gmap": MAP, "gmaps": MAP}, "shape"),
        ({"image": ONES, "gmap": MAP, "gmaps": np.ones((2, 5, 6))}, "shape"),
        ({"image": ONES, "gmap": 0 * MAP}, "0 everywhere"),
        ({"image": ONES, "gmap": -MAP}, "negative"),
        ({"image": ONES * np.complex64(complex(1, np.nan)), "gmap": MAP}, "finite"),
        ({"image": ONES, "gmap": MAP * np.float32(np.inf)}, "finite"),
        ({"image": np.full((6, 5), 1e300 + 0j), "gmap": MAP}, "finite"),
        ({"image": ONES, "gmap": MAP, "noise_sd": 0.0}, "noise_sd"),
        ({"image": ONES, "gmap": MAP, "noise_sd": "three"}, "noise_sd"),
        ({"image": ONES, "gmap": MAP, "noise_sd": [1.0, 2.0]}, "noise_sd"),
        ({"image": ONES, "gmap": MAP, "noise_sd": float("nan")}, "noise_sd"),
    ],
)
def test_what_is_not_the_layout_is_refused(tmp_path, arrays, said):
    refused(write(tmp_path / "a.h5", **arrays), said)


def test_nothing_leads_out_of_the_file(tmp_path):
    """Links and external pixels would read whatever they name."""
    secret = write(tmp_path / "secret.h5", "two", image=ONES, gmap=MAP)
    path = write(tmp_path / "a.h5", image=ONES)
    with h5py.File(path, "a") as file:
        file["one/gmap"] = h5py.ExternalLink(str(secret), "/two/gmap")
    refused(path, "'gmap'")
    linked = tmp_path / "b.h5"
    with h5py.File(linked, "w") as file:
        file["one"] = h5py.ExternalLink(str(secret), "/two")
    assert not holds_series(linked)
    refused(linked, "'gmap'")
    outside = tmp_path / "c.h5"
    (tmp_path / "pixels").write_bytes(bytes(30 * 4))
    with h5py.File(outside, "w") as file:
        file["one/image"] = ONES
        file["one"].create_dataset("gmap", (6, 5), "<f4", external=[(str(tmp_path / "pixels"), 0, 120)])
    refused(outside, "other files")


def test_what_is_no_such_file_is_named(tmp_path):
    for content, said in [(b"", "nothing"), (b"text", "text"), (b"\x80\x04K\x01.", "binary")]:
        (tmp_path / "a.h5").write_bytes(content)
        assert not holds_series(tmp_path / "a.h5")
        refused(tmp_path / "a.h5", said, None)
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    refused(tmp_path / "empty.h5", "nothing", None)
    with h5py.File(tmp_path / "claims.h5", "w") as file:
        file["one"] = "text"
    refused(tmp_path / "claims.h5", "'image'")
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("one/image", (2**14, 2**14, 2**10), np.complex64, chunks=(1, 64, 64))
        file["one/gmap"] = MAP
    refused(tmp_path / "huge.h5", "64 GiB")


def test_cut_off_anywhere(tmp_path, rng):
    path = write(tmp_path / "a.h5", image=series(rng, (3, 6, 5)), gmap=MAP)
    sound = path.read_bytes()
    for length in [0, 8, 100, *range(500, len(sound), len(sound) // 20), len(sound) - 1]:
        path.write_bytes(sound[:length])
        refused(path, "HDF5|damaged|nothing", None)


def survives(path, content):
    """Whatever it is: cases or a refusal, soon."""
    path.write_bytes(content)
    start = time.process_time()
    try:
        if holds_series(path):
            assert all(isinstance(read_case(path, name), Case) for name in case_names(path))
    except InputError as error:
        assert str(path) in str(error)
    assert time.process_time() - start < 2


def flipped(sound, case):
    draw, raw = random.Random(case), bytearray(sound)
    for _ in range(draw.choice([1, 3, 20])):
        raw[draw.randrange(draw.choice([2048, len(raw)]))] = draw.randrange(256)
    return bytes(raw)


def sound_file(path, rng):
    write(path, image=series(rng, (3, 6, 5)), gmap=MAP, gmaps=np.ones((2, 6, 5)), noise_sd=2.0)
    with h5py.File(path, "a") as file:
        file.create_dataset("two/image", data=series(rng, (3, 6, 5)), compression="gzip")
        file["two/gmap"] = MAP
    return path.read_bytes()


def test_flipped_bytes(tmp_path, rng):
    sound = sound_file(tmp_path / "a.h5", rng)
    for case in range(QUICK):
        survives(tmp_path / "a.h5", flipped(sound, case))


@pytest.mark.nightly
def test_flipped_bytes_for_long(tmp_path, rng):
    sound = sound_file(tmp_path / "a.h5", rng)
    for case in range(QUICK, NIGHTLY):
        survives(tmp_path / "a.h5", flipped(sound, case))
