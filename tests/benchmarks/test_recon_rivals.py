"""The comparisons of benchmarks/recon.py: the rival computes the same thing, the judge tells right from wrong."""

from dataclasses import replace

import numpy as np
import pytest
from recon_floor import Rates, floor_of
from recon_replicas import CASES
from recon_rivals import python_tools_grappa
from recon_scans import Size, timing_scan
from recon_verdict import counted_signal_scale, judge, sense_g_in_object

from quietmr.data import NoiseMap
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.recon import Settings, reconstruct
from quietmr.recon.scan import prepare_scan
from quietmr.recon.slice_setup import calibrate_slice

SMALL = {"subject": "disk", "matrix": (64, 60, 1), "coils": 12, "acceleration": (3, 1), "calibration": "embedded"}


def test_rival_unfolds_and_has_our_gfactor() -> None:
    size = Size(coils=8, r=2, frames=1, matrix=64)
    kspace = timing_scan(size, np.random.default_rng(3))
    scan = prepare_scan(kspace, Settings())
    calibrated = calibrate_slice(scan, 0)
    unmixing, g = python_tools_grappa(calibrated.block.data[:, 0].numpy(), calibrated.maps[:, 0].numpy(), size.r)
    ours = reconstruct(kspace)
    object_ = np.abs(ours.data[0, 0]) > 0.5 * np.abs(ours.data).max()
    assert abs(np.median((g / ours.noise.sigma[0, 0])[object_]) - 1) < 0.03
    # the same picture: aliased coil images of unit noise, weighted
    lines = np.zeros((8, 64, 64), np.complex128)
    lines[:, ::2] = kspace.imaging.data.transpose(1, 0, 2)
    white = np.tensordot(scan.whitening.matrix, lines, axes=1)
    aliased = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(white, axes=(1, 2)), norm="ortho"), axes=(1, 2))
    theirs = np.sqrt(2) * (unmixing * aliased).sum(axis=0)
    assert np.median(np.abs(theirs / ours.data[0, 0] - 1)[object_]) < 0.05


def test_timing_scan_has_the_size_and_snr_it_claims() -> None:
    kspace = timing_scan(Size(coils=6, r=2, frames=3, matrix=64, oversampling=2), np.random.default_rng(4))
    image = reconstruct(kspace)
    assert image.shape == (3, 1, 64, 64)
    # SNR 30 in the middle of a disk over sqrt(2) for half of the lines
    assert abs(np.abs(image.data[:, 0, 28:36, 28:36]).mean() * np.sqrt(2) / 30 - 1) < 0.25
    # frames differ by noise alone, of SD g
    difference = (image.data[1] - image.data[0]) / np.sqrt(2) / image.noise.sigma[0]
    assert abs(difference.real.std() - 1) < 0.05


def test_judge_knows_right_from_wrong() -> None:
    scan = simulate_raw(RawProtocol(**SMALL, repetitions=32), np.random.default_rng(5))
    image = reconstruct(scan.kspace)
    right = judge(image, scan, counted_signal_scale(scan))
    assert right.passes, right
    g = image.noise.sigma
    assert not judge(image.replace(noise=NoiseMap(g * np.float32(1.02), kind="complex")), scan, 1.0).passes
    # a g-map that is right in the median and wrong from place to place
    tilted = g * np.linspace(0.8, 1.2, g.shape[-1], dtype=np.float32)
    assert not judge(image.replace(noise=NoiseMap(tilted, kind="complex")), scan, counted_signal_scale(scan)).passes
    assert not judge(image, scan, 1.1 * counted_signal_scale(scan)).passes


@pytest.mark.parametrize("shift", [0, 1])
def test_sense_g_in_an_object_that_fills_the_picture_is_the_simulators(shift: int) -> None:
    volume = {"matrix": (24, 20, 16), "acceleration": (2, 2), "caipi_shift": shift, "calibration_lines": (12, 10)}
    scan = simulate_raw(RawProtocol(**(SMALL | volume)), np.random.default_rng(6))
    everywhere = replace(scan, truth=replace(scan.truth, image=np.ones_like(scan.truth.image)))
    np.testing.assert_allclose(sense_g_in_object(everywhere), scan.truth.gmap, rtol=1e-3)


def test_sense_g_is_not_defined_between_pixels() -> None:
    scan = simulate_raw(RawProtocol(**(SMALL | {"matrix": (64, 64, 1)})), np.random.default_rng(7))
    assert sense_g_in_object(scan) is None


def test_floor_counts_what_there_is_to_do() -> None:
    rates = Rates(copy=2e10, fft=1e10, matrix=1e11)
    one, two = (floor_of(Size(frames=n), rates) for n in (10, 20))
    assert np.isclose(two.frames, 2 * one.frames)
    assert two.setup == one.setup
    # a machine of infinite arithmetic still moves k-space: read, and three more passes
    moving = floor_of(Size(), Rates(copy=1e10, fft=np.inf, matrix=np.inf))
    assert np.isclose(moving.whole, 4 * 30 * 32 * 128 * 256 * 8 / 1e10)


def test_all_cases_of_the_table_are_valid_protocols() -> None:
    from recon_replicas import protocol_of

    assert {protocol_of(changes).repetitions for changes in CASES.values()} == {64}
