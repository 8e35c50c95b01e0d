"""Odd, damaged and interrupted: a right result, or exactly one sentence and exit code 1. Nothing in between."""

import errno
import gzip
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import PIL.Image
import pytest
import torch
from numpy.typing import NDArray

from quietmr.cli.main import main
from quietmr.denoise import DEFAULT_MODEL
from quietmr.denoise.device import runs_bfloat16

MODELS = ["gaussian", DEFAULT_MODEL]
SIGMA = 6.0
AFFINE = np.diag([-1.0, 1.0, 2.0, 1.0])


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def refused(self) -> str:
        """One sentence on stderr, exit code 1, nothing on stdout."""
        assert (self.code, self.out) == (1, ""), self
        (line,) = self.err.splitlines()
        assert line.startswith("quietmr: "), line
        assert line.endswith("."), line
        assert "quietmr-" not in line, "the name of a temporary file says nothing to the user"
        return line.removeprefix("quietmr: ")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command line in this process."""

    def command(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return command


def in_process(*arguments: object) -> Ran:
    """Run the command line as users do."""
    done = subprocess.run(
        [sys.executable, "-m", "quietmr", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def head(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Make a magnitude scan (X, Y, Z) of an ellipsoid with Rician noise of SD ``SIGMA``."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    clean = 100.0 * (sum((a / 0.8) ** 2 for a in axes) < 1) + 20.0 * (sum((a / 0.4) ** 2 for a in axes) < 1)
    return np.hypot(clean + SIGMA * rng.standard_normal(shape), SIGMA * rng.standard_normal(shape))


def save(path: Path, data: NDArray[np.generic], dtype: str = "<f4") -> Path:
    header = nib.Nifti1Header(endianness=">" if dtype.startswith(">") else "<")
    header.set_data_dtype(np.dtype(dtype))
    nib.save(nib.Nifti1Image(data.astype(dtype), AFFINE, header), path)
    return path


def values(path: Path) -> NDArray[np.float64]:
    return np.asanyarray(nib.load(path).dataobj, dtype=np.float64)


def state(folder: Path) -> dict[str, str]:
    """Hash of every file under the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def scan(tmp_path: Path, rng: np.random.Generator) -> Path:
    return save(tmp_path / "scan.nii.gz", head((32, 36, 10), rng))


class TestOddPixels:
    """Images that are unusual but sound come out denoised, and everything else about them stays as it was."""

    @pytest.fixture(autouse=True)
    def input_stays_untouched(self, tmp_path: Path):
        yield
        assert not [path for path in tmp_path.rglob("*") if ".quietmr-" in path.name]

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_one_voxel_that_is_no_number_harms_no_other(self, run, tmp_path, rng, model, bad):
        data = head((32, 36, 10), rng)
        good = save(tmp_path / "good.nii", data)
        data[16, 18, 5] = bad
        odd = save(tmp_path / "odd.nii", data)
        before = state(tmp_path)
        options = ("--model", model, "--sigma", SIGMA)
        ran = run("denoise", odd, tmp_path / "o.nii", *options)
        assert ran.code == 0
        assert "not finite" in ran.err
        run("denoise", good, tmp_path / "g.nii", *options)
        result, reference = values(tmp_path / "o.nii"), values(tmp_path / "g.nii")
        np.testing.assert_array_equal(result[16, 18, 5], bad)
        others = np.ones(result.shape, bool)
        others[16, 18, 5] = False
        assert np.isfinite(result[others]).all()
        assert np.abs(result - reference)[others].max() < 2 * SIGMA
        assert {name: state(tmp_path)[name] for name in before} == before

    def test_noise_of_a_scan_with_one_nan_is_measured_on_the_rest(self, run, tmp_path, rng):
        data = head((48, 48, 12), rng)
        without = json.loads(run("noise", save(tmp_path / "a.nii", data), "--json").out)["sigma"]
        data[24, 24, 6] = np.nan
        ran = run("noise", save(tmp_path / "b.nii", data), "--json")
        assert ran.code == 0
        assert json.loads(ran.out)["sigma"] == pytest.approx(without, rel=0.05)

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("value", [0.0, 100.0])
    def test_constant_scan_comes_back_as_it_was_with_a_warning(self, run, tmp_path, model, value):
        scan = save(tmp_path / "flat.nii", np.full((24, 24, 6), value))
        ran = run("denoise", scan, tmp_path / "o.nii", "--model", model)
        assert ran.code == 0, ran
        assert "warning" in ran.err
        np.testing.assert_array_equal(values(tmp_path / "o.nii"), value)

    def test_noise_of_a_constant_scan_is_none_and_said_so(self, run, tmp_path):
        ran = run("noise", save(tmp_path / "flat.nii", np.full((24, 24, 6), 100.0)), "--json")
        facts = json.loads(ran.out)
        assert facts["sigma"] == 0
        assert facts["warnings"]
        assert facts["snr"] is None

    def test_scan_of_nothing_but_nan_is_refused(self, run, tmp_path):
        scan = save(tmp_path / "nan.nii", np.full((24, 24, 6), np.nan))
        before = state(tmp_path)
        assert run("denoise", scan, tmp_path / "o.nii", "--model", "gaussian").refused()
        assert run("noise", scan).refused()
        assert state(tmp_path) == before

    @pytest.mark.parametrize(
        ("dtype", "model"),
        [
            *((dtype, "gaussian") for dtype in ("<i2", ">i2", "<u2", ">u2", "|u1", ">f4", "<f8", ">f8", "<i4")),
            *((">i2", model) for model in MODELS[1:]),
        ],
    )
    def test_every_type_of_number_comes_back_in_its_type(self, run, tmp_path, rng, model, dtype):
        data = np.rint(head((32, 36, 10), rng))
        scan = save(tmp_path / "scan.nii", data, dtype)
        reference = save(tmp_path / "reference.nii", data)
        for path in (scan, reference):
            assert run("denoise", path, tmp_path / f"o_{path.name}", "--model", model, "--sigma", SIGMA).code == 0
        result = nib.load(tmp_path / "o_scan.nii")
        assert result.get_data_dtype() == np.dtype(dtype)
        half_a_step = 0.0 if np.dtype(dtype).kind == "f" else 0.5
        np.testing.assert_allclose(
            values(tmp_path / "o_scan.nii"), values(tmp_path / "o_reference.nii"), atol=half_a_step + 1e-3
        )

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e9])
    def test_units_do_not_matter(self, run, tmp_path, rng, model, scale):
        data = head((32, 36, 10), rng)
        for name, factor in {"one": 1.0, "scaled": scale}.items():
            assert (
                run(
                    "denoise",
                    save(tmp_path / f"{name}.nii", data * factor),
                    tmp_path / f"o_{name}.nii",
                    "--model",
                    model,
                ).code
                == 0
            )
        one, scaled = values(tmp_path / "o_one.nii"), values(tmp_path / "o_scaled.nii")
        assert np.abs(one - data).std() > 1
        off = np.abs(scaled / scale - one)
        # In bfloat16 (8 bits) the last bit of the scaled image decides at single voxels which way a value is rounded.
        allowed = 2e-3 if runs_bfloat16(torch.device("cpu")) else 0.0
        assert np.mean(off > 0.02 * SIGMA) <= allowed
        assert off.max() < 0.3 * SIGMA

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("shape", [(8, 8, 1), (64, 64, 1), (64, 48, 2), (9, 7, 5), (24, 24, 4, 3)])
    def test_small_flat_and_long_shapes(self, run, tmp_path, rng, model, shape):
        data = head(shape[:3], rng)
        if len(shape) == 4:
            data = np.stack([head(shape[:3], rng) for _ in range(shape[3])], axis=-1)
        scan = save(tmp_path / "scan.nii", data)
        figure = tmp_path / "figure.png"
        assert (
            run("denoise", scan, tmp_path / "o.nii", "--model", model, "--sigma", SIGMA, "--figure", figure).code == 0
        )
        result = nib.load(tmp_path / "o.nii")
        assert result.shape == nib.load(scan).shape
        np.testing.assert_array_equal(result.affine, AFFINE)
        assert np.isfinite(values(tmp_path / "o.nii")).all()
        assert (values(tmp_path / "o.nii") != values(scan)).any()

    def test_tiny_picture_without_help_is_denoised_or_refused(self, run, tmp_path, rng):
        scan = save(tmp_path / "scan.nii", head((8, 8, 1), rng))
        ran = run("denoise", scan, tmp_path / "o.nii", "--model", "gaussian")
        assert ran.code == 0 or ran.refused()
        assert (tmp_path / "o.nii").exists() == (ran.code == 0)

    @pytest.mark.parametrize("model", MODELS)
    def test_picture_of_eight_bits(self, run, tmp_path, rng, model):
        path, out = tmp_path / "scan.png", tmp_path / "o.png"
        PIL.Image.fromarray(np.clip(head((64, 64), rng), 0, 255).astype(np.uint8)).save(path)
        assert run("denoise", path, out, "--model", model, "--sigma", SIGMA).code == 0
        with PIL.Image.open(path) as before, PIL.Image.open(out) as after:
            assert (after.mode, after.size) == (before.mode, before.size)
            flat = np.s_[28:36, 28:36]
            assert np.asarray(after, float)[flat].std() < 0.8 * np.asarray(before, float)[flat].std()

    def test_complex_scan_is_denoised_or_refused(self, run, tmp_path, rng):
        noise = rng.standard_normal((2, 32, 32, 6)) * SIGMA
        scan = save(tmp_path / "scan.nii", 100 + noise[0] + 1j * noise[1], "<c8")
        for model in MODELS:
            out = tmp_path / f"{model}.nii"
            ran = run("denoise", scan, out, "--model", model, "--sigma", SIGMA)
            if ran.code == 0:
                result = np.asanyarray(nib.load(out).dataobj)
                assert result.dtype.kind == "c"
                assert (result - 100).std() < 0.7 * (noise[0] + 1j * noise[1]).std()
            else:
                assert "complex" in ran.refused()


def five_axes(path: Path, rng: np.random.Generator) -> None:
    nib.save(nib.Nifti1Image(rng.standard_normal((8, 8, 4, 2, 3)).astype(np.float32), AFFINE), path)


def truncated(path: Path, rng: np.random.Generator) -> None:
    save(path, head((32, 36, 10), rng))
    path.write_bytes(path.read_bytes()[:5000])


def bad_header(path: Path, rng: np.random.Generator) -> None:
    save(path, head((16, 16, 4), rng))
    content = bytearray(path.read_bytes())
    content[40:42] = struct.pack("<h", -7)
    path.write_bytes(bytes(content))


def bad_gzip(path: Path, rng: np.random.Generator) -> None:
    save(path, head((32, 36, 10), rng))
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(bytes(content))


def text_in_gzip(path: Path, rng: np.random.Generator) -> None:
    del rng
    path.write_bytes(gzip.compress(b"not an image at all" * 100))


REFUSED: dict[str, Callable[[Path, np.random.Generator], object]] = {
    "five_axes.nii": five_axes,
    "empty.nii.gz": lambda path, _: path.write_bytes(b""),
    "empty.dcm": lambda path, _: path.write_bytes(b""),
    "empty.png": lambda path, _: path.write_bytes(b""),
    "text.nii": lambda path, _: path.write_text("dear scanner, " * 100),
    "text.dcm": lambda path, _: path.write_text("dear scanner, " * 100),
    "text.nii.gz": text_in_gzip,
    "truncated.nii": truncated,
    "truncated.nii.gz": truncated,
    "damaged.nii.gz": bad_gzip,
    "negative_size.nii": bad_header,
    "notes.txt": lambda path, _: path.write_text("not a scan"),
    "nifti_called.png": lambda path, rng: save(path.with_suffix(".nii"), head((8, 8, 4), rng)).rename(path),
    "empty_folder": lambda path, _: path.mkdir(),
    "two words\nand a line.nii": lambda path, _: path.write_bytes(b""),
}


class TestDamagedInput:
    @pytest.mark.parametrize("name", REFUSED)
    def test_is_refused_in_one_sentence_that_names_it(self, run, tmp_path, rng, name):
        scan = tmp_path / name
        REFUSED[name](scan, rng)
        before = state(tmp_path)
        for arguments in (["noise", scan], ["denoise", scan, tmp_path / "out.nii.gz", "--model", "gaussian"]):
            sentence = run(*arguments).refused()
            assert " ".join(name.split()) in sentence
        assert state(tmp_path) == before

    def test_absent(self, run, tmp_path):
        assert (
            "absent.nii" in run("denoise", tmp_path / "absent.nii", tmp_path / "o.nii", "--model", "gaussian").refused()
        )
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["scan.nii", "scan", "scan.mgz"])
    def test_wrong_suffix_of_the_output(self, run, scan, tmp_path, name):
        """A NIfTI scan cannot become a format that quietmr does not know; nothing is guessed."""
        if name == "scan.nii":
            assert run("denoise", scan, tmp_path / "other" / name, "--model", "gaussian").refused()
            return
        before = state(tmp_path)
        assert run("denoise", scan, tmp_path / name, "--model", "gaussian", "--sigma", SIGMA).refused()
        assert state(tmp_path) == before


@pytest.fixture
def series(shared: Callable[[str], Path], tmp_path: Path) -> Path:
    """Fifteen slices of one volume of a real DICOM series."""
    source, folder = shared("dcm_qa_nih_ge_epi_motion"), tmp_path / "series"
    folder.mkdir()
    for path in sorted(source.glob("*.dcm"))[:15]:
        shutil.copy(path, folder)
    return folder


@pytest.mark.shared
class TestDamagedDicom:
    def test_sound_series(self, run, series, tmp_path):
        before = state(series)
        assert run("denoise", series, tmp_path / "out", "--model", "gaussian").code == 0
        assert len(list((tmp_path / "out").iterdir())) == 15
        assert state(series) == before

    def test_missing_slice(self, run, series, tmp_path):
        sorted(series.iterdir())[7].unlink()
        before = state(tmp_path)
        assert "slice" in run("denoise", series, tmp_path / "out", "--model", "gaussian").refused()
        assert state(tmp_path) == before

    def test_two_series(self, run, series, shared, tmp_path):
        for path in shared("dcm_qa_nih_siemens_phantom_pairs/mr_0003").glob("*.dcm"):
            shutil.copy(path, series)
        before = state(tmp_path)
        assert "series" in run("denoise", series, tmp_path / "out", "--model", "gaussian").refused()
        assert run("noise", series).refused()
        assert state(tmp_path) == before

    def test_truncated_file(self, run, series, tmp_path):
        victim = sorted(series.iterdir())[3]
        victim.write_bytes(victim.read_bytes()[:4000])
        before = state(tmp_path)
        assert run("denoise", series, tmp_path / "out", "--model", "gaussian").refused()
        assert state(tmp_path) == before

    def test_other_files_beside_the_slices(self, run, series, tmp_path):
        (series / "README.txt").write_text("hello")
        before = state(series)
        ran = run("denoise", series, tmp_path / "out", "--model", "gaussian")
        assert ran.code == 0 or ran.refused()
        assert state(series) == before

    def test_folder_with_other_files_is_not_replaced_by_force(self, run, series, tmp_path):
        out = tmp_path / "out"
        out.mkdir()
        (out / "thesis.txt").write_text("precious")
        before = state(tmp_path)
        assert "thesis.txt" in run("denoise", series, out, "--model", "gaussian", "--force").refused()
        assert state(tmp_path) == before


class TestNoPlaceToWrite:
    """Nothing is left behind, whatever stands in the way."""

    @pytest.fixture(autouse=True)
    def folder_stays_as_it_was(self, tmp_path, scan):
        before = state(tmp_path)
        yield
        assert state(tmp_path) == before

    @pytest.mark.parametrize("out", ["/proc/out.nii", "/sys/out.nii", "/dev/null/out.nii", "/absent/folder/out.nii"])
    def test_folders_that_take_no_files(self, run, scan, out):
        assert run("denoise", scan, out, "--model", "gaussian", "--sigma", SIGMA).refused()

    @pytest.mark.parametrize("out", ["/proc/quiet/", "/dev/null/quiet/"])
    def test_folders_that_cannot_be_made(self, run, scan, out):
        assert run("denoise", scan, out, "--model", "gaussian", "--sigma", SIGMA).refused()

    def test_file_in_the_place_of_a_folder(self, run, scan):
        assert run("denoise", scan, scan / "out.nii", "--model", "gaussian", "--sigma", SIGMA).refused()

    def test_read_only_folder(self, run, scan, tmp_path, monkeypatch):
        """Root may write everywhere, so the system's answer is put in its mouth."""
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK | os.X_OK)
        assert "read-only" in run("denoise", scan, tmp_path / "o.nii", "--model", "gaussian").refused()

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES])
    @pytest.mark.parametrize("victim", ["write", "figure", "sidecar"])
    def test_disk_that_fails_while_writing(self, run, scan, tmp_path, monkeypatch, code, victim):
        def fail(*_arguments: object, **_options: object) -> None:
            raise OSError(code, os.strerror(code))

        target = {
            "write": "quietmr.io.nifti.write",
            "figure": "matplotlib.figure.Figure.savefig",
            "sidecar": "quietmr.cli.denoise_scan.write_sidecar",
        }[victim]
        monkeypatch.setattr(target, fail)
        figure = ("--figure", tmp_path / "figure.png") if victim == "figure" else ()
        options = ("--model", "gaussian", "--sigma", SIGMA, *figure)
        sentence = run("denoise", scan, tmp_path / "o.nii", *options).refused()
        assert {"write": "o.nii", "figure": "figure.png", "sidecar": "o.json"}[victim] in sentence
        if code == errno.ENOSPC:
            assert "no space" in sentence

    def test_disk_that_fails_at_the_last_rename(self, run, scan, tmp_path, monkeypatch):
        """The copy itself is put in place last: without it there is no other output either way round."""
        replace = Path.replace

        def fail(self: Path, target: Path) -> Path:
            if target.name == "o.json":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", fail)
        assert "o.json" in run("denoise", scan, tmp_path / "o.nii", "--model", "gaussian", "--sigma", SIGMA).refused()

    def test_memory_that_is_used_up(self, run, scan, tmp_path, monkeypatch):
        def fail(*_arguments: object, **_options: object) -> None:
            raise MemoryError

        monkeypatch.setattr("quietmr.cli.denoise_scan.denoise", fail)
        assert "memory" in run("denoise", scan, tmp_path / "o.nii", "--model", "gaussian").refused()


def test_full_device(tmp_path, scan):
    """/dev/full takes no byte: results that nobody could read are a failure too."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "quietmr", "noise", str(scan)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_reader_that_goes_away_is_no_traceback(scan):
    """As in ``quietmr noise a.nii b.nii | head -1``."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "quietmr", "noise", str(scan)],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")


class TestInterrupted:
    def test_in_the_middle_of_the_work(self, run, scan, tmp_path, monkeypatch):
        def interrupted(*_arguments: object, **_options: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("quietmr.cli.denoise_scan.denoise", interrupted)
        before = state(tmp_path)
        ran = run("denoise", scan, f"{tmp_path / 'out'}/", "--model", "gaussian")
        assert (ran.code, ran.out) == (130, "")
        assert len(ran.err.splitlines()) == 1
        assert state(tmp_path) == before
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("victim", ["quietmr.io.nifti.write", "quietmr.cli.denoise_scan.write_sidecar"])
    def test_while_writing(self, run, scan, tmp_path, monkeypatch, victim):
        def interrupted(first: object, second: object) -> None:
            path = first if isinstance(first, Path) else second
            Path(str(path)).write_bytes(b"half a file")
            raise KeyboardInterrupt

        monkeypatch.setattr(victim, interrupted)
        before = state(tmp_path)
        ran = run(
            "denoise",
            scan,
            tmp_path / "o.nii",
            "--model",
            "gaussian",
            "--sigma",
            SIGMA,
            "--removed",
            tmp_path / "r.nii",
        )
        assert ran.code == 130
        assert state(tmp_path) == before

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_by_a_signal_to_the_process(self, tmp_path, rng, number, code):
        """The signal arrives while the filter works, over and over until somebody stops it."""
        scan = save(tmp_path / "scan.nii", head((64, 64, 32), rng))
        before = state(tmp_path)
        script = (
            "import signal, sys, quietmr.cli.denoise_scan as room\n"
            # A shell that starts the tests in the background makes them deaf to Ctrl-C, and so their children.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from quietmr.cli.main import main\n"
            "work = room.denoise\n"
            "def told(*arguments, **options):\n"
            "    sys.stdout.write('working\\n'); sys.stdout.flush()\n"
            "    while True: work(*arguments, **options)\n"
            "room.denoise = told\n"
            "sys.exit(main())\n"
        )
        arguments = ["denoise", str(scan), str(tmp_path / "o.nii"), "--model", "median", "--sigma", "6"]
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        time.sleep(0.5)
        process.send_signal(number)
        _, err = process.communicate()
        assert process.returncode == code
        assert len(err.splitlines()) == 1
        assert state(tmp_path) == before


class TestAsUsersRunIt:
    """The same through a process of its own: entry point, exit codes, streams."""

    def test_refusal(self, tmp_path):
        (tmp_path / "empty.nii").write_bytes(b"")
        assert "empty" in in_process("noise", tmp_path / "empty.nii").refused()

    def test_result(self, scan, tmp_path):
        ran = in_process("denoise", scan, tmp_path / "o.nii.gz", "--model", "gaussian", "--json")
        assert (ran.code, ran.err) == (0, "")
        assert json.loads(ran.out)["output"] == str(tmp_path / "o.nii.gz")

    def test_mistake_in_quietmr_is_one_line_too(self, scan):
        script = (
            "import sys, quietmr.noise\n"
            "def broken(*_): raise ZeroDivisionError('division by zero')\n"
            "quietmr.noise.estimate_noise = broken\n"
            "from quietmr.cli.main import main\n"
            "sys.exit(main())\n"
        )
        arguments = [sys.executable, "-c", script, "noise", str(scan)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "mistake in quietmr" in line
        assert "--debug" in line
        told = subprocess.run([*arguments, "--debug"], capture_output=True, text=True, check=False).stderr
        assert "Traceback" in told

    def test_file_name_that_is_no_text(self, scan, tmp_path):
        odd = os.fsencode(tmp_path) + b"/caf\xe9.nii.gz"
        shutil.copy(scan, odd)
        done = subprocess.run([sys.executable, "-m", "quietmr", "noise", odd], capture_output=True, check=False)
        assert done.returncode == 0
        assert b"sigma" in done.stdout
