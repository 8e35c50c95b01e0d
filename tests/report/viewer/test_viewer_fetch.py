"""NiiVue comes as the one file that was pinned, or not at all."""

import base64
import hashlib
import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from quietmr.data import InputError, MissingExtraError
from quietmr.report.viewer import fetch as fetching
from quietmr.report.viewer.fetch import Pin, fetch, main, niivue_module, pin, unpack

MODULE = b"export const Niivue = 1\n"


def package(module: bytes = MODULE, name: str = "package/dist/index.js") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(module)
        archive.addfile(entry, io.BytesIO(module))
    return stream.getvalue()


def pin_of(data: bytes) -> Pin:
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    return replace(pin(), integrity=f"sha512-{digest}", sha256=hashlib.sha256(MODULE).hexdigest())


def test_pinned_package_gives_the_module():
    data = package()
    assert unpack(data, pin_of(data)) == MODULE


def test_package_or_module_that_differs_is_refused():
    data = package()
    with pytest.raises(InputError, match="another @niivue/niivue"):
        unpack(data + b"x", pin_of(data))
    changed = package(MODULE + b"x")
    with pytest.raises(InputError, match="not the pinned file"):
        unpack(changed, pin_of(changed))


def test_pin_is_exact_and_names_no_host():
    wanted = pin()
    assert wanted.version.replace(".", "").isdigit()
    assert len(base64.b64decode(wanted.integrity.removeprefix("sha512-"))) == 64
    assert len(wanted.sha256) == 64
    text = (Path(fetching.__file__).parent / "niivue.json").read_text() + Path(fetching.__file__).read_text()
    assert "http" not in text
    assert wanted.version in fetching._NOTICE.read_text()


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """An npm that gives the package, and a pin for it."""
    data = package()

    def run(command, *, cwd, **options):
        assert command[1:3] == ["pack", f"@niivue/niivue@{pin().version}"]
        assert "--ignore-scripts" in command
        (cwd / "niivue.tgz").write_bytes(data)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(fetching.shutil, "which", lambda name: f"/bin/{name}")
    wanted = pin_of(data)
    monkeypatch.setattr(fetching, "pin", lambda: wanted)
    return tmp_path / "niivue"


def test_fetch_puts_module_and_licenses_and_nothing_else(npm):
    path = fetch(npm)
    assert path.read_bytes() == MODULE
    assert sorted(entry.name for entry in npm.iterdir()) == ["LICENSE", "niivue.js"]
    assert "BSD 2-Clause" in (npm / "LICENSE").read_text()
    assert niivue_module(npm) == path


def test_fetch_does_nothing_twice_and_mends_what_was_changed(npm, monkeypatch):
    path = fetch(npm)
    path.write_text("changed")
    with pytest.raises(MissingExtraError, match="make viewer"):
        niivue_module(npm)
    assert fetch(npm).read_bytes() == MODULE
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch(npm) == path


def test_without_niivue_one_sentence_says_what_to_do(tmp_path):
    with pytest.raises(MissingExtraError, match=r"make viewer.*need npm"):
        niivue_module(tmp_path)


@pytest.mark.parametrize("trouble", ["no npm", "offline", "slow", "empty"])
def test_trouble_with_npm_is_a_sentence_and_optional_is_no_failure(monkeypatch, tmp_path, capsys, trouble):
    def run(command, **options):
        if trouble == "offline":
            raise subprocess.CalledProcessError(1, command)
        if trouble == "slow":
            raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(fetching.shutil, "which", lambda name: None if trouble == "no npm" else f"/bin/{name}")
    monkeypatch.setattr(fetching.fetch, "__defaults__", (tmp_path / "niivue",))
    assert main([]) == 1
    assert main(["--optional"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("npm" in line for line in lines)
    assert not (tmp_path / "niivue").exists()
