"""``quietmr evaluate``: every way to measure, and every wrong way to ask."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

SHAPE = (40, 36, 12)
AFFINE = np.diag([1.5, 1.5, 3.0, 1.0])
SIGMA = 8.0


@pytest.fixture
def save(tmp_path):
    def write(name, values, affine=AFFINE):
        path = tmp_path / name
        nib.save(nib.Nifti1Image(np.asarray(values, dtype=np.float32), affine), path)
        return path

    return write


@pytest.fixture
def clean():
    rng = np.random.default_rng(5)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    structure = gaussian_filter(rng.standard_normal(SHAPE), 2.0)
    return (sum(a**2 for a in axes) < 0.8) * np.clip(100 + 25 * structure / structure.std(), 40, None)


def noisy(clean, seed=1):
    rng = np.random.default_rng(seed)
    real, imaginary = SIGMA * rng.standard_normal((2, *clean.shape))
    return np.hypot(clean + real, imaginary)


@pytest.fixture
def scan(save, clean):
    return save("scan.nii.gz", noisy(clean))


def test_scores_are_those_of_the_definition_and_the_denoised_copy_is_nearer(command, save, clean, scan):
    paths = scan, save("half.nii.gz", (noisy(clean) + clean) / 2), save("clean.nii.gz", clean)
    ran = command("evaluate", paths[0], paths[1], "--truth", paths[2], "--data-range", 150, "--sigma", SIGMA, "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    before, after = facts["scores"]
    wanted = 20 * np.log10(150 / np.sqrt(np.mean((noisy(clean) - clean).astype(np.float32) ** 2)))
    assert before["psnr"] == pytest.approx(wanted, abs=1e-3)
    assert after["psnr"] == pytest.approx(wanted + 20 * np.log10(2), abs=1e-3)
    assert (facts["data_range"], facts["data_range_origin"], facts["voxels"]) == (150, "given", clean.size)


def test_csv_holds_one_line_per_image(command, save, clean, scan, tmp_path):
    truth, out = save("clean.nii.gz", clean), tmp_path / "scores.csv"
    ran = command("evaluate", scan, "--truth", truth, "--csv", out)
    assert ran.code == 0, ran.err
    assert "PSNR [dB]" in ran.out
    (row,) = csv.DictReader(out.read_text().splitlines())
    assert row["image"] == str(scan)
    assert float(row["psnr"]) > 15
    assert "exists" in command("evaluate", scan, "--truth", truth, "--csv", out).sentence


def test_the_verdict_and_the_map_where_structure_went(command, save, clean, scan, tmp_path):
    out = tmp_path / "structure.nii.gz"
    copy = save("blurred.nii.gz", gaussian_filter(noisy(clean), 1.5))
    ran = command("evaluate", scan, copy, "--sigma", SIGMA, "--structure-out", out, "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert facts["verdict"] == "structure removed"
    assert {"name", "value", "limits", "passed", "words", "source"} <= set(facts["findings"][0])
    assert nib.load(out).shape == SHAPE
    words = command("evaluate", scan, copy, "--sigma", SIGMA).out
    assert "verdict   structure removed" in words


def test_the_gain_of_a_linear_filter_has_a_closed_form(command, save, clean, scan, tmp_path):
    truth, gain, left = save("clean.nii.gz", clean + 500), tmp_path / "gain.nii.gz", tmp_path / "sd.nii.gz"
    bright = save("bright.nii.gz", noisy(clean + 500))
    ran = command(
        "evaluate", bright, "--truth", truth, "--sigma", SIGMA, "--model", "gaussian",
        "--monte-carlo", 24, "--gain-out", gain, "--noise-map-out", left, "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    impulse = np.zeros((17, 17, 17))
    impulse[8, 8, 8] = 1
    wanted = 1 / np.linalg.norm(gaussian_filter(impulse, 0.5))
    assert facts["gain"] == pytest.approx(wanted, rel=0.05)
    assert facts["around"] == "truth"
    assert np.median(nib.load(gain).get_fdata()) == pytest.approx(facts["gain"], rel=0.05)
    assert np.median(nib.load(left).get_fdata()) == pytest.approx(SIGMA / wanted, rel=0.05)


def test_lesions_survive_a_narrow_filter_better_if_they_are_large(command, scan):
    ran = command("evaluate", scan, "--sigma", SIGMA, "--model", "gaussian", "--lesions", "--json")
    assert ran.code == 0, ran.err
    lesions = json.loads(ran.out)["lesions"]
    kept = np.array(lesions["kept"])
    assert kept.shape == (len(lesions["diameters_mm"]), len(lesions["contrasts_sigma"]))
    assert (np.diff(kept.mean(axis=1)) > 0).all()
    assert "mm" in command("evaluate", scan, "--sigma", SIGMA, "--model", "gaussian", "--lesions").out


def test_the_same_seed_gives_the_same_numbers(command, scan):
    def gain(seed):
        words = ("evaluate", scan, "--sigma", SIGMA, "--model", "median", "--monte-carlo", 3, "--seed", seed, "--json")
        return json.loads(command(*words).out)["gain"]

    assert gain(1) == gain(1) != gain(2)


def test_repeats_become_more_alike_and_their_frames_are_repeats_too(command, save, clean):
    scans = [save(f"repeat{seed}.nii.gz", noisy(clean, seed)) for seed in range(3)]
    words = "--repeats", "--model", "gaussian", "--sigma", SIGMA, "--json"
    apart = json.loads(command("evaluate", *scans, *words).out)
    assert apart["repeats"] == 3
    assert apart["sd_before"] == pytest.approx(SIGMA, rel=0.05)
    assert apart["sd_after"] < 0.8 * apart["sd_before"]
    series = save("series.nii.gz", np.stack([noisy(clean, seed) for seed in range(3)], axis=-1))
    together = json.loads(command("evaluate", series, *words).out)
    assert together["sd_after"] == pytest.approx(apart["sd_after"], rel=1e-4)


WRONG = {
    "nothing": ((), 0, "usage"),
    "alone": (("scan",), 2, "alone tells nothing"),
    "three": (("scan", "scan", "scan"), 2, "add --repeats"),
    "pair and replicas": (("scan", "other", "--lesions"), 2, "name the scan alone"),
    "repeats and truth": (("scan", "other", "--repeats", "--truth", "other"), 2, "stands alone"),
    "gain without replicas": (("scan", "--lesions", "--gain-out", "g.nii.gz"), 2, "--monte-carlo N"),
    "map of the wrong way": (("scan", "other", "--gain-out", "g.nii.gz"), 2, "--gain-out goes with"),
    "csv without truth": (("scan", "other", "--csv", "a.csv"), 2, "add --truth"),
    "csv of another kind": (("scan", "--truth", "other", "--csv", "a.txt"), 1, "name a .csv file"),
    "one replica": (("scan", "--monte-carlo", "1"), 2, "2 or more"),
    "negative sigma": (("scan", "other", "--sigma", "-1"), 2, "positive number"),
    "unknown model": (("scan", "--lesions", "--model", "quit"), 1, "There is no method 'quit'"),
    "one repeat": (("scan", "--repeats"), 1, "two at least"),
    "truth again": (("scan", "--truth", "scan"), 1, "equals the truth"),
    "another grid": (("scan", "moved"), 1, "another affine"),
    "another shape": (("scan", "small"), 1, "has shape"),
    "no such file": (("scan", "absent.nii.gz"), 1, "absent.nii.gz"),
    "empty mask": (("scan", "other", "--mask", "empty"), 1, "zero everywhere"),
    "output is an input": (("scan", "other", "--structure-out", "scan"), 1, "is an input"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_gets_one_sentence(case, command, save, clean, scan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moved = AFFINE.copy()
    moved[0, 3] = 40
    files = {
        "scan": scan,
        "other": save("other.nii.gz", gaussian_filter(noisy(clean), 0.5)),
        "moved": save("moved.nii.gz", noisy(clean), moved),
        "small": save("small.nii.gz", noisy(clean)[:-1]),
        "empty": save("empty.nii.gz", 0 * clean),
    }
    before = sorted(tmp_path.iterdir())
    words, code, sentence = WRONG[case]
    ran = command("evaluate", *(files.get(word, word) for word in words))
    assert ran.code == code
    assert sentence in (ran.sentence if code else ran.out)
    assert sorted(tmp_path.iterdir()) == before


def test_nan_in_the_truth_is_told(command, save, clean, scan):
    broken = clean.copy()
    broken[20, 18, 6] = np.nan
    ran = command("evaluate", scan, "--truth", save("broken.nii.gz", broken))
    assert ran.code == 1
    assert "NaN" in ran.sentence
