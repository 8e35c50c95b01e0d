"""Sampling, headers and g-factor of simulated raw scans."""

import numpy as np
import pytest

from quietmr.data import Flag, InputError
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.phantoms.raw.headers import directions
from quietmr.phantoms.raw.lattice import calibration_block, imaging_lines


def disk(**changes):
    return RawProtocol(**{"subject": "disk", "matrix": (16, 24, 1), "coils": 8, "noise_readouts": 4, **changes})


def scan(protocol, seed=4):
    return simulate_raw(protocol, np.random.default_rng(seed))


def encoding_matrix(truth, lines, x):
    """Write SENSE as a matrix: from the voxels (z, y) at x to all acquired samples of all coils."""
    coils, depth, height, _ = truth.coil_maps.shape
    z, y = np.meshgrid(np.arange(depth) - depth // 2, np.arange(height) - height // 2, indexing="ij")
    turns = np.outer(lines.ky - height // 2, y.ravel()) / height + np.outer(lines.kz - depth // 2, z.ravel()) / depth
    fourier = np.exp(-2j * np.pi * turns) / np.sqrt(depth * height)
    maps = truth.coil_maps[..., x].reshape(coils, 1, -1).astype(complex)
    return (maps * fourier).reshape(-1, depth * height)


@pytest.mark.parametrize(
    "changes",
    [
        {"acceleration": (2, 1)},
        {"acceleration": (3, 1)},
        {"acceleration": (4, 1)},
        {"matrix": (16, 12, 8), "acceleration": (2, 2)},
        {"matrix": (16, 12, 8), "acceleration": (2, 2), "caipi_shift": 1},
        {"matrix": (16, 12, 9), "acceleration": (2, 3), "caipi_shift": 2},
    ],
)
def test_gmap_is_that_of_sense_solved_as_one_large_system(changes):
    protocol = disk(**changes)
    truth, lines = scan(protocol).truth, imaging_lines(protocol, 0)
    reduction = protocol.acceleration[0] * protocol.acceleration[1]
    assert len(lines.ky) * reduction == protocol.matrix[1] * protocol.matrix[2]
    for x in (5, 8):
        matrix = encoding_matrix(truth, lines, x)
        variance = np.diag(np.linalg.inv(matrix.conj().T @ matrix)).real
        g = np.sqrt(variance / reduction).reshape(truth.gmap.shape[:2])
        np.testing.assert_allclose(truth.gmap[..., x], g, rtol=1e-4)


def test_gmap_is_the_noise_of_an_unfolded_image(rng):
    protocol = disk(acceleration=(3, 1))
    truth, lines = scan(protocol).truth, imaging_lines(protocol, 0)
    matrix = encoding_matrix(truth, lines, 8)
    count = 4000
    noise = rng.standard_normal((len(matrix), count)) + 1j * rng.standard_normal((len(matrix), count))
    unfolded = np.linalg.lstsq(matrix, noise, rcond=None)[0]
    measured = np.sqrt(np.square(np.abs(unfolded)).mean(axis=1) / 2) / np.sqrt(3)
    assert np.abs(measured / truth.gmap[0, :, 8] - 1).max() < 4.5 / np.sqrt(4 * count)


def test_gmap_where_the_acceleration_does_not_divide_the_matrix():
    protocol = disk(matrix=(16, 64, 1), acceleration=(3, 1))
    truth, lines = scan(protocol).truth, imaging_lines(protocol, 0)
    matrix = encoding_matrix(truth, lines, 8)
    g = np.sqrt(np.diag(np.linalg.inv(matrix.conj().T @ matrix)).real * len(lines.ky) / 64)
    inside = truth.mask[0, :, 8]
    assert np.median(np.abs(g[inside] / truth.gmap[0, inside, 8] - 1)) < 0.03


def test_g_is_1_without_acceleration_and_never_below():
    np.testing.assert_allclose(scan(disk()).truth.gmap, 1.0, atol=1e-6)
    assert scan(disk(acceleration=(4, 1))).truth.gmap.min() >= 1 - 1e-6


def test_g_grows_with_acceleration():
    means = []
    for r in (1, 2, 3, 4, 6):
        truth = scan(disk(acceleration=(r, 1))).truth
        means.append(truth.gmap[truth.mask].mean())
    assert (np.diff(means) > 0).all()


def test_caipi_lowers_the_worst_g():
    found = {}
    for shift in (0, 1):
        protocol = disk(matrix=(32, 32, 16), acceleration=(2, 2), caipi_shift=shift, coils=16)
        truth = scan(protocol).truth
        found[shift] = float(np.percentile(truth.gmap[truth.mask], 95))
    assert found[1] < found[0] - 0.02


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_lattice_is_the_one_of_the_docstring(shift):
    protocol = disk(matrix=(16, 24, 12), acceleration=(2, 3), caipi_shift=shift)
    lines = imaging_lines(protocol, 0)
    expected = {(ky, kz) for ky in range(0, 24, 2) for kz in range(12) if (kz - shift * (ky // 2)) % 3 == 0}
    assert set(zip(lines.ky.tolist(), lines.kz.tolist(), strict=True)) == expected
    assert len(lines.ky) == len(expected)


def test_embedded_calibration_is_flagged_by_what_it_serves():
    kspace = scan(disk(acceleration=(3, 1), calibration="embedded", calibration_lines=(10, 1))).kspace
    assert kspace.calibration is not None
    imaging = kspace.imaging.headers["kspace_encode_step_1"]
    np.testing.assert_array_equal(imaging, np.arange(0, 24, 3))
    both = kspace.imaging.having(Flag.CALIBRATION_AND_IMAGING)
    np.testing.assert_array_equal(imaging[both], [9, 12, 15])
    assert not kspace.imaging.having(Flag.CALIBRATION).any()
    only = kspace.calibration.headers["kspace_encode_step_1"]
    assert kspace.calibration.having(Flag.CALIBRATION).all()
    assert sorted([*only, *imaging[both]]) == list(range(7, 17))


def test_separate_calibration_is_a_block_before_the_scan():
    protocol = disk(acceleration=(2, 1), calibration="separate", calibration_lines=(8, 1), slices=2, repetitions=3)
    kspace = scan(protocol).kspace
    assert kspace.calibration is not None
    assert len(kspace.calibration) == 16
    assert kspace.calibration.having(Flag.CALIBRATION).all()
    assert not kspace.imaging.having(Flag.CALIBRATION | Flag.CALIBRATION_AND_IMAGING).any()
    assert kspace.calibration.headers["scan_counter"].max() < kspace.imaging.headers["scan_counter"].min()
    assert set(calibration_block(protocol).ky) == set(range(8, 16))


@pytest.mark.parametrize(("frames", "repetitions"), [(1, 4), (4, 1), (3, 4)])
def test_interleaved_frames_fill_kspace_together(frames, repetitions):
    protocol = disk(acceleration=(4, 1), calibration="interleaved", frames=frames, repetitions=repetitions)
    headers = scan(protocol).kspace.imaging.headers
    first = headers[(headers["phase"] == 0) & (headers["repetition"] == 0)]
    np.testing.assert_array_equal(first["kspace_encode_step_1"], np.arange(0, 24, 4))
    assert set(headers["kspace_encode_step_1"]) == set(range(24))


def test_interleaved_caipi_fills_all_partitions():
    protocol = disk(
        matrix=(16, 8, 8), acceleration=(2, 2), caipi_shift=1, calibration="interleaved", repetitions=4, coils=4
    )
    headers = scan(protocol).kspace.imaging.headers
    assert len(set(zip(headers["kspace_encode_step_1"], headers["kspace_encode_step_2"], strict=True))) == 64


def test_partial_fourier_leaves_out_the_first_lines():
    kspace = scan(disk(matrix=(16, 24, 8), partial_fourier=(0.75, 0.75), coils=4)).kspace
    headers = kspace.imaging.headers
    assert set(headers["kspace_encode_step_1"]) == set(range(6, 24))
    assert set(headers["kspace_encode_step_2"]) == set(range(2, 8))
    assert kspace.encoding.lines is not None
    assert (kspace.encoding.lines.minimum, kspace.encoding.lines.maximum, kspace.encoding.lines.center) == (6, 23, 12)


def test_headers_count_and_mark_every_readout():
    protocol = disk(frames=2, repetitions=2, slices=3, averages=2, coils=2, dwell_us=4.0)
    kspace = scan(protocol).kspace
    headers = kspace.imaging.headers
    counters = ["kspace_encode_step_1", "average", "slice", "phase", "repetition"]
    assert len(np.unique(headers[counters])) == len(headers) == 24 * 2 * 2 * 3 * 2
    assert (np.diff(headers["scan_counter"].astype(int)) == 1).all()
    assert (np.diff(headers["acquisition_time_stamp"].astype(int)) >= 0).all()
    flags = headers["flags"]

    def number_of(bit):
        return int((flags & np.uint64(1 << (bit - 1)) != 0).sum())

    frames = 2 * 2 * 3 * 2
    assert [number_of(bit) for bit in (1, 2)] == [frames, frames]
    assert [number_of(bit) for bit in (7, 8)] == [2 * 3, 2 * 3]
    assert [number_of(bit) for bit in (13, 14)] == [2, 2]
    assert number_of(25) == 1
    assert flags[-1] & np.uint64(Flag.LAST_IN_MEASUREMENT)
    assert kspace.noise is not None
    assert kspace.noise.having(Flag.NOISE).all()


def test_slices_lie_along_their_normal_in_an_oblique_right_handed_set():
    kspace = scan(disk(slices=3, fov=(200, 200, 6))).kspace
    headers = kspace.imaging.headers
    axes = directions()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-12)
    assert np.abs(axes).max() < 0.99
    places = np.stack([headers["position"][headers["slice"] == at][0] for at in range(3)])
    steps = np.diff(places, axis=0)
    np.testing.assert_allclose(steps, [7.5 * axes[2]] * 2, atol=1e-3)
    np.testing.assert_allclose(headers["slice_dir"][0], axes[2], atol=1e-6)


def test_encoding_counts_oversampling_and_says_what_the_protocol_wants():
    kspace = scan(disk(matrix=(32, 24, 1), recon_matrix=(32, 32, 1), fov=(240, 180, 5), oversampling=2)).kspace
    encoding = kspace.encoding
    assert encoding.matrix == (64, 24, 1)
    assert encoding.fov == (480, 180, 5)
    assert (encoding.recon_matrix, encoding.recon_fov) == ((32, 32, 1), (240, 180, 5))
    assert kspace.imaging.n_samples == 64
    assert len(set(kspace.system.coil_labels)) == kspace.imaging.n_coils


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"subject": "cat"}, "subject"),
        ({"calibration": "often"}, "calibration mode"),
        ({"matrix": (0, 24, 1)}, "matrix"),
        ({"matrix": (17, 24, 1)}, "odd"),
        ({"matrix": (16.5, 24, 1)}, "whole numbers"),
        ({"recon_matrix": (16, 20, 1)}, "smaller"),
        ({"coils": 0}, "coils"),
        ({"acceleration": (0, 1)}, "acceleration"),
        ({"acceleration": (9, 1)}, "unfold"),
        ({"acceleration": (2, 2)}, "3-D"),
        ({"caipi_shift": 1}, "CAIPI"),
        ({"matrix": (16, 24, 8), "slices": 2}, "slices"),
        ({"partial_fourier": (0.5, 1)}, "partial Fourier"),
        ({"partial_fourier": (float("nan"), 1)}, "partial Fourier"),
        ({"asymmetric_echo": 1.5}, "echo"),
        ({"calibration": "embedded", "calibration_lines": (20, 1), "partial_fourier": (0.75, 1)}, "at most 12"),
        ({"calibration": "interleaved", "acceleration": (3, 1)}, "frames or repetitions"),
        ({"oversampling": 1}, "oversampling"),
        ({"receiver_bandwidth": 0.2}, "bandwidth"),
        ({"snr": 0.0}, "SNR"),
        ({"snr": float("inf")}, "SNR"),
        ({"correlation": 1.0}, "correlation"),
        ({"gain_spread": 0.5}, "gain"),
        ({"dwell_us": -1.0}, "dwell"),
        ({"fov": (0.0, 100.0, 5.0)}, "field of view"),
        ({"frames": 0}, "frames"),
        ({"noise_readouts": -1}, "noise readouts"),
    ],
)
def test_impossible_protocols_are_refused_in_one_sentence(changes, word):
    with pytest.raises(InputError, match=word) as refusal:
        disk(**changes)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)
