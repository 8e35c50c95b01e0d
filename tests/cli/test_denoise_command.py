"""``quietmr denoise`` on scans with known noise."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from quietmr import __version__

FAST = ("--model", "wiener")


def values(path):
    return np.asanyarray(nib.load(path).dataobj, dtype=np.float64)


def save_like(path, scan, data):
    nib.save(nib.Nifti1Image(np.asarray(data, dtype=np.float32), nib.load(scan).affine), path)
    return path


def test_scan_equals_copy_plus_what_was_removed(command, make_scan, tmp_path):
    scan, out, removed = make_scan(), tmp_path / "out.nii.gz", tmp_path / "removed.nii.gz"
    assert command("denoise", scan, out, "--removed", removed, *FAST).code == 0
    assert values(removed).std() > 1
    np.testing.assert_allclose(values(out) + values(removed), values(scan), rtol=1e-6, atol=1e-4)


def test_copy_keeps_type_scale_and_geometry(command, make_scan, tmp_path):
    scan, out = make_scan(dtype="<i2"), tmp_path / "out.nii.gz"
    assert command("denoise", scan, out, *FAST).code == 0
    before, after = nib.load(scan), nib.load(out)
    assert after.get_data_dtype() == before.get_data_dtype()
    assert after.shape == before.shape
    np.testing.assert_array_equal(after.affine, before.affine)
    assert after.header["qform_code"] == before.header["qform_code"]


def test_float32_rounds_nothing(command, make_scan, tmp_path):
    scan, out = make_scan(dtype="<i2"), tmp_path / "out.nii.gz"
    assert command("denoise", scan, out, "--dtype", "float32", *FAST).code == 0
    assert nib.load(out).get_data_dtype() == np.float32
    assert (values(out) % 1 != 0).mean() > 0.5


def test_noise_is_taken_out(command, make_scan, tmp_path):
    scan, out = make_scan(truth=tmp_path / "truth.nii.gz"), tmp_path / "o.nii.gz"
    assert command("denoise", scan, out, *FAST).code == 0
    truth = values(tmp_path / "truth.nii.gz")
    before, after = values(scan) - truth, values(out) - truth
    assert np.sqrt(np.mean(after**2)) < 0.7 * np.sqrt(np.mean(before**2))


def test_each_scan_has_its_own_noise_whatever_the_order(command, make_scan, tmp_path):
    weak, strong = make_scan("weak.nii.gz", sigma=2), make_scan("strong.nii.gz", sigma=15)
    found = {}
    for name, order in {"one": [weak, strong], "two": [strong, weak]}.items():
        ran = command("denoise", *order, f"{tmp_path / name}/", "--json", *FAST)
        assert ran.code == 0
        found[name] = {entry["input"]: entry["sigma"] for entry in map(json.loads, ran.out.splitlines())}
        for scan in order:
            alone = json.loads(command("noise", scan, "--json").out)["sigma"]
            assert found[name][str(scan)] == alone
    assert found["one"] == found["two"]
    assert found["one"][str(strong)] > 4 * found["one"][str(weak)]
    for scan in (weak, strong):
        name = f"{scan.name.split('.')[0]}_desc-denoised.nii.gz"
        np.testing.assert_array_equal(values(tmp_path / "one" / name), values(tmp_path / "two" / name))


def test_one_failing_scan_does_not_stop_the_others(command, make_scan, tmp_path):
    first, last, bad = make_scan("a.nii.gz"), make_scan("c.nii.gz"), tmp_path / "b.nii.gz"
    bad.write_text("no scan")
    ran = command("denoise", first, bad, last, f"{tmp_path / 'out'}/", *FAST)
    assert ran.code == 1
    assert str(bad) in ran.sentence
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{stem}_desc-denoised{end}" for stem in "ac" for end in (".nii.gz", ".json")}


def test_json_tells_failing_scans_too(command, make_scan, tmp_path):
    scan, bad = make_scan("a.nii.gz"), tmp_path / "b.nii.gz"
    ran = command("denoise", scan, bad, f"{tmp_path / 'out'}/", "--json", *FAST)
    good, failed = map(json.loads, ran.out.splitlines())
    assert good["output"] == str(tmp_path / "out" / "a_desc-denoised.nii.gz")
    assert failed["input"] == str(bad)
    assert "no file" in failed["error"]


def test_side_outputs_of_several_scans_go_into_folders(command, make_scan, tmp_path):
    scans = [make_scan(f"sub-0{i}_T1w.nii.gz", shape=(24, 24, 6)) for i in (1, 2)]
    out = f"{tmp_path / 'out'}/"
    extra = ("--removed", out, "--noise-map-out", out, "--figure", f"{tmp_path / 'figures'}/")
    assert command("denoise", *scans, out, *extra, *FAST).code == 0
    expected = {
        f"sub-0{i}_desc-{end}"
        for i in (1, 2)
        for end in ("denoised_T1w.json", *(f"{d}_T1w.nii.gz" for d in ("denoised", "noise", "removed")))
    }
    assert {path.name for path in Path(out).iterdir()} == expected
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"sub-0{i}_desc-denoised_T1w.png" for i in (1, 2)
    }


@pytest.mark.parametrize("option", ["--removed", "--noise-map-out", "--figure", None])
def test_several_scans_into_one_file_are_wrong_usage(command, make_scan, tmp_path, option):
    scans = [make_scan(f"{name}.nii.gz", shape=(16, 16, 4)) for name in "ab"]
    extra = (option, tmp_path / "one.nii.gz") if option else ()
    out = f"{tmp_path / 'out'}/" if option else tmp_path / "one.nii.gz"
    before = set(tmp_path.iterdir())
    ran = command("denoise", *scans, out, *extra, *FAST)
    assert ran.code == 2
    assert "slash" in ran.sentence
    assert set(tmp_path.iterdir()) == before


def test_scans_of_one_name_are_refused_before_any_work(command, make_scan, tmp_path):
    scans = [make_scan(f"{name}/scan.nii.gz", shape=(16, 16, 4)) for name in "ab"]
    ran = command("denoise", *scans, f"{tmp_path / 'out'}/", *FAST)
    assert ran.code == 1
    assert "twice" in ran.sentence
    assert not (tmp_path / "out").exists()


def test_given_sigma_is_used_and_told(command, make_scan, tmp_path):
    facts = json.loads(command("denoise", make_scan(), tmp_path / "o.nii", "--sigma", "4.5", "--json", *FAST).out)
    assert (facts["sigma"], facts["origin"], facts["kind"]) == (4.5, "given", "rician")
    assert json.loads((tmp_path / "o.json").read_text())["NoiseSigma"] == 4.5


def test_noise_map_comes_back_as_it_went_in(command, make_scan, tmp_path):
    scan = make_scan()
    ramp = np.linspace(3, 9, values(scan).size).reshape(values(scan).shape)
    given, written = save_like(tmp_path / "in.nii.gz", scan, ramp), tmp_path / "written.nii.gz"
    ran = command(
        "denoise", scan, tmp_path / "o.nii", "--noise-map-in", given, "--noise-map-out", written, "--json", *FAST
    )
    np.testing.assert_array_equal(values(written), values(given))
    np.testing.assert_allclose(nib.load(written).affine, nib.load(scan).affine)
    facts = json.loads(ran.out)
    assert (facts["sigma_min"], facts["sigma_max"]) == pytest.approx((3, 9))


def test_stronger_noise_in_one_half_is_removed_there(command, make_scan, tmp_path):
    scan, removed = make_scan(), tmp_path / "removed.nii.gz"
    sigma = np.full(values(scan).shape, 1.0)
    sigma[20:] = 8.0
    given = save_like(tmp_path / "in.nii.gz", scan, sigma)
    command("denoise", scan, tmp_path / "o.nii", "--noise-map-in", given, "--removed", removed, *FAST)
    tissue = values(scan) > 60
    assert values(removed)[20:][tissue[20:]].std() > 3 * values(removed)[:20][tissue[:20]].std()


def test_strength_zero_is_the_scan_itself(command, make_scan, tmp_path):
    scan, out = make_scan(), tmp_path / "o.nii.gz"
    assert command("denoise", scan, out, "--strength", "0", *FAST).code == 0
    np.testing.assert_array_equal(values(out), values(scan))


def test_outside_the_mask_the_scan_stays_as_it_is(command, make_scan, tmp_path):
    scan, out = make_scan(), tmp_path / "o.nii.gz"
    inside = np.zeros(values(scan).shape)
    inside[10:30, 10:30, 3:9] = 1
    mask = save_like(tmp_path / "mask.nii.gz", scan, inside)
    assert command("denoise", scan, out, "--mask", mask, "--sigma", "6", *FAST).code == 0
    changed = values(out) != values(scan)
    assert not changed[inside == 0].any()
    assert changed[inside == 1].mean() > 0.9


def _shifted(image):
    affine = image.affine.copy()
    affine[0, 3] += 1.0
    return nib.Nifti1Image(np.ones(image.shape, np.float32), affine)


def _cropped(image):
    return nib.Nifti1Image(np.ones(image.shape, np.float32)[1:], image.affine)


def _undefined(image):
    return nib.Nifti1Image(np.full(image.shape, np.nan, np.float32), image.affine)


@pytest.mark.parametrize("option", ["--mask", "--noise-map-in"])
@pytest.mark.parametrize(("change", "word"), [(_shifted, "1 mm away"), (_cropped, "shape"), (_undefined, "NaN")])
def test_mask_and_noise_map_must_lie_on_the_grid_of_the_scan(command, make_scan, tmp_path, option, change, word):
    scan, other = make_scan(), tmp_path / "other.nii.gz"
    nib.save(change(nib.load(scan)), other)
    ran = command("denoise", scan, tmp_path / "o.nii", option, other, *FAST)
    assert ran.code == 1
    assert word in ran.sentence
    assert str(other) in ran.sentence
    assert not (tmp_path / "o.nii").exists()


def test_empty_mask_is_refused(command, make_scan, tmp_path):
    scan = make_scan()
    mask = save_like(tmp_path / "mask.nii.gz", scan, 0 * values(scan))
    assert "zero everywhere" in command("denoise", scan, tmp_path / "o.nii", "--mask", mask, *FAST).sentence


def test_sidecar_keeps_the_fields_of_the_scan_and_tells_how_the_copy_was_made(command, make_scan, tmp_path):
    scan, out = make_scan("sub-01_T1w.nii.gz"), tmp_path / "derivatives"
    (tmp_path / "sub-01_T1w.json").write_text(json.dumps({"EchoTime": 0.003, "Description": "raw"}))
    out.mkdir()
    ran = command("denoise", scan, out, "--sigma", "6", "--strength", "0.5", "--threads", "1", *FAST)
    assert ran.code == 0
    fields = json.loads((out / "sub-01_desc-denoised_T1w.json").read_text())
    assert fields["EchoTime"] == 0.003
    assert fields["Sources"] == ["../sub-01_T1w.nii.gz"]
    assert fields["GeneratedBy"] == [{"Name": "quietmr", "Version": __version__}]
    assert "wiener" in fields["Description"]
    told = {key: fields[key] for key in ("ModelName", "NoiseSigma", "NoiseOrigin", "Strength", "Threads", "Seed")}
    assert told == {
        "ModelName": "wiener",
        "NoiseSigma": 6.0,
        "NoiseOrigin": "given",
        "Strength": 0.5,
        "Threads": 1,
        "Seed": None,
    }
    assert fields["CommandLine"].startswith("quietmr denoise ")
    assert fields["Warnings"] == []


def test_damaged_sidecar_of_the_scan_is_a_warning(command, make_scan, tmp_path):
    scan = make_scan()
    (tmp_path / "scan.json").write_text("{")
    ran = command("denoise", scan, tmp_path / "o.nii", "--sigma", "6", *FAST)
    assert ran.code == 0
    assert ran.err.startswith("quietmr: warning: scan.json")
    assert json.loads((tmp_path / "o.json").read_text())["Warnings"] == [
        ran.err.strip().removeprefix("quietmr: warning: ")
    ]


def test_warnings_name_the_scan_where_there_are_several(command, make_scan, tmp_path):
    scans = [make_scan(f"{name}.nii", shape=(24, 24, 6)) for name in "ab"]
    ran = command("denoise", *scans, f"{tmp_path / 'out'}/", "--sigma", "1", "--model", "gaussian")
    assert [line.split(": ")[1:3] for line in ran.err.splitlines()] == [["warning", str(scan)] for scan in scans]


def test_removing_more_than_noise_is_a_warning(command, make_scan, tmp_path):
    ran = command("denoise", make_scan(), tmp_path / "o.nii", "--sigma", "1", "--model", "gaussian")
    assert ran.code == 0
    assert "not noise alone" in ran.err


@pytest.mark.parametrize("existing", ["o.nii.gz", "o.json", "removed.nii.gz", "sigma.nii.gz", "figure.png"])
def test_no_output_is_replaced_without_force(command, make_scan, tmp_path, existing):
    scan = make_scan(shape=(24, 24, 6))
    (tmp_path / existing).write_bytes(b"precious")
    arguments = ["denoise", scan, tmp_path / "o.nii.gz", "--removed", tmp_path / "removed.nii.gz", *FAST]
    arguments += ["--noise-map-out", tmp_path / "sigma.nii.gz", "--figure", tmp_path / "figure.png"]
    before = sorted(path.name for path in tmp_path.iterdir())
    ran = command(*arguments)
    assert ran.code == 1
    assert "exists" in ran.sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / existing).read_bytes() == b"precious"
    assert command(*arguments, "--force").code == 0
    assert (tmp_path / existing).read_bytes() != b"precious"


@pytest.mark.parametrize("victim", ["scan", "sidecar", "mask", "link"])
def test_inputs_are_never_overwritten_even_with_force(command, make_scan, tmp_path, victim):
    scan = make_scan("scan.nii.gz", shape=(24, 24, 6))
    mask = save_like(tmp_path / "mask.nii.gz", scan, np.ones(values(scan).shape))
    (tmp_path / "scan.json").write_text("{}")
    (tmp_path / "link.nii.gz").hardlink_to(scan)
    out = {"scan": scan, "sidecar": tmp_path / "scan.nii", "mask": mask, "link": tmp_path / "link.nii.gz"}[victim]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    ran = command("denoise", scan, out, "--mask", mask, "--force", *FAST)
    assert ran.code == 1
    assert "never overwrites" in ran.sentence
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["figure.bmp", "figure"])
def test_figure_of_an_unknown_kind_is_refused_before_any_work(command, make_scan, tmp_path, name):
    ran = command("denoise", make_scan(), tmp_path / "o.nii", "--figure", tmp_path / name, *FAST)
    assert ran.code == 1
    assert ".png" in ran.sentence
    assert not (tmp_path / "o.nii").exists()


@pytest.mark.parametrize("option", ["--removed", "--noise-map-out"])
def test_maps_of_fractions_are_not_written_as_whole_numbers(command, make_scan, tmp_path, option):
    ran = command("denoise", make_scan(), tmp_path / "o.nii", option, tmp_path / "map.png", *FAST)
    assert ran.code == 1
    assert "fractions" in ran.sentence


def test_format_without_a_place_for_the_scan_is_refused_before_the_work(command, make_scan, tmp_path, monkeypatch):
    def never(*_args, **_kwargs):
        raise AssertionError("denoised for nothing")

    monkeypatch.setattr("quietmr.cli.denoise_scan.denoise", never)
    before = set(tmp_path.iterdir())
    scan = make_scan()
    ran = command("denoise", scan, tmp_path / "out.png", "--sigma", "6", *FAST)
    assert ran.code == 1
    assert set(tmp_path.iterdir()) - before == {scan}


def test_unknown_model_and_device_are_refused_once(command, make_scan, tmp_path):
    scans = [make_scan(f"{name}.nii.gz", shape=(16, 16, 4)) for name in "ab"]
    assert "no-such-model" in command("denoise", *scans, f"{tmp_path}/out/", "--model", "no-such-model").sentence
    assert "abacus" in command("denoise", *scans, f"{tmp_path}/out/", "--device", "abacus", *FAST).sentence


def test_words_tell_what_was_measured_and_where_files_are(command, make_scan, tmp_path):
    scan, out = make_scan(), tmp_path / "o.nii.gz"
    ran = command("denoise", scan, out, "--sigma", "6", *FAST)
    assert ran.err == ""
    for word in (
        str(scan),
        "6 per real channel",
        "as given",
        "SNR",
        "sigma RMS",
        "wiener",
        str(out),
        str(tmp_path / "o.json"),
    ):
        assert word in ran.out


def test_quiet_says_nothing(command, make_scan, tmp_path):
    ran = command("denoise", make_scan(), tmp_path / "o.nii.gz", "--quiet", "--sigma", "1", "--model", "gaussian")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.shared
def test_folder_of_dicom_becomes_a_folder_of_dicom(command, shared, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    shutil.copytree(shared("dcm_qa_nih_siemens_phantom_pairs/mr_0003"), source)
    ran = command(
        "denoise", source, out, "--figure", tmp_path / "f.png", "--noise-map-out", tmp_path / "s.nii.gz", *FAST
    )
    assert ran.code == 0
    assert len(list(out.iterdir())) == len([path for path in source.iterdir() if path.suffix == ".dcm"])
    assert json.loads((tmp_path / "out.json").read_text())["Sources"] == ["in"]
    with_slash = command("denoise", source, f"{tmp_path / 'slash'}/", *FAST)
    assert with_slash.code == 0
    assert {path.name for path in (tmp_path / "slash").iterdir()} == {path.name for path in out.iterdir()}
    again = command("denoise", source, out, *FAST)
    assert again.code == 1
    assert "exists" in again.sentence


@pytest.mark.shared
@pytest.mark.parametrize("out", [".", "sub", "../in"])
def test_output_never_goes_into_the_folder_of_the_scan(command, shared, tmp_path, monkeypatch, out):
    source = tmp_path / "in"
    shutil.copytree(shared("dcm_qa_nih_siemens_phantom_pairs/mr_0003"), source)
    monkeypatch.chdir(source)
    before = sorted(source.iterdir())
    ran = command("denoise", ".", out, "--force", *FAST)
    assert ran.code == 1
    assert ran.sentence
    assert sorted(source.iterdir()) == before
