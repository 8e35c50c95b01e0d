"""The page says what was measured, for any image."""

import itertools
import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import Geometry, Image, Meta, NoiseMap
from quietmr.evaluate.residual import ResidualEvidence
from quietmr.report.page import PageContents, report_page
from quietmr.report.page.words import number


def words(text):
    return " ".join(text.split())


def test_answer_comes_first_and_sections_follow_in_order(parse, make_contents):
    page = parse(report_page(make_contents()))
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
def test_bad_news_is_the_headline(parse, make_contents, verdict, tone, answer):
    page = parse(report_page(make_contents(verdict=verdict)))
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
    assert 'class="to"' not in text
    assert "Give --model NAME." in text
    assert "Model card" not in text


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
def test_any_image_makes_a_page(parse, make_contents, rng, shape, fill, level):
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
    page = parse(report_page(make_contents(shape, before=image, after=image, noise=noise, gain=None)))
    assert page.texts["h1"] == ["Only noise was removed."]


def views_of(page):
    return [canvas["aria-label"] for canvas in page.all("canvas")]


def test_a_picture_has_one_view_and_no_slice_slider(parse, make_contents):
    image = Image(np.ones((1, 1, 30, 40), np.float32), meta=Meta(format="png"))
    page = parse(report_page(make_contents((1, 1, 30, 40), before=image, after=image)))
    assert views_of(page) == ["Slice view"]
    assert len(page.all("img")) == 3
    assert not [entry for entry in page.all("input") if entry.get("class") == "slice"]


def test_a_volume_has_three_views_by_the_patients_planes(parse, make_contents):
    page = parse(report_page(make_contents()))
    assert views_of(page) == ["Axial view", "Coronal view", "Sagittal view"]
    assert [entry["max"] for entry in page.all("input") if entry.get("class") == "slice"] == ["11", "23", "19"]


def test_frames_have_a_slider_of_their_own(parse, make_contents):
    page = parse(report_page(make_contents((5, 8, 16, 16))))
    (frame,) = [entry for entry in page.all("input") if entry.get("id") == "frame"]
    assert (frame["max"], frame["value"]) == ("4", "2")


def test_pixels_have_the_proportions_of_the_patient(parse, make_contents):
    thick = Geometry(np.diag([-1.0, 2.0, 6.0, 1.0]))
    page = parse(report_page(make_contents((1, 10, 20, 30), geometry=thick)))
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
