"""``quietmr report`` and ``quietmr denoise --report``: a page for every scan, or one sentence."""

import json
import re

import nibabel as nib
import numpy as np
import PIL.Image
import pytest

FAST = ("--model", "wiener")


@pytest.fixture
def denoised(command, make_scan, tmp_path):
    """A scan and its denoised copy."""
    scan, copy = make_scan(shape=(48, 52, 24)), tmp_path / "copy.nii.gz"
    assert command("denoise", scan, copy, *FAST).code == 0
    return scan, copy


def told(page):
    """Words of a page, without its data."""
    text = page.read_text(encoding="utf-8").split('<script type="application/json"')[0]
    return " ".join(re.sub(r"<[^>]*>", " ", text.split("</style>")[1]).split())


def test_denoise_writes_a_page_with_everything_that_was_measured(command, make_scan, tmp_path):
    scan, page = make_scan("sub-01_T1w.nii.gz", shape=(48, 52, 24)), tmp_path / "page.html"
    ran = command("denoise", scan, tmp_path / "o.nii.gz", "--report", page, "--json", *FAST)
    assert ran.code == 0
    facts = json.loads(ran.out)
    assert facts["report"] == str(page)
    text = told(page)
    for words in (
        "sub-01_T1w.nii.gz",
        f"{facts['removed_rms']:.2f} σ",
        f"SNR {facts['snr']:.3g} →",
        "measured with 4 draws of noise",
        "of its contrast",
        "Model card of wiener",
        f"quietmr denoise {scan}",
    ):
        assert words in text, words


def test_pages_of_several_scans_go_into_a_folder(command, make_scan, tmp_path):
    scans = [make_scan(f"sub-0{i}_T1w.nii.gz", shape=(24, 24, 6)) for i in (1, 2)]
    assert command("denoise", *scans, f"{tmp_path / 'out'}/", "--report", f"{tmp_path / 'pages'}/", *FAST).code == 0
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {
        f"sub-0{i}_desc-denoised_T1w.html" for i in (1, 2)
    }


def test_report_compares_any_two_images(command, denoised, tmp_path):
    scan, copy = denoised
    copy.with_name("copy.json").unlink()
    page = tmp_path / "page.html"
    ran = command("report", scan, copy, page)
    assert ran.code == 0
    assert str(page) in ran.out
    text = told(page)
    assert "Give --model NAME, and it is measured." in text
    assert "→" not in text.split("Is it noise?")[0].replace("← →", "")
    given = command("report", scan, copy, page, "--force", "--model", "wiener", "--sigma", 6)
    assert given.code == 0
    assert "of its contrast" in told(page)
    assert "Rician, as given" in told(page)


def test_report_takes_the_model_from_the_sidecar(command, denoised, tmp_path):
    scan, copy = denoised
    ran = command("report", scan, copy, tmp_path / "page.html", "--json")
    assert json.loads(ran.out)["model"] == "wiener"
    assert "Model card of wiener" in told(tmp_path / "page.html")


def test_a_model_in_the_sidecar_that_is_not_here_is_left_out(command, denoised, tmp_path):
    scan, copy = denoised
    copy.with_name("copy.json").write_text(json.dumps({"ModelName": "other", "Strength": "much"}))
    ran = command("report", scan, copy, tmp_path / "page.html", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["model"] is None


def test_mask_and_noise_map_are_used(command, denoised, tmp_path):
    scan, copy = denoised
    affine, shape = nib.load(scan).affine, nib.load(scan).shape
    mask = np.zeros(shape, np.uint8)
    mask[10:40, 10:40, 4:20] = 1
    nib.save(nib.Nifti1Image(mask, affine), tmp_path / "mask.nii.gz")
    nib.save(
        nib.Nifti1Image(np.linspace(5, 7, shape[0])[:, None, None] + np.zeros(shape), affine), tmp_path / "s.nii.gz"
    )
    options = ("--mask", tmp_path / "mask.nii.gz", "--noise-map-in", tmp_path / "s.nii.gz")
    ran = command("report", scan, copy, tmp_path / "page.html", "--json", *options)
    assert json.loads(ran.out)["sigma"] == pytest.approx(6, abs=0.3)
    assert 'value="sigma"' in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("shape", "has shape"),
        ("place", "mm away"),
        ("same", "are the same, voxel by voxel"),
        ("complex", "is real and"),
        ("nan", "No voxel is finite"),
    ],
)
def test_what_does_not_belong_together_is_refused_in_a_sentence(command, denoised, tmp_path, change, sentence):
    scan, copy = denoised
    image = nib.load(copy)
    data, affine = image.get_fdata(dtype=np.float32), image.affine.copy()
    if change == "shape":
        data = data[:-1]
    elif change == "place":
        affine[0, 3] += 5
    elif change == "same":
        data = nib.load(scan).get_fdata(dtype=np.float32)
    elif change == "complex":
        data = data.astype(np.complex64)
    elif change == "nan":
        data[:] = np.nan
    nib.save(nib.Nifti1Image(data, affine), copy)
    ran = command("report", scan, copy, tmp_path / "page.html", "--sigma", 6)
    assert ran.code == 1
    assert sentence in ran.sentence
    assert not (tmp_path / "page.html").exists()


def test_an_empty_mask_is_refused(command, denoised, tmp_path):
    scan, copy = denoised
    empty = nib.Nifti1Image(np.zeros(nib.load(scan).shape, np.uint8), nib.load(scan).affine)
    nib.save(empty, tmp_path / "mask.nii.gz")
    ran = command("report", scan, copy, tmp_path / "page.html", "--mask", tmp_path / "mask.nii.gz")
    assert ran.code == 1
    assert "zero everywhere" in ran.sentence


@pytest.mark.parametrize("name", ["page.pdf", "page", "nowhere/page.html"])
def test_names_that_cannot_be_written_are_refused_before_any_work(command, make_scan, tmp_path, name):
    scan = make_scan()
    for arguments in (
        ("denoise", scan, tmp_path / "o.nii.gz", "--report", tmp_path / name),
        ("report", scan, scan, tmp_path / name),
    ):
        ran = command(*arguments)
        assert ran.code == 1
        assert ".html" in ran.sentence or "There is no folder" in ran.sentence
    assert not (tmp_path / "o.nii.gz").exists()


def test_a_page_is_overwritten_only_by_force(command, denoised, tmp_path):
    scan, copy = denoised
    page = tmp_path / "page.html"
    page.write_text("old")
    assert "--force" in command("report", scan, copy, page).sentence
    assert "--force" in command("denoise", scan, tmp_path / "o.nii.gz", "--report", page, *FAST).sentence
    assert page.read_text() == "old"
    assert command("report", scan, copy, page, "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("a.nii",), "Name the scan, its denoised copy and the page"),
        (("a.nii", "b.nii", "c.html", "d.html"), "Name the scan"),
        (("a.nii", "b.nii", "c.html", "--sigma", "-1"), "positive number"),
        (("a.nii", "b.nii", "c.html", "--sigma", "1", "--noise-map-in", "m.nii"), "choose one"),
    ],
)
def test_wrong_usage_is_told(command, arguments, sentence):
    ran = command("report", *arguments)
    assert ran.code == 2
    assert sentence in ran.sentence


def test_an_unknown_model_is_refused(command, denoised, tmp_path):
    ran = command("report", *denoised, tmp_path / "page.html", "--model", "magic")
    assert ran.code == 1
    assert "There is no method 'magic'" in ran.sentence


def test_a_picture_and_an_image_without_noise_have_pages_too(command, tmp_path, rng):
    picture = np.clip(100 + 10 * rng.standard_normal((64, 72)), 0, 255).astype(np.uint8)
    for name, pixels in {"noisy.png": picture, "flat.png": np.full_like(picture, 100)}.items():
        PIL.Image.fromarray(pixels).save(tmp_path / name)
        page = tmp_path / f"{name}.html"
        assert command("denoise", tmp_path / name, tmp_path / f"o{name}", "--report", page, *FAST).code == 0
        assert page.exists()
    assert "Nothing" in told(tmp_path / "flat.png.html")
