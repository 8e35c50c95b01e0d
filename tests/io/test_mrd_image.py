"""MRD images: read(write(x)) = x, and what ismrmrd itself reads of the file."""

import xml.etree.ElementTree as ET
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from quietmr.data import READOUT, Acquired, Geometry, Image, Meta, NoiseMap, OutputError, Step, Storage, System
from quietmr.io import read, write

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
FOV = (200.0, 150.0, 6.0)
GAP = 8.0
SYSTEM = System(("head 1", "head 2"), 0.793, "Scanners", "One", "cine", "45_12", 1.5, "45_3")
HISTORY = (
    Step("recon", {"r": 2, "lambda": 5e-4, "kernel": [5, 4], "filter": None, "note": "Größe <&>\n\0"}),
    Step("denoise", {"method": "quiet"}),
)


def scan(
    t: int = 3, z: int = 4, y: int = 15, x: int = 20, *, volume: bool = False, is_complex: bool = True, seed: int = 5
) -> Image:
    """An oblique scan whose headers and affine say the same, computed here from the definition of both."""
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    places = 1 if volume else z
    readouts = np.zeros((t, places), READOUT)
    readouts["read_dir"], readouts["phase_dir"], readouts["slice_dir"] = turn.T
    corner = rng.uniform(-90, 90, 3)
    readouts["position"] = corner + GAP * np.arange(places)[:, np.newaxis] * turn[:, 2]
    readouts["patient_table_position"] = 0, 0, -1200.5
    readouts["slice"], readouts["phase"] = np.arange(places)[::-1], np.arange(t)[:, np.newaxis]
    readouts["measurement_uid"], readouts["sample_time_us"], readouts["center_sample"] = 77, 2.6, x // 2
    readouts["flags"], readouts["scan_counter"] = 2**63 + 5, rng.integers(0, 2**32, (t, places))
    readouts["acquisition_time_stamp"] = rng.integers(0, 2**32, (t, places))
    readouts["physiology_time_stamp"] = rng.integers(0, 2**32, (t, places, 3))
    lps = np.eye(4)
    lps[:3, :3] = turn * [FOV[0] / x, FOV[1] / y, FOV[2] / z if volume else GAP]
    lps[:3, 3] = readouts["position"][0, 0] - lps[:3, :3] @ [x // 2, y // 2, z // 2 if volume else 0]
    data = rng.standard_normal((t, z, y, x, 2)).astype(np.float32).view(np.complex64)[..., 0]
    return Image(
        data if is_complex else np.abs(data),
        Geometry(LPS @ lps, None if volume else FOV[2], 0.0325),
        "snr",
        NoiseMap(
            1 + rng.random((1, z, y, x), np.float32), "complex", "noise-scan", uncertainty=0.01, support=(1, 0.75, 1)
        ),
        "time",
        Meta("mrd", header=Acquired(readouts, FOV, SYSTEM, "<ismrmrdHeader/>")),
        HISTORY,
    )


def assert_same(got: Image, expected: Image) -> None:
    assert np.array_equal(got.data, expected.data, equal_nan=True)
    assert got.data.dtype == expected.data.dtype
    assert np.array_equal(got.geometry.affine, expected.geometry.affine)
    assert got.geometry.slice_thickness == expected.geometry.slice_thickness
    assert got.geometry.time_step == expected.geometry.time_step
    assert (got.unit, got.frames, got.history) == (expected.unit, expected.frames, expected.history)
    assert got.noise is not None
    assert expected.noise is not None
    assert np.array_equal(got.noise.sigma, expected.noise.sigma)
    for fact in ("kind", "origin", "uncertainty", "support", "n_channels"):
        assert getattr(got.noise, fact) == getattr(expected.noise, fact)
    header, known = got.meta.header, expected.meta.header
    assert np.array_equal(header.readouts, known.readouts)
    assert (header.fov, header.system, header.xml) == (known.fov, known.system, known.xml)


SHAPES = {
    "one picture": {"t": 1, "z": 1},
    "cine": {"t": 5, "z": 1, "y": 33, "x": 7},
    "slices": {"t": 1, "z": 6},
    "slices and frames": {},
    "volume": {"t": 1, "z": 5, "volume": True},
    "volumes": {"t": 2, "z": 6, "y": 8, "x": 9, "volume": True},
    "one column": {"t": 2, "z": 2, "y": 9, "x": 1},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("is_complex", [True, False])
@pytest.mark.parametrize("suffix", [".h5", ".mrd"])
def test_what_is_written_is_read(tmp_path: Path, shape: dict[str, int], is_complex: bool, suffix: str) -> None:
    image = scan(**shape, is_complex=is_complex)
    write(image, tmp_path / f"a{suffix}")
    again = read(tmp_path / f"a{suffix}")
    assert_same(again, image)
    assert again.meta.format == "mrd"
    # and once more: nothing is lost on the way back either
    write(again, tmp_path / "b.h5")
    assert_same(read(tmp_path / "b.h5"), image)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    t=st.integers(1, 4),
    z=st.integers(1, 4),
    y=st.integers(1, 17),
    x=st.integers(1, 17),
    volume=st.booleans(),
    is_complex=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_any_shape_and_any_turn(
    tmp_path: Path, t: int, z: int, y: int, x: int, volume: bool, is_complex: bool, seed: int
) -> None:
    image = scan(t, z, y, x, volume=volume, is_complex=is_complex, seed=seed)
    write(image, tmp_path / "a.h5", force=True)
    assert_same(read(tmp_path / "a.h5"), image)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_headers_alone_tell_where_the_voxels_are(tmp_path: Path, shape: dict[str, int]) -> None:
    image = scan(**shape)
    write(image, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        strip_attributes(file["dataset"])
    again = read(tmp_path / "a.h5")
    assert np.array_equal(again.data, image.data)
    corners = np.array(
        [[i, j, k, 1] for i in (0, image.shape[3] - 1) for j in (0, image.shape[2] - 1) for k in range(image.shape[1])]
    )
    assert corners @ again.geometry.affine.T == pytest.approx(corners @ image.geometry.affine.T, abs=1e-4)
    # nothing of what only quietmr knows is made up
    assert (again.unit, again.noise, again.history) == ("stored", None, ())


def strip_attributes(group: h5py.Group) -> None:
    for name in [name for name in group if name.startswith("image")]:
        texts = group[name]["attributes"]
        for index in range(len(texts)):
            meta = ismrmrd.Meta.deserialize(texts[index])
            texts[index] = ismrmrd.Meta({"DataRole": meta["DataRole"]}).serialize()


def series(path: Path, name: str) -> list[ismrmrd.Image]:
    with ismrmrd.Dataset(path, "dataset", mode="r") as dataset:
        return [dataset.read_image(name, index) for index in range(dataset.number_of_images(name))]


def test_ismrmrd_reads_pixels_headers_and_attributes(tmp_path: Path) -> None:
    image = scan()
    write(image, tmp_path / "a.h5")
    pictures, maps, snr = (series(tmp_path / "a.h5", f"image_{number}") for number in (1, 2, 3))
    assert [len(pictures), len(maps), len(snr)] == [12, 4, 12]
    readouts = image.meta.header.readouts
    for index, picture in enumerate(pictures):
        t, z = divmod(index, 4)
        assert np.array_equal(picture.data[0, 0], image.data[t, z])
        assert np.array_equal(snr[index].data[0, 0], np.abs(image.data[t, z]) / image.noise.sigma[0, z])
        assert picture.matrix_size == (20, 15, 1)
        assert list(picture.field_of_view) == list(FOV)
        assert (picture.version, picture.channels, picture.image_index) == (1, 1, index + 1)
        assert (picture.image_type, snr[index].image_type) == (ismrmrd.IMTYPE_COMPLEX, ismrmrd.IMTYPE_MAGNITUDE)
        for name in READOUT.names:
            if name != "flags" and hasattr(picture, name):
                assert np.array_equal(getattr(picture, name), readouts[name][t, z]), name
    for z, picture in enumerate(maps):
        assert np.array_equal(picture.data[0, 0], image.noise.sigma[0, z])
        assert list(picture.position) == list(pictures[z].position)
    assert [one[0].image_series_index for one in (pictures, maps, snr)] == [1, 2, 3]
    roles = [(one[0].meta["DataRole"], one[0].meta["GADGETRON_DataRole"]) for one in (pictures, maps, snr)]
    assert roles == [("Image", "Image"), ("Gfactor", "Gfactor"), ("SNR_MAP", "SNR_MAP")]
    meta = pictures[0].meta
    assert meta["ImageProcessingHistory"] == ["quietmr", "recon", "denoise"]
    assert (meta["Keep_image_geometry"], meta["quietmr_unit"]) == ("1", "snr")
    low, high = (float(meta["WindowCenter"]) + sign * float(meta["WindowWidth"]) / 2 for sign in (-1, 1))
    assert 0 <= low < high <= np.abs(image.data).max()


def test_the_file_is_laid_down_as_ismrmrd_does_it(tmp_path: Path) -> None:
    write(scan(), tmp_path / "ours.h5")
    with ismrmrd.Dataset(tmp_path / "theirs.h5", "dataset", mode="w") as dataset:
        dataset.write_xml_header(b"<ismrmrdHeader/>")
        for number in (1, 2, 3):
            for picture in series(tmp_path / "ours.h5", f"image_{number}"):
                dataset.append_image(f"image_{number}", picture)
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "theirs.h5") as theirs:
        names: list[str] = []
        theirs.visit(names.append)
        found: list[str] = []
        ours.visit(found.append)
        assert found == names
        for name in names:
            if isinstance(theirs[name], h5py.Dataset):
                assert ours[name].dtype == theirs[name].dtype
                assert ours[name].shape == theirs[name].shape
                if not name.endswith("attributes"):
                    assert np.array_equal(ours[name][()], theirs[name][()])
        for text in ours["dataset/image_1/attributes"]:
            assert text.isascii()
            assert ET.fromstring(text).tag == "ismrmrdMeta"
        lengths = ours["dataset/image_1/header"]["attribute_string_len"]
        assert lengths.tolist() == [len(text) for text in ours["dataset/image_1/attributes"]]


def test_ismrmrd_file_reads_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = scan()
    write(image, tmp_path / "a.h5")
    # ismrmrd.File leaves it to h5py what complex numbers are called, unlike ismrmrd.Dataset
    monkeypatch.setattr(h5py.get_config(), "complex_names", ("real", "imag"))
    with ismrmrd.File(tmp_path / "a.h5", "r") as file:
        assert file.find_images() == {"dataset/image_1", "dataset/image_2", "dataset/image_3"}
        pictures = list(file["dataset"]["image_1"].images)
        assert np.array_equal(np.stack([one.data[0, 0] for one in pictures]), image.data.reshape(12, 15, 20))
        assert file["dataset"]["image_2"].images[3].meta["DataRole"] == "Gfactor"


def test_images_of_ismrmrd_can_be_appended(tmp_path: Path) -> None:
    write(scan(t=1, z=1), tmp_path / "a.h5")
    picture = series(tmp_path / "a.h5", "image_1")[0]
    with ismrmrd.Dataset(tmp_path / "a.h5", "dataset") as dataset:
        dataset.append_image("image_1", picture)
        assert dataset.number_of_images("image_1") == 2


def test_moved_headers_win_over_the_record(tmp_path: Path) -> None:
    image = scan()
    write(image, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        headers = file["dataset/image_1/header"][()]
        headers["position"] += np.array([10, 0, 0], np.float32)
        file["dataset/image_1/header"][...] = headers
    shift = read(tmp_path / "a.h5").geometry.affine - image.geometry.affine
    assert shift[:, 3] == pytest.approx([-10, 0, 0, 0], abs=1e-4)
    assert np.abs(shift[:, :3]).max() < 1e-4


def test_pictures_in_another_order_find_their_places(tmp_path: Path, rng: np.random.Generator) -> None:
    image = scan()
    write(image, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        group, order = file["dataset/image_1"], rng.permutation(12)
        for part in ("header", "attributes", "data"):
            group[part][...] = group[part][()][order]
    assert_same(read(tmp_path / "a.h5"), image)


NOISE_SHAPES = [(1, 1, 1, 1), (3, 4, 15, 20), (1, 4, 1, 1), (3, 1, 1, 1), (1, 1, 15, 20)]


@pytest.mark.parametrize("shape", NOISE_SHAPES)
def test_the_noise_map_keeps_its_shape(tmp_path: Path, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    image = scan(is_complex=False).replace(noise=NoiseMap(rng.random(shape, np.float32), "rician", "given"))
    write(image, tmp_path / "a.h5")
    assert_same(read(tmp_path / "a.h5"), image)


def test_no_noise_map_is_none(tmp_path: Path) -> None:
    write(scan().replace(noise=None), tmp_path / "a.h5")
    assert read(tmp_path / "a.h5").noise is None
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file["dataset"]) == {"xml", "image_1"}


def test_voxels_without_noise_have_snr_zero_not_infinity(tmp_path: Path) -> None:
    image = scan()
    sigma = image.noise.sigma.copy()
    sigma[..., :3] = 0
    write(image.replace(noise=NoiseMap(sigma, "complex")), tmp_path / "a.h5")
    snr = np.stack([one.data for one in series(tmp_path / "a.h5", "image_3")])
    assert np.all(snr[..., :3] == 0)
    assert np.isfinite(snr).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-30, 3e38])
def test_odd_numbers_pass(tmp_path: Path, value: float) -> None:
    image = scan(is_complex=False)
    data = image.data.copy()
    data[0, 0, :2] = value
    write(image.replace(data=data), tmp_path / "a.h5")
    assert_same(read(tmp_path / "a.h5"), image.replace(data=data))


def oblique_affine() -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix() * [1.5, 2, -3]
    affine[:3, 3] = 5, -6, 7
    return affine


@pytest.mark.parametrize("frames", ["time", "repetition", "direction", "echo", "unknown"])
def test_an_image_of_another_format_becomes_mrd(tmp_path: Path, rng: np.random.Generator, frames: str) -> None:
    data = rng.random((2, 3, 7, 6), np.float32)
    image = Image(data, Geometry(oblique_affine(), 2.5, 2.0), noise=NoiseMap(np.float32(0.1)), frames=frames)
    write(image, tmp_path / "a.nii")
    write(read(tmp_path / "a.nii").replace(frames=frames), tmp_path / "b.h5")
    write(image, tmp_path / "a.h5")
    again = read(tmp_path / "a.h5")
    assert np.array_equal(again.data, data)
    assert np.array_equal(again.geometry.affine, image.geometry.affine)
    assert (again.geometry.slice_thickness, again.geometry.time_step) == (2.5, 2.0)
    assert (again.unit, again.frames) == ("stored", frames)
    assert again.noise.sigma.shape == (1, 1, 1, 1)
    assert series(tmp_path / "a.h5", "image_2")[0].meta["DataRole"] == "NoiseSD"
    counter = "contrast" if frames == "echo" else "repetition"
    assert [getattr(one, counter) for one in series(tmp_path / "a.h5", "image_1")] == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(read(tmp_path / "b.h5").data, data)


def test_headers_of_joined_frames_are_not_passed_on(tmp_path: Path) -> None:
    image = scan()
    mean = image.replace(data=image.data.mean(axis=0, keepdims=True))
    write(mean, tmp_path / "a.h5")
    again = read(tmp_path / "a.h5")
    assert np.array_equal(again.data, mean.data)
    assert not again.meta.header.readouts["acquisition_time_stamp"].any()
    assert again.geometry.affine == pytest.approx(image.geometry.affine)


def test_refused_images_leave_nothing(tmp_path: Path) -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.2
    for image, message in [
        (Image(np.zeros((1, 1, 4, 4), np.float32), Geometry(sheared)), "not perpendicular"),
        (Image(np.zeros((70000, 1, 1, 1), np.float32)), "65535"),
        (Image(np.zeros((1, 1, 1, 70000), np.float32)), "65535"),
        (Image(np.zeros((1, 1, 4, 4), np.float32), Geometry(np.diag([0.0, 1, 1, 1]))), "size greater than 0"),
    ]:
        with pytest.raises(OutputError, match=message):
            write(image, tmp_path / "a.h5")
        assert list(tmp_path.iterdir()) == []


def test_integers_of_an_mrd_file_stay_integers(tmp_path: Path, rng: np.random.Generator) -> None:
    data = rng.integers(0, 4095, (1, 2, 5, 6)).astype(np.float32)
    image = Image(data, meta=Meta("mrd", storage=Storage("<u2")))
    write(image, tmp_path / "a.h5")
    again = read(tmp_path / "a.h5")
    assert np.array_equal(again.data, data)
    assert again.meta.storage == Storage("<u2")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["dataset/image_1/data"].dtype == np.uint16
        assert file["dataset/image_1/header"]["data_type"].tolist() == [1, 1]
