"""Files that others made: every readout compared with the package ismrmrd."""

import shutil
import subprocess

import ismrmrd
import numpy as np
import pytest

from quietmr.data import Flag
from quietmr.io.raw import read_raw

GENERATOR = "ismrmrd_generate_cartesian_shepp_logan"


def assert_as_ismrmrd(path, scan):
    """Compare with `ismrmrd.Dataset`, readout by readout."""
    dataset = ismrmrd.Dataset(path, mode="r")
    parts = {"noise": scan.noise, "calibration": scan.calibration, "imaging": scan.imaging}
    position = dict.fromkeys(parts, 0)
    for index in range(dataset.number_of_acquisitions()):
        acquisition = dataset.read_acquisition(index)
        calibrates = acquisition.is_flag_set(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION)
        name = "calibration" if calibrates else "imaging"
        name = "noise" if acquisition.is_flag_set(ismrmrd.ACQ_IS_NOISE_MEASUREMENT) else name
        row = position[name]
        position[name] += 1
        header = parts[name].headers[row]
        assert np.array_equal(parts[name].data[row], acquisition.data)
        assert header["flags"] == acquisition.flags
        assert header["scan_counter"] == acquisition.scan_counter
        assert header["center_sample"] == acquisition.center_sample
        assert header["sample_time_us"] == acquisition.sample_time_us
        for counter in ("kspace_encode_step_1", "kspace_encode_step_2", "slice", "repetition", "segment"):
            assert header[counter] == getattr(acquisition.idx, counter)
    dataset.close()
    assert position == {name: 0 if part is None else len(part) for name, part in parts.items()}


@pytest.mark.skipif(shutil.which(GENERATOR) is None, reason="ismrmrd-tools are not installed")
@pytest.mark.parametrize("acceleration", [1, 2, 4])
@pytest.mark.parametrize("noise", [[], ["-C"]])
def test_generated_phantoms(tmp_path, acceleration, noise):
    options = ["-m", "32", "-c", "3", "-r", "2", "-a", str(acceleration), "-w", "8", *noise, "-o", "raw.h5"]
    subprocess.run([GENERATOR, *options], cwd=tmp_path, check=True, capture_output=True)
    scan = read_raw(tmp_path / "raw.h5")
    assert_as_ismrmrd(tmp_path / "raw.h5", scan)
    assert (scan.noise is not None) == bool(noise)
    assert scan.encoding.matrix == (64, 32, 1)
    assert scan.encoding.recon_fov == (300.0, 300.0, 6.0)
    assert scan.encoding.acceleration == (acceleration, 1)
    assert scan.encoding.partitions is None
    assert scan.history[0].parameters["imaging"] == len(scan.imaging)


@pytest.mark.shared
def test_virtual_scanner_of_sirf(shared):
    path = shared("sirf_ismrmrd_grappa2/grappa2_1rep.h5")
    scan = read_raw(path)
    assert_as_ismrmrd(path, scan)
    assert scan.encoding.calibration == "embedded"
    assert (len(scan.noise), len(scan.calibration), len(scan.imaging)) == (1, 14, 128)
    assert scan.imaging.having(Flag.CALIBRATION_AND_IMAGING).sum() == 14
