"""``quietmr view``."""

import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quietmr.report.viewer import fetch


@pytest.fixture
def niivue(monkeypatch, tmp_path) -> Path:
    """A NiiVue that counts as the pinned one."""
    path = tmp_path / "niivue" / "niivue.js"
    path.parent.mkdir()
    path.write_text("export {}")
    monkeypatch.setattr(fetch, "niivue_module", lambda: path)
    return path


@pytest.fixture
def no_serving(monkeypatch):
    """A server that the user ends at once."""
    from quietmr.report.viewer.server import ViewerServer

    def interrupted(self, poll_interval=0.5):
        raise KeyboardInterrupt

    monkeypatch.setattr(ViewerServer, "serve_forever", interrupted)


def test_ctrl_c_ends_it_well(command, make_scan, niivue, no_serving):
    ran = command("view", make_scan().parent, "--no-browser")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"^  http://127\.0\.0\.1:\d+/[\w-]{16}/$", ran.out, re.MULTILINE)
    assert "1 entry, 0 with before and after" in ran.out


def test_browser_is_opened_where_there_is_a_screen(command, make_scan, niivue, no_serving, monkeypatch):
    import webbrowser

    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    scan = make_scan()
    monkeypatch.setenv("DISPLAY", ":0")
    ran = command("view", scan)
    assert len(opened) == 1
    assert f"  {opened[0]}\n" in ran.out
    command("view", scan, "--no-browser")
    assert len(opened) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a window")
def test_no_browser_is_opened_in_the_terminal(command, make_scan, niivue, no_serving, monkeypatch):
    import webbrowser

    monkeypatch.setattr(webbrowser, "open", None)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert command("view", make_scan()).code == 0


def test_what_is_left_out_is_said(command, make_scan, niivue, no_serving):
    scan = make_scan()
    (scan.parent / "damaged.nii").write_bytes(b"x")
    ran = command("view", scan.parent, "--no-browser")
    assert ran.code == 0
    assert ran.sentence.startswith("warning: damaged.nii is not shown")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{folder}/none"], 1, "There is no NIfTI file in"),
        (["{folder}/gone"], 1, "There is no file or folder"),
        (["{folder}/scan.dcm"], 1, "is not NIfTI"),
        (["{folder}", "--port", "0"], 2, "--port must be 1 to 65535"),
        (["{folder}", "--port", "70000"], 2, "--port must be 1 to 65535"),
        (["--no-browser"], 2, "Name a folder"),
    ],
)
def test_what_it_cannot_show_is_one_sentence(command, tmp_path, niivue, arguments, code, words):
    (tmp_path / "none").mkdir()
    (tmp_path / "scan.dcm").write_bytes(b"x")
    ran = command("view", *(argument.format(folder=tmp_path) for argument in arguments))
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.sentence


def test_without_niivue_it_says_what_to_do(command, make_scan, monkeypatch, tmp_path):
    monkeypatch.setattr(fetch.niivue_module, "__defaults__", (tmp_path / "no",))
    ran = command("view", make_scan())
    assert ran.code == 1
    assert "make viewer" in ran.sentence


def test_real_process_serves_and_ends_with_ctrl_c(make_scan, tmp_path):
    script = (
        # a shell that starts a job in the background makes it, and all that it starts, deaf to Ctrl-C
        "import signal, sys\nfrom pathlib import Path\nfrom quietmr.report.viewer import fetch\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "fetch.niivue_module = lambda: Path(sys.argv[2])\n"
        "from quietmr.cli.main import main\nsys.exit(main(['view', sys.argv[1], '--no-browser']))"
    )
    module = tmp_path / "niivue.js"
    module.write_text("export {}")
    command = [sys.executable, "-c", script, str(make_scan()), str(module)]
    environment = {key: value for key, value in os.environ.items() if key != "SSH_CONNECTION"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            lines = [process.stdout.readline() for _ in range(3)]
            host, port, word = re.fullmatch(r"  http://(.+):(\d+)(/.+/)\n", lines[1]).groups()
            connection = http.client.HTTPConnection(host, int(port), timeout=20)
            connection.request("GET", word)
            assert connection.getresponse().read().startswith(b"<!doctype html>")
            connection.close()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    assert lines[2] == "Ctrl-C ends it.\n"
