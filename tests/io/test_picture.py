"""Pictures: gray values untouched, colors and turns announced or undone, everything else refused."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quietmr.data import Geometry, Image, InputError, Meta, OutputError, QuietmrWarning, Storage
from quietmr.io import read, write

ORIENTATION = 274


def save(array: np.ndarray, path: Path, **options: object) -> Path:
    PIL.Image.fromarray(array).save(path, **options)
    return path


def decoded(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as picture:
        return np.asarray(picture)


def png(width: int, height: int, depth: int, color: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand, for the kinds that Pillow does not write."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    dtype=st.sampled_from(["u1", "u2", "i4", "f4"]),
    suffix=st.sampled_from([".png", ".tif", ".TIFF"]),
    dpi=st.none() | st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=80, deadline=None)
def test_gray_pictures_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, int],
    dtype: str,
    suffix: str,
    dpi: tuple[int, int] | None,
    seed: int,
) -> None:
    if suffix == ".png" and dtype in ("i4", "f4"):
        suffix = ".tif"
    rng = np.random.default_rng(seed)
    limits = {"u1": (0, 255), "u2": (0, 65535), "i4": (-(2**24), 2**24), "f4": (-(2**20), 2**20)}[dtype]
    pixels = rng.integers(*limits, shape, endpoint=True).astype(dtype) / np.array(1, dtype)
    pixels = pixels.astype(dtype)
    folder = tmp_path_factory.mktemp("picture")
    source = save(pixels, folder / f"in{suffix}", **({} if dpi is None else {"dpi": dpi}))
    image = read(source)
    assert np.array_equal(image.data[0, 0], pixels)
    assert image.shape == (1, 1, *shape)
    assert image.meta.storage == Storage(np.dtype(dtype).str)

    write(image, folder / f"out{suffix}")
    again = read(folder / f"out{suffix}")
    assert again.data.tobytes() == image.data.tobytes()
    assert again.meta.storage == image.meta.storage
    assert again.meta.header == image.meta.header
    assert np.array_equal(again.geometry.affine, image.geometry.affine)
    assert decoded(folder / f"out{suffix}").dtype.itemsize == np.dtype(dtype).itemsize
    if dpi is None:
        assert np.array_equal(image.geometry.affine, np.eye(4))
    else:
        assert image.geometry.voxel_size == pytest.approx((25.4 / dpi[0], 25.4 / dpi[1], 1), rel=0.02)


@pytest.mark.shared
@pytest.mark.parametrize("number", ["0000", "0024", "0048", "0066"])
def test_real_pictures_survive(shared: Callable[[str], Path], tmp_path: Path, number: str) -> None:
    source = shared(f"lumbar_spine_png/train_with_pain_spine_{number}.png")
    image = read(source)
    write(image, tmp_path / "out.png")
    pixels = decoded(source)
    gray = pixels if pixels.ndim == 2 else pixels[..., 0]
    assert np.array_equal(decoded(tmp_path / "out.png"), gray)


def test_16_bit_big_endian_tiff(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 65535, (5, 7)).astype(">u2")
    PIL.Image.frombytes("I;16B", (7, 5), pixels.tobytes()).save(tmp_path / "in.tif")
    assert (tmp_path / "in.tif").read_bytes()[:2] == b"MM"
    assert np.array_equal(read(tmp_path / "in.tif").data[0, 0], pixels)


def test_float_tiff_keeps_nan_and_negative_values(tmp_path: Path) -> None:
    pixels = np.array([[np.nan, -1e9], [1e-9, 0]], np.float32)
    image = read(save(pixels, tmp_path / "in.tif"))
    assert np.array_equal(image.data[0, 0], pixels, equal_nan=True)
    write(image, tmp_path / "out.tif")
    assert np.array_equal(decoded(tmp_path / "out.tif"), pixels, equal_nan=True)


def test_pages_of_a_tiff_are_slices(tmp_path: Path, rng: np.random.Generator) -> None:
    stack = rng.integers(0, 65535, (4, 6, 5)).astype(np.uint16)
    first, *others = (PIL.Image.fromarray(page) for page in stack)
    first.save(tmp_path / "in.tif", save_all=True, append_images=others)
    image = read(tmp_path / "in.tif")
    assert np.array_equal(image.data[0], stack)
    write(image, tmp_path / "out.tif")
    assert np.array_equal(read(tmp_path / "out.tif").data, image.data)
    with pytest.raises(OutputError, match="4 slices: write NIfTI or TIFF"):
        write(image, tmp_path / "out.png")


def test_pages_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    PIL.Image.new("L", (5, 6)).save(tmp_path / "in.tif", save_all=True, append_images=[PIL.Image.new("L", (3, 3))])
    with pytest.raises(InputError, match="different size"):
        read(tmp_path / "in.tif")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_gray_in_color_clothes_is_read_without_a_word(tmp_path: Path, mode: str, rng: np.random.Generator) -> None:
    gray = rng.integers(0, 255, (6, 5)).astype(np.uint8)
    PIL.Image.fromarray(gray).convert(mode).save(tmp_path / "in.png")
    assert np.array_equal(read(tmp_path / "in.png").data[0, 0], gray)


def test_color_becomes_luminance_with_a_warning(tmp_path: Path, rng: np.random.Generator) -> None:
    color = rng.integers(0, 255, (6, 5, 3)).astype(np.uint8)
    path = save(color, tmp_path / "in.png")
    with pytest.warns(QuietmrWarning, match="luminance"):
        image = read(path)
    assert np.allclose(image.data[0, 0], color @ [0.299, 0.587, 0.114], atol=0.51)
    write(image, tmp_path / "out.png")
    assert np.array_equal(read(tmp_path / "out.png").data, image.data)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_announced(tmp_path: Path, mode: str) -> None:
    picture = PIL.Image.new("L", (4, 4), 77).convert(mode)
    picture.putalpha(128)
    picture.save(tmp_path / "in.png")
    with pytest.warns(QuietmrWarning, match="transparen"):
        image = read(tmp_path / "in.png")
    assert (image.data == 77).all()


def test_black_and_white(tmp_path: Path) -> None:
    pixels = np.array([[True, False, True]])
    PIL.Image.fromarray(pixels).save(tmp_path / "in.png")
    assert np.array_equal(read(tmp_path / "in.png").data[0, 0], pixels * 255)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_jpeg_and_bmp_are_read_not_written(tmp_path: Path, suffix: str) -> None:
    path = save(np.full((16, 16), 90, np.uint8), tmp_path / f"in{suffix}")
    image = read(path)
    assert np.abs(image.data - 90).max() <= 1
    with pytest.raises(OutputError, match=r"\.png, \.tif"):
        write(image, tmp_path / f"out{suffix}")
    write(image, tmp_path / "out.png")
    assert np.array_equal(read(tmp_path / "out.png").data, image.data)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_are_put_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    # an upright picture with one bright corner, laid down as a camera with this orientation would
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :8] = 200
    how = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90"}
    how |= {7: "TRANSVERSE", 8: "ROTATE_270"}
    lying = PIL.Image.fromarray(upright)
    if orientation > 1:
        lying = lying.transpose(PIL.Image.Transpose[how[orientation]])
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation
    dpi = (100, 200) if orientation < 5 else (200, 100)
    lying.save(tmp_path / f"in{suffix}", exif=exif, dpi=dpi)
    image = read(tmp_path / f"in{suffix}")
    assert np.abs(image.data[0, 0] - upright).max() <= 2
    assert image.geometry.voxel_size[:2] == pytest.approx((0.254, 0.127), rel=0.01)

    write(image, tmp_path / "out.png")
    with PIL.Image.open(tmp_path / "out.png") as picture:
        assert picture.getexif().get(ORIENTATION, 1) == 1
    assert np.array_equal(read(tmp_path / "out.png").data, image.data)


def test_animations_are_refused(tmp_path: Path) -> None:
    frames = [PIL.Image.new("L", (4, 4), level) for level in (0, 255)]
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="animation"):
        read(tmp_path / "in.png")


def test_16_bit_color_is_refused_not_cut(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png(2, 1, 16, 2, bytes(1 + 2 * 6)))
    with pytest.raises(InputError, match="16-bit colors"):
        read(tmp_path / "in.png")


@pytest.mark.parametrize(("bits", "sample", "what"), [(8, 2, "signed 8-bit"), (32, 1, "unsigned 32-bit")])
def test_tiff_that_pillow_misreads_is_refused(tmp_path: Path, bits: int, sample: int, what: str) -> None:
    save(np.full((4, 4), 255, np.uint8 if bits == 8 else np.int32), tmp_path / "in.tif", tiffinfo={339: sample})
    content = bytearray((tmp_path / "in.tif").read_bytes())
    place = content.find(struct.pack("<HHI", 339, 3, 1))
    if place < 0:
        pytest.fail("no sample format in the file")
    content[place + 8] = sample
    (tmp_path / "in.tif").write_bytes(content)
    with pytest.raises(InputError, match=what):
        read(tmp_path / "in.tif")


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(100_000, 100_000, 8, 0, bytes(1000)))
    with pytest.raises(InputError, match="too large"):
        read(tmp_path / "bomb.png")


def test_what_png_cannot_hold_is_refused(tmp_path: Path) -> None:
    ones = np.ones((1, 1, 4, 4), np.float32)
    integers = Meta(storage=Storage("<i2"))
    for image in (
        Image(ones + 1j),
        Image(np.repeat(ones, 2, axis=0), meta=integers),
        Image(ones * 0.5),
        Image(ones * -1, meta=integers),
        Image(ones, meta=Meta(storage=Storage("<u2", 0.5, 0))),
        Image(ones * np.nan, meta=Meta(storage=Storage("<u2"))),
    ):
        with pytest.raises(OutputError):
            write(image, tmp_path / "out.png")
    assert list(tmp_path.iterdir()) == []


def test_scaled_values_keep_their_meaning_in_tiff(tmp_path: Path) -> None:
    data = np.array([[[[0.5, -3.25], [1e9, 7]]]], np.float32)
    image = Image(data, meta=Meta(format="nifti", storage=Storage("<i2", 0.25, 7)))
    write(image, tmp_path / "out.tif")
    assert np.array_equal(read(tmp_path / "out.tif").data, data)


@pytest.mark.parametrize(("values", "stored"), [((0, 60000), "u2"), ((-5, 60000), "i4")])
def test_other_integers_find_a_type_they_fit(tmp_path: Path, values: tuple[int, int], stored: str) -> None:
    image = Image(np.array(values, np.float32).reshape(1, 1, 1, 2), meta=Meta(storage=Storage("<i8")))
    write(image, tmp_path / "out.tif")
    assert decoded(tmp_path / "out.tif").dtype == np.dtype(stored)
    assert np.array_equal(read(tmp_path / "out.tif").data, image.data)


def test_denoised_values_are_rounded_and_clipped_to_8_bit(tmp_path: Path) -> None:
    image = read(save(np.full((2, 2), 100, np.uint8), tmp_path / "in.png"))
    changed = image.replace(data=np.array([[[[99.6, 300], [-7, 0.4]]]], np.float32))
    with pytest.warns(QuietmrWarning, match="2 of 4 voxels"):
        write(changed, tmp_path / "out.png")
    assert np.array_equal(decoded(tmp_path / "out.png"), [[100, 255], [0, 0]])


def test_pixel_size_of_other_formats_becomes_dots_per_inch(tmp_path: Path) -> None:
    image = Image(
        np.ones((1, 1, 4, 4), np.float32),
        geometry=Geometry(np.diag([0.5, 0.25, 3, 1])),
        meta=Meta(format="nifti", storage=Storage("<u2")),
    )
    write(image, tmp_path / "out.tif")
    assert read(tmp_path / "out.tif").geometry.voxel_size == pytest.approx((0.5, 0.25, 1))
    write(replace(image, geometry=Geometry()), tmp_path / "plain.tif")
    assert read(tmp_path / "plain.tif").meta.header.dpi is None
