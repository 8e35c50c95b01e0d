"""What is written is read again, by quietmr and by others."""

import shutil
import subprocess
from dataclasses import replace

import h5py
import ismrmrd
import numpy as np
import pytest
from raw_scans import SHAPE, assert_equal, random_readouts, random_scan

from quietmr.data import Encoding, Flag, InputError, OutputError, System
from quietmr.io.raw import is_raw, read_raw, write_raw


def test_all_fields_return(tmp_path, rng):
    scan = random_scan(rng)
    write_raw(scan, tmp_path / "scan.h5")
    again = read_raw(tmp_path / "scan.h5")
    assert_equal(again.imaging, scan.imaging)
    assert_equal(again.calibration, scan.calibration)
    assert_equal(again.noise, scan.noise)
    assert again.encoding == scan.encoding
    assert again.system == scan.system
    assert again.meta.source == tmp_path / "scan.h5"
    assert is_raw(tmp_path / "scan.h5")


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding((16, 1, 1), (1e-3, 1e4, 0.1), (16, 1, 1), (1e-3, 1e4, 0.1)),
        Encoding((16, 5, 1), (16.0, 5.0, 1.0), (16, 5, 1), (16.0, 5.0, 1.0), calibration="other", trajectory="epi"),
    ],
)
def test_headers_without_optional_parts_return(tmp_path, rng, encoding):
    scan = random_scan(rng, encoding=encoding, system=System(), noise=None, calibration=None)
    write_raw(scan, tmp_path / "scan.h5")
    again = read_raw(tmp_path / "scan.h5")
    assert again.encoding == encoding
    assert again.system == System()
    assert again.noise is None and again.calibration is None


def test_the_given_header_is_kept(tmp_path, rng):
    write_raw(random_scan(rng), tmp_path / "one.h5")
    one = read_raw(tmp_path / "one.h5")
    other = one.replace(xml=one.xml.replace("gre µ", "another name"))
    write_raw(other, tmp_path / "two.h5")
    assert read_raw(tmp_path / "two.h5").xml == other.xml


@pytest.mark.parametrize("number", [1, 1023, 1024, 1025, 5000])
def test_every_number_of_readouts_returns(tmp_path, rng, number):
    scan = random_scan(rng, imaging=random_readouts(rng, number, (1, 2)), calibration=None, noise=None)
    write_raw(replace(scan, system=System()), tmp_path / "scan.h5")
    assert_equal(read_raw(tmp_path / "scan.h5").imaging, scan.imaging)


def test_reversed_readouts_lie_in_the_file_as_measured(tmp_path, rng):
    scan = random_scan(rng)
    reverse = np.arange(9) % 2 == 1
    headers = scan.imaging.headers
    headers["flags"][reverse] |= np.uint64(Flag.REVERSE)
    headers["center_sample"] = 5
    write_raw(scan, tmp_path / "scan.h5")
    with ismrmrd.File(tmp_path / "scan.h5", "r") as file:
        measured = file["dataset"].acquisitions[7:]
    for index, acquisition in enumerate(measured):
        data = scan.imaging.data[index]
        assert np.array_equal(acquisition.data, data[:, ::-1] if reverse[index] else data)
        assert acquisition.center_sample == (SHAPE[1] - 1 - 5 if reverse[index] else 5)
        assert (acquisition.discard_pre, acquisition.discard_post) == ((2, 1) if reverse[index] else (1, 2))
    assert_equal(read_raw(tmp_path / "scan.h5").imaging, scan.imaging)


def test_one_center_for_both_directions_stays(tmp_path, rng):
    """Converters that copy the center of the protocol into every header mean the same k for both directions."""
    scan = random_scan(rng, noise=None, calibration=None, system=System())
    write_raw(scan, tmp_path / "scan.h5")
    with h5py.File(tmp_path / "scan.h5", "r+") as file:
        table = file["dataset/data"][:]
        table["head"]["flags"][::2] = int(Flag.REVERSE)
        file["dataset/data"][:] = table
    again = read_raw(tmp_path / "scan.h5").imaging
    assert (again.headers["center_sample"] == SHAPE[1] // 2).all()
    assert np.array_equal(again.data[::2], scan.imaging.data[::2, :, ::-1])


def test_the_package_ismrmrd_reads_the_same(tmp_path, rng):
    scan = random_scan(rng)
    write_raw(scan, tmp_path / "scan.h5", {"g": np.arange(6.0).reshape(2, 3), "image": np.ones((2, 2), np.complex64)})
    dataset = ismrmrd.Dataset(tmp_path / "scan.h5", mode="r")
    order = [
        (part.data[index], part.headers[index])
        for part in (scan.noise, scan.calibration, scan.imaging)
        for index in range(len(part))
    ]
    assert dataset.number_of_acquisitions() == len(order)
    for index, (data, header) in enumerate(order):
        acquisition = dataset.read_acquisition(index)
        assert np.array_equal(acquisition.data, data)
        assert acquisition.version == 1 and acquisition.available_channels == 2
        assert acquisition.flags == header["flags"]
        assert acquisition.sample_time_us == header["sample_time_us"]
        assert list(acquisition.position) == list(header["position"])
        assert list(acquisition.slice_dir) == list(header["slice_dir"])
        assert acquisition.idx.kspace_encode_step_2 == header["kspace_encode_step_2"]
        assert acquisition.idx.segment == header["segment"]
    header = ismrmrd.xsd.CreateFromDocument(dataset.read_xml_header())
    assert header.encoding[0].encodedSpace.matrixSize.y == 12
    assert header.acquisitionSystemInformation.coilLabel[1].coilName == "Head:2"
    dataset.close()
    with h5py.File(tmp_path / "scan.h5") as file:
        assert np.array_equal(file["truth/g"], np.arange(6.0).reshape(2, 3))
        assert np.array_equal(file["truth/image"], np.ones((2, 2)))


@pytest.mark.skipif(shutil.which("ismrmrd_info") is None, reason="ismrmrd-tools are not installed")
def test_the_tools_of_ismrmrd_reconstruct_what_was_written(tmp_path, rng):
    imaging = random_readouts(rng, 12)
    imaging.headers["kspace_encode_step_1"] = np.arange(12)
    encoding = Encoding((16, 12, 1), (32.0, 24.0, 5.0), (8, 12, 1), (16.0, 24.0, 5.0))
    scan = random_scan(rng, imaging=imaging, encoding=encoding, noise=None, calibration=None, system=System())
    write_raw(scan, tmp_path / "scan.h5")
    told = subprocess.run(["ismrmrd_info", "scan.h5"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert told.returncode == 0 or "Number of acquisitions" in told.stdout
    subprocess.run(["ismrmrd_recon_cartesian_2d", "scan.h5"], cwd=tmp_path, check=True, capture_output=True)
    with h5py.File(tmp_path / "scan.h5") as file:
        series = next(name for name in file["dataset"] if name not in ("xml", "data"))
        image = np.squeeze(file[f"dataset/{series}/data"][:])
    axes = (-2, -1)
    kspace = np.moveaxis(scan.imaging.data, 0, 1)
    full = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes=axes), axes=axes), axes=axes)[..., 4:12]
    wanted = np.sqrt((np.abs(full) ** 2).sum(0))
    assert np.corrcoef(image.ravel(), wanted.ravel())[0, 1] > 0.999


def test_noise_and_calibration_get_their_flags(tmp_path, rng):
    scan = random_scan(rng, noise=random_readouts(rng, 2), calibration=random_readouts(rng, 2))
    write_raw(scan, tmp_path / "scan.h5")
    again = read_raw(tmp_path / "scan.h5")
    assert again.noise.having(Flag.NOISE).all()
    assert again.calibration.having(Flag.CALIBRATION).all()
    assert np.array_equal(again.noise.data, scan.noise.data)


@pytest.mark.parametrize("flag", [Flag.NOISE, Flag.CALIBRATION, Flag.NAVIGATION, Flag.DUMMY])
def test_imaging_that_would_not_return_is_refused(tmp_path, rng, flag):
    scan = random_scan(rng)
    scan.imaging.headers["flags"][0] |= np.uint64(flag)
    with pytest.raises(InputError, match="flag of"):
        write_raw(scan, tmp_path / "scan.h5")
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_where_writing_fails(tmp_path, rng):
    with pytest.raises(OutputError, match="not written"):
        write_raw(random_scan(rng), tmp_path / "no" / "scan.h5")
    assert not list(tmp_path.iterdir())
