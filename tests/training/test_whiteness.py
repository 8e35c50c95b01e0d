"""Noise that is not what a lesson takes it for is noticed before training."""

import warnings

import numpy as np
import pytest
import torch

from quietmr.data import QuietmrWarning
from quietmr.noise.synthesis import colour
from quietmr.training.correlation import measure_correlation
from quietmr.training.recipe import Recipe
from quietmr.training.whiteness import warn_if_correlated

from .conftest import save, smooth_volume

SHAPE = (12, 80, 80)
WIDTH = 0.45  # of a Gaussian filter along x, in parts of the largest frequency


def filtered(transfer, seed=1):
    """Complex noise of SD 1 per real channel after a filter in k-space."""
    white = torch.randn((2, *SHAPE), generator=torch.Generator().manual_seed(seed))
    return colour(torch.complex(*white), transfer.expand(SHAPE)).numpy()


def frequency():
    return torch.fft.fftfreq(SHAPE[2]).abs() * 2


FILTERS = {
    "white": torch.ones(SHAPE[2]),
    "bell": torch.exp(-0.5 * (frequency() / WIDTH) ** 2),
    "box": (frequency() <= 0.6).to(torch.float32),
}


def wanted(name):
    """Correlation of neighbors along x, by the spectrum."""
    rho = torch.fft.ifft(FILTERS[name] ** 2).real
    return float(rho[1] / rho[0])


def magnitude(name, rng, level=12.0):
    clean = smooth_volume(rng, SHAPE) / 1000 * level
    return np.abs(clean + filtered(FILTERS[name])).astype(np.float32)


@pytest.mark.parametrize("name", FILTERS)
def test_the_correlation_of_neighbors_is_measured(name, rng):
    support = (1.0, 1.0, 0.6 if name == "box" else 1.0)
    found = measure_correlation(magnitude(name, rng), 1.0, support)
    assert found.measured[2] == pytest.approx(wanted(name), abs=0.12)
    assert max(found.measured[:2]) < 0.15
    # What an empty rim does is known: sinc of the filled part.
    assert found.of_support[2] == pytest.approx(np.sinc(support[2]), abs=1e-6)


def test_a_lesson_is_told_what_it_does_not_reckon_with(rng):
    found = {
        name: measure_correlation(magnitude(name, rng), 1.0, (1.0, 1.0, 0.6 if name == "box" else 1.0))
        for name in FILTERS
    }
    told = {
        (name, lesson): found[name].unknown_to(lesson)
        for name in FILTERS
        for lesson in ("noise2void", "neighbor2neighbor", "sure", "corruption2self", "noise2noise", "supervised")
    }
    for lesson in ("noise2void", "neighbor2neighbor"):
        assert told["white", lesson] == (0.0, "z")
        assert told["box", lesson][1] == told["bell", lesson][1] == "x"
    for lesson in ("sure", "corruption2self"):
        assert told["white", lesson][0] == told["box", lesson][0] == 0.0  # they know of empty rims
        assert told["bell", lesson][0] > 0.3
    assert all(told[name, lesson][0] == 0.0 for name in FILTERS for lesson in ("noise2noise", "supervised"))


def recipe_for(folder, loss):
    return Recipe.model_validate(
        {"name": "x", "loss": loss, "scans": {"folder": str(folder), "share": 1, "held_out": 0.2, "sigma": 80.0}}
        | ({"start_from": "quiet-fast"} if loss in ("sure", "noise2noise") else {})
    )


@pytest.mark.parametrize("loss", ["noise2void", "neighbor2neighbor"])
def test_one_sentence_names_the_lesson_and_what_was_measured(tmp_path, rng, loss):
    for name in ("white", "bell"):
        save(tmp_path / name / f"{name}.nii.gz", 80 * magnitude(name, rng)[None])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_correlated(recipe_for(tmp_path / "white", loss))
        warn_if_correlated(recipe_for(tmp_path / "bell", "noise2noise"))
    with pytest.warns(QuietmrWarning, match=rf"'{loss}'.*along x in bell\.nii\.gz.*correlated by 0\.[3-9]\d") as told:
        warn_if_correlated(recipe_for(tmp_path / "bell", loss))
    assert len(told) == 1
    assert str(told[0].message).count(". ") == 0


def test_one_slice_and_few_voxels_are_no_trouble(rng):
    tiny = magnitude("white", rng)[:1, :20, :24]
    assert measure_correlation(tiny, 1.0).unknown_to("noise2void")[0] == 0.0
    # Too little to measure: the empty rim of k-space counts alone.
    empty = magnitude("box", rng)[:1, :20, :24]
    assert measure_correlation(empty, 1.0, (1.0, 1.0, 0.6)).unknown_to("noise2void") == (
        pytest.approx(np.sinc(0.6)),
        "x",
    )
