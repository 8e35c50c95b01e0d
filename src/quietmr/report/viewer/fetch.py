"""Puts NiiVue, which draws the scans in the browser, beside the viewer: from npm, one version, checked.

``python -m quietmr.report.viewer.fetch``, or ``make viewer`` in the source tree. The repository holds no NiiVue.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quietmr.data import InputError, MissingExtraError, QuietmrError

_HERE = Path(__file__).resolve().parent
_NOTICE = _HERE / "niivue_licenses.txt"
PLACE = _HERE / "niivue"
"""Folder for NiiVue, ignored by git, part of the wheel if it is there."""

_TIMEOUT = 120  # seconds; the package has 5 MB


@dataclass(frozen=True)
class Pin:
    """Which NiiVue: the version, the SHA-512 of its package as npm states it, and the one file that is taken."""

    package: str
    version: str
    license: str
    integrity: str
    member: str
    sha256: str


def pin() -> Pin:
    """Read the pin."""
    return Pin(**json.loads((_HERE / "niivue.json").read_text(encoding="utf-8")))


def niivue_module(place: Path = PLACE) -> Path:
    """Return the path of the NiiVue module, checked.

    Raises
    ------
    MissingExtraError
        If it is not there, or is not the pinned one.
    """
    path = place / "niivue.js"
    if not path.is_file():
        raise MissingExtraError(
            "The viewer needs NiiVue, which is not in this installation: run  make viewer  in the source tree, or  "
            "python -m quietmr.report.viewer.fetch  (both need npm and the network once)."
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != pin().sha256:
        raise MissingExtraError(
            f"{path} is not NiiVue {pin().version} as it was published: delete it and run  make viewer  again."
        )
    return path


def fetch(place: Path = PLACE) -> Path:
    """Fetch NiiVue with npm, unless it is there.

    Returns
    -------
    Path
        The module.

    Raises
    ------
    MissingExtraError
        If npm is missing or fails.
    InputError
        If what npm fetched is not the pinned package.
    """
    wanted = pin()
    path = place / "niivue.js"
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted.sha256:
        return path
    with tempfile.TemporaryDirectory(prefix="quietmr-niivue-") as folder:
        module = unpack(_packed(wanted, Path(folder)), wanted)
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_NOTICE, place / "LICENSE")
    unfinished = place / "niivue.js.part"
    unfinished.write_bytes(module)
    unfinished.replace(path)
    return path


def unpack(package: bytes, wanted: Pin) -> bytes:
    """Take the module out of npm's package.

    Parameters
    ----------
    package : bytes
        The ``.tgz`` that npm fetched.
    wanted : Pin
        What it must be.

    Raises
    ------
    InputError
        If package or module differ from the pinned ones.
    """
    found = f"sha512-{base64.b64encode(hashlib.sha512(package).digest()).decode()}"
    if found != wanted.integrity:
        raise InputError(
            f"npm gave another {wanted.package} {wanted.version} than the pinned one (got {found}, need "
            f"{wanted.integrity}): it was not used; try again, or check where npm fetches from."
        )
    with tempfile.TemporaryFile() as stream:
        stream.write(package)
        stream.seek(0)
        with tarfile.open(fileobj=stream, mode="r:gz") as archive:
            member = archive.extractfile(wanted.member)
            module = member.read() if member else b""
    if hashlib.sha256(module).hexdigest() != wanted.sha256:
        raise InputError(f"{wanted.member} in {wanted.package} is not the pinned file: check niivue.json.")
    return module


def _packed(wanted: Pin, folder: Path) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingExtraError("NiiVue comes from npm, which is not installed here: install Node.js, then try again.")
    command = [npm, "pack", f"{wanted.package}@{wanted.version}", "--pack-destination", str(folder)]
    command += ["--silent", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_TIMEOUT)
        (package,) = folder.glob("*.tgz")
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise MissingExtraError(
            f"npm could not fetch {wanted.package} {wanted.version} ({type(error).__name__}): check the network."
        ) from error
    return package.read_bytes()


def main(arguments: Sequence[str]) -> int:
    """Fetch and say so; with ``--optional`` a failure is a sentence and no error."""
    try:
        path = fetch()
    except (QuietmrError, OSError) as error:
        is_optional = "--optional" in arguments
        sys.stderr.write(f"quietmr: {'quietmr view will not work: ' if is_optional else ''}{error}\n")
        return 0 if is_optional else 1
    sys.stdout.write(f"NiiVue {pin().version}: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
