"""``quietmr simulate raw``: a file that readers of MRD take, with its truth."""

import json

import h5py
import ismrmrd
import numpy as np
import pytest

from quietmr.data import Flag
from quietmr.io.raw import read_raw
from quietmr.phantoms.raw import RawProtocol, simulate_raw

SMALL = ("--subject", "disk", "--matrix", "32x24", "--coils", "4", "--noise-readouts", "16")


def test_file_holds_the_scan_that_the_python_function_makes(command, tmp_path):
    path = tmp_path / "scan.h5"
    ran = command("simulate", "raw", path, *SMALL, "--r", "2", "--acs-lines", "8", "--frames", "2", "--seed", "7")
    assert (ran.code, ran.err) == (0, "")
    protocol = RawProtocol(
        subject="disk",
        matrix=(32, 24, 1),
        coils=4,
        noise_readouts=16,
        acceleration=(2, 1),
        calibration="embedded",
        calibration_lines=(8, 8),
        frames=2,
    )
    expected = simulate_raw(protocol, np.random.default_rng(7))
    kspace = read_raw(path)
    for name in ("imaging", "calibration", "noise"):
        got, made = getattr(kspace, name), getattr(expected.kspace, name)
        np.testing.assert_array_equal(got.data, made.data)
        np.testing.assert_array_equal(got.headers, made.headers)
    assert kspace.encoding == expected.kspace.encoding
    assert kspace.system == expected.kspace.system
    with h5py.File(path) as file:
        for name in ("image", "coil_maps", "covariance", "whitener", "gmap", "mask", "sigma"):
            np.testing.assert_array_equal(file[f"truth/{name}"][()], getattr(expected.truth, name))
        made = json.loads(bytes(file["truth/made"][()]))
    assert made["protocol"]["acceleration"] == [2, 1]
    assert "--seed 7" in made["command"]


def test_reference_library_reads_the_file(command, tmp_path):
    path = tmp_path / "scan.h5"
    assert command("simulate", "raw", path, *SMALL, "--r", "2", "--acs", "separate").code == 0
    dataset = ismrmrd.Dataset(path, "dataset", create_if_needed=False)
    header = ismrmrd.xsd.CreateFromDocument(dataset.read_xml_header())
    encoded = header.encoding[0].encodedSpace.matrixSize
    assert (encoded.x, encoded.y, encoded.z) == (64, 24, 1)
    assert header.encoding[0].parallelImaging.accelerationFactor.kspace_encoding_step_1 == 2
    assert header.acquisitionSystemInformation.relativeReceiverNoiseBandwidth == pytest.approx(0.793)
    flags = [dataset.read_acquisition(n).flags for n in range(dataset.number_of_acquisitions())]
    dataset.close()
    assert [sum(bool(flag & kind) for flag in flags) for kind in (Flag.NOISE, Flag.CALIBRATION)] == [16, 24]
    assert len(flags) == 16 + 24 + 12


def test_json_is_one_object_and_words_say_the_same(command, tmp_path):
    words = command("simulate", "raw", tmp_path / "a.h5", *SMALL, "--r", "3", "--repetitions", "3").out
    ran = command("simulate", "raw", tmp_path / "b.mrd", *SMALL, "--r", "3", "--repetitions", "3", "--json")
    (line,) = ran.out.splitlines()
    facts = json.loads(line)
    assert (facts["imaging_readouts"], facts["calibration_readouts"], facts["noise_readouts"]) == (24, 48, 16)
    assert facts["acceleration"] == [3, 1]
    assert 1 <= facts["g_median"] <= facts["g_max"]
    assert "24 imaging, 48 calibration and 16 noise readouts" in words
    assert command("simulate", "raw", tmp_path / "c.h5", *SMALL, "--quiet").out == ""


def test_three_dimensional_scan_with_caipi(command, tmp_path):
    path = tmp_path / "slab.h5"
    sizes = ("--matrix", "16x16x8", "--fov", "200x180x90", "--coils", "8", "--acs-lines", "8x4")
    assert (
        command("simulate", "raw", path, "--subject", "disk", *sizes, "--r", "2", "--r2", "2", "--caipi", "1").code == 0
    )
    encoding = read_raw(path).encoding
    assert (encoding.matrix, encoding.fov, encoding.acceleration) == ((32, 16, 8), (400, 180, 90), (2, 2))


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--matrix", "wide"], 2, "--matrix got 'wide'"),
        (["--matrix", "32"], 2, "--matrix"),
        (["--fov", "200x200"], 2, "--fov"),
        (["--acs-lines", "8x8x8"], 2, "--acs-lines"),
        (["--partial-fourier", "half"], 2, "--partial-fourier"),
        (["--seed", "-1"], 2, "--seed"),
        (["--matrix", "32x24x8", "--r", "3", "--r2", "3"], 1, "unfold"),
        (["--r", "2", "--r2", "2"], 1, "3-D"),
        (["--snr", "nan"], 1, "SNR"),
        (["--partial-fourier", "0.3"], 1, "partial Fourier"),
        (["--coils", "0"], 1, "coils"),
    ],
)
def test_impossible_scans_are_refused_in_one_sentence_and_nothing_is_written(command, tmp_path, options, code, word):
    ran = command("simulate", "raw", tmp_path / "scan.h5", *SMALL, *options)
    assert ran.code == code
    assert word in ran.sentence
    assert list(tmp_path.iterdir()) == []


def test_files_that_exist_are_replaced_by_force_only(command, tmp_path):
    path = tmp_path / "scan.h5"
    path.write_text("precious")
    ran = command("simulate", "raw", path, *SMALL)
    assert (ran.code, path.read_text()) == (1, "precious")
    assert "--force" in ran.sentence
    assert command("simulate", "raw", path, *SMALL, "--force").code == 0
    assert read_raw(path).imaging.n_coils == 4


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan", "nowhere/scan.h5"])
def test_names_that_cannot_be_are_refused(command, tmp_path, name):
    assert command("simulate", "raw", tmp_path / name, *SMALL).code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_needed_and_only_raw_scans_are_simulated(command, tmp_path):
    assert command("simulate", "raw").code == 2
    assert command("simulate", "images", tmp_path / "scan.h5").code == 2


def test_motion_options_reach_the_scan_and_its_truth(command, tmp_path):
    path = tmp_path / "free.h5"
    sizes = ("--matrix", "48x36", "--coils", "2", "--noise-readouts", "16", "--frames", "3")
    options = ("--timing", "real-time", "--heart-rate", "80", "--frame-ms", "90", "--breathing", "9", "--inflow", "0.2")
    ran = command("simulate", "raw", path, *sizes, *options)
    assert ran.code == 0
    assert "3 real-time frames" in ran.out
    protocol = RawProtocol(
        matrix=(48, 36, 1),
        coils=2,
        noise_readouts=16,
        frames=3,
        timing="real-time",
        heart_rate=80.0,
        frame_ms=90.0,
        breathing_mm=9.0,
        inflow=0.2,
    )
    expected = simulate_raw(protocol, np.random.default_rng(0)).truth
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["truth/image"][()], expected.image)
        np.testing.assert_array_equal(file["truth/labels"][()], expected.labels)
    assert set(np.unique(expected.labels)) == {0, 1, 2, 3, 4}


def test_breath_of_a_gated_scan_is_refused(command, tmp_path):
    ran = command("simulate", "raw", tmp_path / "a.h5", "--breathing", "9")
    assert ran.code == 1
    assert "breath-hold" in ran.err
