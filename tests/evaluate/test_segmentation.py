"""Tissue segmentation on a head of known tissues."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from quietmr.data import Geometry, Image, InputError, MissingExtraError
from quietmr.evaluate.segmentation import TissueMap, dice, repeat_maps, segment_tissue

LEVELS = np.array([0.0, 30.0, 70.0, 100.0])


@pytest.fixture
def head() -> tuple[np.ndarray, np.ndarray]:
    """Three shells in a ball: labels (Z, Y, X) and brightness (1, Z, Y, X), air outside."""
    z, y, x = np.mgrid[:6, :36, :36] - np.array([2.5, 17.5, 17.5])[:, None, None, None]
    radius = np.sqrt(4 * z**2 + y**2 + x**2)
    labels = np.digitize(-radius, [-17, -12, -8]).astype(int)
    return labels, gaussian_filter(LEVELS[labels], 0.5)[None]


def test_tissues_are_found_in_noise_and_named_by_brightness(head, rng) -> None:
    labels, clean = head
    affine = np.diag([2.0, 1.5, 1.0, 1.0])
    image = Image(clean + 5 * rng.standard_normal(clean.shape), Geometry(affine))
    found = segment_tissue(image, labels > 0, 100.0)
    assert np.mean(found.labels == labels) > 0.97
    for index, name in enumerate(("CSF", "GM", "WM"), 1):
        assert found.volumes[name] == pytest.approx(np.count_nonzero(labels == index) * 3.0 / 1000, rel=0.06)
    np.testing.assert_allclose(found.probability[:, labels > 0].sum(axis=0), 1, atol=1e-5)
    assert not found.probability[:, labels == 0].any()


def test_noise_lowers_dice_and_widens_the_overlap(head, rng) -> None:
    labels, clean = head
    reference = segment_tissue(Image(clean + 1.0 * rng.standard_normal(clean.shape)), labels > 0, 100.0)
    mild, strong = (
        segment_tissue(Image(clean + sigma * rng.standard_normal(clean.shape)), labels > 0, 100.0)
        for sigma in (8.0, 25.0)
    )
    assert all(dice(mild, reference)[name] > dice(strong, reference)[name] for name in reference.names)
    assert reference.overlap < mild.overlap < strong.overlap


def test_scale_and_phase_change_nothing(head, rng) -> None:
    labels, clean = head
    noisy = np.abs(clean + 8 * rng.standard_normal(clean.shape))
    plain = segment_tissue(Image(noisy), labels > 0, 100.0)
    for factor, phase in ((1e-9, 1), (1e9, np.exp(0.7j))):
        again = segment_tissue(Image(factor * phase * noisy), labels > 0, 100.0 * factor)
        assert np.mean(again.labels == plain.labels) > 0.999


def test_one_slice(head, rng) -> None:
    labels, clean = head
    noisy = clean[:, 2:3] + 5 * rng.standard_normal(clean[:, 2:3].shape)
    found = segment_tissue(Image(noisy), labels[2:3] > 0, 100.0)
    assert np.mean(found.labels == labels[2:3]) > 0.97


def tissue_map(labels: list[int]) -> TissueMap:
    row = np.array([[labels]], np.uint8)
    return TissueMap(("a", "b"), row, np.stack([row == 1, row == 2]).astype(np.float32), 1.0)


def test_dice_and_repeats_by_hand() -> None:
    first, second = tissue_map([1, 1, 1, 2, 0]), tissue_map([1, 1, 2, 2, 0])
    assert dice(first, second) == {"a": pytest.approx(4 / 5), "b": pytest.approx(2 / 3)}
    assert np.isnan(dice(tissue_map([1]), tissue_map([1]))["b"])
    spread = repeat_maps([first, second])
    np.testing.assert_allclose(spread.mean[0, 0, 0], [1, 1, 0.5, 0, 0])
    np.testing.assert_allclose(spread.sd[0, 0, 0], [0, 0, np.sqrt(0.5), 0, 0])
    np.testing.assert_allclose(spread.cvar[0, 0, 0], [0, 0, 2 * np.sqrt(0.5), 0, 0], rtol=1e-6)


def test_refusals_in_one_sentence(head, monkeypatch) -> None:
    labels, clean = head
    image, mask = Image(clean), labels > 0
    hole = clean.copy()
    hole[0, 3, 18, 18] = np.nan
    with pytest.raises(InputError, match="one frame"):
        segment_tissue(Image(np.repeat(clean, 2, axis=0)), mask, 100.0)
    with pytest.raises(InputError, match="at least 100"):
        segment_tissue(image, (labels > 0) & (np.arange(36) == 2), 100.0)
    with pytest.raises(InputError, match="does not fall into 3 tissues"):
        segment_tissue(Image(np.full_like(clean, 50)), mask, 100.0)
    with pytest.raises(InputError, match="NaN"):
        segment_tissue(Image(hole), mask, 100.0)
    with pytest.raises(InputError, match="two tissues"):
        segment_tissue(image, mask, 100.0, names=["brain"])
    with pytest.raises(InputError, match="data range"):
        segment_tissue(image, mask, 0.0)
    with pytest.raises(InputError, match="grids"):
        dice(tissue_map([1, 2]), tissue_map([1]))
    with pytest.raises(InputError, match="at least two segmentations"):
        repeat_maps([tissue_map([1])])
    with pytest.raises(InputError, match="grids"):
        repeat_maps([tissue_map([1, 2]), tissue_map([1])])
    monkeypatch.setitem(sys.modules, "dipy.segment.tissue", None)
    with pytest.raises(MissingExtraError, match="compare"):
        segment_tissue(image, mask, 100.0)
