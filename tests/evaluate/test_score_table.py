"""Rows of scores for a command."""

import json

import numpy as np
import pytest

from quietmr.data import Image, InputError
from quietmr.evaluate import metrics
from quietmr.evaluate.score_table import brightest_tissue, score_images

from .pictures import RANGE, blobs, noisy


@pytest.fixture
def truth(rng) -> np.ndarray:
    return blobs(rng, (1, 2, 60, 72))


def test_scores_of_images_and_arrays(truth, rng) -> None:
    image, mask = noisy(truth, rng), np.zeros(truth.shape[1:])
    mask[:, 10:50, 10:60] = 1
    milder = truth + 0.3 * (image - truth)
    images = {"untouched": Image(image), "milder": milder, "truth": Image(truth)}
    table = score_images(images, Image(truth), RANGE, mask, ["psnr", "ssim", "nrmse"])
    assert [row.name for row in table.rows] == ["untouched", "milder", "truth"]
    assert table.rows[0].values["psnr"] == pytest.approx(metrics.psnr(image, truth, RANGE, mask), abs=1e-4)
    assert table.rows[1].values["ssim"] == pytest.approx(metrics.ssim(milder, truth, RANGE, mask), abs=1e-4)
    assert table.best == {"psnr": "milder", "ssim": "milder", "nrmse": "milder"}
    assert table.voxels == 2 * 40 * 50
    assert (table.data_range, table.range_origin) == (RANGE, "given")


def test_truth_given_twice_is_told_and_fits_into_json(truth) -> None:
    table = score_images({"same": truth}, truth, RANGE)
    assert table.rows[0].values["psnr"] == float("inf")
    assert "Equal to the truth" in table.rows[0].notes[0]
    assert json.loads(json.dumps(table.rows[0].as_record(), allow_nan=False))["psnr"] == "inf"
    assert "psnr" not in table.best


def test_a_metric_that_cannot_be_had_leaves_a_gap_and_a_sentence(rng) -> None:
    truth = rng.uniform(10, 100, (1, 1, 20, 20))
    row = score_images({"a": noisy(truth, rng)}, truth).rows[0]
    assert row.values["vif"] is None
    assert row.values["psnr"] is not None
    assert any("41 x 41" in note for note in row.notes)


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_data_range_is_the_brightest_tissue(truth, factor: float) -> None:
    assert brightest_tissue(factor * truth) == pytest.approx(factor * 100, rel=0.01)
    dark = truth < 70
    assert brightest_tissue(factor * truth, dark) < factor * 70
    table = score_images({"a": factor * (truth + 1)}, factor * truth, metrics=["psnr"])
    assert table.range_origin == "99th percentile of the truth in the object"
    assert table.rows[0].values["psnr"] == pytest.approx(40, abs=0.1)


def test_complex_images(truth, rng) -> None:
    phase = np.exp(1j * truth / 50)
    image = Image(noisy(truth, rng) * phase)
    row = score_images({"a": image}, Image(truth * phase), RANGE, metrics=["psnr", "ssim"]).rows[0]
    assert all(value is not None for value in row.values.values())


def test_refusals(truth) -> None:
    with pytest.raises(InputError, match="no metric 'fid'"):
        score_images({"a": truth}, truth, RANGE, metrics=["fid"])
    with pytest.raises(InputError, match="other: The image has shape"):
        score_images({"other": truth[..., 1:]}, truth, RANGE)
    with pytest.raises(InputError, match="at least one"):
        score_images({}, truth, RANGE)
    with pytest.raises(InputError, match="nothing but zeros"):
        score_images({"a": truth}, 0 * truth)
    with pytest.raises(InputError, match="data range"):
        score_images({"a": truth}, truth, 0.0)
