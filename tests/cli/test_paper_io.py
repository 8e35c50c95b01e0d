"""``quietmr denoise --paper-io``: pictures as a paper treats them, and only pictures."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import save_file
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from quietmr.models import build_architecture, create_model, load_card

ARGUMENTS = {"width": 4, "levels": 1}


def write_model(folder, architecture="denoisenet", recipe=None, **arguments):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = build_architecture(architecture, **arguments)
    path = folder / f"tiny-{architecture}.safetensors"
    save_file(network.state_dict(), path)
    card = asdict(load_card("quiet-fast")) | {
        "name": path.stem,
        "architecture": architecture,
        "arguments": arguments,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "recipe": recipe or {},
    }
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path, **ARGUMENTS)


def picture(rng, shape=(256, 256)):
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return (200 * (x**2 + y**2 < 0.6) * (0.6 + 0.4 * np.sin(7 * x + rng.random()))).clip(0, 255).astype(np.uint8)


@pytest.fixture
def folders(tmp_path, rng):
    """Two noisy pictures of different sizes and formats, and clean ones with the same names."""
    noisy, clean = tmp_path / "noisy", tmp_path / "clean"
    noisy.mkdir()
    clean.mkdir()
    for name, shape in (("a.png", (256, 256)), ("b.tif", (300, 200))):
        true = picture(rng, shape)
        bad = (true + 40 * rng.standard_normal(shape)).clip(0, 255).astype(np.uint8)
        PIL.Image.fromarray(true).save(clean / f"{name[0]}.png")
        PIL.Image.fromarray(bad).save(noisy / name)
    (noisy / "notes.txt").write_text("no picture")
    return noisy, clean


def pixels(path):
    with PIL.Image.open(path) as opened:
        assert (opened.mode, opened.size) == ("L", (256, 256))
        return np.asarray(opened)


def denoise(command, model, *words):
    return command("denoise", *words, "--paper-io", "--model", model, "--device", "cpu")


def test_values_go_straight_in_and_come_back_in_8_bits(command, model, folders, tmp_path):
    ran = denoise(command, model, folders[0], tmp_path / "out")
    assert ran.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.png", "b.png", "paper_io.json", "three_columns.png"
    ]  # fmt: skip
    (warned,) = ran.err.splitlines()
    for word in ("256 x 256", "8-bit", "rounded", "rerunning a paper only"):
        assert word in warned
    before = pixels(folders[0] / "a.png")
    with torch.no_grad():
        made = create_model(str(model)).eval()(torch.from_numpy(before / np.float32(255))[None, None, None])
    expected = np.rint(255 * made[0, 0, 0].clamp(0, 1).numpy())
    after = pixels(tmp_path / "out" / "a.png")
    assert np.abs(after - expected).max() <= 1  # a value on the edge between two whole numbers
    assert (after == expected).mean() > 0.99
    assert not np.array_equal(after, before)
    with PIL.Image.open(tmp_path / "out" / "three_columns.png") as drawn:
        assert drawn.size[0] > 600


def test_with_references_both_are_scored_by_the_convention_that_is_told(command, model, folders, tmp_path):
    ran = denoise(command, model, folders[0], tmp_path / "out", "--truth", folders[1], "--json")
    facts = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert "rerunning" in facts["warnings"][0]
    assert "data range 1, whole image" in facts["scores"]["convention"]
    clean = {name: PIL.Image.open(folders[1] / f"{name}.png").resize((256, 256), PIL.Image.BILINEAR) for name in "ab"}
    noisy = {
        name: PIL.Image.open(folders[0] / file).resize((256, 256), PIL.Image.BILINEAR)
        for name, file in (("a", "a.png"), ("b", "b.tif"))
    }
    values = {"untouched": [], "denoised": []}
    for name in "ab":
        for kind, image in (("untouched", noisy[name]), ("denoised", PIL.Image.open(tmp_path / "out" / f"{name}.png"))):
            pair = [np.asarray(x) / 255 for x in (clean[name], image)]
            values[kind].append(
                (
                    peak_signal_noise_ratio(*pair, data_range=1),
                    structural_similarity(
                        *pair, data_range=1, gaussian_weights=True, use_sample_covariance=False, full=True
                    )[1].mean(),
                )
            )
    for kind, rows in values.items():
        psnrs, ssims = zip(*rows, strict=True)
        found = facts["scores"][kind]
        assert found["psnr_mean"] == pytest.approx(np.mean(psnrs), abs=1e-6)
        assert found["psnr_sd"] == pytest.approx(np.std(psnrs, ddof=1), abs=1e-6)
        assert found["ssim_mean"] == pytest.approx(np.mean(ssims), abs=1e-6)
    assert facts["pictures"][0]["denoised"]["psnr"] == pytest.approx(values["denoised"][0][0])
    record = json.loads((tmp_path / "out" / "paper_io.json").read_text())
    assert record["weights_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()


def test_scores_are_told_in_words_and_equal_pictures_are_infinite(command, model, folders, tmp_path):
    ran = denoise(command, model, folders[0], tmp_path / "out/", "--truth", folders[1])
    assert "untouched" in ran.out
    assert "\N{PLUS-MINUS SIGN}" in ran.out
    one = denoise(command, model, folders[1] / "a.png", tmp_path / "other", "--truth", folders[1])
    assert "untouched  PSNR inf dB   SSIM 1.0000" in one.out


def test_color_is_read_as_luminance_and_lists_are_taken(command, model, tmp_path, rng):
    color = rng.integers(0, 255, (64, 80, 3), dtype=np.uint8)
    PIL.Image.fromarray(color).save(tmp_path / "c.png")
    PIL.Image.fromarray(color).convert("L").save(tmp_path / "gray.jpg", quality=95)
    ran = denoise(command, model, tmp_path / "c.png", tmp_path / "gray.jpg", tmp_path / "out")
    assert ran.code == 0
    assert "luminance is taken" in ran.err
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"c.png", "gray.png", "three_columns.png"}


def test_a_network_with_a_white_is_taken_whatever_its_head(command, folders, tmp_path):
    path = write_model(tmp_path, "dncnn", {"network": {"white": 1.5}}, layers=3)
    assert denoise(command, path, folders[0], tmp_path / "out").code == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("quiet", "units of measured noise"),
        ("none", "no trained model"),
        ("any unit", "never saw"),
        ("told", "is told the noise"),
    ],
)
def test_other_methods_are_refused(command, folders, tmp_path, kind, said):
    model = kind
    if kind == "any unit":
        model = write_model(tmp_path, "denoisenet", {"network": {"white": None}}, head="residual", **ARGUMENTS)
    elif kind == "told":
        model = write_model(tmp_path, "dncnn", {"network": {"white": 1.5}}, in_channels=2, out_channels=1, layers=3)
    ran = denoise(command, model, folders[0], tmp_path / "out")
    assert ran.code == 1
    assert said in ran.sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("--sigma", "3"), ("--mask", "m.png"), ("--report", "r.html")])
def test_options_that_do_not_apply_are_refused(command, model, folders, tmp_path, words):
    ran = denoise(command, model, folders[0], tmp_path / "out", *words)
    assert ran.code == 2
    assert f"{words[0]} does not go with --paper-io" in ran.sentence


def test_references_need_the_mode_and_a_picture_for_each(command, model, folders, tmp_path):
    assert "--paper-io" in command("denoise", folders[0], tmp_path / "out/", "--truth", folders[1]).sentence
    (folders[1] / "b.png").unlink()
    ran = denoise(command, model, folders[0], tmp_path / "out", "--truth", folders[1])
    assert "b.tif has no clean picture" in ran.sentence
    assert "folder of clean" in denoise(command, model, folders[0], tmp_path / "out", "--truth", "none").sentence


@pytest.mark.parametrize(("name", "inside"), [("t1.nii.gz", True), ("slice.dcm", False)])
def test_scans_are_refused(command, model, folders, tmp_path, name, inside):
    scan = folders[0] / name
    scan.write_bytes(b"something")
    ran = denoise(command, model, folders[0] if inside else scan, tmp_path / "out")
    assert ran.code == 1
    assert f"{name} is a scan" in ran.sentence
    assert not (tmp_path / "out").exists()


def test_what_is_no_8_bit_picture_is_refused_and_nothing_is_written(command, model, folders, tmp_path):
    def refused(said, *sources):
        ran = denoise(command, model, *(sources or (folders[0],)), tmp_path / "out")
        assert ran.code == 1
        assert said in ran.sentence
        assert not (tmp_path / "out").exists()

    refused("no file or folder", tmp_path / "missing")
    refused("is no picture", folders[0] / "notes.txt")
    (tmp_path / "empty").mkdir()
    refused("holds no picture", tmp_path / "empty")
    deep = folders[0] / "z.png"
    PIL.Image.fromarray(np.full((20, 20), 3000, np.uint16)).save(deep)
    refused("uint16")
    deep.write_bytes(b"\x89PNG broken")
    refused("z.png")
    deep.unlink()
    page = PIL.Image.fromarray(np.zeros((9, 9), np.uint8))
    page.save(folders[0] / "z.tif", save_all=True, append_images=[page])
    refused("2 pages")


def test_nothing_is_overwritten_unasked(command, model, folders, tmp_path):
    out = tmp_path / "out"
    assert denoise(command, model, folders[0], out).code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = denoise(command, model, folders[0], out)
    assert "--force" in again.sentence
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert denoise(command, model, folders[0], out, "--force").code == 0
    assert "among the inputs" in denoise(command, model, folders[0], folders[0], "--force").sentence
    PIL.Image.fromarray(np.zeros((9, 9), np.uint8)).save(folders[0] / "b.png")
    assert "written twice" in denoise(command, model, folders[0], tmp_path / "new").sentence
    (folders[0] / "b.png").rename(folders[0] / "three_columns.png")
    assert "written twice" in denoise(command, model, folders[0], tmp_path / "new").sentence


def test_a_failure_while_writing_leaves_nothing_behind(command, model, folders, tmp_path, monkeypatch):
    def full(picture, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("quietmr.cli.paper_io.save_picture", full)
    assert denoise(command, model, folders[0], tmp_path / "out").code == 1
    assert not (tmp_path / "out").exists()
