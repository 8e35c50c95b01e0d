"""Which files are shown, and which belong together."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from quietmr.cli.names import described
from quietmr.data import InputError
from quietmr.report.viewer import files
from quietmr.report.viewer.files import find
from quietmr.report.viewer.names import split_role
from quietmr.report.viewer.pairing import pair


def scenes_of(*paths: Path):
    """Scenes as names of their parts, and the notes."""
    scenes, notes = pair(find(paths))
    return [{part: volume.name for part, volume in scene.volumes.items()} for scene in scenes], notes


# ---- names ----


@pytest.mark.parametrize("role", ["denoised", "removed", "noise"])
@pytest.mark.parametrize(
    "stem", ["MR", "sub-01_T1w", "sub-01_ses-2_acq-fast_desc-preproc_bold", "scan.v2", "echo_1", "a b", "Ünal"]
)
def test_names_that_denoise_makes_are_read_back(stem, role):
    assert split_role(described(stem, role)) == (stem, role)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("epi_removed", ("epi", "removed")),
        ("t1-Noise", ("t1", "noise")),
        ("removed", ("", "removed")),
        ("t1", ("t1", None)),
        ("desc-denoisedlater_x", ("desc-denoisedlater_x", None)),
        ("undenoised", ("undenoised", None)),
        ("", ("", None)),
    ],
)
def test_names_that_people_make(stem, expected):
    assert split_role(stem) == expected


# ---- pairs ----


def test_outputs_of_denoise_are_one_scene(save, tmp_path):
    for name in ("sub-01_T1w", "sub-01_desc-denoised_T1w", "sub-01_desc-removed_T1w", "sub-01_desc-noise_T1w"):
        save(f"{name}.nii.gz")
    save("sub-01_bold.nii.gz", shape=(12, 14, 10, 5))
    scenes, notes = scenes_of(tmp_path)
    assert scenes == [
        {
            "before": "sub-01_T1w.nii.gz",
            "after": "sub-01_desc-denoised_T1w.nii.gz",
            "removed": "sub-01_desc-removed_T1w.nii.gz",
            "noise": "sub-01_desc-noise_T1w.nii.gz",
        },
        {"before": "sub-01_bold.nii.gz"},
    ]
    assert notes == []


def test_sidecar_leads_to_a_scan_outside_the_folder_and_to_any_name(save, tmp_path):
    save("raw/mr.nii")
    save("out/clean.nii", Sources=["../raw/mr.nii"], DenoisedAs="magnitude", ModelName="quiet", NoiseSigma=3.5)
    save("out/removed.nii")
    scenes, notes = pair(find([tmp_path / "out"]))
    assert [volume.path for volume in scenes[0].volumes.values()] == [
        tmp_path / "raw/mr.nii",
        tmp_path / "out/clean.nii",
        tmp_path / "out/removed.nii",
    ]
    assert scenes[0].facts == {"ModelName": "quiet", "NoiseSigma": 3.5}
    assert (len(scenes), notes) == (1, [])


def test_sidecar_wins_over_the_name(save, tmp_path):
    save("a.nii", shape=(4, 4, 4))
    save("b.nii", shape=(4, 4, 4))
    save("a_denoised.nii", shape=(4, 4, 4), Sources=["b.nii"])
    assert scenes_of(tmp_path)[0] == [{"before": "b.nii", "after": "a_denoised.nii"}, {"before": "a.nii"}]


@pytest.mark.parametrize(
    "sources",
    [
        None,
        [],
        "scan.nii",
        [3],
        [None],
        ["gone.nii"],
        ["bids::sub-01/scan.nii"],
        ["raw.h5"],
        ["../../etc/passwd"],
        ["a\0.nii"],
    ],
)
def test_sources_that_lead_nowhere_leave_the_name_to_decide(save, tmp_path, sources):
    save("scan.nii")
    save("scan_desc-denoised.nii", Sources=sources)
    assert scenes_of(tmp_path)[0] == [{"before": "scan.nii", "after": "scan_desc-denoised.nii"}]


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", "[" * 100_000])
def test_damaged_sidecars_are_no_sidecars(save, tmp_path, text):
    save("scan.nii")
    save("scan_desc-denoised.nii")
    (tmp_path / "scan_desc-denoised.json").write_bytes(text.encode("latin-1"))
    assert scenes_of(tmp_path)[0] == [{"before": "scan.nii", "after": "scan_desc-denoised.nii"}]


def test_two_copies_of_one_scan_are_two_scenes_under_their_own_names(save, tmp_path):
    save("mr.nii")
    save("fast/mr_desc-denoised.nii", Sources=["../mr.nii"])
    save("best/mr_desc-denoised.nii", Sources=["../mr.nii"])
    save("best/mr_desc-removed.nii")
    scenes, _ = pair(find([tmp_path]))
    assert [scene.name for scene in scenes] == ["best/mr_desc-denoised.nii", "fast/mr_desc-denoised.nii"]
    assert [list(scene.volumes) for scene in scenes] == [["before", "after", "removed"], ["before", "after"]]


def test_two_scans_alone_are_before_and_after_in_the_order_given(save):
    first, second = save("z.nii"), save("a.nii")
    assert scenes_of(first, second)[0] == [{"before": "z.nii", "after": "a.nii"}]
    third = save("c.nii")
    assert len(scenes_of(first, second, third)[0]) == 3


def test_noise_map_alone_goes_with_its_scan(save, tmp_path):
    save("mr.nii")
    save("mr_desc-noise.nii")
    assert scenes_of(tmp_path)[0] == [{"before": "mr.nii", "noise": "mr_desc-noise.nii"}]


@pytest.mark.parametrize("how", ["size", "place"])
def test_other_grids_are_not_shown_together(save, tmp_path, how):
    moved = np.diag([2.0, 2.0, 3.0, 1.0])
    moved[0, 3] = 1.0
    other = {"shape": (12, 14, 9)} if how == "size" else {"affine": moved}
    save("mr.nii")
    save("mr_desc-denoised.nii", **other)
    save("mr_desc-removed.nii")
    scenes, notes = scenes_of(tmp_path)
    assert {"after": "mr_desc-denoised.nii"} in scenes
    assert {"before": "mr.nii"} in [{"before": scene.get("before")} for scene in scenes]
    assert all("not on one grid" in note for note in notes)
    assert notes


def test_one_map_for_all_frames(save, tmp_path):
    save("bold.nii", shape=(6, 6, 6, 4))
    save("bold_desc-denoised.nii", shape=(6, 6, 6, 4))
    save("bold_desc-noise.nii", shape=(6, 6, 6))
    scenes, notes = pair(find([tmp_path]))
    assert [volume.n_frames for volume in scenes[0].volumes.values()] == [4, 4, 1]
    assert notes == []


# ---- files ----


def test_only_nifti_files_are_found_in_all_folders_but_hidden_ones(save, tmp_path):
    for name in ("b.nii", "deep/er/a.NII.GZ", ".hidden/c.nii", "._b.nii"):
        save(name)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder.nii").mkdir()
    os.mkfifo(tmp_path / "pipe.nii")
    assert [volume.name for volume in find([tmp_path]).volumes] == ["b.nii", "deep/er/a.NII.GZ"]


def test_links_out_of_the_folder_are_left_out_with_a_word(save, tmp_path):
    secret = save("elsewhere/secret.nii")
    save("out/mr.nii")
    (tmp_path / "out/link.nii").symlink_to(secret)
    (tmp_path / "out/inside.nii").symlink_to("mr.nii")
    (tmp_path / "out/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out/broken.nii").symlink_to("gone.nii")
    found = find([tmp_path / "out"])
    assert [volume.path for volume in found.volumes] == [tmp_path / "out/mr.nii"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("link.nii is not shown: it is a link that leads out")
    assert [volume.path for volume in find([tmp_path / "out/link.nii"]).volumes] == [secret]


def test_damaged_files_are_left_out_with_a_word(save, tmp_path):
    good = save("good.nii.gz")
    (tmp_path / "empty.nii").write_bytes(b"")
    (tmp_path / "text.nii").write_text("not an image " * 100)
    (tmp_path / "cut.nii.gz").write_bytes(good.read_bytes()[:40])
    (tmp_path / "plain.nii.gz").write_text("not compressed")
    found = find([tmp_path])
    assert [volume.name for volume in found.volumes] == ["good.nii.gz"]
    assert sorted(note.split()[0] for note in found.notes) == ["cut.nii.gz", "empty.nii", "plain.nii.gz", "text.nii"]


def test_what_cannot_be_shown_is_one_sentence(save, tmp_path):
    (tmp_path / "dicom").mkdir()
    for number in range(3):
        (tmp_path / f"dicom/{number}.dcm").write_bytes(b"x")
    (tmp_path / "none").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/x.nii").write_bytes(b"x")
    for path, words in [
        ("dicom", "it holds 3 .dcm"),
        ("dicom/0.dcm", "is not NIfTI"),
        ("none", "it is empty"),
        ("gone", "no file or folder"),
        ("bad", "x.nii is not shown"),
    ]:
        with pytest.raises(InputError, match=words):
            find([tmp_path / path])


def test_too_many_files_are_refused(save, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    for number in range(2):
        save(f"{number}.nii")
    assert len(find([tmp_path]).volumes) == 2
    save("2.nii")
    with pytest.raises(InputError, match="more than 2"):
        find([tmp_path])


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_volumes_are_sent_as_their_magnitude(save, rng, dtype):
    import nibabel as nib

    values = (rng.standard_normal((4, 5, 6)) + 1j * rng.standard_normal((4, 5, 6))).astype(dtype)
    (volume,) = find([save("c.nii.gz", values=values)]).volumes
    assert volume.is_converted
    sent = nib.Nifti1Image.from_bytes(files.magnitude_file(volume))
    np.testing.assert_allclose(sent.get_fdata(), np.abs(values), rtol=1e-6)
    np.testing.assert_array_equal(sent.affine, volume.affine)
    assert not find([save("r.nii", values=np.abs(values).astype(np.float32))]).volumes[0].is_converted


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 7, 2, 3)])
def test_pictures_and_long_series(save, shape):
    (volume,) = find([save("x.nii", shape=shape)]).volumes
    assert len(volume.shape) >= 3
    assert volume.n_frames == int(np.prod(shape[3:]))


def test_sidecar_of_a_real_run_pairs(save, tmp_path):
    from quietmr.cli.sidecar import made_from, write_sidecar

    scan, copy = save("raw/x.nii.gz"), save("out/y.nii.gz")
    fields = {**made_from([scan], tmp_path / "out/y.json", "Denoised."), "DenoisedAs": "magnitude"}
    write_sidecar(tmp_path / "out/y.json", fields)
    assert json.loads((tmp_path / "out/y.json").read_text())["Sources"] == ["../raw/x.nii.gz"]
    (scene,), _ = pair(find([tmp_path / "out"]))
    assert (scene.before.path, scene.after.path) == (scan, copy)
