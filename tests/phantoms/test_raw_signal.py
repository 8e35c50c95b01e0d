"""Signal of simulated raw scans: the truth follows from the readouts, and they from the object by Fourier's sum."""

import numpy as np
import pytest

from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.phantoms.raw.coil_ring import Loop, loop_field, place_loops, sensitivity
from quietmr.phantoms.raw.encode import encode, image_of
from quietmr.phantoms.raw.grid import lay_grid
from quietmr.signal.fourier import to_image


def small(**changes):
    return RawProtocol(**{"subject": "disk", "matrix": (32, 24, 1), "coils": 6, **changes})


def clean(protocol, seed=3):
    return simulate_raw(protocol, np.random.default_rng(seed), noise=False)


def full_kspace(scan, protocol):
    """Sort readouts into (T, C, Z, Y, X) by their headers."""
    readouts, (x, y, _) = scan.kspace.imaging, scan.kspace.encoding.matrix
    kspace = np.zeros((protocol.frames, readouts.n_coils, protocol.depth, y, x), complex)
    headers = readouts.headers
    at = headers["kspace_encode_step_2" if protocol.is_3d else "slice"]
    kspace[headers["phase"], :, at, headers["kspace_encode_step_1"]] = readouts.data
    return kspace


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"matrix": (32, 31, 1), "frames": 2, "slices": 3},
        {"matrix": (24, 20, 11)},
        {"oversampling": 4},
        {"subject": "heart", "frames": 2},
        {"subject": "brain", "matrix": (32, 32, 8)},
    ],
)
def test_full_scan_without_noise_gives_the_image_of_the_truth(changes):
    protocol = small(**changes)
    scan = clean(protocol)
    image = to_image(full_kspace(scan, protocol), (2, 3, 4) if protocol.is_3d else (3, 4))
    count = protocol.matrix[0]
    start = image.shape[-1] // 2 - count // 2
    white = np.einsum("ab,tbzyx->tazyx", scan.truth.whitener, image[..., start : start + count])
    combined = np.einsum("czyx,tczyx->tzyx", scan.truth.coil_maps.conj(), white)
    np.testing.assert_allclose(combined, scan.truth.image, atol=2e-6 * np.abs(scan.truth.image).max())
    # The maps of the truth are those of the whitened images: nothing but truncation lies outside of them.
    seen = np.sqrt(np.square(np.abs(white)).sum(axis=1))[:, scan.truth.mask]
    assert np.median(np.abs(scan.truth.image[:, scan.truth.mask]) / seen) > 0.995


def test_samples_are_the_sums_of_fourier(rng):
    grid = lay_grid(small(matrix=(8, 10, 9)))
    scene = (rng.standard_normal(grid.shape) + 1j * rng.standard_normal(grid.shape)).astype(np.complex64)
    kspace = encode(scene, grid, 2)
    assert kspace.shape == (9, 10, 16)
    fov_z, fov_y, fov_x = (axis.size * step for axis, step in zip((grid.z, grid.y, grid.x), grid.spacing, strict=True))
    for kz, ky, kx in [(4, 5, 8), (4, 5, 9), (0, 7, 3), (8, 0, 15)]:
        turns = (
            ((kz - 4) * grid.z / fov_z)[:, None, None]
            + ((ky - 5) * grid.y / fov_y)[:, None]
            + (kx - 8) * grid.x / (2 * fov_x)
        )
        total = (scene * np.exp(-2j * np.pi * turns)).sum()
        # Orthonormal over 9 x 10 x 16 samples, of voxels 8 times smaller than the encoded ones.
        assert kspace[kz, ky, kx] == pytest.approx(total / 8 / np.sqrt(9 * 10 * 16), rel=2e-4)


@pytest.mark.parametrize("matrix", [(32, 30, 1), (32, 31, 9), (34, 33, 8)])
def test_encoded_grid_has_the_isocenter_where_fourier_has_it(matrix):
    grid = lay_grid(small(matrix=matrix))
    for axis, count in zip(grid.encoded(), reversed(matrix), strict=True):
        assert axis.size == count
        assert axis[count // 2] == 0


def test_brightness_survives_encoding():
    grid = lay_grid(small(matrix=(32, 30, 1)))
    ones = np.ones(grid.shape, np.complex64)
    middle = image_of(encode(ones, grid, 2), grid)[0, 10:20, 8:24]
    assert np.abs(middle).mean() == pytest.approx(1.0, abs=0.02)


def test_snr_is_the_median_in_the_object():
    for snr in (5.0, 80.0):
        truth = clean(small(snr=snr)).truth
        assert np.median(np.abs(truth.image[:, truth.mask])) == pytest.approx(snr, rel=1e-5)
        assert truth.sigma == 1.0


def test_snr_of_the_noisy_image_is_that_of_the_truth():
    protocol = small(snr=30.0, repetitions=24)
    scan = simulate_raw(protocol, np.random.default_rng(3))
    headers, count = scan.kspace.imaging.headers, protocol.matrix[0]
    images = []
    for repetition in range(24):
        chosen = headers["repetition"] == repetition
        kspace = np.zeros((6, *scan.kspace.encoding.matrix[1::-1]), complex)
        kspace[:, headers["kspace_encode_step_1"][chosen]] = scan.kspace.imaging.data[chosen].transpose(1, 0, 2)
        image = to_image(kspace, (1, 2))[..., count // 2 : count // 2 + count]
        white = np.tensordot(scan.truth.whitener, image, axes=1)
        images.append((scan.truth.coil_maps[:, 0].conj() * white).sum(axis=0))
    stack = np.stack(images) - scan.truth.image[0, 0]
    assert np.sqrt(np.square(np.abs(stack)).mean() / 2) == pytest.approx(1.0, abs=4 / np.sqrt(4 * stack.size))
    assert np.abs(stack.mean(axis=0)).max() < 6 / np.sqrt(24)


@pytest.mark.parametrize("changes", [{"partial_fourier": (0.625, 1.0)}, {"asymmetric_echo": 0.75}])
def test_partial_readouts_and_lines_are_parts_of_the_full_scan(changes):
    whole, part = clean(small()).kspace, clean(small(**changes)).kspace
    lines = part.imaging.headers["kspace_encode_step_1"]
    missing = whole.imaging.n_samples - part.imaging.n_samples
    np.testing.assert_array_equal(part.imaging.data, whole.imaging.data[lines][..., missing:])
    assert (part.imaging.headers["center_sample"] == 32 - missing).all()
    assert part.encoding.matrix == whole.encoding.matrix
    assert part.encoding.lines is not None
    assert (part.encoding.lines.minimum, part.encoding.lines.center) == (lines.min(), 12)


def test_truth_does_not_depend_on_the_sampling():
    whole = clean(small()).truth
    part = clean(
        small(acceleration=(2, 1), partial_fourier=(0.75, 1), calibration="embedded", calibration_lines=(8, 8))
    )
    np.testing.assert_array_equal(whole.image, part.truth.image)
    np.testing.assert_array_equal(whole.coil_maps, part.truth.coil_maps)


def test_same_seed_same_scan_and_another_seed_another_one():
    first, second, other = (simulate_raw(small(subject="heart"), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.kspace.imaging.data, second.kspace.imaging.data)
    np.testing.assert_array_equal(first.kspace.noise.data, second.kspace.noise.data)
    assert np.abs(first.truth.image - other.truth.image).max() > 1


def test_nothing_moves_from_repetition_to_repetition_but_the_heart_beats_from_phase_to_phase():
    scan = clean(small(subject="heart", matrix=(64, 64, 1), repetitions=2, frames=4))
    headers, data = scan.kspace.imaging.headers, scan.kspace.imaging.data
    np.testing.assert_array_equal(data[headers["repetition"] == 0], data[headers["repetition"] == 1])
    change = np.abs(np.diff(np.abs(scan.truth.image), axis=0)).max(axis=(0, 1))
    rows, columns = np.nonzero(change > 0.3 * change.max())
    assert len(rows) > 20
    # Only around the heart, left of the middle in the patient and towards the front.
    assert np.ptp(columns) < 32
    assert np.ptp(rows) < 32


def test_covering_blood_pool_shrinks_in_systole():
    protocol = RawProtocol(subject="heart", matrix=(96, 96, 1), fov=(400, 400, 8), frames=10, coils=4, noise_readouts=0)
    truth = clean(protocol).truth
    # Patient coordinates of the left ventricle: 38 mm to the left, 30 mm to the front.
    y, x = np.meshgrid((np.arange(96) - 48) * 400 / 96, (np.arange(96) - 48) * 400 / 96, indexing="ij")
    near = np.hypot(x - 38, y + 30) < 24
    pool = (np.abs(truth.image[:, 0, near]) > 0.6 * np.abs(truth.image[0, 0, near]).max()).sum(axis=1)
    assert 3 <= int(np.argmin(pool)) <= 5
    assert pool.min() < 0.65 * pool[0]


@pytest.mark.parametrize("count", [8, 32])
def test_loop_field_is_that_of_biot_and_savart(count, rng):
    grid = lay_grid(RawProtocol(subject="heart", matrix=(32, 32, 8), coils=count))
    for loop in place_loops(count, grid, rng)[:3]:
        points = loop.center + loop.radius * rng.uniform(-2, 2, (20, 3))
        side = np.cross(loop.normal, [0.3, 0.5, 0.8])
        side /= np.linalg.norm(side)
        angles = (np.arange(4000) + 0.5) * 2 * np.pi / 4000
        around = np.outer(np.cos(angles), side) + np.outer(np.sin(angles), np.cross(loop.normal, side))
        wire = loop.center + loop.radius * around
        current = loop.radius * np.cross(loop.normal, around) * 2 * np.pi / 4000
        offset = points[:, None] - wire
        distance = np.linalg.norm(offset, axis=-1, keepdims=True)
        field = np.cross(current[None], offset) / distance**3
        total = field.sum(axis=1) * loop.radius / (2 * np.pi)
        far = distance.min(axis=(1, 2)) > 0.15 * loop.radius
        np.testing.assert_allclose(loop_field(loop, points)[far], total[far], rtol=1e-4, atol=1e-6)


def test_field_at_the_center_of_a_loop_is_the_unit():
    loop = Loop(np.zeros(3), np.array([0.0, 0.0, 1.0]), 40.0)
    np.testing.assert_allclose(loop_field(loop, np.zeros((1, 3))), [[0, 0, 1]], atol=1e-6)


def test_interpolated_sensitivity_is_the_field_itself(rng):
    grid = lay_grid(RawProtocol(subject="heart", matrix=(64, 64, 1)))
    loop = place_loops(8, grid, rng)[2]
    fine = sensitivity(loop, grid.z, grid.y, grid.x)[0]
    y, x = np.meshgrid(grid.y, grid.x, indexing="ij")
    field = loop_field(loop, np.stack([x, y, np.zeros_like(x)], axis=-1))
    inside = (x / grid.half_axes[0]) ** 2 + (y / grid.half_axes[1]) ** 2 < 1
    exact = field[..., 0] - 1j * field[..., 1]
    assert np.abs(fine - exact)[inside].max() < 2e-3 * np.abs(exact[inside]).max()
