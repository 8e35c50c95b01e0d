"""A program as a denoiser: it gets the image where it lies, and whatever goes wrong is told in one sentence."""

import shlex
import subprocess
import sys
import time

import numpy as np
import pytest

from quietmr.data import Geometry, Image, InputError, NoiseMap
from quietmr.denoise.external import ExternalDenoiser

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
AFFINE = np.array([[-1.5, 0, 0, 40], [0, 1.5, 0, -50], [0, 0, 3.0, 10], [0, 0, 0, 1]])
COPY = "cp {in} {out}"


def python(code, *words):
    return shlex.join([sys.executable, "-c", code]) + " " + " ".join(words or ("{in}", "{out}"))


def image(rng, dtype=np.float32, sigma=2.5):
    data = rng.normal(100, 5, (2, 3, 8, 9)).astype(dtype)
    return Image(data, Geometry(AFFINE), noise=NoiseMap(np.array(sigma, np.float32), "rician", "given"))


def changing(change, more=""):
    """A program that changes the data by an expression of ``x`` (nibabel's order of axes)."""
    return python(
        f"import nibabel as nib, numpy as np, sys; i = nib.load(sys.argv[1]); x = np.asarray(i.dataobj); {more}"
        f"nib.save(nib.Nifti1Image(np.asarray({change}), i.affine), sys.argv[2])"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_what_goes_in_comes_out(rng, dtype):
    given = image(rng, dtype)
    result = ExternalDenoiser("copy", COPY)(given)
    np.testing.assert_array_equal(result.data, given.data)
    assert result.history[-1].parameters["method"] == "copy"


def test_program_sees_geometry_and_sigma(rng, tmp_path):
    target = tmp_path / "said with space.txt"
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import nibabel as nib, shutil, sys\n"
        "print(nib.load(sys.argv[1]).affine.tolist(), sys.argv[3], file=open(sys.argv[4], 'w'))\n"
        "shutil.copy(*sys.argv[1:3])\n"
    )
    ExternalDenoiser("spy", f"{sys.executable} '{spy}' {{in}} {{out}} {{sigma}} '{target}'")(image(rng))
    assert target.read_text().strip() == f"{AFFINE.tolist()} 2.5"


def test_map_of_sigma_is_written_if_it_is_asked_for(rng):
    given = image(rng, sigma=np.linspace(1, 2, 9))
    both = python(
        "import nibabel as nib, sys; i, s = (nib.load(f) for f in sys.argv[1:3]); "
        "nib.save(nib.Nifti1Image(i.get_fdata() - s.get_fdata(), i.affine), sys.argv[3])",
        "{in}", "{sigma_map}", "{out}",
    )  # fmt: skip
    result = ExternalDenoiser("map", both)(given)
    np.testing.assert_allclose(given.data - result.data, given.noise.over(given.shape), atol=1e-4)


def test_compressed_output_counts_too(rng):
    given = image(rng)
    result = ExternalDenoiser("zip", 'bash -c \'gzip -c "$0" > "$1.gz"\' {in} {out}')(given)
    np.testing.assert_array_equal(result.data, given.data)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (python("raise SystemExit('no licence found')"), r"ended with code 1 \(no licence found\)"),
        ("no-such-program-anywhere {in} {out}", "cannot be started"),
        ("true {in} {out}", "wrote no {out}"),
        ("bash -c 'echo rubbish > $1' {in} {out}", "cannot be read|damaged|NIfTI"),
        (changing("x[:-1]"), r"shape \(2, 3, 8, 8\)"),
        (changing("np.where(x > 100, np.nan, x)"), "NaN"),
        (changing("x + 0j"), "wrote a complex one"),
    ],
)
def test_what_goes_wrong_is_one_sentence(rng, command, words):
    with pytest.raises(InputError, match=words) as failed:
        ExternalDenoiser("tool", command)(image(rng))
    assert str(failed.value).startswith("tool ")
    assert "\n" not in str(failed.value)


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_started(rng):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"did not end within 0\.3 s"):
        ExternalDenoiser("slow", "bash -c 'sleep 43210 & sleep 43210' {in} {out}", timeout=0.3)(image(rng))
    assert time.monotonic() - start < 10
    assert "sleep 43210" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("tool {out}", "no {in}"),
        ("tool {in}", "no {out}"),
        ("tool {in} {out} {mask}", "{mask}, which means nothing"),
        ("tool '{in} {out}", "close its quotes"),
        ("", "is empty"),
    ],
)
def test_commands_without_sense_are_refused_before_any_work(command, words):
    with pytest.raises(InputError, match=words):
        ExternalDenoiser("tool", command)


def test_no_shell_runs_the_command(rng, tmp_path):
    target = tmp_path / "made"
    with pytest.raises(InputError, match="ended with code"):
        ExternalDenoiser("copy", f"cp {{in}} {{out}} ; touch {target}")(image(rng))
    assert not target.exists()


def test_memory_and_time_of_the_program_are_its_own(rng):
    code = "import sys, shutil, time; b = bytearray(150_000_000); shutil.copy(*sys.argv[1:]); time.sleep(0.4)"
    told = ExternalDenoiser("large", python(code))(image(rng)).history[-1].parameters
    assert 150 < told["peak_mb"] < 250
    assert told["wall_s"] > 0.4
    assert 0 < told["cpu_s"] < told["wall_s"] + 1
