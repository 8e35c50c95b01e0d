"""Output names."""

from pathlib import Path

import pytest

from quietmr.cli.names import described, image_suffix, sidecar_of, split_suffix


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("sub-01_T1w", "sub-01_desc-denoised_T1w"),
        ("sub-01_ses-02_acq-fast_run-1_FLAIR", "sub-01_ses-02_acq-fast_run-1_desc-denoised_FLAIR"),
        ("sub-01_desc-preproc_T1w", "sub-01_desc-preprocDenoised_T1w"),
        ("scan", "scan_desc-denoised"),
        ("my scan_T1w", "my scan_T1w_desc-denoised"),
        ("sub-01", "sub-01_desc-denoised"),
    ],
)
def test_bids_names_get_the_description_before_the_kind(stem, expected):
    assert described(stem, "denoised") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.nii.gz", ("a", ".nii.gz")),
        ("a.b.nii", ("a.b", ".nii")),
        ("A.NII.GZ", ("A", ".NII.GZ")),
        ("a.dcm", ("a", ".dcm")),
        ("1.2.840.10008", ("1.2.840.10008", "")),
        ("notes.txt", ("notes.txt", "")),
    ],
)
def test_only_known_suffixes_are_taken_off(name, expected):
    assert split_suffix(Path("folder") / name) == expected


def test_a_folder_has_no_suffix(tmp_path):
    folder = tmp_path / "series.dcm"
    folder.mkdir()
    assert split_suffix(folder) == ("series.dcm", "")
    assert sidecar_of(folder) == tmp_path / "series.dcm.json"


def test_the_working_folder_has_a_name_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sidecar_of(Path()) == tmp_path.parent / f"{tmp_path.name}.json"


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.nii.gz", ".nii.gz"), ("a.nii", ".nii"), ("a.img", ".nii.gz"), ("a.jpg", ".png"), ("a.png", ".png")],
)
def test_formats_that_are_only_read_become_lossless_ones(name, suffix):
    assert image_suffix(Path(name)) == suffix
