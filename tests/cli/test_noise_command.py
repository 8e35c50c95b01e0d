"""``quietmr noise`` on scans with known noise."""

import json

import nibabel as nib
import numpy as np
import pytest

from quietmr import estimate_noise, read


@pytest.mark.parametrize("sigma", [3.0, 9.0])
def test_finds_the_noise_that_was_put_in(command, make_scan, sigma):
    facts = json.loads(command("noise", make_scan(sigma=sigma, shape=(64, 64, 16)), "--json").out)
    assert facts["sigma"] == pytest.approx(sigma, rel=0.1)
    assert (facts["kind"], facts["origin"]) == ("rician", "estimated")


def test_tells_what_the_python_function_finds(command, make_scan):
    scan = make_scan()
    noise = estimate_noise(read(scan))
    facts = json.loads(command("noise", scan, "--json").out)
    assert (facts["sigma"], facts["uncertainty"]) == (noise.level, noise.uncertainty)


def test_one_scan_is_exactly_one_json_object_with_all_that_is_known(command, make_scan):
    ran = command("noise", make_scan(), "--json")
    assert ran.err == ""
    (line,) = ran.out.splitlines()
    assert {"input", "sigma", "kind", "origin", "uncertainty", "support", "snr", "warnings"} <= set(json.loads(line))


def test_level_follows_the_units_and_snr_does_not(command, make_scan, tmp_path):
    scan, scaled = make_scan(), tmp_path / "scaled.nii.gz"
    image = nib.load(scan)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj, dtype=np.float32) * 1000, image.affine), scaled)
    first, second = map(json.loads, command("noise", scan, scaled, "--json").out.splitlines())
    assert second["sigma"] == pytest.approx(1000 * first["sigma"], rel=1e-4)
    assert second["snr"] == pytest.approx(first["snr"], rel=1e-3)


def test_written_map_is_what_was_told(command, make_scan, tmp_path):
    out = tmp_path / "sigma.nii.gz"
    facts = json.loads(command("noise", make_scan(), "--noise-map-out", out, "--json").out)
    sigma = np.asanyarray(nib.load(out).dataobj)
    assert sigma.dtype == np.float32
    assert np.median(sigma[sigma > 0]) == pytest.approx(facts["sigma"])
    assert "exists" in command("noise", tmp_path / "scan.nii.gz", "--noise-map-out", out).sentence
    assert command("noise", tmp_path / "scan.nii.gz", "--noise-map-out", out, "--force").code == 0


def test_several_scans_are_told_line_by_line_and_failures_among_them(command, make_scan, tmp_path):
    scans = [make_scan("a.nii.gz"), tmp_path / "absent.nii.gz", make_scan("c.nii.gz")]
    ran = command("noise", *scans, "--json")
    assert ran.code == 1
    assert [json.loads(line)["input"] for line in ran.out.splitlines()] == [str(scan) for scan in scans]
    assert "absent" in ran.sentence


def test_words(command, make_scan):
    ran = command("noise", make_scan())
    assert ran.code == 0
    assert "per real channel (Rician, estimated from the image)" in ran.out
    assert "SNR" in ran.out


def test_varying_noise_is_told_and_its_map_written_on_the_grid_of_the_scan(command, tmp_path):
    rng = np.random.default_rng(2)
    hump = 1 + np.exp(-(np.linspace(-1, 1, 128)[:, None, None] ** 2) / 0.3) * np.ones((128, 120, 10))
    noise = 10 * hump * (rng.normal(size=hump.shape) + 1j * rng.normal(size=hump.shape))
    scan, out = tmp_path / "scan.nii.gz", tmp_path / "sigma.nii.gz"
    affine = np.diag([2.0, 2, 3, 1])
    nib.save(nib.Nifti1Image(np.abs(400 + noise).astype(np.float32), affine), scan)
    facts = json.loads(command("noise", scan, "--noise-map-out", out, "--json").out)
    assert facts["sigma_max"] > 1.5 * facts["sigma_min"]
    written = nib.load(out)
    np.testing.assert_array_equal(written.affine, affine)
    assert np.median(np.abs(np.asarray(written.dataobj) / (10 * hump) - 1)) < 0.06
    assert "varies" in command("noise", scan).out
