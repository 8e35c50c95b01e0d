"""The way in and out: the format table, wrong names, refusals, and output that is whole or absent."""

import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from quietmr.data import Geometry, Image, InputError, Meta, OutputError, Storage
from quietmr.io import check_writable, format_of, read, write
from quietmr.io.atomic import replacing, replacing_together
from quietmr.io.formats import FORMATS, Format

SMALL = Image(np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4))
FLAT = Image(np.ones((1, 1, 8, 8), np.float32), meta=Meta(storage=Storage("|u1")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [(f"a.b{suffix}", row.name) for row in FORMATS for suffix in row.suffixes if suffix]
    + [("SCAN.NII.GZ", "NIfTI"), ("out", "DICOM"), ("a.IMA", "DICOM"), ("x.TIF", "TIFF"), (".nii.gz", "NIfTI")],
)
def test_the_name_gives_the_format(name: str, expected: str) -> None:
    assert format_of(Path("somewhere") / name).name == expected


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_every_row_has_a_module_that_reads_and_writes(row: Format) -> None:
    module = import_module(row.module)
    assert callable(module.read)
    assert callable(module.write)


def test_no_suffix_stands_for_two_formats() -> None:
    suffixes = [suffix for row in FORMATS for suffix in row.suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_a_folder_is_dicom(tmp_path: Path) -> None:
    assert format_of(tmp_path).name == "DICOM"


@pytest.mark.parametrize("name", ["scan.mnc", "scan.xyz", "scan"])
def test_unknown_files_are_refused_with_the_list(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(InputError, match=r"\.nii, \.nii\.gz.*\.dcm.*\.png"):
        read(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file or folder .*absent\.nii"):
        read(tmp_path / "absent.nii")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read(tmp_path / "pipe.nii")


def picture_bytes(kind: str, folder: Path) -> bytes:
    PIL.Image.new("L", (8, 8), 5).save(folder / "made", format=kind)
    return (folder / "made").read_bytes()


WRONG = {
    "a PNG picture": lambda folder: picture_bytes("PNG", folder),
    "a JPEG picture": lambda folder: picture_bytes("JPEG", folder),
    "a TIFF picture": lambda folder: picture_bytes("TIFF", folder),
    "a GIF picture": lambda folder: picture_bytes("GIF", folder),
    "text": lambda folder: b"patient;age\n1;2\n" * 40,
    "an HTML page": lambda folder: b"\n<!DOCTYPE html><html><body>404</body></html>" + b" " * 400,
    "the file is empty": lambda folder: b"",
    "git lfs pull": lambda folder: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "git annex get": lambda folder: b"../../.git/annex/objects/xx/yy/SHA256E-s1--0.nii.gz/SHA256E-s1--0.nii.gz",
    "binary data": lambda folder: bytes(range(256)) * 3,
    "a zip archive": lambda folder: b"PK\x03\x04" + bytes(500),
    "Analyze 7.5": lambda folder: b"\x5c\x01\x00\x00" + bytes(600),
    "DICOM": lambda folder: bytes(128) + b"DICM" + bytes(500),
}


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (suffix, content)
        for suffix in (".nii", ".nii.gz", ".png", ".tif", ".jpg", ".bmp")
        for content in WRONG
        if format_of(f"x{suffix}").name not in content
    ],
)
def test_a_wrong_name_is_answered_with_what_the_file_holds(tmp_path: Path, suffix: str, content: str) -> None:
    made = WRONG[content](tmp_path)
    path = tmp_path / f"scan{suffix}"
    path.write_bytes(made)
    with pytest.raises(InputError, match=content) as refusal:
        read(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_inside_gzip_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(b"just some words\n" * 30))
    with pytest.raises(InputError, match="inside it text"):
        read(tmp_path / "scan.nii.gz")
    write(SMALL, tmp_path / "packed.nii.gz")
    (tmp_path / "packed.nii.gz").rename(tmp_path / "packed.nii")
    with pytest.raises(InputError, match="inside it NIfTI-1"):
        read(tmp_path / "packed.nii")
    write(SMALL, tmp_path / "plain.nii")
    (tmp_path / "plain.nii").rename(tmp_path / "plain.nii.gz")
    with pytest.raises(InputError, match="holds NIfTI-1"):
        read(tmp_path / "plain.nii.gz")


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz", "out.png", "out.tif"])
def test_existing_files_are_replaced_only_by_force(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        write(FLAT, path)
    assert path.read_bytes() == b"precious"
    write(FLAT, path, force=True)
    assert np.array_equal(read(path).data, FLAT.data)
    assert list(tmp_path.iterdir()) == [path]


def test_output_gets_the_rights_of_an_ordinary_new_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    write(SMALL, tmp_path / "out.nii")
    assert (tmp_path / "out.nii").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_check_writable_refuses_in_advance(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        check_writable(tmp_path / "absent" / "out.nii", force=False)
    with pytest.raises(OutputError, match=r"'\.mnc'; quietmr writes \.nii"):
        check_writable(tmp_path / "out.mnc", force=True)
    with pytest.raises(OutputError, match="lossy"):
        check_writable(tmp_path / "out.jpg", force=True)
    with pytest.raises(OutputError, match="too long"):
        check_writable(tmp_path / f"{'x' * 300}.nii", force=False)
    (tmp_path / "series").write_bytes(b"a file")
    with pytest.raises(OutputError):
        check_writable(tmp_path / "series", force=True)
    check_writable(tmp_path / "out.nii.gz", force=False)
    check_writable(tmp_path / "new_series", force=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["series"]


def test_a_read_only_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match="read-only"):
        write(SMALL, tmp_path / "out.nii")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder where even root cannot make files")
def test_a_folder_that_takes_no_files_is_refused() -> None:
    with pytest.raises(OutputError, match=r"/proc/out\.nii"):
        write(SMALL, Path("/proc/out.nii"))


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Let the system itself refuse to write more, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz", "out.tif"])
def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, name: str, rng: np.random.Generator) -> None:
    large = Image(rng.standard_normal((1, 1, 512, 512), np.float32))
    path = tmp_path / name
    path.write_bytes(b"precious")
    with largest_file(100_000), pytest.raises(OutputError, match=name.replace(".", r"\.")):
        write(large, path, force=True)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "said"), [(28, "no space left"), (30, "read-only"), (13, "read-only"), (5, "error")]
)
def test_what_the_system_says_becomes_a_sentence(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(OutputError, match=f"out.nii was not written.*{said}"), replacing(tmp_path / "out.nii"):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, ValueError, OutputError])
@pytest.mark.parametrize("is_folder", [False, True])
def test_an_interruption_leaves_nothing_behind(
    tmp_path: Path, interruption: type[BaseException], is_folder: bool
) -> None:
    def make(temporary: Path) -> None:
        if is_folder:
            temporary.mkdir()
            temporary /= "slice.dcm"
        temporary.write_bytes(b"half")
        raise interruption

    with pytest.raises(interruption), replacing(tmp_path / "out") as temporary:
        make(temporary)
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_name_keeps_suffix_and_folder(tmp_path: Path) -> None:
    with replacing(tmp_path / f"{'long' * 60}.v2.nii.gz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz")
        assert not temporary.exists()
        temporary.touch()
    assert [entry.name for entry in tmp_path.iterdir()] == [f"{'long' * 60}.v2.nii.gz"]


def test_a_folder_replaces_a_folder_of_its_kind_only(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    check_writable(series, force=False)
    (series / "1.dcm").write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        check_writable(series, force=False)
    check_writable(series, force=True)
    with replacing(series) as temporary:
        temporary.mkdir()
        (temporary / "2.dcm").write_bytes(b"new")
    assert [entry.name for entry in series.iterdir()] == ["2.dcm"]
    assert list(tmp_path.iterdir()) == [series]
    (series / "thesis.docx").write_bytes(b"unique")
    with pytest.raises(OutputError, match=r"thesis\.docx"):
        check_writable(series, force=True)


def test_a_folder_that_cannot_move_in_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "1.dcm").write_bytes(b"old")
    honest: Callable[[Path, Path], Path] = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target == series and (self / "2.dcm").exists():
            raise OSError(28, "No space left on device")
        return honest(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OutputError, match="no space"), replacing(series) as temporary:
        temporary.mkdir()
        (temporary / "2.dcm").write_bytes(b"new")
    assert [entry.name for entry in series.iterdir()] == ["1.dcm"]
    assert list(tmp_path.iterdir()) == [series]


def _refuse_to_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    honest: Callable[[Path, Path], Path] = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target.name == name and self.read_bytes() == b"new":
            raise OSError(28, "No space left on device")
        return honest(self, target)

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("failing", ["a", "b", "c"])
@pytest.mark.parametrize("existing", [(), ("a",), ("b", "c"), ("a", "b", "c")])
def test_outputs_get_their_names_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, existing: tuple[str, ...]
) -> None:
    for name in existing:
        (tmp_path / name).write_bytes(b"old")

    def make() -> None:
        with replacing_together() as temporary_for:
            for name in "abc":
                temporary_for(tmp_path / name).write_bytes(b"new")

    with monkeypatch.context() as patched:
        _refuse_to_name(patched, failing)
        with pytest.raises(OutputError, match=f"{failing} was not written.*no space"):
            make()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(existing, b"old")
    make()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys("abc", b"new")


def test_a_series_is_put_back_where_its_partner_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = tmp_path / "series"
    series.mkdir()
    (series / "1.dcm").write_bytes(b"old")
    _refuse_to_name(monkeypatch, "file")
    with pytest.raises(OutputError, match="no space"), replacing_together() as temporary_for:
        temporary_for(tmp_path / "file").write_bytes(b"new")
        folder = temporary_for(series)
        folder.mkdir()
        (folder / "2.dcm").write_bytes(b"new")
    assert [entry.name for entry in series.iterdir()] == ["1.dcm"]
    assert list(tmp_path.iterdir()) == [series]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".tif"])
@pytest.mark.parametrize("scale", [0.0, 1e-9, 1.0, 1e9])
def test_small_and_odd_images_pass_through_every_format(tmp_path: Path, suffix: str, scale: float) -> None:
    data = np.full((1, 1, 8, 8), scale, np.float32)
    write(Image(data), tmp_path / f"out{suffix}")
    assert np.array_equal(read(tmp_path / f"out{suffix}").data, data)


@pytest.mark.parametrize(
    "suffix",
    # DICOM is not made from nothing: its own tests write it
    [suffix for row in FORMATS if not row.read_only and row.name != "DICOM" for suffix in row.suffixes],
)
def test_whole_numbers_survive_every_format_that_is_written(
    tmp_path: Path, suffix: str, rng: np.random.Generator
) -> None:
    data = rng.integers(0, 4095, (1, 1, 8, 8)).astype(np.float32)
    image = Image(data, geometry=Geometry(np.diag([0.5, 0.25, 1, 1])), meta=Meta(storage=Storage("<u2")))
    write(image, tmp_path / f"out{suffix}")
    again = read(tmp_path / f"out{suffix}")
    assert np.array_equal(again.data, data)
    assert again.geometry.voxel_size == pytest.approx((0.5, 0.25, 1), rel=1e-3)


def test_a_scan_may_change_its_format(tmp_path: Path, rng: np.random.Generator) -> None:
    affine = np.diag([0.5, 0.5, 1.0, 1.0])
    stack = Image(
        rng.integers(0, 4095, (1, 3, 5, 6)).astype(np.float32),
        geometry=Geometry(affine),
        meta=Meta(storage=Storage("<u2")),
    )
    path = tmp_path / "first.nii"
    write(stack, path)
    for name in ("second.tif", "third.nii.gz"):
        write(read(path), tmp_path / name)
        path = tmp_path / name
    assert np.array_equal(read(path).data, stack.data)
    assert read(path).meta.storage == Storage("<u2")
    assert read(path).geometry.voxel_size == pytest.approx((0.5, 0.5, 1), rel=1e-3)


def test_importing_io_loads_no_file_library() -> None:
    code = "import sys, quietmr.io; print(sorted({'nibabel', 'PIL', 'pydicom', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
