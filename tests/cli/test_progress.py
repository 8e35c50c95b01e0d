"""The progress bar is for eyes, and for work that takes time."""

import io
import sys

import pytest

from quietmr.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def work(monkeypatch, stream, *, patience, shown=True):
    """Tell a bar of three steps on a stream; it appears once ``patience`` seconds are over."""
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with progress.progress_bar("denoising x", shown=shown) as tell:
        for step in range(1, 4) if tell is not None else ():
            tell(step / 3)
    return stream.getvalue()


def test_short_work_leaves_the_screen_alone(monkeypatch):
    assert work(monkeypatch, Terminal(), patience=1000) == ""


def test_long_work_shows_a_bar(monkeypatch):
    text = work(monkeypatch, Terminal(), patience=-1)
    assert "denoising x" in text
    assert "100%" in text


def test_no_color_is_honored(monkeypatch):
    colored = work(monkeypatch, Terminal(), patience=-1)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = work(monkeypatch, Terminal(), patience=-1)
    assert "\x1b[3" in colored
    assert "\x1b[3" not in plain
    assert "denoising x" in plain


def test_nobody_asked(monkeypatch):
    assert work(monkeypatch, Terminal(), patience=-1, shown=False) == ""


def test_no_terminal_no_bar(monkeypatch):
    assert work(monkeypatch, io.StringIO(), patience=-1) == ""


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_quiet_and_json_have_no_bar(command, make_scan, tmp_path, monkeypatch, option):
    asked = []
    bar = progress.progress_bar
    monkeypatch.setattr(
        "quietmr.cli.denoise_scan.progress_bar", lambda text, *, shown: asked.append(shown) or bar(text, shown=shown)
    )
    scan = make_scan(shape=(16, 16, 4))
    command("denoise", scan, tmp_path / "a.nii", "--sigma", "6", "--model", "wiener")
    command("denoise", scan, tmp_path / "b.nii", "--sigma", "6", "--model", "wiener", option)
    assert asked == [True, False]
