"""``quietmr recon`` on simulated raw scans, through files."""

import json
import shutil

import nibabel as nib
import numpy as np
import pydicom
import pytest

from quietmr.cli.failures import UsageError
from quietmr.cli.main import main
from quietmr.cli.recon_words import filters_of, kernel_of, pixels_of, slices_of
from quietmr.data import Geometry, Image, InputError, NoiseMap
from quietmr.io import read
from quietmr.io.raw import write_raw
from quietmr.models import list_models
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.recon import Kernel
from quietmr.report.figure import denoising_figure, save_figure
from quietmr.report.recon_figure import recon_figure

FAST = ("--model", "wiener")
REPLICAS = 32


def protocol(**changes):
    usual = {"subject": "disk", "matrix": (48, 40, 1), "coils": 6, "acceleration": (2, 1), "calibration": "embedded"}
    return RawProtocol(**(usual | {"calibration_lines": (20, 1), "snr": 30.0} | changes))


def simulated(path, **changes):
    scan = simulate_raw(protocol(**changes), np.random.default_rng(7))
    write_raw(scan.kspace, path)
    return scan


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """One scan measured many times: path, truth."""
    path = tmp_path_factory.mktemp("replicas") / "raw.h5"
    return path, simulated(path, repetitions=REPLICAS).truth


@pytest.fixture(scope="module")
def stack_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "stack.h5"
    simulated(path, slices=3, frames=2)
    return path


@pytest.fixture
def raw(stack_file, tmp_path):
    """Copy of a scan of 3 slices and 2 frames in the folder of the test."""
    return shutil.copy(stack_file, tmp_path / "raw.h5")


@pytest.fixture
def silent(tmp_path):
    """The same scan without its noise readouts."""
    path = tmp_path / "silent.h5"
    scan = simulate_raw(protocol(slices=3, frames=2), np.random.default_rng(7))
    write_raw(scan.kspace.replace(noise=None), path)
    return path


def values(path):
    return np.asanyarray(nib.load(path).dataobj)


def noise_over_g(image):
    """Noise SD per real channel over repetitions, relative to g: one number for each voxel."""
    sd = np.sqrt((image.data.real.var(axis=0, ddof=1) + image.data.imag.var(axis=0, ddof=1)) / 2)
    return sd / image.noise.sigma[0]


def check_unit_noise(image):
    ratio = noise_over_g(image)
    sampling = 1 / np.sqrt(4 * (REPLICAS - 1))
    assert np.median(ratio) == pytest.approx(1, abs=0.015)
    assert ratio.std() == pytest.approx(sampling, rel=0.15)


def test_noise_over_repetitions_is_the_g_map_of_the_file(command, replicas, tmp_path):
    out = tmp_path / "out.h5"
    assert command("recon", replicas[0], out).code == 0
    image = read(out)
    assert (image.unit, image.noise.kind, image.noise.origin) == ("snr", "complex", "noise-scan")
    assert image.shape == (REPLICAS, 1, 40, 48)
    check_unit_noise(image)


@pytest.mark.parametrize("filters", ["gaussian:1.5", "none,hann,none"])
def test_filters_keep_the_noise_what_the_g_map_says(command, replicas, tmp_path, filters):
    out = tmp_path / "out.h5"
    assert command("recon", replicas[0], out, "--filter", filters).code == 0
    assert np.median(noise_over_g(read(out))) == pytest.approx(1, abs=0.02)


def test_signal_is_the_truth_times_what_the_sidecar_says(command, replicas, tmp_path):
    path, truth = replicas
    assert command("recon", path, tmp_path / "out.h5").code == 0
    scale = json.loads((tmp_path / "out.json").read_text())["SignalScale"]
    mean = np.abs(read(tmp_path / "out.h5").data.mean(axis=0))[truth.mask]
    assert np.median(mean / (scale * np.abs(truth.image[0])[truth.mask])) == pytest.approx(1, abs=0.05)


def test_magnitude_is_snr_map_times_g_map(command, raw, tmp_path):
    out, gmap, snr = (tmp_path / name for name in ("out.nii.gz", "g.nii.gz", "snr.nii"))
    assert command("recon", raw, out, "--gmap", gmap, "--snr", snr).code == 0
    assert values(out).dtype == np.float32
    assert values(out).shape == (48, 40, 3, 2)
    assert values(gmap).shape == (48, 40, 3)
    np.testing.assert_allclose(values(snr) * values(gmap)[..., np.newaxis], values(out), rtol=1e-5)
    for path in (gmap, snr):
        np.testing.assert_array_equal(nib.load(path).affine, nib.load(out).affine)


def test_complex_nifti_and_mrd_hold_the_same_values(command, raw, tmp_path):
    assert command("recon", raw, tmp_path / "a.nii.gz", "--complex").code == 0
    assert command("recon", raw, tmp_path / "b.mrd").code == 0
    assert values(tmp_path / "a.nii.gz").dtype == np.complex64
    np.testing.assert_array_equal(values(tmp_path / "a.nii.gz").T, read(tmp_path / "b.mrd").data)


def test_dicom_series_and_parametric_maps_hold_snr_units(command, raw, tmp_path):
    pytest.importorskip("highdicom")
    out, gmap, snr = tmp_path / "series", tmp_path / "g.dcm", tmp_path / "snr"
    assert command("recon", raw, out, "--gmap", gmap, "--snr", snr).code == 0
    assert command("recon", raw, tmp_path / "out.h5").code == 0
    whole = read(tmp_path / "out.h5")
    series = read(out)
    assert series.shape == whole.shape
    np.testing.assert_allclose(series.data, np.abs(whole.data), atol=np.abs(whole.data).max() / 2**15)
    np.testing.assert_allclose(series.geometry.affine, whole.geometry.affine, atol=1e-3)
    pixels = np.frombuffer(pydicom.dcmread(gmap).FloatPixelData, np.float32)
    np.testing.assert_array_equal(np.sort(pixels), np.sort(whole.noise.sigma.ravel()))
    assert len(list(snr.iterdir())) == 2


@pytest.mark.parametrize(
    "options", [("o.dcm",), ("o.dcm", "--denoise", *FAST), ("o.h5", "--snr", "snr.dcm"), ("o.h5", "--gmap", "g")]
)
def test_dicom_file_for_what_becomes_a_folder_is_refused(command, raw, tmp_path, monkeypatch, options):
    pytest.importorskip("highdicom")
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    ran = command("recon", raw, *options)
    assert ran.code == 1
    assert "give a" in ran.sentence
    assert set(tmp_path.iterdir()) == before


def test_noise_scan_of_a_second_file_counts_as_its_own(command, raw, silent, tmp_path):
    assert command("recon", raw, tmp_path / "own.h5").code == 0
    assert command("recon", silent, tmp_path / "other.h5", "--noise", raw).code == 0
    np.testing.assert_array_equal(read(tmp_path / "own.h5").data, read(tmp_path / "other.h5").data)
    assert json.loads((tmp_path / "other.json").read_text())["Sources"] == ["silent.h5", "raw.h5"]


def test_without_noise_scan_snr_units_are_refused(command, silent, tmp_path):
    before = set(tmp_path.iterdir())
    ran = command("recon", silent, tmp_path / "out.h5")
    assert ran.code == 1
    assert "--noise" in ran.sentence
    assert set(tmp_path.iterdir()) == before


def test_noise_from_the_edges_is_marked_as_uncalibrated(command, silent, tmp_path):
    ran = command("recon", silent, tmp_path / "out.h5", "--noise-from-edges")
    assert ran.code == 0
    assert "uncalibrated" in ran.out
    fields = json.loads((tmp_path / "out.json").read_text())
    assert (fields["Calibrated"], fields["NoiseOrigin"]) == (False, "edges")
    assert read(tmp_path / "out.h5").noise.origin == "estimated"


def test_sidecar_holds_all_that_the_scale_depends_on(command, raw, tmp_path):
    ran = command("recon", raw, tmp_path / "out.h5", "--lambda", "1e-3", "--kernel", "5x2", "--coils", "5")
    assert ran.code == 0
    fields = json.loads((tmp_path / "out.json").read_text())
    known = {
        "ParallelAcquisitionTechnique": "GRAPPA",
        "ParallelReductionFactorInPlane": 2,
        "EffectiveReductionFactor": 2.0,
        "Kernel": [5, 2, 1],
        "Regularization": 1e-3,
        "ReceiveCoilChannels": 6,
        "VirtualCoils": 5,
        "NoiseOrigin": "noise-scan",
        "NoiseDwellTime": 1e-5,
        "DwellTime": 5e-6,
        "ReceiverNoiseBandwidthOrigin": "header",
        "Manufacturer": "quietmr",
        "Sources": ["raw.h5"],
        "Warnings": [],
    }
    assert {name: fields[name] for name in known} == known
    assert fields["ReceiverNoiseBandwidth"] == pytest.approx(0.793)
    assert fields["NoiseSamples"] > 1000
    assert fields["NoiseEigenvalueSpread"] > 1
    assert fields["CommandLine"].startswith("quietmr recon ")
    assert len(fields["Slices"]) == 3


def test_words_tell_acceleration_noise_and_files(command, raw, tmp_path):
    out = tmp_path / "out.h5"
    ran = command("recon", raw, out)
    assert (ran.code, ran.err) == (0, "")
    for word in (
        str(raw),
        "48 x 40",
        "3 slices",
        "2 frames",
        "R 2x1",
        "5x4x1",
        "lambda 0.0005",
        "6 coils",
        "dwell 10 us",
    ):
        assert word in ran.out
    for word in ("0.793 (header)", "g-factor", "SNR", str(out), str(tmp_path / "out.json")):
        assert word in ran.out


def test_json_and_quiet(command, raw, tmp_path):
    facts = json.loads(command("recon", raw, tmp_path / "a.h5", "--json").out)
    assert facts["shape"] == [2, 3, 40, 48]
    assert facts["g_median"] >= 0.9
    assert facts["output"] == str(tmp_path / "a.h5")
    ran = command("recon", raw, tmp_path / "b.h5", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_resize_and_slices_shape_the_image(command, raw, tmp_path):
    assert command("recon", raw, tmp_path / "all.h5").code == 0
    assert command("recon", raw, tmp_path / "out.h5", "--resize", "72x60", "--slices", "0,2").code == 0
    image, whole = read(tmp_path / "out.h5"), read(tmp_path / "all.h5")
    assert image.shape == (2, 2, 60, 72)
    fov = np.array(whole.geometry.voxel_size[:2]) * (48, 40)
    np.testing.assert_allclose(np.array(image.geometry.voxel_size[:2]) * (72, 60), fov, rtol=1e-6)
    assert image.geometry.voxel_size[2] == pytest.approx(2 * whole.geometry.voxel_size[2])


def test_g_maps_of_other_accelerations(command, raw, tmp_path):
    ran = command(
        "recon", raw, tmp_path / "o.h5", "--gmap", tmp_path / "g.nii", "--gmaps", tmp_path / "gs.nii", "--json"
    )
    names = json.loads(ran.out)["gmaps_lattices"]
    assert names[:2] == ["2x1", "3x1"]
    maps = values(tmp_path / "gs.nii")
    assert maps.shape == (48, 40, 3, len(names))
    np.testing.assert_allclose(maps[..., 0], values(tmp_path / "g.nii"), rtol=1e-5)
    assert np.median(maps[..., 1]) > np.median(maps[..., 0])


def test_denoising_brings_the_magnitude_nearer_to_the_truth(command, tmp_path):
    raw, out, before = tmp_path / "raw.h5", tmp_path / "out.nii.gz", tmp_path / "before.h5"
    truth = simulated(raw, snr=10.0).truth
    ran = command("recon", raw, out, "--denoise", "--before", before, *FAST)
    assert ran.code == 0
    assert "wiener" in ran.out
    fields = json.loads((tmp_path / "out.json").read_text())
    clean = fields["SignalScale"] * np.abs(truth.image[0])[truth.mask]
    noisy = np.abs(read(before).data[0])[truth.mask]
    denoised = values(out).T[truth.mask]
    assert np.sqrt(np.mean((denoised - clean) ** 2)) < 0.8 * np.sqrt(np.mean((noisy - clean) ** 2))
    assert fields["ModelName"] == "wiener"
    assert 0 < fields["RemovedRMS"] < 1.3


@pytest.fixture(scope="module")
def denoised(stack_file, tmp_path_factory, complex_model):
    """A scan reconstructed, the same denoised in one step, and denoised in a second step; sidecar of the one step."""
    folder = tmp_path_factory.mktemp("denoised")
    plain, one, two = (folder / f"{name}.h5" for name in ("plain", "one", "two"))
    for arguments in (
        ("recon", stack_file, plain),
        ("recon", stack_file, one, "--denoise", "--model", complex_model),
        ("denoise", plain, two, "--model", complex_model),
    ):
        assert main([str(word) for word in arguments]) == 0
    return read(plain), read(one), read(two), json.loads((folder / "one.json").read_text())


def test_denoised_file_is_complex_with_its_g_map(denoised):
    plain, one, _, fields = denoised
    assert (one.data.dtype, one.unit, one.shape, one.frames) == (np.complex64, "snr", plain.shape, plain.frames)
    assert not np.allclose(one.data, plain.data)
    np.testing.assert_array_equal(one.noise.sigma, plain.noise.sigma)
    assert (one.noise.kind, one.noise.origin) == ("complex", "noise-scan")
    np.testing.assert_array_equal(one.geometry.affine, plain.geometry.affine)
    assert [step.name for step in one.history][-2:] == ["reconstruct", "denoise"]
    assert (fields["DenoisedAs"], fields["NoiseIsGFactor"]) == ("complex", True)
    assert "complex image denoised with model" in fields["Description"]


def test_denoising_in_one_step_and_in_two_is_the_same(denoised):
    _, one, two, _ = denoised
    np.testing.assert_array_equal(one.data, two.data)
    np.testing.assert_array_equal(one.noise.sigma, two.noise.sigma)


def test_nifti_gets_the_magnitude_of_the_denoised_complex_image(command, denoised, raw, tmp_path, complex_model):
    model = ("--denoise", "--model", complex_model)
    assert command("recon", raw, tmp_path / "m.nii", *model).code == 0
    assert command("recon", raw, tmp_path / "c.nii", "--complex", *model).code == 0
    np.testing.assert_array_equal(values(tmp_path / "c.nii").T, denoised[1].data)
    np.testing.assert_array_equal(values(tmp_path / "m.nii").T, np.abs(denoised[1].data))


def test_a_model_for_magnitudes_denoises_the_magnitude(command, raw, tmp_path):
    ran = command("recon", raw, tmp_path / "o.h5", "--denoise", "--model", "quiet-fast", "--json")
    facts = json.loads(ran.out)
    assert facts["denoised_as"] == "magnitude"
    image = read(tmp_path / "o.h5")
    assert (image.data.dtype, image.noise.kind, image.noise.origin) == (np.float32, "rician", "noise-scan")


def test_figure_and_removed_are_of_the_complex_image(command, raw, tmp_path, monkeypatch):
    drawn = []

    def draw(before, after, noise, **_):
        drawn.append((before.is_complex, after.is_complex, noise.kind))
        return denoising_figure(before, after, noise, name="", model="")

    monkeypatch.setattr("quietmr.report.figure.denoising_figure", draw)
    ran = command("recon", raw, tmp_path / "o.nii", "--denoise", "--figure", tmp_path / "f.png", *FAST)
    assert drawn == [(True, True, "complex")]
    assert "model wiener on the complex image" in ran.out


@pytest.mark.skipif("quiet-complex" not in list_models(), reason="the weights of quiet-complex are not here")
def test_the_default_denoises_the_complex_image(command, tmp_path):
    raw, out, before = tmp_path / "raw.h5", tmp_path / "out.h5", tmp_path / "before.h5"
    truth = simulated(raw, snr=10.0).truth
    assert command("recon", raw, out, "--denoise", "--before", before).code == 0
    fields = json.loads((tmp_path / "out.json").read_text())
    assert (fields["ModelName"], fields["DenoisedAs"]) == ("quiet", "complex")
    clean = fields["SignalScale"] * np.abs(truth.image[0])[truth.mask]
    errors = [np.sqrt(np.mean((np.abs(read(path).data[0])[truth.mask] - clean) ** 2)) for path in (out, before)]
    assert errors[0] < 0.8 * errors[1]


def test_pocs_is_told_of_the_denoised_image_too(command, tmp_path):
    simulated(tmp_path / "raw.h5", matrix=(48, 64, 1), partial_fourier=(0.75, 1.0))
    out = tmp_path / "out.h5"
    ran = command("recon", tmp_path / "raw.h5", out, "--partial-fourier", "pocs", "--denoise", *FAST)
    assert ran.code == 0
    assert ("before POCS" in ran.out, "g-factor map" in ran.err) == (True, True)
    assert read(out).noise.origin == "estimated"


@pytest.mark.parametrize(("method", "is_g"), [("zero-fill", True), ("pocs", False)])
def test_pocs_says_that_the_noise_is_not_the_g_map(command, tmp_path, method, is_g):
    simulated(tmp_path / "raw.h5", matrix=(48, 64, 1), partial_fourier=(0.75, 1.0))
    ran = command("recon", tmp_path / "raw.h5", tmp_path / "out.h5", "--partial-fourier", method)
    assert ran.code == 0
    assert ("before POCS" in ran.out, "g-factor map" in ran.err) == (not is_g, not is_g)
    fields = json.loads((tmp_path / "out.json").read_text())
    assert (fields["Calibrated"], fields["NoiseIsGFactor"]) == (True, is_g)


def test_irregular_sampling_is_told(command, tmp_path, rng):
    full = simulate_raw(protocol(acceleration=(1, 1), calibration="none"), rng).kspace
    lines = full.imaging.headers["kspace_encode_step_1"]
    kept = (np.abs(lines.astype(int) - 20) < 8) | (rng.random(len(lines)) < 0.4)
    write_raw(full.replace(imaging=full.imaging.select(kept)), tmp_path / "raw.h5")
    ran = command("recon", tmp_path / "raw.h5", tmp_path / "out.h5")
    assert ran.code == 0
    assert "ITERATIVE SENSE" in ran.out
    fields = json.loads((tmp_path / "out.json").read_text())
    assert fields["SamplingLattice"] == "irregular"
    assert fields["EffectiveReductionFactor"] == pytest.approx(40 / kept.sum())
    assert command("recon", tmp_path / "raw.h5", tmp_path / "grappa.h5", "--method", "grappa").code == 1


@pytest.mark.parametrize("options", [(), ("--denoise", *FAST)])
def test_figure_is_drawn(command, raw, tmp_path, options):
    figure = tmp_path / "figure.png"
    assert command("recon", raw, tmp_path / "o.h5", "--figure", figure, *options).code == 0
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("fill", ["noise", "zero", "nan"])
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 6, 8, 8), (1, 1, 1, 9)])
def test_figure_of_any_image(rng, tmp_path, shape, fill):
    data = rng.standard_normal(shape) + 10j
    data = {"noise": data, "zero": 0 * data, "nan": np.where(data.real > 0, np.nan, data)}[fill]
    image = Image(data, Geometry(np.diag([-1.0, 1.0, 1.0, 1.0])), unit="snr", noise=NoiseMap(np.ones(1), "complex"))
    save_figure(recon_figure(image, name="raw.h5"), tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 1000
    with pytest.raises(InputError, match="noise map"):
        recon_figure(image.replace(noise=None), name="raw.h5")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--kernel", "5"), "--kernel"),
        (("--kernel", "4x4"), "odd"),
        (("--kernel", "large"), "--kernel"),
        (("--resize", "96"), "--resize"),
        (("--resize", "0x96"), "--resize"),
        (("--filter", "lanczos"), "lanczos"),
        (("--filter", "hann,hann"), "three"),
        (("--filter", "gaussian:99"), "gaussian"),
        (("--slices", "3-1"), "--slices"),
        (("--slices", "all"), "--slices"),
        (("--slices", ""), "--slices"),
        (("--lambda", "nan"), "--lambda"),
        (("--lambda", "-1"), "--lambda"),
        (("--coils", "0"), "--coils"),
        (("--threads", "0"), "--threads"),
        (("--bandwidth", "793"), "ratio"),
        (("--bandwidth", "nan"), "ratio"),
        (("--noise", "n.h5", "--noise-from-edges"), "choose one"),
        (("--model", "quiet"), "--denoise"),
        (("--before", "b.h5"), "--denoise"),
        (("--denoise", "--complex", "--model", "quiet-fast"), "--complex"),
    ],
)
def test_impossible_words_are_wrong_usage_before_any_work(command, tmp_path, options, word):
    ran = command("recon", tmp_path / "absent.h5", tmp_path / "o.h5", *options)
    assert ran.code == 2
    assert word in ran.sentence


@pytest.mark.parametrize(
    "options", [("--coil-maps", "espirit"), ("--method", "spirit"), ("--partial-fourier", "homodyne")]
)
def test_unknown_choices_are_wrong_usage(command, tmp_path, options):
    ran = command("recon", tmp_path / "absent.h5", tmp_path / "o.h5", *options)
    assert ran.code == 2
    assert options[1] in ran.err


@pytest.mark.parametrize("names", [("raw.h5",), ("a.h5", "b.h5", "c.h5")])
def test_one_scan_and_one_output_are_named(command, names):
    assert "recon RAW OUT" in command("recon", *names).sentence


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--resize", "7200x6000"), "pixels"),
        (("--slices", "7"), "slices"),
        (("--coils", "64"), "coils"),
        (("--bandwidth", "0.1"), "bandwidth"),
        (("--denoise", "--model", "no-such-model"), "no-such-model"),
        (("--device", "abacus"), "abacus"),
        (("--noise", "absent.h5"), "absent.h5"),
        (("--figure", "figure.bmp"), ".png"),
        (("--gmap", "g.png"), "g.png"),
        (("--gmaps", "gs.dcm"), "gs.dcm"),
        (("--denoise", "--before", "before.tif"), "before.tif"),
    ],
)
def test_options_that_do_not_fit_the_scan_leave_nothing_behind(command, raw, tmp_path, monkeypatch, options, word):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    ran = command("recon", raw, tmp_path / "o.h5", *options)
    assert ran.code == 1
    assert word in ran.sentence
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["out.png", "out.tif", "out.xyz", "absent/out.h5"])
def test_outputs_that_cannot_be_written_are_refused_before_any_work(command, tmp_path, name):
    ran = command("recon", tmp_path / "absent.h5", tmp_path / name)
    assert ran.code == 1
    assert name.split("/")[-1] in ran.sentence


def _truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text(path):
    path.write_text("no scan")


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_truncated, _text, _empty])
@pytest.mark.parametrize("role", ["scan", "noise"])
def test_damaged_files_are_refused_and_leave_nothing_behind(command, raw, silent, tmp_path, damage, role):
    arguments = {"scan": (raw,), "noise": (silent, "--noise", raw)}[role]
    damage(raw)
    before = set(tmp_path.iterdir())
    ran = command("recon", arguments[0], tmp_path / "o.h5", *arguments[1:])
    assert ran.code == 1
    assert str(raw) in ran.sentence
    assert set(tmp_path.iterdir()) == before


OUTPUTS = {
    "--before": "before.h5",
    "--gmap": "g.nii.gz",
    "--snr": "snr.nii.gz",
    "--gmaps": "gs.nii.gz",
    "--figure": "f.png",
}


@pytest.mark.parametrize("existing", ["o.h5", "o.json", *OUTPUTS.values()])
def test_no_output_is_replaced_without_force(command, raw, tmp_path, existing):
    (tmp_path / existing).write_bytes(b"precious")
    options = [word for option, name in OUTPUTS.items() for word in (option, tmp_path / name)]
    before = set(tmp_path.iterdir())
    ran = command("recon", raw, tmp_path / "o.h5", "--denoise", *FAST, *options)
    assert ran.code == 1
    assert "exists" in ran.sentence
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / existing).read_bytes() == b"precious"


def test_force_replaces_outputs_but_never_an_input(command, raw, tmp_path):
    arguments = ("recon", raw, tmp_path / "o.h5", "--gmap", tmp_path / "g.nii.gz", "--force")
    for name in ("o.h5", "g.nii.gz", "o.json"):
        (tmp_path / name).write_bytes(b"old")
    assert command(*arguments).code == 0
    assert read(tmp_path / "o.h5").shape == (2, 3, 40, 48)
    content = raw.read_bytes()
    assert "never overwrites" in command("recon", raw, raw, "--force").sentence
    assert "never overwrites" in command("recon", raw, tmp_path / "p.h5", "--gmap", raw, "--force").sentence
    assert raw.read_bytes() == content


def test_the_same_command_runs_again_with_force(command, raw, tmp_path):
    assert command("recon", raw, tmp_path / "raw.nii").code == 0
    assert command("recon", raw, tmp_path / "raw.nii").code == 1
    assert command("recon", raw, tmp_path / "raw.nii", "--force").code == 0


def test_two_outputs_of_one_name_are_refused(command, raw, tmp_path):
    same = tmp_path / "same.nii.gz"
    assert "twice" in command("recon", raw, tmp_path / "o.h5", "--gmap", same, "--snr", same).sentence


def test_failure_while_writing_leaves_nothing_behind(command, raw, tmp_path, monkeypatch):
    def full(_image, _path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("quietmr.io.nifti.write", full)
    before = set(tmp_path.iterdir())
    ran = command("recon", raw, tmp_path / "o.h5", "--gmap", tmp_path / "g.nii.gz")
    assert ran.code == 1
    assert "space" in ran.sentence
    assert set(tmp_path.iterdir()) == before


def test_few_noise_samples_are_a_warning_in_words_and_sidecar(command, tmp_path):
    simulated(tmp_path / "raw.h5", noise_readouts=2)
    ran = command("recon", tmp_path / "raw.h5", tmp_path / "o.h5")
    assert ran.code == 0
    assert ran.err.startswith("quietmr: warning: Only 192 noise samples")
    (told,) = json.loads((tmp_path / "o.json").read_text())["Warnings"]
    assert told == ran.err.strip().removeprefix("quietmr: warning: ")


def test_words_become_settings():
    assert kernel_of("7x2") == Kernel(7, 2, 4)
    assert kernel_of("5x4x2") == Kernel(5, 4, 2)
    assert pixels_of(None) is None
    assert pixels_of("192x160") == (192, 160)
    assert filters_of("hann") == ("hann",) * 3
    assert filters_of("none,tukey:0.3,hann") == ("none", "tukey:0.3", "hann")
    assert slices_of("4,0-2,1") == (0, 1, 2, 4)
    with pytest.raises(UsageError):
        slices_of("0-99999999")
