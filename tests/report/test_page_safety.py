"""Nothing in the page can harm, reach out or hide; nothing is overwritten."""

import base64
import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest

from quietmr.data import Image, InputError, OutputError
from quietmr.report.page import report_page, save_page

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'`{{7*7}}.nii"


def test_nothing_is_loaded_from_anywhere(parse, make_contents):
    text = report_page(make_contents())
    page = parse(text)
    for _, attributes in page.elements:
        assert not {"style", "srcset", "action", "background"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), attributes
    code = "".join(page.texts["script"][-1:] + page.texts["style"])
    assert not re.search(r"url\(|@import|@font-face|https?:|\bfetch\(|XMLHttpRequest|\beval\(|innerHTML|import\(", code)


def test_policy_lets_only_our_own_style_and_script_run(parse, make_contents):
    page = parse(report_page(make_contents()))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    (style,), script = page.texts["style"], page.texts["script"][-1]
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_names_and_texts_from_outside_stay_texts(parse, make_contents):
    contents = make_contents(
        name=EVIL, warnings=[EVIL], parameters=[(EVIL, EVIL)], command_line=EVIL, model=EVIL, card={EVIL: {EVIL: EVIL}}
    )
    plain, page = parse(report_page(make_contents())), parse(report_page(contents))
    assert len(page.all("script")) == len(plain.all("script"))
    assert len(page.all("img")) == len(plain.all("img"))
    assert page.texts["title"][0].startswith(EVIL)
    assert page.texts["code"] == [EVIL]
    assert "49" not in page.texts["title"][0]


def test_images_that_do_not_belong_together_are_refused(make_contents):
    other = Image(np.ones((1, 3, 9, 9), np.float32))
    with pytest.raises(InputError, match=r"must be alike, got .*real.*report an image with its own denoised copy"):
        report_page(make_contents(after=other))
    contents = make_contents()
    with pytest.raises(InputError, match="complex"):
        report_page(make_contents(after=Image(contents.after.data * 1j)))


@pytest.mark.parametrize("name", ["page.pdf", "page", "page.html.gz"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"name that ends in \.html"):
        save_page("page", tmp_path / name)


def test_a_page_is_replaced_only_if_asked_and_never_written_by_half(tmp_path):
    path = tmp_path / "page.html"
    save_page("one", path)
    with pytest.raises(OutputError, match="--force"):
        save_page("two", path)
    with pytest.raises(UnicodeEncodeError):
        save_page("three \udc80", path, force=True)
    assert path.read_text() == "one"
    save_page("four", path, force=True)
    assert path.read_text() == "four"
    assert list(tmp_path.iterdir()) == [path]


def luminance(color):
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_every_ink_can_be_read_on_its_ground():
    """WCAG 2 AA: 4.5 for text, 3 for lines of drawings."""
    css = (files("quietmr.report.page") / "assets" / "page.css").read_text()
    themes = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r"\{[^{}]*--ground:[^{}]*\}", css)]
    assert len(themes) == 3
    assert themes[1] == themes[2]
    for theme in themes:
        for name, least in {"ink": 7, "soft": 4.5, "good": 4.5, "bad": 4.5, "plain": 4.5, "accent": 4.5}.items():
            pair = sorted((luminance(theme["ground"]), luminance(theme[name])))
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least, (name, theme)
        for name in (f"step-{i}" for i in range(4)):
            pair = sorted((luminance(theme["ground"]), luminance(theme[name])))
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3, (name, theme)
