"""NIfTI: what goes in comes out, byte for byte except for the pixels that changed."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietmr.data import Geometry, Image, InputError, OutputError, QuietmrWarning, Storage
from quietmr.io import read, write

SHARED_FILES = [
    "mricron_colin27/ch2.nii.gz",
    "nibabel_4d/example4d.nii.gz",
    "nilearn_mni152/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
    "seg3d_clinical_t1/MR.nii.gz",
    "torchio_data_fernando/t2.nii.gz",
    *(
        f"open_ms_longitudinal/{name}.nii.gz"
        for name in (
            "patient01/study1_FLAIR",
            "patient01/study1_T1W",
            "patient01/study1_T2W",
            "patient01/study2_FLAIR",
            "patient01/study2_T1W",
            "patient01/study2_T2W",
            "patient03/study1_FLAIR",
            "patient03/study1_T2W",
            "patient03/study2_FLAIR",
            "patient03/study2_T1W",
            "patient03/study2_T2W",
            "patient04/study1_FLAIR",
            "patient04/study1_T1W",
            "patient04/study1_T2W",
            "patient09/study2_FLAIR",
            "patient20/study2_FLAIR",
            "patient20/study2_T1W",
        )
    ),
]
SMALL_TYPES = ["u1", "i1", "u2", "i2", "f4", "f8", "c8"]


def blank(shape: tuple[int, ...], dtype: str, *, version: int = 1, order: str = "<") -> Any:
    """A nibabel header with room for single-file pixels."""
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    header = kind(endianness=order)
    header.set_data_shape(shape)
    header.set_data_dtype(np.dtype(order + dtype))
    header["vox_offset"] = header.single_vox_offset
    header["xyzt_units"] = 10
    return header


def save(path: Path, header: Any, stored: np.ndarray, extensions: bytes = bytes(4)) -> Path:
    """Lay header, extensions and pixels down by hand, so that no library has a say in them."""
    content = header.binaryblock + extensions + stored.astype(header.get_data_dtype()).tobytes(order="F")
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def bits(data: np.ndarray) -> bytes:
    return data.tobytes()


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Rotation by any angle, any order and direction of the axes, voxels from 0.1 to 10 mm."""
    angles = draw(st.tuples(*[st.floats(-3.1, 3.1)] * 3))
    turn = np.eye(3)
    for (i, j), angle in zip([(0, 1), (0, 2), (1, 2)], angles, strict=True):
        part = np.eye(3)
        part[[i, j], [i, j]] = np.cos(angle)
        part[i, j], part[j, i] = -np.sin(angle), np.sin(angle)
        turn = turn @ part
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
    size = draw(st.tuples(*[st.floats(0.1, 10)] * 3))
    affine = np.eye(4)
    affine[:3, :3] = (turn if draw(st.booleans()) else np.eye(3))[:, order] * signs * size
    affine[:3, 3] = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return affine


@st.composite
def nifti_files(draw: st.DrawFn) -> tuple[Any, np.ndarray, str]:
    """Header, stored numbers and suffix of any file that quietmr promises to keep."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=4)))
    dtype = draw(st.sampled_from([*SMALL_TYPES, "u4", "i4"]))
    header = blank(shape, dtype, version=draw(st.sampled_from([1, 2])), order=draw(st.sampled_from("<>")))
    if draw(st.booleans()):
        slope = draw(st.floats(1e-3, 1e3)) * draw(st.sampled_from([-1, 1]))
        # an intercept of many slopes would cost digits in float32: a test of its own
        header.set_slope_inter(slope, slope * draw(st.integers(-1000, 1000)))
    for setter, code in ((header.set_sform, draw(st.integers(0, 4))), (header.set_qform, draw(st.integers(0, 4)))):
        setter(draw(affines()), code=code)
    header["pixdim"][4] = draw(st.floats(0, 10, width=32))
    header["toffset"], header["cal_min"], header["cal_max"], header["slice_code"] = 1.5, -2, 7, 3
    header["descrip"] = draw(st.binary(max_size=79))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype[0] in "ui":
        limits = np.iinfo(dtype)
        low, high = max(limits.min, -(2**23)), min(limits.max, 2**23)
        stored = rng.integers(low, high, shape, endpoint=True)
    else:
        stored = rng.standard_normal(shape).astype(np.float32).astype(dtype)
    return header, stored, draw(st.sampled_from([".nii", ".nii.gz"]))


@given(nifti_files())
@settings(max_examples=100, deadline=None)
def test_a_file_read_and_written_is_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[Any, np.ndarray, str]
) -> None:
    header, stored, suffix = file
    folder = tmp_path_factory.mktemp("nifti")
    source, copy = save(folder / f"in{suffix}", header, stored), folder / f"out{suffix}"
    image = read(source)
    write(image, copy)

    start = int(header["vox_offset"])
    assert unpacked(copy)[:start] == unpacked(source)[:start]
    if stored.dtype.kind in "ui" or image.meta.storage == Storage(image.meta.storage.dtype):
        assert unpacked(copy) == unpacked(source)
    again = read(copy)
    assert bits(again.data) == bits(image.data)
    assert again.meta.storage == image.meta.storage
    assert np.array_equal(again.geometry.affine, image.geometry.affine)


@given(nifti_files())
@settings(max_examples=60, deadline=None)
def test_values_and_positions_are_those_of_nibabel(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[Any, np.ndarray, str]
) -> None:
    header, stored, suffix = file
    if header.get_data_dtype().kind == "c":
        header.set_slope_inter(1, 0)  # nibabel adds the intercept to the real part only
    path = save(tmp_path_factory.mktemp("nifti") / f"in{suffix}", header, stored)
    image, reference = read(path), nibabel.load(path)
    values = np.asarray(reference.dataobj)
    values = values.reshape(values.shape + (1,) * (4 - values.ndim))
    assert np.allclose(image.data.transpose(3, 2, 1, 0), values, rtol=1e-6, atol=1e-6 * np.abs(values).max())
    assert np.allclose(image.geometry.affine, reference.affine, rtol=0, atol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED_FILES)
def test_real_scans_survive_byte_for_byte(shared: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    source = shared(name)
    write(read(source), tmp_path / "copy.nii")
    assert (tmp_path / "copy.nii").read_bytes() == unpacked(source)


@pytest.mark.shared
def test_the_real_4d_series_has_its_axes_in_place(shared: Callable[[str], Path]) -> None:
    image = read(shared("nibabel_4d/example4d.nii.gz"))
    assert image.shape == (2, 24, 96, 128)
    assert image.frames == "time"
    assert image.geometry.voxel_size == pytest.approx((2, 2, 2.2), abs=1e-5)


def test_extensions_survive(tmp_path: Path, rng: np.random.Generator) -> None:
    original = nibabel.Nifti1Image(rng.integers(0, 99, (4, 5, 6)).astype("i2"), np.eye(4))
    for text in (b"first", b"second, longer than one block of sixteen"):
        original.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", text))
    nibabel.save(original, tmp_path / "in.nii")
    write(read(tmp_path / "in.nii"), tmp_path / "out.nii.gz")
    assert unpacked(tmp_path / "out.nii.gz") == (tmp_path / "in.nii").read_bytes()
    assert len(nibabel.load(tmp_path / "out.nii.gz").header.extensions) == 2


@pytest.mark.parametrize(
    "shape", [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 1, 3), (5, 4, 3, 1), (5, 4, 1, 1), (5, 4, 3, 2, 1)]
)
def test_the_number_of_axes_comes_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    stored = np.arange(np.prod(shape)).reshape(shape)
    image = read(save(tmp_path / "in.nii", blank(shape, "i2"), stored))
    assert image.shape == (*shape, 1, 1)[:4][::-1]
    write(image, tmp_path / "out.nii")
    back = nibabel.load(tmp_path / "out.nii")
    assert back.shape == shape
    assert np.array_equal(np.asarray(back.dataobj), stored)


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5, 1, 3), (3, 4, 5, 2, 2)])
def test_vectors_and_rows_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = save(tmp_path / "in.nii", blank(shape, "f4"), np.ones(shape))
    with pytest.raises(InputError, match="2-D to 4-D"):
        read(path)


def test_colors_are_refused(tmp_path: Path) -> None:
    header = blank((3, 4, 5), "u1")
    header.set_data_dtype(np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    path = save(tmp_path / "in.nii", header, np.zeros((3, 4, 5), header.get_data_dtype()))
    with pytest.raises(InputError, match="colors"):
        read(path)


@pytest.mark.parametrize(("unit", "seconds"), [(8, 2.5), (16, 2.5e-3), (24, 2.5e-6), (0, None), (32, None), (40, None)])
def test_time_step_is_in_seconds(tmp_path: Path, unit: int, seconds: float | None) -> None:
    header = blank((3, 4, 5, 6), "i2")
    header["pixdim"][4], header["xyzt_units"] = 2.5, 2 + unit
    image = read(save(tmp_path / "in.nii", header, np.ones((3, 4, 5, 6))))
    assert image.geometry.time_step == (None if seconds is None else pytest.approx(seconds))
    assert image.frames == ("unknown" if unit >= 32 else "time")


@pytest.mark.parametrize(("unit", "factor"), [(1, 1000), (2, 1), (3, 0.001), (0, 1)])
def test_positions_are_in_millimeters(tmp_path: Path, unit: int, factor: float) -> None:
    header = blank((3, 4, 5), "i2")
    header.set_sform(np.diag([2, 3, 4, 1]), code=1)
    header["xyzt_units"] = unit
    image = read(save(tmp_path / "in.nii", header, np.ones((3, 4, 5))))
    assert image.geometry.voxel_size == pytest.approx((2 * factor, 3 * factor, 4 * factor))
    write(image.replace(geometry=Geometry(image.geometry.affine * [[2], [2], [2], [1]])), tmp_path / "out.nii")
    assert read(tmp_path / "out.nii").geometry.voxel_size == pytest.approx((4 * factor, 6 * factor, 8 * factor))


def test_new_geometry_goes_into_both_transforms(tmp_path: Path) -> None:
    header = blank((3, 4, 5, 2), "i2", order=">")
    header.set_qform(np.diag([2, 3, 4, 1]), code=2)
    header["descrip"] = b"keep me"
    image = read(save(tmp_path / "in.nii", header, np.ones((3, 4, 5, 2))))
    affine = np.array([[0, 0, 3, -10], [1, 0, 0, 20], [0, 2, 0, 30], [0, 0, 0, 1]])
    write(image.replace(geometry=Geometry(affine, time_step=0.5)), tmp_path / "out.nii")
    back = nibabel.load(tmp_path / "out.nii").header
    assert np.allclose(back.get_sform(), affine)
    assert np.allclose(back.get_qform(), affine, atol=1e-6)
    assert (int(back["sform_code"]), int(back["qform_code"])) == (1, 2)
    assert back["pixdim"][4] == 0.5
    assert back["descrip"].item() == b"keep me"


def test_an_image_from_memory_gets_a_full_header(tmp_path: Path, rng: np.random.Generator) -> None:
    data = rng.standard_normal((2, 3, 4, 5), np.float32)
    affine = np.array([[-1.0, 0, 0, 7], [0, 2, 0, 8], [0, 0, 3, 9], [0, 0, 0, 1]])
    write(Image(data, geometry=Geometry(affine, time_step=1.5)), tmp_path / "out.nii.gz")
    back = nibabel.load(tmp_path / "out.nii.gz")
    assert np.array_equal(np.asarray(back.dataobj), data.transpose(3, 2, 1, 0))
    assert np.array_equal(back.get_sform(), affine)
    assert np.allclose(back.get_qform(), affine)
    assert (int(back.header["sform_code"]), int(back.header["qform_code"])) == (1, 1)
    assert back.header.get_xyzt_units() == ("mm", "sec")
    assert back.header.get_zooms() == (1, 2, 3, 1.5)
    assert read(tmp_path / "out.nii.gz").geometry.time_step == 1.5


def test_a_long_axis_goes_to_nifti_2(tmp_path: Path) -> None:
    write(Image(np.ones((1, 1, 1, 40000), np.float32)), tmp_path / "out.nii")
    assert isinstance(nibabel.load(tmp_path / "out.nii"), nibabel.Nifti2Image)
    assert read(tmp_path / "out.nii").shape == (1, 1, 1, 40000)


def test_fewer_frames_and_another_type_keep_the_rest_of_the_header(tmp_path: Path) -> None:
    header = blank((3, 4, 5, 6), "i2", order=">")
    header["descrip"], header["cal_max"] = b"series", 9
    image = read(save(tmp_path / "in.nii", header, np.ones((3, 4, 5, 6))))
    level = image.replace(data=image.data[:1] * 0.25)
    level = level.replace(meta=replace(image.meta, storage=Storage("<f4")))
    write(level, tmp_path / "sigma.nii")
    back = nibabel.load(tmp_path / "sigma.nii")
    assert back.shape == (3, 4, 5)
    assert back.header.get_data_dtype() == np.dtype(">f4")
    assert (back.header["descrip"].item(), back.header["cal_max"]) == (b"series", 9)
    assert (np.asarray(back.dataobj) == 0.25).all()


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_values_beyond_an_integer_type_are_clipped_and_counted(tmp_path: Path, dtype: str) -> None:
    image = read(save(tmp_path / "in.nii", blank((4, 5, 6), dtype), np.ones((4, 5, 6))))
    data = image.data.copy()
    data[0, 0, 0, :2], data[0, 0, 1, 0] = 1e30, -1e30
    data[0, 1, 1, 1] = 2.6
    with pytest.warns(QuietmrWarning, match=r"3 of 120 voxels"):
        write(image.replace(data=data), tmp_path / "out.nii")
    stored = np.asarray(nibabel.load(tmp_path / "out.nii").dataobj)
    limits = np.iinfo(dtype)
    assert stored[2, 0, 0] == 1
    assert stored[1, 1, 1] == 3
    assert stored[0, 1, 0] == limits.min
    assert float(stored[0, 0, 0]) == pytest.approx(limits.max, rel=1e-12)


def test_nan_and_infinity_stay_in_float_files(tmp_path: Path) -> None:
    stored = np.ones((8, 8, 1), np.float32)
    stored[1, 2, 0], stored[3, 4, 0], stored[5, 6, 0] = np.nan, np.inf, -0.0
    source = save(tmp_path / "in.nii", blank((8, 8, 1), "f4"), stored)
    image = read(source)
    assert np.isnan(image.data[0, 0, 2, 1])
    assert np.isnan(image.data).sum() == 1
    write(image, tmp_path / "out.nii")
    assert (tmp_path / "out.nii").read_bytes() == source.read_bytes()


def test_nan_does_not_go_into_integers(tmp_path: Path) -> None:
    image = read(save(tmp_path / "in.nii", blank((8, 8), "i2"), np.ones((8, 8))))
    data = image.data.copy()
    data[0, 0, 1, 1] = np.nan
    with pytest.raises(OutputError, match="1 voxels are NaN"):
        write(image.replace(data=data), tmp_path / "out.nii")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in.nii"]


def test_what_a_scaled_float_cannot_hold_is_refused(tmp_path: Path) -> None:
    header = blank((2, 2), "f4")
    header.set_slope_inter(1e-10, 0)
    image = read(save(tmp_path / "in.nii", header, np.ones((2, 2))))
    with pytest.raises(OutputError, match="too large"):
        write(image.replace(data=image.data + np.float32(1e30)), tmp_path / "out.nii")


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("order", ["<", ">"])
def test_odd_intensities_are_read_exactly(tmp_path: Path, scale: float, order: str, rng: np.random.Generator) -> None:
    stored = (rng.standard_normal((8, 8, 1)) * scale).astype(np.float32)
    image = read(save(tmp_path / "in.nii.gz", blank((8, 8, 1), "f4", order=order), stored))
    assert np.array_equal(image.data[0, 0], stored[..., 0].T)


def test_float64_is_held_as_float32_or_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    stored = rng.standard_normal((3, 4, 5))
    image = read(save(tmp_path / "in.nii", blank((3, 4, 5), "f8"), stored))
    assert np.array_equal(image.data[0], stored.T.astype(np.float32))
    for extreme in (1e39, 1e-60):
        path = save(tmp_path / "far.nii", blank((3, 4, 5), "f8"), np.full((3, 4, 5), extreme))
        with pytest.raises(InputError, match="float32"):
            read(path)


def test_integers_with_more_digits_than_float32_are_announced(tmp_path: Path) -> None:
    stored = np.array([[2**24, 2**24 + 1], [2**31 - 1, 5]])
    path = save(tmp_path / "in.nii", blank((2, 2), "i4"), stored)
    with pytest.warns(QuietmrWarning, match="2 stored integers"):
        image = read(path)
    write(image, tmp_path / "out.nii")
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / "out.nii").dataobj), [[2**24, 2**24], [2**31 - 1, 5]])


def test_an_intercept_that_swallows_the_digits_is_announced(tmp_path: Path) -> None:
    header = blank((16, 16), "i2")
    header.set_slope_inter(1e-3, 1e6)
    path = save(tmp_path / "in.nii", header, np.arange(256).reshape(16, 16))
    with pytest.warns(QuietmrWarning, match="stored integers"):
        read(path)


def test_scale_of_complex_files_acts_on_both_parts(tmp_path: Path) -> None:
    header = blank((2, 2), "c8")
    header.set_slope_inter(2, 3)
    image = read(save(tmp_path / "in.nii", header, np.full((2, 2), 1 - 1j, np.complex64)))
    assert (image.data == 5 + 1j).all()


def test_complex_values_do_not_go_into_real_types(tmp_path: Path) -> None:
    image = read(save(tmp_path / "in.nii", blank((4, 4), "i2"), np.ones((4, 4))))
    with pytest.raises(OutputError, match="complex"):
        write(image.replace(data=image.data + 1j), tmp_path / "out.nii")


@pytest.mark.parametrize("name", ["pair.hdr", "pair.img"])
def test_pairs_are_read_and_become_one_file(tmp_path: Path, name: str, rng: np.random.Generator) -> None:
    stored = rng.integers(-99, 99, (4, 5, 6)).astype("i2")
    original = nibabel.Nifti1Pair(stored, np.diag([2, 3, 4, 1]))
    original.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"kept"))
    nibabel.save(original, tmp_path / "pair.img")
    image = read(tmp_path / name)
    assert np.array_equal(image.data[0], stored.T)
    write(image, tmp_path / "out.nii")
    back = nibabel.load(tmp_path / "out.nii")
    assert np.array_equal(np.asarray(back.dataobj), stored)
    assert np.array_equal(back.affine, original.affine)
    assert back.header.extensions[0].get_content() == b"kept"
    with pytest.raises(OutputError, match="two files"):
        write(image, tmp_path / "other.hdr")


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Pair(np.ones((2, 2, 2), "i2"), np.eye(4)), tmp_path / "pair.img")
    (tmp_path / "pair.img").unlink()
    with pytest.raises(InputError, match=r"pair\.img is not beside it"):
        read(tmp_path / "pair.hdr")


def test_a_singular_transform_is_announced_and_kept(tmp_path: Path) -> None:
    header = blank((3, 4, 5), "i2")
    header.set_qform(np.diag([2, 3, 4, 1]), code=1)
    header["sform_code"] = 1  # rows of zeros
    source = save(tmp_path / "in.nii", header, np.ones((3, 4, 5)))
    with pytest.warns(QuietmrWarning, match="transform to patient space"):
        image = read(source)
    assert image.geometry.voxel_size == pytest.approx((2, 3, 4))
    write(image, tmp_path / "out.nii")
    assert (tmp_path / "out.nii").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_every_cut_is_noticed(tmp_path: Path, suffix: str, rng: np.random.Generator) -> None:
    stored = rng.integers(0, 999, (5, 6, 7))
    whole = save(tmp_path / f"in{suffix}", blank((5, 6, 7), "i2"), stored).read_bytes()
    for length in range(0, len(whole), 13):
        (tmp_path / f"cut{suffix}").write_bytes(whole[:length])
        with pytest.raises(InputError):
            read(tmp_path / f"cut{suffix}")


def test_one_wrong_bit_in_packed_pixels_is_noticed(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = save(tmp_path / "in.nii.gz", blank((8, 8, 8), "i2"), rng.integers(0, 9999, (8, 8, 8))).read_bytes()
    for place in range(len(whole) // 2, len(whole) - 8, 17):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        (tmp_path / "bad.nii.gz").write_bytes(damaged)
        with pytest.raises(InputError):
            read(tmp_path / "bad.nii.gz")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("shape", [(32767, 32767, 32767), (32767, 32767, 2), (2000, 2000, 2000)])
def test_a_small_file_cannot_claim_much_memory(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    path = save(tmp_path / f"bomb{suffix}", blank(shape, "u1"), np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="damaged"):
        read(path)


def test_what_lies_behind_the_pixels_is_announced(tmp_path: Path) -> None:
    path = save(tmp_path / "in.nii.gz", blank((3, 4, 2), "u1"), np.ones((3, 4, 5)))
    with pytest.warns(QuietmrWarning, match="36 bytes behind"):
        assert read(path).shape == (1, 2, 4, 3)


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    image = Image(np.ones((1, 3, 4, 5), np.float32))
    for name in ("a.nii.gz", "b.nii.gz"):
        write(image, tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
