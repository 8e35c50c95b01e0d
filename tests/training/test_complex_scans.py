"""Scans for complex training: their own phase, noise and g-maps, and that maps stay where they belong."""

import hashlib
import re
import warnings
from dataclasses import replace
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pytest
import torch

from quietmr.data import Geometry, Image, InputError, NoiseMap, QuietmrWarning
from quietmr.io import write
from quietmr.io.raw import write_raw
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.training.complex_batches import ComplexBatches, SampleBank
from quietmr.training.complex_pairs import complex_batch, complex_pair
from quietmr.training.complex_scans import ComplexScan, load_unit
from quietmr.training.complex_shelf import Rotation, load_shelf
from quietmr.training.held_out import draw_held_out
from quietmr.training.mr_recipe import MrRecipe
from quietmr.training.recipe import Patch, Recipe
from quietmr.training.scan_files import scan_facts
from quietmr.training.scan_recipe import ScanRecipe

from .conftest import save, smooth_volume

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

DOCS = Path(__file__).parents[2] / "docs" / "training.md"


def smooth_series(shape, rng, level=200.0):
    """A smooth object with a smooth phase, (T, Z, Y, X), of this SNR where g is 1, with its noise."""
    volume = smooth_volume(rng, (shape[0] * shape[1], *shape[2:])).reshape(shape) * (level / 800)
    y, x = np.mgrid[-1 : 1 : shape[2] * 1j, -1 : 1 : shape[3] * 1j]
    noise = rng.standard_normal((2, *shape))
    return (volume * np.exp(1j * (2 * y + x)) + noise[0] + 1j * noise[1]).astype(np.complex64)


def write_series(path, **cases):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, arrays in cases.items():
            for key, array in arrays.items():
                file[f"{name}/{key}"] = array
    return path


def loaded(path, **settings):
    case = settings.pop("case", "")
    return load_unit((path, case), ScanRecipe(folder=str(path.parent), **settings))


def recipe_of(folder, *, patch=(4, 16, 16), mr=None, **scans):
    settings = {"folder": str(folder), "share": 1.0, "gamma": 0.0, **scans}
    return Recipe.model_validate(
        {
            "name": "x",
            "channels": "complex",
            "network": {"arguments": {"in_channels": 3, "out_channels": 2}},
            "scans": settings,
            "patches": [{"shape": patch, "batch": 3}],
            "mr": mr or {},
            "workers": 0,
            "validation_cases": 3,
        }
    )


def test_raw_data_are_reconstructed_with_their_g_maps(tmp_path, rng):
    protocol = RawProtocol(
        subject="disk",
        matrix=(48, 48, 1),
        coils=6,
        acceleration=(2, 1),
        calibration="embedded",
        calibration_lines=(24, 1),
        frames=5,
        snr=100.0,
    )
    scan = simulate_raw(protocol, rng)
    write_raw(scan.kspace, tmp_path / "raw.h5")
    (found,) = loaded(tmp_path / "raw.h5")
    assert (found.picture.shape, found.picture.dtype, found.in_time) == ((5, 48, 48), np.complex64, True)
    # Noise of SD g per real channel where the brightest tissue is 1, g of the scan itself first, then R = 2 to 8.
    from quietmr.recon import gfactor_maps, reconstruct

    image = reconstruct(scan.kspace)
    scale = np.median(np.abs(image.data)) / np.median(np.abs(found.picture))
    own, others = image.noise.sigma[0], gfactor_maps(scan.kspace).data
    # In air g may be near 0; there it is a tenth of its median.
    np.testing.assert_allclose(found.native * scale, own.clip(0.1 * np.median(own)), rtol=1e-4)
    np.testing.assert_allclose(found.gmaps[0], own.clip(0.1 * np.median(own)), rtol=1e-5)
    assert len(found.gmaps) == 1 + len(others)
    np.testing.assert_allclose(found.gmaps[3], others[2].clip(0.1 * np.median(others[2])), rtol=1e-5)
    # What was reconstructed and written before is the same scan.
    write(image, tmp_path / "image.h5")
    (again,) = loaded(tmp_path / "image.h5")
    np.testing.assert_allclose(again.picture, found.picture, rtol=1e-5)
    np.testing.assert_allclose(again.native, found.native, rtol=1e-5)
    facts = scan_facts(ScanRecipe(folder=str(tmp_path)))
    assert [(fact["file"], fact["kind"]) for fact in facts] == [("image.h5", "image"), ("raw.h5", "raw")]
    assert facts[1]["sha256"] == hashlib.sha256((tmp_path / "raw.h5").read_bytes()).hexdigest()
    # Without a noise scan there are no SNR units.
    write_raw(scan.kspace.replace(noise=None), tmp_path / "silent.h5")
    with pytest.raises(InputError, match=r"silent\.h5 cannot be learned from.*noise"):
        loaded(tmp_path / "silent.h5")


def test_complex_nifti_keeps_its_phase_and_its_measured_noise(tmp_path, rng):
    series = 50 * smooth_series((1, 12, 64, 64), rng)
    nib.save(nib.Nifti1Image(series.transpose(3, 2, 1, 0)[..., 0], np.eye(4)), tmp_path / "a.nii.gz")
    (told,) = loaded(tmp_path / "a.nii.gz", sigma=50.0)
    ratio = told.picture / series[0]
    np.testing.assert_allclose(ratio, ratio[0, 0, 0], rtol=1e-4)
    np.testing.assert_allclose(told.native / ratio[0, 0, 0].real, 50.0, rtol=1e-4)
    assert told.gmaps == ()
    (measured,) = loaded(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(np.median(measured.native), np.median(told.native), rtol=0.1)


def test_a_magnitude_counts_as_clean(tmp_path, rng):
    save(tmp_path / "a.nii.gz", smooth_volume(rng)[None])
    (scan,) = loaded(tmp_path / "a.nii.gz")
    assert (scan.picture.dtype, scan.native, scan.gmaps) == (np.float32, None, ())


def test_the_example_of_the_docs_is_read(tmp_path, monkeypatch, rng):
    """The five lines that the docs tell other groups to write."""
    (example,) = re.findall(r"```python\n(import h5py\n.*?)```", DOCS.read_text(), re.DOTALL)
    assert 0 < len(example.strip().splitlines()) <= 6
    image = smooth_series((8, 1, 40, 44), rng)[:, 0]
    gmap = rng.uniform(1, 2, (40, 44)).astype(np.float32)
    monkeypatch.chdir(tmp_path)
    exec(example, {"image": image, "gmap": gmap, "gmaps": np.stack([gmap, 2 * gmap])})
    ((_, case), (scan,)) = load_shelf(ScanRecipe(folder=str(tmp_path))).scans[0]
    assert case == "case001"
    ratio = scan.picture / image
    np.testing.assert_allclose(ratio, ratio[0, 0, 0], rtol=1e-4)
    np.testing.assert_allclose(scan.native[0], gmap * ratio[0, 0, 0].real, rtol=1e-4)
    np.testing.assert_allclose([one[0] for one in scan.gmaps], [gmap, gmap, 2 * gmap], rtol=1e-5)
    assert [fact["kind"] for fact in scan_facts(ScanRecipe(folder=str(tmp_path)))] == ["complex series"]
    batch = next(iter(ComplexBatches(recipe_of(tmp_path))))
    assert [part.shape for part in batch] == [(3, 4, 16, 16), (3, 1, 16, 16), (3,), (3, 1, 16, 16)]


def coded_scan(maps_in_f):
    """A scan whose pixels say where they are, and whose maps say it too."""
    place = np.arange(6 * 20 * 20, dtype=np.float32).reshape(6, 20, 20) / 2400 + 0.1
    plane = place if maps_in_f else place[:1]
    return ComplexScan((place + 0j).astype(np.complex64), plane + 2, (plane + 3, plane + 4), in_time=True)


@pytest.mark.parametrize("maps_in_f", [False, True])
@pytest.mark.parametrize("part", [0.0, 0.2])
def test_maps_and_patch_stay_registered(tmp_path, maps_in_f, part):
    """In the reference code a shuffled series kept the order of its g-map."""
    scan = coded_scan(maps_in_f)
    recipe = recipe_of(tmp_path, mr={"uniform": 0.0}, held_out=part)
    bank = SampleBank(recipe, load_nothing(), np.random.default_rng(1))
    pieces, held_out = scan.split(part)
    bank.scans.held = {(Path("a"), ""): pieces}
    seen = set()
    for patch in (Patch(shape=(4, 3, 3)), Patch(shape=(2, 3, 2), zoom=2)):
        for _ in range(30):
            picture, gmap, native = bank.draw(patch)
            place = picture.real if maps_in_f else picture.real[:1]
            # The first frame is another one if frames run backwards, and places differ by 400 from frame to frame.
            where = np.rint((place - 0.1) * 2400) % (2400 if maps_in_f else 400)
            np.testing.assert_array_equal(where, np.rint((native - 2.1) * 2400) % (2400 if maps_in_f else 400))
            offset = int(np.rint(gmap - place - 0.0).flat[0]) if maps_in_f else int(gmap.flat[0])
            np.testing.assert_array_equal(where, np.rint((gmap - offset - 0.1) * 2400) % (2400 if maps_in_f else 400))
            seen.add(offset)
            assert not np.isin(picture.real, held_out.picture.real).any()
    assert seen == {3, 4}
    if part:
        assert held_out.picture.shape == (6, 4, 20)
        np.testing.assert_allclose(held_out.native, held_out.picture.real[: len(held_out.native)] + 2, rtol=1e-6)


def load_nothing():
    from quietmr.training.complex_shelf import Shelf

    return Shelf((), ())


def test_the_told_map_is_the_noise_of_both_kinds():
    """Noise that the scan holds and noise that is added, behind all filters, over the told map: SD 1."""
    rng = np.random.default_rng(4)
    native = torch.linspace(0.02, 0.08, 24).expand(1, 24, 24)
    gmap = torch.linspace(3, 1, 24)[:, None].expand(1, 24, 24)
    settings = MrRecipe(jitter=0.0, snr=(3.0, 5.0))
    square = torch.zeros(2, 24, 24)
    truth = []
    for _ in range(300):
        held = native * torch.complex(*(torch.from_numpy(rng.standard_normal((2, 6, 24, 24))).float()))
        pair = complex_pair(held, gmap, rng, settings, native=native)
        square += torch.view_as_real(pair.noisy / pair.told).permute(3, 0, 1, 2).square().mean(1) / 300
        added = (pair.noisy - pair.clean).abs().square().mean()
        truth.append(float(pair.clean.abs().square().mean() / added))
    np.testing.assert_allclose(square.mean((1, 2)).sqrt(), 1.0, atol=0.02)
    # Along the g of the scan, and along the g of the added noise.
    np.testing.assert_allclose(square.mean((0, 1)).sqrt(), 1.0, atol=0.08)
    np.testing.assert_allclose(square.mean((0, 2)).sqrt(), 1.0, atol=0.08)
    # Nine times as much noise is added as the truth holds, where the maps have their median.
    assert 0 < np.mean(truth) < 0.2


def test_the_snr_is_bounded_by_that_of_the_scan():
    rng = np.random.default_rng(5)
    settings = MrRecipe(jitter=0.0, snr=(1.0, 60.0), only_white=True)
    native, gmap = torch.full((1, 8, 8), 0.05), torch.full((1, 8, 8), 2.0)
    one = torch.ones(1, 8, 8, dtype=torch.complex64)
    pairs = [complex_pair(one, gmap, rng, settings, native=native) for _ in range(300)]
    snr = np.array([float((pair.clean.abs() / pair.told).median()) for pair in pairs])
    most = 20 / np.sqrt(10)
    assert 0.999 < snr.min() < 1.1
    assert 0.9 * most < snr.max() < 1.001 * most
    assert np.mean(np.log(snr)) == pytest.approx(np.log(most) / 2, abs=4 * np.log(most) / np.sqrt(12 * 300))


def test_scans_that_teach_nothing_are_refused(tmp_path, rng):
    image, gmap = smooth_series((4, 1, 32, 32), rng)[:, 0], np.ones((32, 32))
    write_series(tmp_path / "noisy.h5", a={"image": image, "gmap": 40 * gmap})
    with pytest.raises(InputError, match=r"/a\) has an SNR of"):
        loaded(tmp_path / "noisy.h5", case="a")
    write_series(tmp_path / "empty.h5", a={"image": 0 * image, "gmap": gmap})
    with pytest.raises(InputError, match="empty"):
        loaded(tmp_path / "empty.h5", case="a")
    nib.save(nib.Nifti1Image(np.full((9, 9, 9), np.nan + 0j, np.complex64), np.eye(4)), tmp_path / "nan.nii")
    with pytest.raises(InputError, match="finite"):
        loaded(tmp_path / "nan.nii", sigma=1.0)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["weights"] = gmap
    with pytest.raises(InputError, match=r"other\.h5"):
        loaded(tmp_path / "other.h5")


def test_masked_out_places_of_a_g_map_do_not_matter(tmp_path, rng):
    image, gmap = smooth_series((4, 1, 32, 32), rng)[:, 0], np.ones((32, 32))
    gmap[:, :20] = 0
    write_series(tmp_path / "a.h5", a={"image": image * (gmap > 0), "gmap": gmap})
    (scan,) = loaded(tmp_path / "a.h5", case="a")
    assert scan.gmaps[0].min() == pytest.approx(0.1)
    assert scan.native.min() > 0
    x, _ = complex_batch(next(iter(ComplexBatches(recipe_of(tmp_path)))), MrRecipe(), torch.Generator().manual_seed(1))
    assert bool(torch.isfinite(x).all())


def test_volumes_slices_and_series_become_what_the_network_sees(tmp_path, rng):
    gmap = np.stack([np.full((16, 16), z + 1.0) for z in range(3)])
    data = smooth_series((5, 3, 16, 16), rng, 2000)
    write_series(tmp_path / "a.h5", a={"image": data, "gmap": gmap}, b={"image": data[:2], "gmap": gmap})
    in_time = loaded(tmp_path / "a.h5", case="a")
    assert [scan.picture.shape for scan in in_time] == [(5, 16, 16)] * 3
    assert [scan.gmaps[0].mean() for scan in in_time] == [1, 2, 3]
    volumes = loaded(tmp_path / "a.h5", case="b")
    assert [scan.picture.shape for scan in volumes] == [(3, 16, 16)] * 2
    assert all(scan.gmaps[0].shape == (3, 16, 16) for scan in volumes)
    # Thick slices of a cine in an MRD file: as quietmr.denoise has it.
    image = Image(data, Geometry(np.diag([1, 1, 8, 1.0])), "snr", NoiseMap(gmap, "complex"), "time")
    write(image, tmp_path / "cine.h5")
    assert [scan.picture.shape for scan in loaded(tmp_path / "cine.h5")] == [(5, 16, 16)] * 3


def test_scans_are_read_once_and_never_more_than_fit(tmp_path, rng, monkeypatch):
    image, gmap = smooth_series((4, 1, 32, 32), rng)[:, 0], np.ones((32, 32), np.float32)
    write_series(tmp_path / "a.h5", **{f"case{i}": {"image": image, "gmap": gmap} for i in range(6)})
    read = []

    def counted(unit, settings):
        read.append(unit)
        return load_unit(unit, settings)

    monkeypatch.setattr("quietmr.training.complex_shelf.load_unit", counted)
    whole = ScanRecipe(folder=str(tmp_path), share=1.0)
    assert len(load_shelf(whole).scans) == 6
    assert load_shelf(whole) is load_shelf(whole)
    assert len(read) == 6
    # Room for two and a half of them.
    bytes_each = load_shelf(whole).scans[0][1][0].n_bytes
    small = whole.model_copy(update={"memory": 2.5 * bytes_each / 2**30})
    with pytest.warns(QuietmrWarning, match="3 of 6 scans"):
        shelf = load_shelf(small)
    rotation = Rotation(shelf, small, every=2)
    seen = set(rotation.held)
    for i in range(60):
        assert rotation.count(rng) == (i % 2 == 1)
        assert len(rotation.held) == len(rotation.waiting) == 3
        seen |= set(rotation.held)
    assert len(seen) == 6


def test_a_waiting_scan_that_cannot_be_read_is_left_out(tmp_path, rng):
    image, gmap = smooth_series((4, 1, 32, 32), rng)[:, 0], np.ones((32, 32), np.float32)
    write_series(tmp_path / "a.h5", a={"image": image, "gmap": gmap})
    settings = ScanRecipe(folder=str(tmp_path), share=1.0)
    shelf = replace(load_shelf(settings), waiting=((tmp_path / "gone.h5", ""),))
    rotation = Rotation(shelf, settings, every=1)
    with pytest.warns(QuietmrWarning, match="goes on without"):
        assert not rotation.count(rng)
    assert (len(rotation.held), rotation.waiting) == (1, [])


def test_held_out_parts_of_complex_scans_are_judged_with_their_own_maps(tmp_path, rng):
    gmap = np.linspace(1, 3, 40, dtype=np.float32)[None].repeat(40, 0)
    write_series(tmp_path / "a.h5", a={"image": smooth_series((6, 1, 40, 40), rng)[:, 0], "gmap": gmap})
    recipe = recipe_of(tmp_path, held_out=0.3, mr={"uniform": 0.0, "only_white": True, "through": 0.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validation, gate = draw_held_out(recipe, torch.nn.Identity())
    assert len(validation) == len(gate) == recipe.validation_cases
    (left, other), right = validation[:2], gate[0]
    assert not torch.equal(left.noisy, other.noisy)
    assert (left.noisy.shape, right.noisy.shape) == ((6, 12, 20), (6, 12, 20))
    assert left.noisy.is_complex()
    # White noise of a scan with g, added noise with the same g: the told map is g times a number.
    ratio = left.sigma[0] / torch.from_numpy(gmap[:12, :20])
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
    again, _ = draw_held_out(recipe, torch.nn.Identity())
    assert torch.equal(again[0].noisy, left.noisy)


def test_a_complex_run_goes_over_scans_of_all_kinds(run, tmp_path, rng, monkeypatch):
    def flat(matrix, rng):
        del rng
        return np.ones((2, matrix, matrix), np.float32)

    monkeypatch.setattr("quietmr.training.gmap_bank.scan_gmaps", flat)
    folder = tmp_path / "scans"
    save(folder / "magnitude.nii.gz", smooth_volume(rng)[None])
    image = smooth_series((6, 1, 40, 44), rng)[:, 0]
    write_series(folder / "series.h5", a={"image": image, "gmap": np.ones((40, 44), np.float32)})
    nib.save(nib.Nifti1Image(image.transpose(2, 1, 0), np.eye(4)), folder / "complex.nii")
    finished = run(
        "run",
        "steps=3",
        "channels=complex",
        "network.arguments={in_channels: 3, out_channels: 2, widths: [8, 8], n_blocks: [1, 1]}",
        f"scans={{folder: {folder}, share: 1.0, held_out: 0.2, license: mine}}",
    )
    assert finished.step == 3
    import json

    session = json.loads((tmp_path / "run" / "sessions.jsonl").read_text().splitlines()[0])
    assert session["data"]["license"] == "mine"
    kinds = {fact["file"]: fact["kind"] for fact in session["data"]["files"]}
    assert kinds == {"magnitude.nii.gz": "image", "complex.nii": "image", "series.h5": "complex series"}
