"""The page says what was measured, and nothing in it can harm or reach out."""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import Geometry, Image, InputError, Meta, NoiseMap, OutputError
from quietmr.evaluate.residual import ResidualEvidence
from quietmr.report.page import PageContents, report_page, save_page
from quietmr.report.page.words import number

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'`{{7*7}}.nii"
EMPTY = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
# SVG elements that are written with a slash at their end.
DRAWN = {"path", "circle", "rect"}


class Page(HTMLParser):
    """Elements with their attributes, and the text of each kind of element; refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag, attributes):
        assert tag in DRAWN
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def words(text):
    return " ".join(text.split())


def test_answer_comes_first_and_sections_follow_in_order(make_contents):
    page = Page(report_page(make_contents()))
    assert page.texts["h1"] == ["Only noise was removed."]
    assert page.texts["title"][0] == "scan.nii.gz: Only noise was removed."
    headings = [words(text) for text in page.texts["h2"]]
    assert headings == [
        "Pictures",
        "Is it noise?",
        "Would a small lesion survive?",
        "Intensities",
        "How it was made",
        "Warnings",
        "Model",
    ]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))


@pytest.mark.parametrize(
    ("verdict", "tone", "answer"),
    [
        ("structure removed", "bad", "Structure was removed with the noise."),
        ("structure added", "bad", "Structure was added to the image."),
        ("nothing removed", "plain", "Nothing was removed."),
        ("nothing claimed", "plain", "Nothing can be claimed about this image."),
    ],
)
def test_bad_news_is_the_headline(make_contents, verdict, tone, answer):
    page = Page(report_page(make_contents(verdict=verdict)))
    assert page.texts["h1"] == [answer]
    assert page.all("h1")[0]["class"] == tone


def test_figures_tests_and_card_are_told(make_contents):
    text = words(re.sub(r"<[^>]*>", " ", report_page(make_contents()).split("<script")[0]))
    for told in (
        "median in tissue; about 4 times, measured with 16 draws of noise",
        "5 ± 0.15",
        "noise alone: −0.02 to 0.02",
        "noise alone: up to 1.05",
        "−0.03",
        "1e−07",
        "not a number",
        "A spot 4 mm wide and 6 σ over the tissue keeps 90 % of its contrast",
        "one 2 mm wide and 2 σ over the tissue keeps 20 %",
        "quietmr denoise scan.nii.gz out.nii.gz --report out.html",
        "The noise level is uncertain.",
        "1 warning below",
        "trained on phantoms",
        "untouched 22.1",
    ):
        assert told in text, told
    snr = float(re.search(r"SNR ([\d.]+) → ([\d.]+)", text)[1])
    assert snr == pytest.approx(20, rel=0.1)


def test_without_a_model_nothing_is_invented(make_contents):
    contents = make_contents(model="", gain=None, survival=None, card={}, survival_note="Give --model NAME.")
    text = report_page(contents)
    assert "→ " not in text.split("<script")[0].split("Keys")[0]
    assert "Give --model NAME." in text
    assert "Model card" not in text


def test_nothing_is_loaded_from_anywhere(make_contents):
    text = report_page(make_contents())
    page = Page(text)
    for _, attributes in page.elements:
        assert not {"style", "srcset", "action", "background"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), attributes
    code = "".join(page.texts["script"][-1:] + page.texts["style"])
    assert not re.search(r"url\(|@import|@font-face|https?:|\bfetch\(|XMLHttpRequest|\beval\(|innerHTML|import\(", code)


def test_policy_lets_only_our_own_style_and_script_run(make_contents):
    page = Page(report_page(make_contents()))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    (style,), script = page.texts["style"], page.texts["script"][-1]
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_names_and_texts_from_outside_stay_texts(make_contents):
    contents = make_contents(
        name=EVIL, warnings=[EVIL], parameters=[(EVIL, EVIL)], command_line=EVIL, model=EVIL, card={EVIL: {EVIL: EVIL}}
    )
    plain, page = Page(report_page(make_contents())), Page(report_page(contents))
    assert len(page.all("script")) == len(plain.all("script"))
    assert len(page.all("img")) == len(plain.all("img"))
    assert page.texts["title"][0].startswith(EVIL)
    assert page.texts["code"] == [EVIL]
    assert "49" not in page.texts["title"][0]


def test_the_same_contents_give_the_same_page(make_contents):
    contents = make_contents()
    assert report_page(contents) == report_page(contents)


def test_a_head_stays_under_8_mb_with_all_its_slices(rng):
    """7 % noise in tissue and air, a fifth of it left as a smooth texture, and a map of structure."""
    shape = (1, 181, 217, 181)
    grid = np.linspace(-1, 1, 181, dtype=np.float32)
    inside = (grid[:, None, None] ** 2 + np.linspace(-1, 1, 217, dtype=np.float32)[:, None] ** 2 + grid**2) < 0.8
    clean = np.where(inside, 100 + 40 * np.sin(9 * grid), 0).astype(np.float32)[None]
    noise = rng.standard_normal((2, *shape), dtype=np.float32) * 7
    before = np.hypot(clean + noise[0], noise[1])
    geometry = Geometry(np.diag([-1.0, 1.0, 1.0, 1.0]))
    left = clean + gaussian_filter(noise[0], (0, 0.8, 0.8, 0.8))
    contents = PageContents(
        name="head.nii.gz",
        before=Image(before, geometry),
        after=Image(left, geometry),
        noise=NoiseMap(np.array(7, np.float32)),
        evidence=ResidualEvidence("only noise", "", (), np.where(rng.random(shape) < 0.005, 5, 0).astype(np.float32)),
    )
    text = report_page(contents)
    assert len(text.encode()) < 8_000_000
    assert '"shape":[1,181,217,181]' in text


SHAPES = [(1, 20, 30, 40), (1, 1, 8, 8), (3, 1, 50, 200), (1, 60, 5, 5), (2, 4, 16, 16), (1, 1, 1, 1), (1, 1, 1, 9)]
FILLS = ["noise", "zero", "nan", "huge", "tiny", "negative", "complex"]


@pytest.mark.parametrize(("shape", "fill"), [*zip(SHAPES, FILLS, strict=True), *zip(SHAPES, FILLS[::-1], strict=True)])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_any_image_makes_a_page(make_contents, rng, shape, fill, level):
    data = rng.standard_normal(shape).astype(np.float32) + 10
    data = {
        "noise": data,
        "zero": 0 * data,
        "nan": np.where(data > 10, np.nan, data),
        "huge": 1e9 * data,
        "tiny": 1e-9 * data,
        "negative": data - 10,
        "complex": data * np.exp(1j * data),
    }[fill]
    image = Image(data)
    noise = NoiseMap(np.array(level, np.float32))
    page = Page(report_page(make_contents(shape, before=image, after=image, noise=noise, gain=None)))
    assert page.texts["h1"] == ["Only noise was removed."]


def views_of(page):
    return [canvas["aria-label"] for canvas in page.all("canvas")]


def test_a_picture_has_one_view_and_no_slice_slider(make_contents):
    image = Image(np.ones((1, 1, 30, 40), np.float32), meta=Meta(format="png"))
    page = Page(report_page(make_contents((1, 1, 30, 40), before=image, after=image)))
    assert views_of(page) == ["Slice view"]
    assert len(page.all("img")) == 3
    assert not [entry for entry in page.all("input") if entry.get("class") == "slice"]


def test_a_volume_has_three_views_by_the_patients_planes(make_contents):
    page = Page(report_page(make_contents()))
    assert views_of(page) == ["Axial view", "Coronal view", "Sagittal view"]
    assert [entry["max"] for entry in page.all("input") if entry.get("class") == "slice"] == ["11", "23", "19"]


def test_frames_have_a_slider_of_their_own(make_contents):
    page = Page(report_page(make_contents((5, 8, 16, 16))))
    (frame,) = [entry for entry in page.all("input") if entry.get("id") == "frame"]
    assert (frame["max"], frame["value"]) == ("4", "2")


def test_pixels_have_the_proportions_of_the_patient(make_contents):
    thick = Geometry(np.diag([-1.0, 2.0, 6.0, 1.0]))
    page = Page(report_page(make_contents((1, 10, 20, 30), geometry=thick)))
    sizes = [int(image["width"]) / int(image["height"]) for image in page.all("img")[::3]]
    assert sizes == pytest.approx([30 / 40, 30 / 60, 40 / 60], rel=0.01)


def test_what_the_file_leaves_out_is_told(make_contents):
    contents = make_contents((1, 8, 16, 16))
    holes = contents.before.data.copy()
    holes[0, 0, 0, :3] = np.nan
    text = report_page(make_contents((1, 8, 16, 16), after=Image(holes), before=Image(holes)))
    assert "3 voxels that are not finite are black." in text
    turned = Image(contents.after.data * 1j)
    assert "magnitudes are shown" in report_page(make_contents((1, 8, 16, 16), after=turned, before=turned))


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


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"),
        (-0.0314159, 3, "−0.0314"),
        (510.4, 2, "510"),
        (1234.5, 3, "1230"),
        (99.96, 3, "100"),
        (2.5e-7, 3, "2.5e−07"),
        (12.0, 3, "12"),
        (3.1e8, 3, "3.1e+08"),
        (float("inf"), 3, "infinite"),
    ],
)
def test_numbers_are_written_plainly(value, digits, text):
    assert number(value, digits) == text
