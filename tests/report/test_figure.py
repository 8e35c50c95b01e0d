"""The figure shows what it says, for any image."""

import io

import numpy as np
import PIL.Image
import pytest

from quietmr.data import Geometry, Image, InputError, NoiseMap, OutputError
from quietmr.report.detail import darkest_corner, detail_box
from quietmr.report.figure import denoising_figure, save_figure
from quietmr.report.panels import panels
from quietmr.report.views import middle_view

TILTED = Geometry(np.diag([1.0, 1.0, 1.0, 1.0]) @ np.diag([-1.0, 1.0, 1.0, 1.0]))


def sigma(value):
    return NoiseMap(np.array(value, dtype=np.float32), uncertainty=0.05)


def draw(before, after=None, noise=None, name="scan.nii.gz"):
    after = before if after is None else after
    return denoising_figure(before, after, sigma(1.0) if noise is None else noise, name=name, model="quiet-fast")


def texts(figure):
    return [text.get_text() for text in figure.texts]


SHAPES = [(1, 20, 30, 40), (1, 1, 8, 8), (3, 1, 50, 200), (1, 60, 5, 5), (2, 4, 16, 16), (1, 1, 1, 1), (1, 1, 1, 9)]
FILLS = ["noise", "zero", "nan", "huge", "tiny", "negative", "complex"]


def filled(shape, fill, rng):
    data = rng.standard_normal(shape).astype(np.float32) + 10
    return {
        "noise": data,
        "zero": 0 * data,
        "nan": np.where(data > 10, np.nan, data),
        "huge": 1e9 * data,
        "tiny": 1e-9 * data,
        "negative": data - 10,
        "complex": data * np.exp(1j * data),
    }[fill]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fill", FILLS)
def test_any_image_has_panels_a_window_and_a_detail(rng, shape, fill):
    image = Image(filled(shape, fill, rng), TILTED)
    view = middle_view(image)
    original, denoised, removed = panels(image, image, sigma(1.0), view)
    assert original.black < original.white
    assert not np.nan_to_num(removed.picture).any()
    box = detail_box(denoised.picture, view.pixel_size)
    part = box.of(denoised.picture)
    assert part.shape == (box.height, box.width)
    assert part.size
    assert len(darkest_corner(denoised.picture, box)) == 2


@pytest.mark.parametrize(("shape", "fill"), list(zip(SHAPES, FILLS, strict=True)))
def test_any_image_makes_a_figure_of_1600_by_700(tmp_path, rng, shape, fill):
    path = tmp_path / "figure.png"
    save_figure(draw(Image(filled(shape, fill, rng), TILTED)), path)
    with PIL.Image.open(path) as picture:
        assert picture.size == (1600, 700)


def test_title_tells_scan_sigma_and_model_and_panels_are_named(rng):
    image = Image(rng.standard_normal((1, 1, 20, 20)).astype(np.float32), TILTED)
    told = texts(draw(image, noise=sigma(12.5)))
    assert "scan.nii.gz" in told
    assert any("12.5 \N{PLUS-MINUS SIGN} 0.62" in text and "quiet-fast" in text for text in told)
    assert {"original", "denoised", "removed", "R", "L", "A", "P"} <= set(told)


def test_dollar_signs_in_a_name_are_no_formula(rng):
    figure = draw(Image(rng.standard_normal((1, 1, 20, 20)).astype(np.float32)), name="a$b_{c$^.nii")
    figure.savefig(io.BytesIO())
    assert "a$b_{c$^.nii" in texts(figure)


def test_panels_hold_the_slice_and_what_was_removed_in_units_of_sigma(rng):
    before = Image(100 + rng.standard_normal((3, 5, 16, 20)).astype(np.float32))
    after = Image(np.full_like(before.data, 100))
    spread = np.linspace(1, 4, 20, dtype=np.float32)
    original, denoised, removed = panels(before, after, NoiseMap(spread), middle_view(before))
    np.testing.assert_array_equal(original.picture, before.data[1, 2])
    np.testing.assert_array_equal(denoised.picture, after.data[1, 2])
    np.testing.assert_allclose(removed.picture, (before.data - after.data)[1, 2] / spread, rtol=1e-5)
    assert (original.black, original.white) == (denoised.black, denoised.white)
    assert removed.black == -removed.white


def test_of_complex_images_the_part_in_phase_is_what_was_removed(rng):
    phase = np.exp(1j * rng.uniform(-3, 3, (1, 1, 12, 12)))
    after = Image(50 * phase)
    along, across = rng.standard_normal((2, 1, 1, 12, 12))
    before = Image((50 + along + 1j * across) * phase)
    removed = panels(before, after, sigma(1.0), middle_view(before))[2].picture
    np.testing.assert_allclose(removed, along[0, 0], atol=1e-3)


def test_voxels_keep_their_proportions(rng):
    """A slice of 40 x 20 pixels of 1 mm x 2 mm is a square in the patient, and on the page."""
    image = Image(rng.standard_normal((1, 1, 40, 20)).astype(np.float32), Geometry(np.diag([2.0, 1.0, 5.0, 1.0])))
    box = draw(image).axes[0].get_position()
    assert box.width * 16 == pytest.approx(box.height * 7)


def test_detail_is_found_inside_the_object_where_the_structure_is(rng):
    picture = np.zeros((100, 100), dtype=np.float32)
    picture[10:90, 10:90] = 50
    picture[10:14, 10:90] = 500
    picture[55:75, 30:50] += 10 * (np.indices((20, 20)).sum(axis=0) // 3 % 2)
    box = detail_box(picture, (1.0, 1.0))
    assert abs(box.row + box.height / 2 - 65) < 10
    assert abs(box.column + box.width / 2 - 40) < 10


def test_inset_lies_in_the_dark_and_not_on_the_detail():
    picture = np.ones((90, 90), dtype=np.float32)
    picture[60:, :30] = 0
    bright = detail_box(picture, (1.0, 1.0))
    assert darkest_corner(picture, bright) == (True, False)
    inside_the_corner = type(bright)(70, 5, 10, 10)
    assert darkest_corner(picture, inside_the_corner) != (True, False)


def test_images_of_different_shape_are_refused():
    with pytest.raises(InputError, match="one shape"):
        draw(Image(np.ones((1, 1, 4, 4), np.float32)), Image(np.ones((1, 1, 4, 5), np.float32)))


def test_figures_are_not_overwritten_and_unknown_formats_refused(tmp_path, rng):
    figure = draw(Image(rng.standard_normal((1, 1, 8, 8)).astype(np.float32)))
    save_figure(figure, tmp_path / "f.svg")
    with pytest.raises(OutputError, match="exists"):
        save_figure(figure, tmp_path / "f.svg")
    save_figure(figure, tmp_path / "f.svg", force=True)
    with pytest.raises(OutputError, match=r"\.png"):
        save_figure(figure, tmp_path / "f.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["f.svg"]
