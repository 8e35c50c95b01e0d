"""All rows of a comparison: the same whoever makes them, and a method that fails takes nobody with it."""

import math
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from quietmr.data import Image, InputError, MissingExtraError, ModelError
from quietmr.evaluate.compare.conditions import Condition, Grid
from quietmr.evaluate.compare.measuring import Bench, score_names
from quietmr.evaluate.compare.methods import Method, named
from quietmr.evaluate.compare.references import Reference, make_reference
from quietmr.evaluate.compare.running import run
from quietmr.evaluate.compare.workers import DiedError

CONDITION = Condition("ball", "white", 5.0, 0)
SHAPE = (1, 4, 40, 40)


def ball(name: str) -> Reference:
    if name == "gone":
        raise InputError("gone is gone.")
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE[1:]), indexing="ij")
    data = 100.0 * (z**2 + y**2 + x**2 < 0.6) * (1 + 0.3 * np.sin(6 * x))
    return make_reference(name, Image(data[np.newaxis].astype(np.float32)))


def tiny(name: str) -> Reference:
    data = np.zeros((1, 1, 8, 8), np.float32)
    data[..., 2:6, 2:6] = 100
    return make_reference(name, Image(data))


@dataclass(frozen=True)
class Odd(Method):
    """A method that misbehaves."""

    way: str = ""

    def make(self):
        ways = {
            "raise": lambda image: 1 / 0,
            "memory": lambda image: np.ones(10**15),
            "nan": lambda image: image.replace(data=image.data * np.nan),
            "kind": lambda image: Image(image.data + 0j),
            "shape": lambda image: Image(image.data[:, :-1]),
            "warn": lambda image: warnings.warn("a library has something to say", stacklevel=1) or image,
        }
        return ways[self.way]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Do not tidy the memory of the whole test run before each call, which takes longer than everything else."""
    monkeypatch.setattr("quietmr.evaluate.compare.meter.gc", SimpleNamespace(collect=lambda: 0))


def bench(*methods, load=ball):
    return Bench(load, {method.name: method for method in methods}, score_names(["hfen"]))


def test_untouched_image_has_the_psnr_of_its_noise():
    row = bench(Method("untouched"))((CONDITION, "untouched"))
    assert row.reason == ""
    assert row.sigma == pytest.approx(0.05 * row.reference)
    # bright voxels: Rician noise is nearly Gaussian; darker ones and 5 % error of a few thousand voxels give the rest
    assert row.scores["psnr"] == pytest.approx(20 * math.log10(20), abs=0.3)
    assert set(row.scores) == {"psnr", "psnr_whole", "ssim", "ssim_whole", "bias", "hfen"}


def test_a_method_is_told_the_true_sigma_and_a_blind_one_nothing():
    told, blind = (bench(Method(name))((CONDITION, name)) for name in ("wiener", "wiener (blind)"))
    assert told.sigma_told == told.sigma_used == told.sigma
    assert math.isnan(blind.sigma_told)
    assert blind.sigma_used == pytest.approx(blind.sigma, rel=0.3)
    assert blind.sigma_used != blind.sigma
    assert told.scores["psnr"] > bench(Method("untouched"))((CONDITION, "untouched")).scores["psnr"]


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("raise", "ZeroDivisionError"),
        ("memory", "allocate"),
        ("nan", "NaN"),
        ("shape", "the shape"),
        ("kind", "complex"),
    ],
)
def test_a_method_that_fails_says_why(way, words):
    row = bench(Odd("odd", way=way))((CONDITION, "odd"))
    assert row.failed
    assert words in row.reason
    assert row.scores == {}


def test_a_metric_that_has_nothing_to_measure_leaves_the_others_alone():
    small = Bench(tiny, {"untouched": Method("untouched")}, score_names(["ms-ssim"]))
    row = small((CONDITION, "untouched"))
    assert not row.failed
    assert math.isnan(row.scores["ms-ssim"])
    assert math.isfinite(row.scores["psnr"])
    assert row.note.startswith("ms-ssim: MS-SSIM needs slices of at least 11 x 11")


def test_warnings_of_libraries_are_no_failure():
    assert not bench(Odd("odd", way="warn"))((CONDITION, "odd")).failed


def test_an_image_that_is_gone_fails_its_rows():
    row = bench(Method("untouched"))((Condition("gone", "white", 5.0, 0), "untouched"))
    assert row.reason == "gone is gone."


def test_scores_do_not_depend_on_who_measures_them():
    methods = [Method("untouched"), Method("gaussian")]
    grid = Grid(("ball",), ("varying",), (5.0, 7.0), 1, ("untouched", "gaussian"))
    here, elsewhere = (
        {row.key: row.scores for row in run(bench(*methods), grid.cells(), workers=workers)} for workers in (0, 2)
    )
    assert len(here) == 4
    assert here == elsewhere


def test_a_process_that_dies_is_a_row_that_says_so(monkeypatch):
    def dying(bench, cells, workers, threads):
        yield from ((cell, DiedError("The process was ended by SIGKILL.")) for cell in cells)

    monkeypatch.setattr("quietmr.evaluate.compare.running.in_processes", dying)
    (row,) = run(bench(Method("untouched")), [(CONDITION, "untouched")], workers=1)
    assert row.failed
    assert "SIGKILL" in row.reason
    assert row.key == (CONDITION, "untouched")


def test_rows_come_as_they_are_made():
    cells = [(CONDITION, "untouched"), (CONDITION, "odd")]
    rows = run(bench(Method("untouched"), Odd("odd", way="raise")), cells, workers=0)
    assert next(rows).method == "untouched"
    assert next(rows).failed


def test_methods_by_name_programs_and_blind_ones():
    programs = ["mine = tool {in} {out}", "told=t {in} {out} {sigma}"]
    found = named(["gaussian", "wiener (blind)"], programs, blind=True, timeout=5)
    assert [method.name for method in found] == [
        "untouched", "gaussian", "wiener (blind)", "mine", "told", "gaussian (blind)", "told (blind)",
    ]  # fmt: skip
    assert found[3].command == "tool {in} {out}"
    assert found[3].timeout == 5


@pytest.mark.parametrize("commands", [["mine"], ["=tool {in} {out}"], ["quiet=t {in} {out}"], ["a=t {in} {out}"] * 2])
def test_programs_without_a_name_of_their_own_are_refused(commands):
    with pytest.raises(InputError):
        named(["gaussian"], commands, timeout=1)


@pytest.mark.parametrize(
    ("method", "error", "words"),
    [
        (Method("quite"), ModelError, "did you mean 'quiet'"),
        (Method("xyz"), ModelError, "known ones"),
        (Method("nowhere/model.safetensors"), ModelError, "nowhere"),
        (Method("mine", "tool {in}"), InputError, "{out}"),
    ],
)
def test_methods_that_cannot_run_are_refused_before_any_work(method, error, words):
    with pytest.raises(error, match=words):
        method.check()


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("quietmr.evaluate.compare.methods._version", lambda library: "")
    with pytest.raises(MissingExtraError, match="compare"):
        Method("dipy-nlm-classic").check(is_complex=False)


def test_methods_for_magnitudes_are_refused_for_complex_images():
    Method("quiet-fast").check(is_complex=False)
    Method("gaussian").check(is_complex=True)
    with pytest.raises(InputError, match="denoises magnitudes"):
        Method("quiet-fast").check(is_complex=True)
    with pytest.raises(InputError, match="denoises complex images"):
        Method("quiet-complex").check(is_complex=False)
    Method("quiet-complex").check(is_complex=True)
