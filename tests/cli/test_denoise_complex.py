"""``quietmr denoise`` and ``quietmr noise`` on complex scans: one file, or two halves in two files."""

import json

import nibabel as nib
import numpy as np
import pytest

from quietmr import read, write
from quietmr.data import Geometry, Image, NoiseMap, Step
from quietmr.denoise import DEFAULT_MODEL
from quietmr.models import list_models

from .conftest import AFFINE, head

FAST = ("--model", "wiener")
SIGMA = 6.0


def values(path):
    return np.asanyarray(nib.load(path).dataobj)


def save(path, data, dtype):
    path.parent.mkdir(exist_ok=True)
    image = nib.Nifti1Image(np.asarray(data).astype(dtype), AFFINE)
    image.header.set_data_dtype(dtype)
    nib.save(image, path)
    return path


@pytest.fixture
def make_complex(rng):
    """Complex values (X, Y, Z) with white noise of known SD per channel and a phase that varies smoothly; the truth."""

    def make(shape=(40, 44, 8), sigma=SIGMA):
        axes = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
        truth = head(shape, rng) * np.exp(1j * (1 + 4 * axes[0] - 3 * axes[1]))
        return truth + sigma * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)), truth

    return make


@pytest.fixture
def halves(make_complex, tmp_path):
    """Whole numbers, as scanners store them: magnitude, phase (-4096 to 4095), real, imaginary; and the truth."""
    noisy, truth = make_complex()
    phase = np.clip(np.rint(np.angle(noisy) * 4096 / np.pi), -4096, 4095)
    paths = {
        "mag": save(tmp_path / "mag.nii.gz", np.rint(10 * np.abs(noisy)), "<i2"),
        "phase": save(tmp_path / "phase.nii.gz", phase, "<i2"),
        "real": save(tmp_path / "real.nii.gz", np.rint(10 * noisy.real), "<i2"),
        "imag": save(tmp_path / "imag.nii.gz", np.rint(10 * noisy.imag), "<i2"),
    }
    return paths, 10 * noisy, 10 * truth


def rms(data):
    return float(np.sqrt(np.mean(np.abs(data) ** 2)))


@pytest.mark.parametrize("model", ["wiener", "network"])
def test_the_three_ways_to_keep_a_complex_scan_agree(command, halves, tmp_path, complex_model, model):
    paths, noisy, _ = halves
    options = ("--sigma", "60", "--model", complex_model if model == "network" else model)
    whole = save(tmp_path / "c.nii.gz", noisy, "<c8")
    out = [tmp_path / f"{name}.nii" for name in ("c", "m", "p", "r", "i")]
    assert command("denoise", whole, out[0], *options).code == 0
    polar = ("--phase", paths["phase"], "--phase-out", out[2])
    assert command("denoise", paths["mag"], out[1], *polar, *options).code == 0
    parts = ("--imaginary", paths["imag"], "--imaginary-out", out[4])
    assert command("denoise", paths["real"], out[3], *parts, *options).code == 0
    c, m, p, r, i = map(values, out)
    assert (c.dtype, {a.dtype.str for a in (m, p, r, i)}) == (np.complex64, {"<i2"})
    assert not np.allclose(c, noisy)
    # rounding of two inputs and two outputs: half a step each, of the phase half of pi / 4096 at the magnitude
    step = 2.0 + 2 * np.abs(noisy).max() * np.pi / 4096
    assert np.abs(m * np.exp(1j * np.pi * p / 4096.0) - c).max() < step
    assert np.abs(r + 1j * i - c).max() < 3.0


def test_noise_goes_and_the_dark_loses_its_bias(command, halves, tmp_path):
    paths, noisy, truth = halves
    out, alone = tmp_path / "o.nii", tmp_path / "alone.nii"
    assert command("denoise", paths["mag"], out, "--phase", paths["phase"], *FAST).code == 0
    assert command("denoise", paths["mag"], alone, *FAST).code == 0
    assert rms(values(out) - np.abs(truth)) < 0.75 * rms(np.abs(noisy) - np.abs(truth))
    air = truth == 0
    assert values(out)[air].mean() < 0.7 * np.abs(noisy)[air].mean()


def test_level_is_measured_on_the_complex_scan_and_told(command, halves, tmp_path):
    paths, _, _ = halves
    given = ("--phase", paths["phase"])
    noise = json.loads(command("noise", paths["mag"], *given, "--json").out)
    assert noise["sigma"] == pytest.approx(10 * SIGMA, rel=0.1)
    assert (noise["kind"], noise["phase_unit"]) == ("complex", "scanner units, -4096 to 4096")
    parts = json.loads(command("noise", paths["real"], "--imaginary", paths["imag"], "--json").out)
    assert parts["sigma"] == pytest.approx(10 * SIGMA, rel=0.1)
    facts = json.loads(command("denoise", paths["mag"], tmp_path / "o.nii", *given, "--json", *FAST).out)
    assert (facts["sigma"], facts["denoised_as"], facts["phase"]) == (noise["sigma"], "complex", str(paths["phase"]))
    assert 0.3 < facts["removed_rms"] < 1.1
    fields = json.loads((tmp_path / "o.json").read_text())
    assert (fields["DenoisedAs"], fields["PhaseUnits"]) == ("complex", "scanner units, -4096 to 4096")
    assert fields["Sources"] == ["mag.nii.gz", "phase.nii.gz"]


def test_magnitude_alone_is_denoised_as_a_magnitude(command, halves, tmp_path):
    paths, _, _ = halves
    facts = json.loads(command("denoise", paths["mag"], tmp_path / "o.nii", "--json", *FAST).out)
    assert (facts["denoised_as"], facts["kind"], "phase" in facts) == ("magnitude", "rician", False)
    assert json.loads((tmp_path / "o.json").read_text())["DenoisedAs"] == "magnitude"


def test_each_half_has_a_sidecar_with_its_own_fields(command, halves, tmp_path):
    paths, _, _ = halves
    for name in ("mag", "phase"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"ImageType": [name]}))
    out = (tmp_path / "o.nii", "--phase", paths["phase"], "--phase-out", tmp_path / "p.nii")
    ran = command("denoise", paths["mag"], *out, *FAST)
    assert ran.code == 0
    assert "scanner units" in ran.out
    for name, half in (("o", "mag"), ("p", "phase")):
        fields = json.loads((tmp_path / f"{name}.json").read_text())
        assert (fields["ImageType"], fields["ModelName"]) == ([half], "wiener")
        assert str(tmp_path / f"{name}.json") in ran.out


def test_removed_is_the_complex_difference(command, halves, tmp_path):
    paths, noisy, _ = halves
    out, imag, removed = (tmp_path / f"{name}.nii" for name in ("o", "i", "removed"))
    options = ("--imaginary", paths["imag"], "--imaginary-out", imag, "--removed", removed, "--dtype", "float32")
    assert command("denoise", paths["real"], out, *options, *FAST).code == 0
    assert (values(removed).dtype, values(out).dtype, values(imag).dtype) == (np.complex64, np.float32, np.float32)
    np.testing.assert_allclose(values(out) + 1j * values(imag) + values(removed), noisy, atol=0.51 * np.sqrt(2))


def test_strength_zero_and_mask_leave_both_halves_as_they_are(command, halves, tmp_path):
    paths, _, _ = halves
    inside = np.zeros(values(paths["mag"]).shape)
    inside[:20] = 1
    mask = save(tmp_path / "mask.nii", inside, "<f4")
    for name, options in (("zero", ("--strength", "0")), ("mask", ("--mask", mask))):
        out = (tmp_path / name / "m.nii", tmp_path / name / "p.nii")
        out[0].parent.mkdir()
        polar = ("--phase", paths["phase"], "--phase-out", out[1], "--sigma", "60")
        assert command("denoise", paths["mag"], out[0], *polar, *options, *FAST).code == 0
        for path, half in zip(out, ("mag", "phase"), strict=True):
            changed = values(path) != values(paths[half])
            assert not changed[20:].any()
            assert changed[:20].any() == (name == "mask")


def test_names_are_made_in_folders(command, make_complex, tmp_path):
    noisy, _ = make_complex((24, 24, 4))
    name = "sub-01_part-{}_bold.nii.gz"
    magnitude = save(tmp_path / name.format("mag"), np.abs(noisy), "<f4")
    phase = save(tmp_path / name.format("phase"), np.angle(noisy), "<f4")
    out = f"{tmp_path / 'out'}/"
    assert command("denoise", magnitude, out, "--phase", phase, "--phase-out", out, *FAST).code == 0
    stems = [f"sub-01_part-{part}_desc-denoised_bold" for part in ("mag", "phase")]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {s + e for s in stems for e in (".nii.gz", ".json")}


@pytest.mark.parametrize(("half", "other", "option"), [("mag", "phase", "--phase"), ("real", "imag", "--imaginary")])
def test_the_other_half_by_its_bids_name_is_suggested_and_not_taken(
    command, make_complex, tmp_path, half, other, option
):
    noisy, _ = make_complex((24, 24, 4))
    scan = save(tmp_path / f"sub-01_part-{half}_bold.nii.gz", np.abs(noisy), "<f4")
    ran = command("noise", scan, "--json")
    assert json.loads(ran.out)["warnings"] == []
    save(tmp_path / f"sub-01_part-{other}_bold.nii.gz", np.angle(noisy), "<f4")
    facts = json.loads(command("noise", scan, "--json").out)
    (told,) = facts["warnings"]
    assert option in told
    assert f"part-{other}" in told
    assert facts["kind"] == "rician"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--phase", "p.nii", "--imaginary", "i.nii"), "choose one"),
        (("--phase-out", "p.nii"), "--phase FILE"),
        (("--imaginary-out", "i.nii"), "--imaginary FILE"),
        (("--phase", "p.nii", "--imaginary-out", "i.nii"), "--imaginary FILE"),
        (("--phase-turn", "4096"), "--phase FILE"),
        (("--phase", "p.nii", "--model", "quiet-fast"), "magnitudes"),
    ],
)
def test_impossible_options_are_wrong_usage(command, tmp_path, monkeypatch, options, word):
    monkeypatch.chdir(tmp_path)
    ran = command("denoise", "m.nii", "o.nii", *options)
    assert ran.code == 2
    assert word in ran.sentence
    assert not list(tmp_path.iterdir())


def test_a_phase_belongs_to_one_scan(command, halves, tmp_path):
    paths, _, _ = halves
    for verb, out in (("denoise", (f"{tmp_path}/out/",)), ("noise", ())):
        ran = command(verb, paths["mag"], paths["real"], *out, "--phase", paths["phase"])
        assert (ran.code, "one scan" in ran.sentence) == (2, True)


BAD = {
    "shape": ("--phase", lambda half: half[1:]),
    "no full turn": ("--phase", lambda half: 5 * np.abs(half) + 1),
    "only one value": ("--phase", np.zeros_like),
}


@pytest.mark.parametrize("word", BAD)
def test_a_pair_that_cannot_be_leaves_nothing_behind(command, halves, tmp_path, word):
    paths, _, _ = halves
    option, change = BAD[word]
    other = save(tmp_path / "other.nii", change(values(paths["phase"])), "<i2")
    before = set(tmp_path.iterdir())
    out = (tmp_path / "o.nii", option, other, "--phase-out", tmp_path / "p.nii")
    ran = command("denoise", paths["mag"], *out, *FAST)
    assert (ran.code, ran.out) == (1, "")
    assert word in ran.sentence
    assert str(other) in ran.sentence
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["p.png", "p", "absent/p.nii"])
def test_a_half_that_cannot_be_written_is_refused_before_the_work(command, halves, tmp_path, monkeypatch, name):
    def never(*_args, **_kwargs):
        raise AssertionError("denoised for nothing")

    monkeypatch.setattr("quietmr.cli.denoise_scan.denoise", never)
    paths, _, _ = halves
    before = set(tmp_path.iterdir())
    out = (tmp_path / "o.nii", "--phase", paths["phase"], "--phase-out", tmp_path / name)
    assert command("denoise", paths["mag"], *out, "--sigma", "60", *FAST).code == 1
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("failing", ["o.nii", "p.nii"])
@pytest.mark.parametrize("when", ["writing", "naming"])
def test_both_halves_are_written_or_none(command, halves, tmp_path, monkeypatch, failing, when):
    paths, _, _ = halves
    from pathlib import Path

    from quietmr.io import nifti

    honest, honest_replace = nifti.write, Path.replace

    def full(image, path):
        if image.meta.source == paths["mag" if failing == "o.nii" else "phase"]:
            raise OSError(28, "No space left on device")
        honest(image, path)

    def replace(self, target):
        if target == tmp_path / failing:
            raise OSError(28, "No space left on device")
        return honest_replace(self, target)

    if when == "writing":
        monkeypatch.setattr(nifti, "write", full)
    else:
        monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "p.nii").write_bytes(b"old")
    before = set(tmp_path.iterdir())
    out = (tmp_path / "o.nii", "--phase", paths["phase"], "--phase-out", tmp_path / "p.nii", "--force")
    ran = command("denoise", paths["mag"], *out, "--sigma", "60", *FAST)
    assert ran.code == 1
    assert "space" in ran.sentence
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / "p.nii").read_bytes() == b"old"


@pytest.mark.parametrize("victim", ["mag", "phase"])
def test_halves_are_never_overwritten(command, halves, tmp_path, victim):
    paths, _, _ = halves
    content = paths[victim].read_bytes()
    out = paths["phase"] if victim == "phase" else tmp_path / "o.nii"
    copy = paths["mag"] if victim == "mag" else tmp_path / "p.nii"
    ran = command("denoise", paths["mag"], out, "--phase", paths["phase"], "--phase-out", copy, "--force", *FAST)
    assert "never overwrites" in ran.sentence
    assert paths[victim].read_bytes() == content


ODD = [
    *(((8, 8, 1), scale) for scale in (1e-9, 1.0, 1e9)),
    *((shape, 1.0) for shape in ((64, 48, 1), (9, 7, 5), (24, 24, 4, 1), (16, 16, 2, 3))),
]


@pytest.mark.parametrize(("shape", "scale"), ODD)
def test_odd_shapes_and_units(command, tmp_path, rng, shape, scale):
    noisy = scale * (100 + SIGMA * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)))
    magnitude = save(tmp_path / "m.nii", np.abs(noisy), "<f4")
    phase = save(tmp_path / "p.nii", np.angle(noisy), "<f4")
    out = (tmp_path / "mo.nii", tmp_path / "po.nii")
    options = ("--phase-out", out[1], "--sigma", SIGMA * scale, "--phase-turn", 2 * np.pi, *FAST)
    ran = command("denoise", magnitude, out[0], "--phase", phase, *options, "--figure", tmp_path / "f.png")
    assert ran.code == 0, ran
    assert values(out[0]).shape == values(magnitude).shape
    after = values(out[0]) / scale * np.exp(1j * values(out[1]))
    assert 0 < rms(after - 100) < 0.9 * SIGMA * np.sqrt(2)


def test_nan_in_either_half_harms_no_other_voxel(command, make_complex, tmp_path):
    noisy, _ = make_complex((24, 24, 4))
    magnitude, phase = np.abs(noisy), np.angle(noisy)
    magnitude[3, 3, 1] = np.nan
    phase[5, 5, 2] = np.nan
    scan = save(tmp_path / "m.nii", magnitude, "<f4")
    other = save(tmp_path / "p.nii", phase, "<f4")
    out = (tmp_path / "mo.nii", "--phase", other, "--phase-out", tmp_path / "po.nii", "--sigma", "6")
    ran = command("denoise", scan, *out, *FAST)
    assert ran.code == 0
    assert "2 voxels are not finite" in ran.err
    after = values(tmp_path / "mo.nii"), values(tmp_path / "po.nii")
    for half, where, kept in zip(after, ((3, 3, 1), (5, 5, 2)), (magnitude, phase), strict=True):
        assert np.isnan(half).sum() == 1
        np.testing.assert_array_equal(half[where], np.float32(kept[where]))
    assert after[0][5, 5, 2] == np.float32(magnitude[5, 5, 2])


def test_constant_pair_comes_back_with_a_warning(command, tmp_path):
    paths = [save(tmp_path / f"{name}.nii", np.full((16, 16, 4), value), "<i2") for name, value in (("r", 7), ("i", 3))]
    out = (tmp_path / "ro.nii", "--imaginary", paths[1], "--imaginary-out", tmp_path / "io.nii")
    ran = command("denoise", paths[0], *out, *FAST)
    assert ran.code == 0
    assert "no noise" in ran.err
    assert (np.unique(values(tmp_path / "ro.nii")), np.unique(values(tmp_path / "io.nii"))) == ([7], [3])


@pytest.fixture
def mrd(make_complex, tmp_path):
    """A complex series with its g-map, as ``quietmr recon`` writes it."""
    noisy, _ = make_complex((32, 30, 4), sigma=1.0)
    g = np.linspace(1, 2, 32, dtype=np.float32)
    image = Image(
        noisy.T[np.newaxis] * g,
        Geometry(np.diag([2.0, 2, 3, 1])),
        unit="snr",
        noise=NoiseMap(np.broadcast_to(g, (1, 4, 30, 32)), "complex", "noise-scan"),
        history=(Step("reconstruct"),),
    )
    write(image, tmp_path / "recon.h5")
    return tmp_path / "recon.h5"


def test_mrd_series_with_g_map_in_and_the_same_out(command, mrd, tmp_path, complex_model):
    out = tmp_path / "out.h5"
    ran = command("denoise", mrd, out, "--model", complex_model, "--json")
    facts = json.loads(ran.out)
    assert (facts["kind"], facts["origin"], facts["denoised_as"]) == ("complex", "noise-scan", "complex")
    assert (facts["sigma_min"], facts["sigma_max"]) == (1, 2)
    assert "denoised before" not in str(facts["warnings"])
    before, after = read(mrd), read(out)
    assert (after.data.dtype, after.unit, after.shape) == (np.complex64, "snr", before.shape)
    assert not np.allclose(after.data, before.data)
    np.testing.assert_array_equal(after.noise.sigma, before.noise.sigma)
    assert (after.noise.kind, after.noise.origin) == ("complex", "noise-scan")
    assert [step.name for step in after.history] == ["reconstruct", "denoise"]


def test_denoising_twice_is_a_warning(command, mrd, tmp_path):
    assert command("denoise", mrd, tmp_path / "once.h5", *FAST).code == 0
    ran = command("denoise", tmp_path / "once.h5", tmp_path / "twice.h5", *FAST)
    assert ran.code == 0
    assert "denoised before" in ran.err


def test_complex_values_do_not_become_dicom_or_a_picture(command, mrd, tmp_path):
    before = set(tmp_path.iterdir())
    for name in ("out.png", "out.dcm"):
        ran = command("denoise", mrd, tmp_path / name, *FAST)
        assert (ran.code, "complex" in ran.sentence) == (1, True)
    assert command("denoise", mrd, tmp_path / "o.h5", "--removed", tmp_path / "r.tif", *FAST).code == 1
    assert set(tmp_path.iterdir()) == before


@pytest.mark.skipif("quiet-complex" not in list_models(), reason="the weights of quiet-complex are not here")
def test_the_default_denoises_complex_scans(command, halves, mrd, tmp_path):
    paths, noisy, truth = halves
    out = (tmp_path / "m.nii", tmp_path / "p.nii")
    ran = command("denoise", paths["mag"], out[0], "--phase", paths["phase"], "--phase-out", out[1], "--json")
    facts = json.loads(ran.out)
    assert (facts["model"], facts["denoised_as"]) == (DEFAULT_MODEL, "complex")
    after = values(out[0]) * np.exp(1j * np.pi * values(out[1]) / 4096.0)
    assert rms(after - truth) < 0.7 * rms(noisy - truth)
    assert command("denoise", mrd, tmp_path / "o.h5").code == 0
    assert read(tmp_path / "o.h5").is_complex
