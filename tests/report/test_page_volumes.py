"""Packed volumes hold what the scan holds, to half a step."""

import json
from importlib.resources import files

import numpy as np
import pytest

from quietmr.data import Geometry, Image, NoiseMap
from quietmr.report.page.display import Strides, strides_for
from quietmr.report.page.layers import make_layers
from quietmr.report.page.packing import ALPHABET, pack, unpack
from quietmr.report.views import middle_view

HEAD = Geometry(np.diag([-1.0, 1.0, 1.0, 1.0]))


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 7), (1, 1, 9, 1), (3, 1, 1, 4)])
def test_unpacked_is_packed_to_half_a_step(rng, shape, smooth):
    values = (200 * rng.standard_normal(shape)).astype(np.float32)
    packed = pack(values, 0.25, smooth=smooth)
    assert packed.shape == shape
    np.testing.assert_allclose(unpack(packed), values, atol=0.1251)


@pytest.mark.parametrize("smooth", [True, False])
def test_values_out_of_reach_stop_at_the_ends_and_missing_ones_are_zero(smooth):
    values = np.array([1e9, -1e9, np.nan, np.inf, 5], np.float32).reshape(1, 1, 1, 5)
    np.testing.assert_array_equal(unpack(pack(values, 1.0, smooth=smooth)).ravel(), [32767, -32767, 0, 0, 5])


def test_text_means_nothing_in_html_and_the_reader_knows_its_letters(rng):
    assert len(set(ALPHABET)) == 85
    assert not set(ALPHABET) & set("<>&'\"\\`")
    script = (files("quietmr.report.page") / "assets" / "volumes.js").read_text()
    assert f"const ALPHABET = {json.dumps(ALPHABET)};" in script
    assert set(pack(rng.standard_normal((1, 9, 9, 9)).astype(np.float32), 0.1, smooth=False).text) <= set(ALPHABET)


def test_noise_costs_little_more_than_its_entropy(rng):
    """Entropy of a Gaussian in steps of 1/4 sigma: log2(4 sqrt(2 pi e)) = 4.05 bits."""
    noise = rng.standard_normal((1, 32, 64, 64)).astype(np.float32)
    packed = pack(noise, 0.25, smooth=False)
    bits = 8 * packed.length / noise.size
    assert bits < 1.05 * np.log2(4 * np.sqrt(2 * np.pi * np.e))
    assert len(packed.text) == pytest.approx(1.25 * packed.length, abs=5)


def layers_of(before, after, sigma, structure=None, **options):
    return make_layers(before, after, NoiseMap(np.asarray(sigma, np.float32)), structure, middle_view(after), **options)


def shown(layers):
    """Before, after and removed as the page shows them."""
    volumes = {name: unpack(packed) for name, packed in layers.volumes.items()}
    unit = np.where(volumes["sigma"] > 0, volumes["sigma"], layers.level)
    return volumes["after"] + volumes["removed"] * unit, volumes["after"], volumes["removed"]


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e9])
def test_before_is_after_and_what_was_removed(make_contents, scale):
    contents = make_contents((2, 6, 20, 24))
    before, after = (image.replace(data=image.data * np.float32(scale)) for image in (contents.before, contents.after))
    sigma = np.linspace(3, 8, 24, dtype=np.float32) * np.float32(scale)
    layers = layers_of(before, after, sigma)
    was, now, removed = shown(layers)
    step = layers.volumes["after"].step
    assert step < 0.3 * scale
    np.testing.assert_allclose(now, after.data, atol=0.51 * step)
    np.testing.assert_allclose(removed, (before.data - after.data) / sigma, atol=0.08)
    np.testing.assert_allclose(was, before.data, atol=0.51 * step + 0.08 * 8 * scale)


def test_where_there_is_no_noise_the_median_level_is_the_unit(make_contents):
    contents = make_contents()
    sigma = np.full(contents.before.shape, 4, np.float32)
    sigma[..., :8] = 0
    was, _, removed = shown(layers_of(contents.before, contents.after, sigma))
    np.testing.assert_allclose(removed, (contents.before.data - contents.after.data) / 4, atol=0.07)
    np.testing.assert_allclose(was, contents.before.data, atol=0.5)


def test_without_any_noise_the_wipe_still_shows_both(make_contents):
    contents = make_contents()
    was, now, _ = shown(layers_of(contents.before, contents.after, 0.0))
    np.testing.assert_allclose(now, contents.after.data, atol=0.5)
    np.testing.assert_allclose(was, contents.before.data, atol=0.5)


def test_of_complex_images_magnitudes_are_shown_and_what_was_removed_in_phase(rng):
    clean = np.full((1, 4, 16, 16), 60 + 80j, np.complex64)
    noise = rng.standard_normal((2, *clean.shape)) * 5
    layers = layers_of(Image(clean + noise[0] + 1j * noise[1]), Image(clean), 5.0)
    was, now, _ = shown(layers)
    np.testing.assert_allclose(now, 100, atol=0.3)
    np.testing.assert_allclose(was, np.abs(clean + noise[0] + 1j * noise[1]), atol=1)
    in_phase = (0.6 * noise[0] + 0.8 * noise[1]) / 5
    np.testing.assert_allclose(unpack(layers.volumes["inphase"]), in_phase, atol=0.07)


def test_missing_voxels_are_black_and_nothing_was_removed_there(make_contents):
    contents = make_contents()
    holes = contents.before.data.copy()
    holes[0, 3, 4:8] = np.nan
    holes[0, 3, 8] = np.inf
    gone = ~np.isfinite(holes)
    after = np.where(gone, holes, contents.after.data)
    was, now, removed = shown(layers_of(Image(holes, HEAD), Image(after, HEAD), 5.0))
    for volume in (was, now, removed):
        assert not volume[gone].any()


def test_structure_is_kept_where_it_is_more_than_noise(make_contents):
    contents = make_contents()
    structure = np.zeros(contents.before.shape, np.float32)
    structure[0, 5, 5], structure[0, 6, 6], structure[0, 7, 7] = 6.2, -4.5, 3.5
    layers = layers_of(contents.before, contents.after, 5.0, structure)
    expected = np.where(np.abs(structure) >= 4, structure, 0)
    np.testing.assert_allclose(unpack(layers.volumes["structure"]), expected, atol=0.26)
    assert "structure" not in layers_of(contents.before, contents.after, 5.0, np.minimum(structure, 1)).volumes


def test_what_is_too_large_is_thinned_out_not_averaged(make_contents):
    contents = make_contents((1, 24, 64, 64))
    whole = sum(len(packed.text) for packed in layers_of(contents.before, contents.after, 5.0).volumes.values())
    layers = layers_of(contents.before, contents.after, 5.0, budget=whole // 8)
    assert sum(len(packed.text) for packed in layers.volumes.values()) <= whole // 8
    assert layers.strides != Strides()
    assert layers.removed_step == 0.5
    was, now, _ = shown(layers)
    np.testing.assert_allclose(now, layers.strides.pick(contents.after.data), atol=0.6)
    np.testing.assert_allclose(was, layers.strides.pick(contents.before.data), atol=2)


@pytest.mark.parametrize(
    ("shape", "size", "most", "each"),
    [
        ((1, 100, 100, 100), (1, 1, 1), 1e6, (1, 1, 1, 1)),
        ((1, 100, 100, 100), (1, 1, 1), 6e5, (1, 2, 1, 1)),
        ((1, 100, 100, 100), (1, 1, 1), 2e5, (1, 2, 2, 2)),
        ((1, 20, 100, 100), (1, 1, 5), 6e4, (1, 1, 2, 2)),
        ((40, 10, 50, 50), (1, 1, 3), 3e5, (4, 1, 1, 1)),
        ((2, 1, 50, 50), (1, 1, 1), 2000, (1, 1, 2, 2)),
    ],
)
def test_frames_are_left_out_first_then_slices_then_pixels(shape, size, most, each):
    image = Image(np.zeros(shape, np.float32), Geometry(np.diag([-size[0], size[1], size[2], 1.0])))
    assert strides_for(image, middle_view(image), most).each == each
