"""Gives the page, NiiVue and the listed scans to the browser on this machine, and nothing else to anybody."""

import json
import os
import re
import secrets
import shutil
import socket
import socketserver
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from quietmr.data import OutputError
from quietmr.report.viewer.files import Volume, magnitude_file
from quietmr.report.viewer.pairing import Scene

ADDRESS = "127.0.0.1"
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d{1,5})?", re.IGNORECASE)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".nii": "application/octet-stream",
    ".gz": "application/gzip",
}
# The page may talk to this server alone; NiiVue keeps its fonts in data: addresses and styles its canvas from scripts.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True)
class Resource:
    """What one address gives: bytes, a file, or a volume that is converted when it is asked for."""

    content_type: str
    content: bytes | Path | Volume

    def open(self) -> tuple[BinaryIO, int]:
        """Open it for reading; return it with its length.

        Raises
        ------
        OSError
            If the file is gone, or is no longer a regular file.
        """
        if isinstance(self.content, Path):
            # the path was resolved when it was listed: a link in its place now was put there since
            handle = os.open(self.content, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
            stream = os.fdopen(handle, "rb")
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                stream.close()
                raise FileNotFoundError(self.content)
            return stream, status.st_size
        content = self.content if isinstance(self.content, bytes) else magnitude_file(self.content)
        return BytesIO(content), len(content)


class ViewerServer(ThreadingHTTPServer):
    """Serves scenes on the loopback address.

    All addresses begin with a random word, so that another user of the same machine, who can reach the port, cannot
    see the scans. `url` has it.

    Parameters
    ----------
    scenes : sequence of Scene
        What the page lists.
    niivue : Path
        The NiiVue module, checked.
    port : int
        Port to listen on; 0 for a free one.
    notes : sequence of str
        Sentences that the page shows under the list.
    title : str
        Name of the folder, for the page.

    Raises
    ------
    OutputError
        If the port is not free or not allowed.
    """

    daemon_threads = True

    def __init__(
        self, scenes: Sequence[Scene], niivue: Path, *, port: int = 0, notes: Sequence[str] = (), title: str = ""
    ) -> None:
        self.word = secrets.token_urlsafe(12)
        self.resources = _resources(f"/{self.word}/", scenes, niivue, {"title": title, "notes": list(notes)})
        try:
            super().__init__((ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"Port {port} cannot be used ({reason}): choose another, or leave --port out.") from error

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/{self.word}/"

    def server_bind(self) -> None:
        """Bind without asking the name server who 127.0.0.1 is, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line what went wrong with an answer; a browser that hung up is nothing wrong."""
        del request, client_address
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError | socket.timeout):
            sys.stderr.write(f"quietmr: An answer to the browser failed ({type(error).__name__}: {error}).\n")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: ViewerServer

    def parse_request(self) -> bool:
        """Refuse, besides what is not HTTP, other methods and other names for this machine (DNS rebinding)."""
        if not super().parse_request():
            return False
        hosts = self.headers.get_all("Host") or []
        if self.command not in {"GET", "HEAD"}:
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED)
        elif len(hosts) != 1 or not _HOST.fullmatch(hosts[0].strip()):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
        else:
            return True
        return False

    def do_GET(self) -> None:
        """Give what the address stands for; addresses are looked up, never taken for paths."""
        resource = self.server.resources.get(self.path.partition("?")[0])
        if resource is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            stream, length = resource.open()
        except OSError:
            self.send_error(HTTPStatus.GONE)
            return
        with stream:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", resource.content_type)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command == "GET":
                shutil.copyfileobj(stream, self.wfile, 2**18)

    do_HEAD = do_GET  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with the name of the error alone, never with words of the request."""
        del message, explain
        body = f"{HTTPStatus(code).phrase}\n".encode()
        self.send_response(code)
        if code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def end_headers(self) -> None:
        """Add what every answer carries."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def version_string(self) -> str:
        """Name the server without versions."""
        return "quietmr"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to the user."""


def _resources(prefix: str, scenes: Sequence[Scene], niivue: Path, about: Mapping[str, object]) -> dict[str, Resource]:
    resources = {f"{prefix}niivue.js": Resource(_TYPES[".js"], niivue)}
    for entry in (files(__package__) / "page").iterdir():
        suffix = Path(entry.name).suffix
        if suffix in _TYPES:
            resources[prefix + entry.name] = Resource(_TYPES[suffix], entry.read_bytes())
    resources[prefix] = resources.pop(f"{prefix}index.html")
    addresses: dict[Path, str] = {}
    for volume in (volume for scene in scenes for volume in scene.volumes.values()):
        if volume.path in addresses:
            continue
        ending = ".nii.gz" if volume.path.name.lower().endswith(".gz") and not volume.is_converted else ".nii"
        address = addresses[volume.path] = f"volumes/{secrets.token_hex(8)}{ending}"
        content = volume if volume.is_converted else volume.path
        resources[prefix + address] = Resource(_TYPES[Path(address).suffix], content)
    listed = [_facts(scene, addresses) for scene in scenes]
    text = json.dumps({**about, "scenes": listed}, allow_nan=False)
    resources[f"{prefix}scenes.json"] = Resource(_TYPES[".json"], text.encode())
    return resources


def _facts(scene: Scene, addresses: Mapping[Path, str]) -> dict[str, object]:
    volumes = {
        part: {
            "url": addresses[volume.path],
            "name": volume.name,
            "shape": volume.shape,
            "frames": volume.n_frames,
            "magnitude": volume.is_converted,
        }
        for part, volume in scene.volumes.items()
    }
    sigma = scene.facts.get("NoiseSigma")
    is_number = isinstance(sigma, int | float) and 0 < sigma < float("inf")
    model = scene.facts.get("ModelName")
    return {
        "name": scene.name,
        "volumes": volumes,
        "sigma": sigma if is_number else None,
        "model": model if isinstance(model, str) else None,
    }
