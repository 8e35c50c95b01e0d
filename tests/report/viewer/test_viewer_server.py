"""The server gives the page and the listed scans, to this machine, and nothing else."""

import http.client
import json
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from quietmr.data import OutputError
from quietmr.report.viewer.files import find
from quietmr.report.viewer.pairing import pair
from quietmr.report.viewer.server import ViewerServer


@pytest.fixture
def module(tmp_path_factory) -> Path:
    """A stand-in for NiiVue."""
    path = tmp_path_factory.mktemp("niivue") / "niivue.js"
    path.write_text("export {}")
    return path


@pytest.fixture
def server(save, serve, module, tmp_path):
    save("mr.nii.gz")
    save("mr_desc-denoised.nii.gz", Sources=["mr.nii.gz"], ModelName="quiet", NoiseSigma=2.5)
    (tmp_path / "secret.txt").write_text("secret")
    return serve(tmp_path, niivue=module)


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def page(server, name=""):
    return f"/{server.word}/{name}"


def say(server, text: bytes) -> bytes:
    """Send bytes as they are."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as line:
        line.sendall(text)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("viewer.css", "text/css; charset=utf-8"),
        ("viewer.js", "text/javascript; charset=utf-8"),
        ("stage.js", "text/javascript; charset=utf-8"),
        ("dom.js", "text/javascript; charset=utf-8"),
        ("levels.js", "text/javascript; charset=utf-8"),
        ("maps.js", "text/javascript; charset=utf-8"),
        ("niivue.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("scenes.json", "application/json"),
    ],
)
def test_page_and_its_files(server, name, kind):
    response, body = ask(server, page(server, name))
    assert (response.status, response.headers["Content-Type"]) == (200, kind)
    assert len(body) == int(response.headers["Content-Length"]) > 0
    head, nothing = ask(server, page(server, name), "HEAD")
    assert (head.status, nothing) == (200, b"")
    assert head.headers["Content-Length"] == response.headers["Content-Length"]


def test_everything_that_the_page_names_is_there(server):
    html = ask(server, page(server))[1].decode()
    scripts = ask(server, page(server, "viewer.js"))[1].decode() + ask(server, page(server, "stage.js"))[1].decode()
    named = re.findall(r'(?:href|src)="([^"]+)"', html) + re.findall(r"from '\./([^']+)'", scripts)
    assert len(named) >= 6
    for name in named:
        assert ask(server, page(server, name))[0].status == 200, name


def test_scans_are_sent_as_they_lie_on_the_disk(server, tmp_path):
    listed = json.loads(ask(server, page(server, "scenes.json"))[1])
    (scene,) = listed["scenes"]
    assert (scene["model"], scene["sigma"], listed["title"]) == ("quiet", 2.5, "scans")
    for part, name in (("before", "mr.nii.gz"), ("after", "mr_desc-denoised.nii.gz")):
        volume = scene["volumes"][part]
        response, body = ask(server, page(server, volume["url"]))
        assert (response.status, response.headers["Content-Type"]) == (200, "application/gzip")
        assert "Content-Encoding" not in response.headers
        assert body == (tmp_path / name).read_bytes()
        assert re.fullmatch(r"volumes/[0-9a-f]{16}\.nii\.gz", volume["url"])


def test_complex_scan_is_sent_as_magnitude(save, serve, module):
    import nibabel as nib

    path = save("c.nii.gz", values=np.full((3, 4, 5), 3 + 4j, dtype=np.complex64))
    server = serve(path, niivue=module)
    volume = json.loads(ask(server, page(server, "scenes.json"))[1])["scenes"][0]["volumes"]["before"]
    assert volume["magnitude"]
    body = ask(server, page(server, volume["url"]))[1]
    np.testing.assert_array_equal(nib.Nifti1Image.from_bytes(body).get_fdata(), 5)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/scenes.json",
        "/{word}",
        "/{word}/index.html",
        "/{word}/volumes/",
        "/{word}/volumes/0000000000000000.nii.gz",
        "/{word}/mr.nii.gz",
        "/{word}/secret.txt",
        "/{word}/../secret.txt",
        "/{word}/volumes/../../../secret.txt",
        "/{word}/%2e%2e/secret.txt",
        "/{word}/..%2fsecret.txt",
        "/{word}/..\\secret.txt",
        "/{word}//etc/passwd",
        "/{word}/viewer.js/../viewer.css",
        "/{word}/server.py",
        "/{word}/%00",
        "http://127.0.0.1/{word}/",
        "*",
    ],
)
def test_any_other_address_is_nothing(server, path):
    answer = say(server, f"GET {path.format(word=server.word)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"])
def test_other_methods_are_refused(server, method):
    response, body = ask(server, page(server), method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert method.encode() not in body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:8000", "127.0.0.1:1"])
def test_names_of_this_machine(server, host):
    assert ask(server, page(server), Host=host)[0].status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil@localhost",
        "0.0.0.0",
        "localhost:80:80",
        "",
    ],
)
def test_any_other_name_is_refused(server, host):
    response, body = ask(server, page(server), Host=host)
    assert response.status == 421
    assert b"quietmr" not in body


@pytest.mark.parametrize("hosts", ["", "Host: localhost\r\nHost: evil.example\r\n"])
def test_no_name_or_two_names_are_refused(server, hosts):
    answer = say(server, f"GET {page(server)} HTTP/1.1\r\n{hosts}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("name", ["", "scenes.json", "gone"])
def test_headers_of_every_answer(server, name):
    headers = ask(server, page(server, name))[0].headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["Server"] == "quietmr"
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[rule] for rule in ("script-src", "connect-src", "style-src")} == {"'self'"}
    assert "http" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "text", [b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00" * 20]
)
def test_noise_on_the_line_does_no_harm(server, text, capsys):
    say(server, text)
    assert ask(server, page(server))[0].status == 200
    assert capsys.readouterr().err == ""


def test_browser_that_hangs_up_is_no_error(save, serve, module, rng, capsys):
    path = save("big.nii", values=rng.standard_normal((128, 128, 128)).astype(np.float32))
    server = serve(path, niivue=module)
    url = json.loads(ask(server, page(server, "scenes.json"))[1])["scenes"][0]["volumes"]["before"]["url"]
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.server_port)) as line:
            line.sendall(f"GET {page(server, url)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            line.recv(1000)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert ask(server, page(server))[0].status == 200
    assert capsys.readouterr().err == ""


def test_file_that_went_away_or_became_a_link_is_gone(server, tmp_path):
    scene = json.loads(ask(server, page(server, "scenes.json"))[1])["scenes"][0]
    before, after = (page(server, scene["volumes"][part]["url"]) for part in ("before", "after"))
    (tmp_path / "mr.nii.gz").unlink()
    (tmp_path / "mr_desc-denoised.nii.gz").unlink()
    (tmp_path / "mr_desc-denoised.nii.gz").symlink_to(tmp_path / "secret.txt")
    assert ask(server, before)[0].status == 410
    assert ask(server, after)[0].status == 410


def test_only_this_machine_can_reach_it_and_addresses_are_new_each_time(save, serve, module):
    path = save("mr.nii")
    one, two = serve(path, niivue=module), serve(path, niivue=module)
    assert one.server_address[0] == two.server_address[0] == "127.0.0.1"
    assert one.word != two.word
    assert len(one.word) >= 16
    assert not {name.split("/")[-1] for name in one.resources if "volumes" in name} & {
        name.split("/")[-1] for name in two.resources if "volumes" in name
    }


def test_port_that_is_taken_is_one_sentence(server, save, module):
    scenes, _ = pair(find([save("mr.nii")]))
    with pytest.raises(OutputError, match=f"Port {server.server_port} cannot be used"):
        ViewerServer(scenes, module, port=server.server_port)
