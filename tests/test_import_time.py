"""Importing quietmr, and asking it for help, loads none of the heavy libraries."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "nibabel", "pydicom", "matplotlib", "scipy", "PIL", "rich", "dipy", "skimage", "safetensors")
LIGHT_HELP = ("tyro", "numpy")


def loaded(code: str, modules: tuple[str, ...]) -> set[str]:
    script = f"import sys\n{code}\nsys.stderr.write(' '.join(m for m in {modules!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_import_quietmr():
    assert loaded("import quietmr; dir(quietmr)", (*HEAVY, *LIGHT_HELP)) == set()


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["denose"]])
def test_help_and_version(arguments):
    main = f"from quietmr.cli.main import main; main({arguments})"
    code = f"import io; sys.stderr = io.StringIO(); {main}; sys.stderr = sys.__stderr__"
    assert loaded(code, (*HEAVY, *LIGHT_HELP)) == set()


@pytest.mark.parametrize("verb", ["denoise", "noise", "models"])
def test_help_of_a_verb(verb):
    code = f"from quietmr.cli.main import main\ntry:\n    main([{verb!r}, '--help'])\nexcept SystemExit:\n    pass"
    assert loaded(code, HEAVY) == set()


@pytest.mark.parametrize("name", ["Image", "NoiseMap", "QuietmrError"])
def test_types_need_numpy_only(name):
    assert loaded(f"import quietmr; quietmr.{name}", HEAVY) == set()


def test_the_check_itself_sees_what_is_loaded():
    assert loaded("import quietmr, scipy", HEAVY) == {"scipy"}
