"""What a readout is for decides where it goes."""

import h5py
import numpy as np
import pytest
from raw_scans import random_readouts, random_scan

from quietmr.data import Flag, InputError, QuietmrWarning, Readouts, System
from quietmr.io.raw import read_raw, write_raw

SKIPPED = {
    Flag.NAVIGATION: "navigation",
    Flag.HP_FEEDBACK: "HP feedback",
    Flag.DUMMY: "dummy",
    Flag.RT_FEEDBACK: "RT feedback",
    Flag.SURFACE_COIL_CORRECTION: "surface coil correction",
    Flag.PHASE_STABILIZATION_REFERENCE: "phase stabilization",
    Flag.PHASE_STABILIZATION: "phase stabilization",
}


@pytest.fixture
def file_with(tmp_path, rng):
    """A written scan whose table of acquisitions is changed afterwards; gives its path."""

    def make(change, **changes):
        path = tmp_path / "scan.h5"
        write_raw(random_scan(rng, **{"system": System(), **changes}), path)
        with h5py.File(path, "r+") as file:
            table = file["dataset/data"][:]
            change(table)
            file["dataset/data"][:] = table
        return path

    return make


def flag_rows(rows, flag):
    def change(table):
        table["head"]["flags"][rows] = np.uint64(flag)

    return change


@pytest.mark.parametrize(("flag", "name"), SKIPPED.items())
def test_readouts_that_make_no_image_are_counted(file_with, flag, name):
    scan = read_raw(file_with(flag_rows([8, 10], flag)))
    assert scan.history[0].parameters["skipped"] == {name: 2}
    assert len(scan.imaging) == 7


def test_they_may_have_any_shape(file_with, rng):
    def change(table):
        flag_rows([8], Flag.NAVIGATION)(table)
        table["head"]["number_of_samples"][8] = 3
        table["data"][8] = np.zeros(2 * 3 * 2, np.float32)

    assert len(read_raw(file_with(change)).imaging) == 8


def test_phase_correction_is_warned_of(file_with):
    path = file_with(flag_rows([7], Flag.PHASE_CORRECTION | Flag.CALIBRATION))
    with pytest.warns(QuietmrWarning, match="phase-correction"):
        scan = read_raw(path)
    assert scan.history[0].parameters["skipped"] == {"phase correction": 1}


def test_noise_goes_before_all_other_purposes(file_with):
    scan = read_raw(file_with(flag_rows([0], Flag.NOISE | Flag.DUMMY | Flag.CALIBRATION)))
    assert len(scan.noise) == 3


def test_calibration_that_is_imaging_too_stays(file_with):
    scan = read_raw(file_with(flag_rows([7], Flag.CALIBRATION | Flag.CALIBRATION_AND_IMAGING)))
    assert len(scan.imaging) == 9
    assert len(scan.calibration) == 4


def test_imaging_of_two_lengths_is_refused(file_with):
    def change(table):
        table["head"]["number_of_samples"][8] = 3
        table["data"][8] = np.zeros(2 * 3 * 2, np.float32)

    with pytest.raises(InputError, match="imaging readouts of different shape"):
        read_raw(file_with(change))


def test_odd_calibration_is_left_out_and_counted(file_with):
    def change(table):
        flag_rows([8], Flag.CALIBRATION)(table)

    scan = read_raw(file_with(change))
    assert scan.calibration.n_samples == 10
    assert scan.history[0].parameters["skipped"] == {"calibration of another length": 1}


def second_space(path, matrix):
    """Give the header a second encoding space with another matrix."""
    with h5py.File(path, "r+") as file:
        text = file["dataset/xml"][0].decode()
        start, end = text.index("<encoding>"), text.index("</encoding>") + len("</encoding>")
        more = text[start:end].replace("<y>12</y>", f"<y>{matrix}</y>")
        file["dataset/xml"][0] = (text[:end] + more + text[end:]).encode()


@pytest.mark.parametrize(("matrix", "kept"), [(12, 4), (13, None)])
def test_calibration_of_another_space_needs_its_matrix(file_with, matrix, kept):
    def change(table):
        table["head"]["encoding_space_ref"][3:7] = 1

    path = file_with(change)
    second_space(path, matrix)
    if kept is None:
        with pytest.warns(QuietmrWarning, match="another encoding space"):
            assert read_raw(path).calibration is None
    else:
        assert len(read_raw(path).calibration) == kept


def test_imaging_of_the_first_space_is_taken(file_with):
    def change(table):
        table["head"]["encoding_space_ref"][14:] = 1

    path = file_with(change)
    second_space(path, 12)
    with pytest.warns(QuietmrWarning, match="another encoding space"):
        scan = read_raw(path)
    assert len(scan.imaging) == 7


def test_a_space_that_the_header_lacks_is_refused(file_with):
    def change(table):
        table["head"]["encoding_space_ref"][9] = 3

    with pytest.raises(InputError, match="encoding space 3"):
        read_raw(file_with(change))


class TestNoiseFile:
    @pytest.fixture
    def write(self, tmp_path, rng):
        def make(name, **changes):
            path = tmp_path / name
            write_raw(random_scan(rng, calibration=None, **changes), path)
            return path

        return make

    def test_coils_are_put_in_the_order_of_the_scan(self, write, rng):
        labels = ("a", "b", "c")
        silence = random_readouts(rng, 5, (3, 40), Flag.NOISE)
        imaging = random_readouts(rng, 9, (3, 16))
        path = write("scan.h5", imaging=imaging, noise=None, system=System(coil_labels=labels))
        other = Readouts(silence.data[:, [2, 0, 1]], silence.headers)
        noise = write("noise.h5", imaging=imaging, noise=other, system=System(coil_labels=("c", "a", "b")))
        scan = read_raw(path, noise=noise)
        assert np.array_equal(scan.noise.data, silence.data)
        assert scan.history[0].parameters["noise_file"] == "noise.h5"

    def test_it_replaces_noise_of_the_scan(self, write, rng):
        silence = random_readouts(rng, 5, flag=Flag.NOISE)
        scan = read_raw(write("scan.h5"), noise=write("noise.h5", noise=silence))
        assert np.array_equal(scan.noise.data, silence.data)

    def test_all_readouts_are_taken_if_none_is_flagged(self, write, rng):
        silent = random_readouts(rng, 9, (2, 16))
        silent.headers["kspace_encode_step_1"] = 0
        scan, noise = write("scan.h5"), write("noise.h5", imaging=silent, noise=None, system=System())
        with pytest.warns(QuietmrWarning, match="no readout flagged as noise"):
            read = read_raw(scan, noise=noise)
        assert len(read.noise) == 9
        assert read.noise.having(Flag.NOISE).all()

    def test_a_scan_is_no_noise_scan(self, write):
        scan, other = write("scan.h5"), write("other.h5", noise=None, system=System())
        with pytest.raises(InputError, match="lines of an image"):
            read_raw(scan, noise=other)

    def test_other_coils_are_refused(self, write, rng):
        noise = write("noise.h5", system=System(coil_labels=("Head:1", "Spine:2")))
        with pytest.raises(InputError, match="lacks Head:2"):
            read_raw(write("scan.h5"), noise=noise)

    def test_another_number_of_coils_is_refused(self, write, rng):
        noise = write("noise.h5", imaging=random_readouts(rng, 2, (3, 16)), noise=random_readouts(rng, 2, (3, 16)))
        with pytest.raises(InputError, match="noise of 3 coils, the scan has 2"):
            read_raw(write("scan.h5"), noise=noise)

    def test_coils_called_alike_are_refused_in_another_order(self, write, rng):
        shape = (3, 16)
        parts = {"imaging": random_readouts(rng, 2, shape), "noise": random_readouts(rng, 2, shape)}
        path = write("scan.h5", system=System(coil_labels=("a", "a", "b")), **parts)
        noise = write("noise.h5", system=System(coil_labels=("a", "b", "a")), **parts)
        with pytest.raises(InputError, match="unique labels"):
            read_raw(path, noise=noise)

    def test_a_noise_scan_is_no_scan(self, write, tmp_path):
        path = write("noise.h5")
        with h5py.File(path, "r+") as file:
            table = file["dataset/data"][:]
            table["head"]["flags"] = int(Flag.NOISE)
            file["dataset/data"][:] = table
        with pytest.raises(InputError, match=r"no imaging readouts \(9 of noise"):
            read_raw(path)
        assert len(read_raw(write("scan.h5"), noise=path).noise) == 9

    def test_a_missing_dependency_is_named(self, write):
        with pytest.warns(QuietmrWarning, match="17_3.*--noise"):
            read_raw(write("scan.h5", noise=None))
