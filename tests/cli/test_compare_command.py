"""``quietmr compare`` as a user types it."""

import csv
import json
import sys
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

FAST = ("--methods", "gaussian", "median", "--levels", "5", "--workers", "0")


@pytest.fixture(autouse=True)
def _quick(request, monkeypatch):
    """Leave out what takes longer than everything else where nobody looks at it: figures, tidying before each call."""
    monkeypatch.setattr("quietmr.evaluate.compare.meter.gc", SimpleNamespace(collect=lambda: 0))
    if "figure" not in request.node.name:
        monkeypatch.setattr("quietmr.report.compare_figure.comparison_figure", lambda results: None)
        monkeypatch.setattr("quietmr.report.figure.save_figure", lambda figure, path, force: path.touch())


@pytest.fixture
def clean(tmp_path, make_scan):
    """A clean image of an ellipsoid."""
    path = tmp_path / "clean.nii.gz"
    make_scan("noisy.nii.gz", truth=path, shape=(24, 28, 6))
    return path


def rows(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_folder_holds_table_figure_rows_and_record(command, clean, tmp_path):
    out = tmp_path / "out"
    ran = command("compare", clean, f"{out}/", *FAST, "--kinds", "white", "varying", "--seeds", 2, "--metrics", "hfen")
    assert ran.code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "plan.json", "psnr_ssim.png", "results.csv", "results.json", "table.md",
    ]  # fmt: skip
    found = rows(out)
    assert len(found) == 2 * 2 * 3
    assert {row["status"] for row in found} == {"ok"}
    assert {row["method"] for row in found} == {"untouched", "gaussian", "median"}
    assert all(float(row["hfen"]) > 0 for row in found)
    assert float(found[0]["sigma"]) == pytest.approx(0.05 * float(found[0]["reference"]), rel=1e-6)
    record = json.loads((out / "results.json").read_text())
    assert record["done"] == record["planned"] == 12
    assert "12 of 12 results" in ran.out
    assert "gaussian" in (out / "table.md").read_text()


def test_mean_of_the_record_is_that_of_the_rows(command, clean, tmp_path):
    out = tmp_path / "out"
    ran = command("compare", clean, out, *FAST, "--seeds", 3, "--json")
    record = json.loads(ran.out)
    psnr = [float(row["psnr"]) for row in rows(out) if row["method"] == "gaussian"]
    (mean,) = (entry for entry in record["means"] if entry["method"] == "gaussian")
    assert mean["scores"]["psnr"]["mean"] == pytest.approx(np.mean(psnr))
    assert mean["scores"]["psnr"]["sd"] == pytest.approx(np.std(psnr, ddof=1), rel=1e-4)
    assert record == json.loads((out / "results.json").read_text())


def test_the_same_command_again_measures_nothing_and_a_longer_one_only_what_is_new(command, clean, tmp_path):
    out = tmp_path / "out"
    command("compare", clean, out, *FAST)
    before = rows(out)
    assert command("compare", clean, out, *FAST).code == 0
    assert rows(out) == before
    command("compare", clean, out, "--methods", "wiener", "--levels", "9", "--workers", "0")
    after = rows(out)
    assert after[: len(before)] == before
    assert len(after) == 2 * 4  # two levels, four methods


def test_a_torn_row_is_measured_again(command, clean, tmp_path):
    out = tmp_path / "out"
    command("compare", clean, out, *FAST)
    whole = rows(out)
    path = out / "results.csv"
    path.write_bytes(path.read_bytes()[:-20])
    assert command("compare", clean, out, *FAST).code == 0
    scores = [{key: row[key] for key in ("method", "psnr", "ssim", "sigma")} for row in whole]
    assert [{key: row[key] for key in scores[0]} for row in rows(out)] == scores


def test_interrupted_run_leaves_a_usable_folder_and_goes_on(command, clean, tmp_path, monkeypatch):
    out = tmp_path / "out"
    from quietmr.cli import compare_run

    whole = compare_run.run

    def stopped(*given, **more):
        for number, row in enumerate(whole(*given, **more)):
            if number == 2:
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(compare_run, "run", stopped)
    ran = command("compare", clean, out, *FAST)
    assert ran.code == 130
    assert "2 of 3 results" in ran.err
    assert "2 of 3 results" in (out / "table.md").read_text()
    assert (out / "psnr_ssim.png").exists()
    monkeypatch.undo()
    assert command("compare", clean, out, *FAST).code == 0
    assert len(rows(out)) == 3


def test_a_program_that_fails_is_a_row_and_the_others_go_on(command, clean, tmp_path):
    out = tmp_path / "out"
    good = f"good={sys.executable} -c 'import shutil, sys; shutil.copy(*sys.argv[1:])' {{in}} {{out}}"
    bad = f"bad={sys.executable} -c 'raise SystemExit(\"no licence\")' {{in}} {{out}} {{sigma}}"
    ran = command("compare", clean, out, *FAST, "--external", bad, "--external", good)
    assert ran.code == 1
    assert "bad failed on 1 noisy images" in ran.err
    assert "no licence" in ran.err
    found = {row["method"]: row for row in rows(out)}
    assert found["bad"]["status"] == "failed"
    assert {found[name]["status"] for name in ("untouched", "gaussian", "median", "good")} == {"ok"}
    assert found["good"]["psnr"] == found["untouched"]["psnr"]
    assert "no licence" in (out / "table.md").read_text()


def test_a_program_that_failed_gets_another_chance(command, clean, tmp_path):
    out, tool = tmp_path / "out", tmp_path / "tool.py"
    tool.write_text("raise SystemExit('not yet')")
    words = ("compare", clean, out, *FAST, "--external", f"mine={sys.executable} {tool} {{in}} {{out}}")
    assert command(*words).code == 1
    tool.write_text("import shutil, sys; shutil.copy(*sys.argv[1:])")
    assert command(*words).code == 0
    assert "Failed" not in (out / "table.md").read_text()


def test_mask_moves_scores_inside_it(command, clean, tmp_path):
    image = nib.load(clean)
    mask = np.zeros(image.shape, np.uint8)
    mask[8:16, 8:16, 2:4] = 1
    nib.save(nib.Nifti1Image(mask, image.affine), tmp_path / "mask.nii.gz")
    psnr = {}
    for name, more in {"plain": (), "masked": ("--mask", tmp_path / "mask.nii.gz")}.items():
        assert command("compare", clean, tmp_path / name, *FAST, *more).code == 0
        psnr[name] = [(float(row["psnr"]), float(row["psnr_whole"])) for row in rows(tmp_path / name)]
    assert all(one[0] != other[0] for one, other in zip(psnr["plain"], psnr["masked"], strict=True))
    assert all(one[1] == other[1] for one, other in zip(psnr["plain"], psnr["masked"], strict=True))


def test_complex_images_and_methods_for_magnitudes(command, tmp_path, clean):
    data = np.asanyarray(nib.load(clean).dataobj) * np.exp(0.3j)
    path = tmp_path / "complex.nii.gz"
    nib.save(nib.Nifti1Image(data.astype(np.complex64), np.eye(4)), path)
    ran = command("compare", path, tmp_path / "out", "--methods", "quiet-fast")
    assert ran.code == 1
    assert "denoises magnitudes" in ran.sentence
    assert not (tmp_path / "out").exists()
    assert command("compare", path, tmp_path / "out", *FAST).code == 0


def test_images_of_one_name_are_told_apart_by_their_folders(command, clean, tmp_path):
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "t1.nii.gz")
        paths[-1].write_bytes(clean.read_bytes())
    assert command("compare", *paths, tmp_path / "out", *FAST).code == 0
    assert {row["image"] for row in rows(tmp_path / "out")} == {"one/t1", "two/t1"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["{clean}"], 2, "before the options"),
        (["{clean}", "out", "--methods", "quite"], 1, "did you mean 'quiet'"),
        (["{clean}", "out", "--metrics", "psrn"], 2, "did you mean 'psnr'"),
        (["{clean}", "out", "--kinds", "wite"], 2, "did you mean 'white'"),
        (["{clean}", "out", "--levels", "0"], 2, "percent over 0"),
        (["{clean}", "out", "--levels", "5", "-3"], 2, "percent over 0"),
        (["{clean}", "out", "--seeds", "0"], 2, "seeds"),
        (["{clean}", "out", "--reference", "brain"], 2, "p99, max"),
        (["{clean}", "out", "--reference", "nan"], 2, "p99, max"),
        (["{clean}", "out", "--external", "tool {{in}} {{out}}"], 2, "NAME=COMMAND"),
        (["{clean}", "out", "--external", "a=tool {{in}}"], 1, "{{out}}"),
        (["{clean}", "out", "--threads", "0"], 2, "--threads"),
        (["{clean}", "out", "--timeout", "0"], 2, "--timeout"),
        (["{clean}", "{clean}", "out"], 2, "same name"),
        (["{clean}", "{clean}"], 1, "is a file"),
        (["{clean}", "{folder}", "--methods", "gaussian"], 1, "holds other files"),
        (["missing.nii.gz", "out"], 1, "missing.nii.gz"),
        (["{clean}", "out", "--mask", "missing.nii.gz"], 1, "missing.nii.gz"),
        (["{clean}", "out", "--mask", "{clean}", "{clean}"], 2, "one mask"),
        (["{nan}", "out"], 1, "NaN"),
        (["{constant}", "out"], 1, "constant"),
    ],
)
def test_what_cannot_be_is_one_sentence_before_any_work(command, clean, tmp_path, words, code, said):
    affine = nib.load(clean).affine
    data = np.asanyarray(nib.load(clean).dataobj).copy()
    for name, values in {"nan": np.where(data > 100, np.nan, data), "constant": data * 0 + 3}.items():
        nib.save(nib.Nifti1Image(values.astype(np.float32), affine), tmp_path / f"{name}.nii.gz")
    places = {name: tmp_path / f"{name}.nii.gz" for name in ("clean", "nan", "constant")} | {"folder": tmp_path}
    typed = [word.format(**places) for word in words]
    typed = [str(tmp_path / "out") if word == "out" else word for word in typed]
    ran = command("compare", *typed)
    assert ran.code == code
    assert said.replace("{{", "{").replace("}}", "}") in ran.sentence
    assert not (tmp_path / "out").exists()


def test_changed_image_is_not_mixed_with_the_old_one(command, clean, tmp_path):
    out = tmp_path / "out"
    assert command("compare", clean, out, *FAST).code == 0
    image = nib.load(clean)
    nib.save(nib.Nifti1Image(image.get_fdata(dtype=np.float32) + 1, image.affine), clean)
    ran = command("compare", clean, out, *FAST)
    assert ran.code == 1
    assert "an image clean with the fingerprint" in ran.sentence
    assert command("compare", clean, out, *FAST, "--force").code == 0


def test_clean_image_that_is_noisy_is_warned_of(command, make_scan, tmp_path):
    noisy = make_scan(sigma=3.0)
    ran = command("compare", noisy, tmp_path / "out", *FAST)
    assert ran.code == 0
    assert "scan is not clean" in ran.err
    assert "scan is not clean" in (tmp_path / "out" / "table.md").read_text()
    assert command("compare", noisy, tmp_path / "out", *FAST, "--quiet").err == ""
