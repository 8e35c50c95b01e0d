"""fastMRI, BART and Siemens files, and what is none of these."""

import math
import sys

import h5py
import numpy as np
import pytest
from raw_scans import random_scan

from quietmr.data import Encoding, Flag, InputError, MissingExtraError, QuietmrWarning, System
from quietmr.io.raw import is_raw, read_raw
from quietmr.io.raw.header_writing import header_of


def complex_noise(rng, *shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def on_grid(scan, shape):
    """Put all readouts into an array (repetition, slice, coil, z, y, x)."""
    grid = np.zeros(shape, np.complex64)
    for part in (scan.imaging, scan.calibration):
        for data, header in zip(part.data, part.headers, strict=True) if part is not None else ():
            where = header["repetition"], header["slice"], slice(None), header["kspace_encode_step_2"]
            grid[(*where, header["kspace_encode_step_1"])] = data
    return grid


class TestFastMRI:
    @pytest.fixture
    def write(self, tmp_path):
        def make(kspace, **datasets):
            with h5py.File(tmp_path / "file.h5", "w") as file:
                file["kspace"] = kspace
                for name, value in datasets.items():
                    file[name] = value
            return tmp_path / "file.h5"

        return make

    @pytest.mark.parametrize("coils", [3, None])
    def test_every_sample_returns(self, write, rng, coils):
        shape = (2, 20, 12) if coils is None else (2, coils, 20, 12)
        kspace = complex_noise(rng, *shape)
        kspace[..., [0, 11]] = 0
        scan = read_raw(write(kspace))
        grid = on_grid(scan, (1, 2, coils or 1, 1, 12, 20))
        assert np.array_equal(grid[0, :, :, 0].swapaxes(-1, -2), kspace.reshape(2, -1, 20, 12))
        assert len(scan.imaging) == 20
        assert scan.noise is None and scan.calibration is None
        assert (scan.encoding.matrix, scan.encoding.acceleration) == ((20, 12, 1), (1, 1))

    def test_the_header_gives_the_fields_of_view(self, write, rng):
        said = Encoding((20, 14, 1), (40.0, 28.0, 3.0), (10, 10, 1), (20.0, 20.0, 3.0))
        xml = header_of(random_scan(rng, encoding=said, system=System()))
        encoding = read_raw(write(complex_noise(rng, 1, 2, 20, 12), ismrmrd_header=xml)).encoding
        assert encoding.matrix == (20, 12, 1)
        assert (encoding.fov, encoding.recon_matrix, encoding.recon_fov) == (said.fov, (10, 10, 1), said.recon_fov)

    def test_the_reference_image_tells_the_oversampling(self, write, rng):
        reference = np.ones((1, 10, 10), np.float32)
        encoding = read_raw(write(complex_noise(rng, 1, 2, 20, 12), reconstruction_rss=reference)).encoding
        assert (encoding.recon_matrix, encoding.recon_fov) == ((10, 10, 1), (10.0, 10.0, 1.0))

    def test_masked_scans_have_lattice_and_calibration(self, write, rng):
        mask = np.zeros(32, bool)
        mask[1::4] = True
        mask[12:20] = True
        kspace = complex_noise(rng, 1, 2, 20, 32)
        scan = read_raw(write(kspace, mask=mask))
        assert (scan.encoding.acceleration, scan.encoding.calibration) == ((4, 1), "embedded")
        assert sorted(scan.imaging.headers["kspace_encode_step_1"]) == list(range(1, 32, 4))
        assert set(scan.calibration.headers["kspace_encode_step_1"]) == set(range(12, 20)) - {13, 17}
        both = scan.imaging.headers["kspace_encode_step_1"][scan.imaging.having(Flag.CALIBRATION_AND_IMAGING)]
        assert list(both) == [13, 17]

    @pytest.mark.parametrize(
        ("kspace", "more", "said"),
        [
            (np.zeros((1, 2, 8, 8), np.complex64), {}, "zeros only"),
            (np.ones((1, 2, 8, 8), np.float32), {}, "complex"),
            (np.ones((8, 8), np.complex64), {}, "axes"),
            (np.ones((1, 2, 8, 8), np.complex64), {"mask": np.ones(7)}, "mask of 7"),
            (np.ones((1, 2, 8, 8), np.complex64), {"ismrmrd_header": "what"}, "not XML"),
        ],
    )
    def test_what_cannot_be_is_refused(self, write, kspace, more, said):
        with pytest.raises(InputError, match=said):
            read_raw(write(kspace, **more))


class TestBart:
    @pytest.fixture
    def write(self, tmp_path):
        def make(array, dims):
            (tmp_path / "ksp.hdr").write_text(f"# Dimensions\n{' '.join(map(str, dims))} \n# Command\nphantom\n")
            (tmp_path / "ksp.cfl").write_bytes(np.asarray(array, "<c8").ravel(order="F").tobytes())
            return tmp_path / "ksp.cfl"

        return make

    def test_every_sample_returns(self, write, rng):
        dims = [6, 5, 4, 3, 1, 1, 1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
        array = complex_noise(rng, *dims)
        array[:, 1, 2] = 0
        path = write(array, dims)
        for name in (path, path.with_suffix(".hdr")):
            scan = read_raw(name)
            grid = on_grid(scan, (2, 2, 3, 4, 5, 6))
            assert np.array_equal(grid, array.reshape(6, 5, 4, 3, 2, 2).transpose(4, 5, 3, 2, 1, 0))
            assert len(scan.imaging) == 4 * (20 - 1)
            assert scan.encoding.matrix == (6, 5, 4)
        assert is_raw(path)

    def test_echoes_are_contrasts_and_few_dimensions_suffice(self, write, rng):
        array = complex_noise(rng, 6, 5, 1, 2, 1, 3)
        scan = read_raw(write(array, array.shape))
        chosen = scan.imaging.headers["contrast"] == 2
        assert np.array_equal(scan.imaging.data[chosen], array[:, :, 0, :, 0, 2].transpose(1, 2, 0))

    def test_two_phase_encodings_without_readout(self, write, rng):
        array = complex_noise(rng, 1, 5, 4, 2)
        scan = read_raw(write(array, array.shape))
        assert scan.imaging.data.shape == (20, 2, 1)
        assert scan.encoding.matrix == (1, 5, 4)

    @pytest.mark.parametrize(
        ("dims", "said"),
        [
            ([2, 2, 1, 1, 2], r"dimension 4 \(MAPS\)"),
            ([2, 2, 2, 2], "bytes where its header says 128"),
            ([2, -2], "no line of dimensions"),
            ([70000, 1], "at most 65535"),
            (["x"], "no line of dimensions"),
        ],
    )
    def test_what_cannot_be_is_refused(self, write, dims, said):
        with pytest.raises(InputError, match=said):
            read_raw(write(np.ones(8), dims))

    def test_zeros_are_refused(self, write):
        with pytest.raises(InputError, match="zeros only"):
            read_raw(write(np.zeros(8), [2, 4]))

    def test_a_nifti_pair_is_no_bart_file(self, tmp_path):
        (tmp_path / "a.hdr").write_bytes(b"\x5c\x01\x00\x00" + bytes(344))
        (tmp_path / "a.img").write_bytes(bytes(8))
        assert not is_raw(tmp_path / "a.hdr")


PROTOCOL = """### ASCCONV BEGIN ###
sKSpace.lBaseResolution = 16
sKSpace.lPhaseEncodingLines = 8
sKSpace.ucDimension = 2
sSliceArray.asSlice[0].dReadoutFOV = 320
sSliceArray.asSlice[0].dPhaseFOV = 160
sSliceArray.asSlice[0].dThickness = 5
sRXSPEC.alDwellTime[0] = {dwell}
sPat.lAccelFactPE = 2
sPat.ucRefScanMode = 2
sCoilSelectMeas.aRxCoilSelectData[0].asList[0].lADCChannelConnected = {first}
sCoilSelectMeas.aRxCoilSelectData[0].asList[0].sCoilElementID.tElement = "A"
sCoilSelectMeas.aRxCoilSelectData[0].asList[1].lADCChannelConnected = {second}
sCoilSelectMeas.aRxCoilSelectData[0].asList[1].sCoilElementID.tElement = "B"

### ASCCONV END ###
"""


class TestTwix:
    """Files made by the writer of twixtools; no file of a scanner was at hand."""

    @pytest.fixture
    def twixtools(self):
        return pytest.importorskip("twixtools")

    @staticmethod
    def protocol(**values):
        text = PROTOCOL.format(**values).encode()
        body = b"MeasYaps\x00" + len(text).to_bytes(4, "little") + text
        length = math.ceil((8 + len(body)) / 128) * 128
        packed = length.to_bytes(4, "little") + (1).to_bytes(4, "little") + body
        return np.frombuffer(packed.ljust(length, b"\x00"), "S1")

    @staticmethod
    def block(twixtools, data, *flags, line=0):
        block = twixtools.mdb.Mdb_local(data)
        for flag in flags:
            block.add_flag(flag)
        block.mdh.Counter.Lin, block.mdh.CenterCol, block.mdh.CenterLin = line, 16, 4
        block.mdh.SliceData.Quaternion[:] = (1, 0, 0, 0)
        return block

    @pytest.fixture
    def write(self, twixtools, tmp_path, capsys):
        def make(*measurements):
            path = tmp_path / "meas.dat"
            twixtools.write_twix([{"hdr_str": text, "mdb": blocks, "hdr": {}} for text, blocks in measurements], path)
            return path

        return make

    def test_scan_with_noise_measurement_before_it(self, write, twixtools, rng):
        noise, lines = complex_noise(rng, 3, 2, 32), complex_noise(rng, 6, 2, 32)
        before = [self.block(twixtools, each, "NOISEADJSCAN") for each in noise]
        flags = [(), ("REFLECT",), ("PATREFANDIMASCAN",), (), ("PATREFSCAN",), ("RTFEEDBACK",)]
        blocks = [self.block(twixtools, lines[i], *flags[i], line=line) for i, line in enumerate([0, 2, 4, 6, 3, 0])]
        path = write(
            (self.protocol(dwell=2000, first=2, second=1), before),
            (self.protocol(dwell=5000, first=1, second=2), blocks),
        )
        scan = read_raw(path)
        assert is_raw(path)
        assert np.array_equal(scan.imaging.data, np.stack([lines[0], lines[1, :, ::-1], lines[2], lines[3]]))
        assert list(scan.imaging.headers["kspace_encode_step_1"]) == [0, 2, 4, 6]
        assert np.array_equal(scan.calibration.data, lines[4:5])
        assert scan.history[0].parameters["skipped"] == {"RT feedback": 1}
        assert np.array_equal(scan.noise.data, noise[:, ::-1])  # coils in the order of the scan
        assert (scan.noise.dwell_us, scan.imaging.dwell_us) == (2.0, 5.0)
        assert scan.encoding.matrix == (32, 8, 1)
        assert (scan.encoding.fov, scan.encoding.recon_fov) == ((640.0, 160.0, 5.0), (320.0, 160.0, 5.0))
        assert (scan.encoding.acceleration, scan.encoding.calibration) == ((2, 1), "embedded")
        assert scan.encoding.lines.center == 4
        assert scan.system.coil_labels == (":A", ":B")
        assert list(scan.imaging.headers["slice_dir"][0]) == [0, 0, 1]

    def test_noise_inside_the_scan_has_an_assumed_dwell_time(self, write, twixtools, rng):
        blocks = [self.block(twixtools, complex_noise(rng, 2, 32), flag) for flag in ("NOISEADJSCAN", "ONLINE")]
        path = write((self.protocol(dwell=5000, first=1, second=2), blocks))
        with pytest.warns(QuietmrWarning, match="dwell time of its noise"):
            scan = read_raw(path)
        assert scan.noise.dwell_us == pytest.approx(1e6 / 130 / 32)

    # twixtools leaves the file open where it fails
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("content", [b"", b"no twix", bytes(20000), bytes(4) + b"\x01" + bytes(53)])
    def test_what_is_no_twix_file_is_refused(self, twixtools, tmp_path, content):
        (tmp_path / "meas.dat").write_bytes(content)
        with pytest.raises(InputError):
            read_raw(tmp_path / "meas.dat")

    def test_another_file_of_that_name_is_none(self, tmp_path, rng):
        (tmp_path / "meas.dat").write_bytes(b"1.0, 2.0, 3.0")
        assert not is_raw(tmp_path / "meas.dat")
        with pytest.raises(InputError, match="holds text"):
            read_raw(tmp_path / "meas.dat")

    def test_the_extra_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "twixtools", None)
        (tmp_path / "meas.dat").write_bytes(bytes(4) + b"\x01" + bytes(53))
        with pytest.raises(MissingExtraError, match=r"pip install 'quietmr\[siemens\]'"):
            read_raw(tmp_path / "meas.dat")
