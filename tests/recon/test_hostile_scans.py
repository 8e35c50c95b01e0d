"""Scans that cannot be reconstructed: one clear sentence each; odd ones that can: a right result."""

from dataclasses import replace

import numpy as np
import pytest

from quietmr.data import READOUT, Flag, InputError, KSpace, QuietmrWarning, Readouts
from quietmr.recon import Settings, gfactor_maps, reconstruct

from .scans import repeated_scan


@pytest.fixture
def kspace() -> KSpace:
    return repeated_scan(matrix=(48, 48, 1), coils=6, acceleration=(2, 1), repetitions=8, snr=3).kspace


def _with_headers(kspace: KSpace, **fields: object) -> KSpace:
    headers = kspace.imaging.headers.copy()
    for name, value in fields.items():
        headers[name] = value
    return kspace.replace(imaging=Readouts(kspace.imaging.data, headers))


def _without(kspace: KSpace, keep: np.ndarray) -> KSpace:
    return kspace.replace(imaging=kspace.imaging.select(keep))


def test_no_noise_scan(kspace: KSpace) -> None:
    silent = kspace.replace(noise=None)
    with pytest.raises(InputError, match=r"no noise readouts.*--noise FILE.*--noise-from-edges"):
        reconstruct(silent)
    image = reconstruct(silent, Settings(noise_from_edges=True))
    assert image.noise.origin == "estimated"
    assert image.history[-1].parameters["noise_origin"] == "edges"
    # an upper bound of the noise: the image in these units is never stronger than the calibrated one by much
    calibrated = reconstruct(kspace)
    assert np.abs(image.data).max() < 1.25 * np.abs(calibrated.data).max()


def test_the_name_of_the_missing_noise_measurement_is_told(kspace: KSpace) -> None:
    system = replace(kspace.system, noise_measurement="66042_81")
    with pytest.raises(InputError, match="66042_81"):
        reconstruct(kspace.replace(noise=None, system=system))


def test_coil_count_of_the_noise_scan(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="4 coils, the scan has 6"):
        reconstruct(kspace.replace(noise=Readouts(kspace.noise.data[:, :4].copy(), kspace.noise.headers)))


def test_noise_scan_without_samples(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="no noise readouts"):
        reconstruct(kspace.replace(noise=kspace.noise.select(np.arange(0))))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_readouts_that_are_not_numbers(kspace: KSpace, value: float) -> None:
    data = kspace.imaging.data.copy()
    data[7, 2, 5] = value
    with pytest.raises(InputError, match=r"1 of \d+ imaging readouts .* first number 7"):
        reconstruct(kspace.replace(imaging=Readouts(data, kspace.imaging.headers)))


def test_scan_of_zeros(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="holds no scan"):
        reconstruct(kspace.replace(imaging=Readouts(np.zeros_like(kspace.imaging.data), kspace.imaging.headers)))


@pytest.mark.parametrize("matrix", [(48, 48, 1), (96, 20, 1)])
def test_wrong_matrix_in_the_header(kspace: KSpace, matrix: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="header and data do not belong together"):
        reconstruct(kspace.replace(encoding=replace(kspace.encoding, matrix=matrix)))


def test_other_trajectories(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="spiral trajectory"):
        reconstruct(kspace.replace(encoding=replace(kspace.encoding, trajectory="spiral")))


def test_header_without_limits_or_center(kspace: KSpace) -> None:
    expected = reconstruct(kspace).data
    bare = replace(kspace.encoding, lines=None, partitions=None)
    np.testing.assert_array_equal(reconstruct(kspace.replace(encoding=bare)).data, expected)
    with pytest.warns(QuietmrWarning, match="do not say where the center"):
        image = reconstruct(_with_headers(kspace, center_sample=0))
    np.testing.assert_array_equal(image.data, expected)


def test_center_of_kspace_missing(kspace: KSpace) -> None:
    lines = kspace.imaging.headers["kspace_encode_step_1"].astype(int)
    with pytest.raises(InputError, match="center of k-space was not measured"):
        reconstruct(_without(kspace, np.abs(lines - 24) > 2).replace(calibration=None))


def test_too_few_calibration_lines_say_what_works() -> None:
    scan = repeated_scan(matrix=(48, 48, 1), coils=8, acceleration=(6, 1), calibration_lines=(6, 1), repetitions=1)
    with pytest.raises(InputError, match=r"allows (up to R = [2345]|no acceleration)"):
        reconstruct(scan.kspace)


def test_irregular_lines_are_refused_by_grappa_and_solved_by_sense(rng: np.random.Generator) -> None:
    full = repeated_scan(matrix=(48, 48, 1), coils=8, acceleration=(1, 1), calibration="none", repetitions=32, snr=50)
    lines = full.kspace.imaging.headers["kspace_encode_step_1"].astype(int)
    wanted = (np.abs(np.arange(48) - 24) < 10) | (rng.random(48) < 0.5)
    sparse = _without(full.kspace, wanted[lines])
    with pytest.raises(InputError, match="no regular lattice"):
        reconstruct(sparse, Settings(method="grappa"))
    image = reconstruct(sparse, Settings(regularization=1e-3))
    facts = image.history[-1].parameters["slices"][0]
    assert facts["method"] == "iterative sense"
    assert facts["r_eff"] == pytest.approx(48 / wanted.sum())
    mask = full.truth.mask
    ratio = np.abs(image.data.mean(axis=0) / full.truth.image[0])[mask] / facts["signal_scale"]
    assert abs(np.median(ratio) - 1) < 0.05
    # g comes from replicas of its own; the repetitions are others
    sd = np.sqrt(0.5 * (image.data.real.var(axis=0, ddof=1) + image.data.imag.var(axis=0, ddof=1)))
    assert abs(np.median((sd / image.noise.sigma[0])[mask]) - 1) < 0.03


def test_pictures_that_were_not_finished_are_left_out(kspace: KSpace) -> None:
    repetition = kspace.imaging.headers["repetition"]
    stopped = np.flatnonzero(repetition == 0).tolist() + np.flatnonzero(repetition == 1)[:5].tolist()
    with pytest.warns(QuietmrWarning, match=r"Frame 1 \(repetition 1\) has only 5 of"):
        image = reconstruct(_without(kspace, np.array(stopped)))
    assert image.shape[0] == 1


def test_lost_line_keeps_the_lattice(kspace: KSpace) -> None:
    lines = kspace.imaging.headers["kspace_encode_step_1"].astype(int)
    with pytest.warns(QuietmrWarning, match="1 lines of the lattice 2x1 are missing"):
        image = reconstruct(_without(kspace, lines != 4))
    assert image.history[-1].parameters["slices"][0]["method"] == "grappa"
    whole = reconstruct(kspace).data
    assert np.linalg.norm(image.data - whole) < 0.2 * np.linalg.norm(whole)


@pytest.mark.parametrize("method", ["grappa", "sense"])
def test_no_calibration_lines(kspace: KSpace, method: str) -> None:
    lines = kspace.imaging.headers["kspace_encode_step_1"].astype(int)
    with pytest.raises(InputError, match="only 1 lines in slice 0"):
        reconstruct(_without(kspace, lines % 2 == 0).replace(calibration=None), Settings(method=method))


def test_scan_of_calibration_lines_alone(kspace: KSpace) -> None:
    flagged = _with_headers(kspace, flags=np.uint64(Flag.CALIBRATION))
    with pytest.raises(InputError, match="flagged as calibration only"):
        reconstruct(flagged)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recon_matrix": (60000, 60000, 1)}, "wants an image of 60000 pixels"),
        ({"matrix": (96, 65535, 1), "lines": None}, "speaks of 65535 lines, the readouts cover"),
    ],
)
def test_headers_that_ask_for_huge_images(kspace: KSpace, changes: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        reconstruct(kspace.replace(encoding=replace(kspace.encoding, **changes)))


def test_positions_that_are_no_numbers(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="positions or directions that are no numbers"):
        reconstruct(_with_headers(kspace, position=np.nan))


def test_averages_do_not_change_the_counted_acceleration() -> None:
    scan = repeated_scan(matrix=(48, 48, 1), coils=6, acceleration=(2, 1), averages=3, repetitions=1)
    facts = reconstruct(scan.kspace).history[-1].parameters["slices"][0]
    assert facts["r_eff"] == pytest.approx(2)
    assert facts["signal_scale"] == pytest.approx(np.sqrt(2 * 3) / 2)


def test_unflagged_calibration_lines_do_no_harm(kspace: KSpace) -> None:
    headers = np.concatenate([kspace.imaging.headers, kspace.calibration.headers])
    headers["flags"] &= ~np.uint64(Flag.CALIBRATION | Flag.CALIBRATION_AND_IMAGING)
    data = np.concatenate([kspace.imaging.data, kspace.calibration.data])
    mixed = kspace.replace(imaging=Readouts(data, headers), calibration=None)
    np.testing.assert_allclose(
        reconstruct(mixed).data, reconstruct(kspace).data, atol=1e-3 * np.abs(reconstruct(kspace).data).max()
    )


def test_edges_quieter_than_the_noise_scan_are_told(kspace: KSpace) -> None:
    # a converter that writes a fifth of the dwell time of imaging
    with pytest.warns(QuietmrWarning, match="do not belong to this scan"):
        reconstruct(_with_headers(kspace, sample_time_us=1.0))


def test_edges_far_louder_than_the_noise_scan_are_told(kspace: KSpace) -> None:
    # a noise scan stored in another unit than the scan
    weak = Readouts(kspace.noise.data * np.float32(1e-3), kspace.noise.headers)
    with pytest.warns(QuietmrWarning, match="do not belong to this scan"):
        reconstruct(kspace.replace(noise=weak))


def test_unknown_slices_and_slices_that_are_not_parallel() -> None:
    scan = repeated_scan(matrix=(48, 48, 1), coils=4, slices=2, acceleration=(1, 1), calibration="none", repetitions=1)
    with pytest.raises(InputError, match=r"has the slices \[0, 1\], asked for was \[5\]"):
        reconstruct(scan.kspace, Settings(slices=(5,)))
    headers = scan.kspace.imaging.headers.copy()
    headers["slice_dir"][headers["slice"] == 1] = [0, 0, 1]
    turned = scan.kspace.replace(imaging=Readouts(scan.kspace.imaging.data, headers))
    with pytest.raises(InputError, match="not parallel"):
        reconstruct(turned)
    assert reconstruct(turned, Settings(slices=(1,))).shape[1] == 1


def test_gmaps_need_calibration_lines_and_refuse_what_was_asked_for_and_is_impossible() -> None:
    from quietmr.recon.lattice import Lattice

    scan = repeated_scan(matrix=(48, 48, 1), coils=4, acceleration=(2, 1), calibration_lines=(6, 1), repetitions=1)
    names = gfactor_maps(scan.kspace).history[-1].parameters["lattices"]
    assert "2x1" in names
    assert "8x1" not in names
    with pytest.raises(InputError, match="too small for the acceleration 8x1"):
        gfactor_maps(scan.kspace, lattices=[Lattice(8)])


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": ("none", "sharp", "none")},
        {"coil_maps": "espirit"},
        {"method": "magic"},
        {"partial_fourier": "homodyne"},
        {"threads": 0},
    ],
)
def test_unknown_choices_are_refused(changes: dict) -> None:
    with pytest.raises(InputError):
        Settings(**changes)


@pytest.mark.parametrize("matrix", [(1, 1, 48), (1, 48, 1000), (2, 48, 48)])
def test_impossible_image_sizes_are_refused(kspace: KSpace, matrix: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="asked for"):
        reconstruct(kspace, Settings(matrix=matrix))


def test_compression_to_more_coils_than_there_are(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="6 coils cannot be compressed to 7"):
        reconstruct(kspace, Settings(coils=7))


def test_pocs_tells_that_snr_units_end() -> None:
    scan = repeated_scan(matrix=(48, 48, 1), coils=6, acceleration=(2, 1), partial_fourier=(0.75, 1.0), repetitions=1)
    with pytest.warns(QuietmrWarning, match="not in SNR units"):
        image = reconstruct(scan.kspace, Settings(partial_fourier="pocs"))
    assert image.noise.origin == "estimated"
    plain = reconstruct(scan.kspace)
    truth, mask = scan.truth.image[0], scan.truth.mask

    def error(picture: np.ndarray) -> float:
        scale = np.vdot(picture[mask], truth[mask]) / np.vdot(picture[mask], picture[mask])
        return float(np.linalg.norm((scale * picture - truth)[mask]))

    # at this SNR the sharper picture is not always nearer; it has to be the same picture
    assert error(image.data[0]) < 1.5 * error(plain.data[0])


def test_one_readout_is_no_scan(kspace: KSpace) -> None:
    with pytest.raises(InputError):
        reconstruct(_without(kspace, np.array([0])).replace(calibration=None))


def test_empty_scan_is_refused_by_the_type(kspace: KSpace) -> None:
    with pytest.raises(InputError, match="no imaging readout"):
        kspace.replace(imaging=Readouts(np.zeros((0, 2, 4), np.complex64), np.zeros(0, READOUT)))
