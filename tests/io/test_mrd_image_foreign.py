"""MRD images of other programs, other HDF5 files, and damaged ones."""

import resource
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest

from quietmr.data import Geometry, Image, InputError, NoiseMap, OutputError, QuietmrError, QuietmrWarning, Step
from quietmr.io import read, write

DIRECTIONS = {"read_dir": (0, 1, 0), "phase_dir": (0, 0, 1), "slice_dir": (1, 0, 0)}


def add(path: Path, group: str, pixels: np.ndarray, meta: dict[str, str] | None = None, **fields: Any) -> None:
    """Append one picture with ismrmrd, as python-ismrmrd-server's client stores what it gets."""
    picture = ismrmrd.Image.from_array(pixels)
    fields = {"image_type": 5 if pixels.dtype.kind == "c" else 1, "field_of_view": (60, 40, 5), **DIRECTIONS, **fields}
    for name, value in fields.items():
        setattr(picture, name, value)
    if meta is not None:
        picture.meta = ismrmrd.Meta(meta)
    top, _, name = group.rpartition("/")
    with ismrmrd.Dataset(path, top) as dataset:
        dataset.append_image(name, picture)


def stack(path: Path, data: np.ndarray, order: np.ndarray, **meta: str) -> None:
    for index in order:
        t, z = divmod(int(index), data.shape[1])
        add(
            path, "result/image_0", data[t, z][np.newaxis, np.newaxis], meta, position=(7.0 * z, 2, 3), slice=z, phase=t
        )


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 4096, (3, 4, 5, 6)).astype(np.uint16)


def test_a_client_file_in_any_order_is_sorted_by_place_and_phase(
    tmp_path: Path, pixels: np.ndarray, rng: np.random.Generator
) -> None:
    stack(tmp_path / "a.h5", pixels, rng.permutation(12))
    image = read(tmp_path / "a.h5")
    assert np.array_equal(image.data, pixels)
    assert (image.unit, image.noise, image.frames) == ("stored", None, "time")
    # x runs along patient +y (posterior), so to RAS -y; y along +z; z along patient +x (left), so to RAS -x; the center
    # voxel (3, 2) is at the position
    lps_to_ras = np.diag([-1, -1, 1, 1])
    lps = np.array([[0, 0, 7, 0], [10, 0, 0, 2 - 3 * 10], [0, 8, 0, 3 - 2 * 8], [0, 0, 0, 1]])
    assert image.geometry.affine == pytest.approx(lps_to_ras @ lps)
    assert image.geometry.slice_thickness == 5
    assert image.meta.header.readouts["phase"][:, 0].tolist() == [0, 1, 2]
    write(image, tmp_path / "b.h5")
    assert np.array_equal(read(tmp_path / "b.h5").data, pixels)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["dataset/image_1/data"].dtype == np.uint16


def test_the_scale_of_integers_is_applied(tmp_path: Path, pixels: np.ndarray) -> None:
    stack(tmp_path / "a.h5", pixels, np.arange(12), RescaleSlope="0.25", RescaleIntercept="-3")
    assert np.array_equal(read(tmp_path / "a.h5").data, pixels * 0.25 - 3)


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "f4", "f8", "c8", "c16"])
def test_every_type_of_pixels(tmp_path: Path, pixels: np.ndarray, dtype: str) -> None:
    add(tmp_path / "a.h5", "dataset/image_0", pixels[:1, 0].astype(dtype)[np.newaxis])
    image = read(tmp_path / "a.h5")
    assert np.array_equal(image.data[0, 0], pixels[0, 0])
    assert image.is_complex == (dtype[0] == "c")


@pytest.mark.parametrize("count", [1, 3])
def test_volumes_are_frames(tmp_path: Path, pixels: np.ndarray, count: int) -> None:
    for t in range(count):
        add(tmp_path / "a.h5", "dataset/image_0", pixels[t][np.newaxis], repetition=t, field_of_view=(60, 40, 20))
    image = read(tmp_path / "a.h5")
    assert np.array_equal(image.data, pixels[:count])
    assert image.frames == ("repetition" if count > 1 else "unknown")
    assert image.geometry.voxel_size == pytest.approx((10, 8, 5))
    assert (image.geometry.affine @ [3, 2, 2, 1])[:3] == pytest.approx(0)


def test_the_image_is_chosen_by_role_then_by_kind(tmp_path: Path, pixels: np.ndarray) -> None:
    picture = pixels[0, :1][np.newaxis].astype(np.float32)
    path = tmp_path / "a.h5"
    add(path, "result/image_1", picture + 1, {"GADGETRON_DataRole": "Gfactor"})
    add(path, "result/image_2", picture + 2, {"GADGETRON_DataRole": "SNR_MAP"})
    add(path, "result/image_3", picture + 3, image_type=ismrmrd.IMTYPE_PHASE)
    add(path, "result/image_4", picture + 4, {"Comment": "no role"})
    assert np.array_equal(read(path).data[0], picture[0] + 4)
    add(path, "result/image_5", (picture + 5).astype(np.complex64))
    assert np.array_equal(read(path).data[0], picture[0] + 5)
    add(path, "result/image_6", picture + 6, {"DataRole": "Image"})
    assert np.array_equal(read(path).data[0], picture[0] + 6)
    add(path, "result/image_7", picture + 7, {"DataRole": "Image"})
    with pytest.raises(InputError, match=r"8 image series|7 image series.*several.*result/image_6.*result/image_7"):
        read(path)


def test_pictures_without_places_are_read_with_a_warning(tmp_path: Path, pixels: np.ndarray) -> None:
    nowhere = dict.fromkeys(DIRECTIONS, (0, 0, 0))
    for z in (2, 0, 1):
        add(tmp_path / "a.h5", "dataset/image_0", pixels[0, z : z + 1][np.newaxis], slice=z, **nowhere)
    with pytest.warns(QuietmrWarning, match="does not say where"):
        image = read(tmp_path / "a.h5")
    assert np.array_equal(image.data[0], pixels[0, :3])
    assert image.geometry.voxel_size == pytest.approx((10, 8, 5))


def uneven(path: Path, pixels: np.ndarray) -> None:
    for z in (0, 1, 3):
        add(path, "dataset/image_0", pixels[0, z : z + 1][np.newaxis], position=(7.0 * z, 0, 0), slice=z)


def incomplete(path: Path, pixels: np.ndarray) -> None:
    stack(path, pixels, np.arange(11))


def two_slabs(path: Path, pixels: np.ndarray) -> None:
    for slab in range(2):
        add(path, "dataset/image_0", pixels[slab][np.newaxis], position=(50.0 * slab, 0, 0), slice=slab)


def turned(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, 0][np.newaxis])
    add(path, "dataset/image_0", pixels[:1, 0][np.newaxis], position=(9, 9, 9), slice_dir=(0, 0, 1))


def coils(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:, :1])


def colors(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:, :1], image_type=ismrmrd.IMTYPE_RGB)


def phase_only(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, :1], image_type=ismrmrd.IMTYPE_PHASE)


def raw_data(path: Path, pixels: np.ndarray) -> None:
    with ismrmrd.Dataset(path, "dataset") as dataset:
        dataset.write_xml_header(b"<ismrmrdHeader/>")
        dataset.append_acquisition(ismrmrd.Acquisition.from_array(pixels[0, 0].astype(np.complex64)))


def fast_mri(path: Path, pixels: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["kspace"], file["reconstruction_rss"] = pixels.astype(np.complex64), pixels


def other_hdf5(path: Path, pixels: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["minc-2.0/image"] = pixels


def empty_hdf5(path: Path, pixels: np.ndarray) -> None:
    h5py.File(path, "w").close()


def text(path: Path, pixels: np.ndarray) -> None:
    path.write_text("no HDF5 at all\n" * 50)


def never_filled(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, :1])
    with h5py.File(path, "r+") as file:
        del file["dataset/image_0/data"]
        file.create_dataset("dataset/image_0/data", (1, 1, 1, 60000, 60000), "f4", chunks=(1, 1, 1, 100, 100))


def too_few_headers(path: Path, pixels: np.ndarray) -> None:
    stack(path, pixels, np.arange(12))
    with h5py.File(path, "r+") as file:
        file["result/image_0/header"].resize(11, axis=0)


def foreign_headers(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, :1])
    with h5py.File(path, "r+") as file:
        del file["dataset/image_0/header"]
        file["dataset/image_0/header"] = np.zeros(1, [("a", "f4")])


def bad_attributes(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, :1])
    with h5py.File(path, "r+") as file:
        file["dataset/image_0/attributes"][0] = "<ismrmrdMeta><meta>"


def zero_slope(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, :1], {"RescaleSlope": "0"})


def bad_record(path: Path, pixels: np.ndarray) -> None:
    add(path, "dataset/image_0", pixels[:1, :1], {"quietmr": '{"shape": [1, 1, 5]}'})


REFUSED: dict[Callable[[Path, np.ndarray], None], str] = {
    uneven: "evenly spaced",
    incomplete: "2 to 3 pictures",
    two_slabs: "2 slabs of 4 slices",
    turned: "different directions",
    coils: "3 channels .* combine the coils",
    colors: "colors",
    phase_only: "holds phase",
    raw_data: r"raw data .*quietmr recon",
    fast_mri: r"raw data .*fastMRI.*quietmr recon",
    other_hdf5: "holds: minc-2.0",
    empty_hdf5: "holds: nothing",
    text: "it holds text",
    never_filled: "no room for them",
    too_few_headers: "do not belong together",
    foreign_headers: "headers lack",
    bad_attributes: "no XML",
    zero_slope: "RescaleSlope is 0",
    bad_record: "record of quietmr is damaged",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_no_image_is_refused_in_one_sentence(
    tmp_path: Path, pixels: np.ndarray, make: Callable[[Path, np.ndarray], None]
) -> None:
    path = tmp_path / "a.h5"
    make(path, pixels)
    with pytest.raises(InputError, match=REFUSED[make]) as refusal:
        read(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def whole_file(folder: Path, rng: np.random.Generator) -> bytes:
    data = rng.standard_normal((2, 2, 6, 5)).astype(np.complex64)
    noise = NoiseMap(np.ones((2, 6, 5), np.float32), "complex", "noise-scan")
    write(Image(data, Geometry(), "snr", noise, history=(Step("recon"),)), folder / "whole.h5")
    return (folder / "whole.h5").read_bytes()


@pytest.mark.parametrize("part", [0.01, 0.1, 0.4, 0.7, 0.95, 0.999])
def test_cut_off_files_are_refused(tmp_path: Path, rng: np.random.Generator, part: float) -> None:
    content = whole_file(tmp_path, rng)
    path = tmp_path / "cut.h5"
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def damage(group: h5py.Group, rng: np.random.Generator) -> None:
    """Overwrite bytes of headers and attributes; the HDF5 library itself is not what is tested."""
    headers = group["header"][()]
    raw = headers.view(np.uint8)
    raw[rng.integers(0, raw.size, 3)] = rng.integers(0, 256, 3)
    group["header"][...] = headers
    text = bytearray(group["attributes"][0])
    for place in rng.integers(0, len(text), rng.integers(0, 4)):
        text[place] = int(rng.integers(32, 127))
    group["attributes"][0] = bytes(text)


def test_damaged_headers_give_an_image_or_a_sentence(tmp_path: Path, rng: np.random.Generator) -> None:
    content = whole_file(tmp_path, rng)
    refused = 0
    for _ in range(150):
        path = tmp_path / "damaged.h5"
        path.write_bytes(content)
        with h5py.File(path, "r+") as file:
            damage(file[f"dataset/image_{rng.integers(1, 3)}"], rng)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", QuietmrWarning)
            try:
                assert isinstance(read(path), Image)
            except QuietmrError as error:
                refused += 1
                assert "\n" not in str(error)
    assert 0 < refused < 150


def test_damaged_bytes_give_an_image_or_a_sentence(tmp_path: Path, rng: np.random.Generator) -> None:
    content = whole_file(tmp_path, rng)
    refused = 0
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 8):
            damaged[place] = int(rng.integers(256))
        path = tmp_path / "damaged.h5"
        path.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", QuietmrWarning)
            try:
                assert isinstance(read(path), Image)
            except QuietmrError as error:
                refused += 1
                assert "\n" not in str(error)
    assert 0 < refused < 200


def test_a_lost_noise_map_is_told(tmp_path: Path, rng: np.random.Generator) -> None:
    (tmp_path / "a.h5").write_bytes(whole_file(tmp_path, rng))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["dataset/image_2"]
    with pytest.warns(QuietmrWarning, match="lost its noise map"):
        assert read(tmp_path / "a.h5").noise is None


def test_a_full_disk_leaves_nothing(tmp_path: Path, rng: np.random.Generator) -> None:
    image = Image(rng.standard_normal((1, 4, 256, 256)).astype(np.float32))
    (tmp_path / "a.h5").write_bytes(b"precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match=r"a\.h5 was not written"):
            write(image, tmp_path / "a.h5", force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a.h5").read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.h5"]
