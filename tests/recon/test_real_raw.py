"""Raw files of other programs: the Debian generator, and the two of ../shared/data."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from quietmr.data import QuietmrWarning
from quietmr.io.raw import read_raw
from quietmr.recon import Settings, reconstruct

GENERATOR = shutil.which("ismrmrd_generate_cartesian_shepp_logan")


@pytest.mark.skipif(GENERATOR is None, reason="ismrmrd-tools are not installed")
@pytest.mark.parametrize("r", [1, 2, 4])
@pytest.mark.parametrize("noise_scan", [True, False])
def test_generated_phantom(r: int, noise_scan: bool, tmp_path: Path) -> None:
    path = tmp_path / "phantom.h5"
    command = [GENERATOR, "-m", "64", "-c", "8", "-r", "4", "-a", str(r), "-w", "24", "-n", "0.05", "-o", str(path)]
    subprocess.run([*command, *(["-C"] if noise_scan else [])], check=True, capture_output=True)
    kspace = read_raw(path)
    if noise_scan:
        with pytest.warns(QuietmrWarning, match="Only 128 noise samples for 8 coils"):
            image = reconstruct(kspace)
    else:
        image = reconstruct(kspace, Settings(noise_from_edges=True))
    assert image.shape == (4 * r, 1, 64, 64)
    with h5py.File(path) as file:
        phantom = np.abs(file["dataset/phantom"][0].view(np.float32).reshape(64, 64, 2) @ [1, 1j])
    mean = np.abs(image.data.mean(axis=0)[0])
    inside = phantom > 0
    # the phantom's own brightness, up to one factor
    assert np.corrcoef(mean[inside], phantom[inside])[0, 1] > 0.9
    # repetitions of equal offset are replicas; 128 noise samples for 8 coils leave 3 % and their own scatter
    sd = np.sqrt(np.mean([image.data[o::r].real.var(axis=0, ddof=1) for o in range(r)], axis=0))
    ratio = np.median((sd / image.noise.sigma[0])[0][inside])
    # the edges of k-space hold signal as well as noise: an upper bound
    assert (0.85 if noise_scan else 0.2) < ratio < 1.2


def test_simulated_file_of_another_project(shared: Callable[[str], Path]) -> None:
    kspace = read_raw(shared("sirf_ismrmrd_grappa2/grappa2_1rep.h5"))
    # its noise line is in another unit than its scan, and it says no dwell time: both have to be told
    with pytest.warns(QuietmrWarning) as told:
        image = reconstruct(kspace)
    assert {text for warning in told for text in ("dwell time", "do not belong") if text in str(warning.message)} == {
        "dwell time",
        "do not belong",
    }
    assert image.shape == (1, 1, 256, 256)
    assert image.history[-1].parameters["slices"][0]["lattice"] == "2x1"


def test_real_brain_with_random_sampling(
    shared: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quietmr.recon.irregular._REPLICAS", 8)
    # the middle of k-space: the whole takes half a minute
    kspace = np.load(shared("sigpy_tutorial_raw_brain8ch/cartesian_ksp.npy"))[:, 51:179, 40:140]
    # the format of BART: readout, two phase-encoding directions, coils, first index fastest
    kspace[None].transpose(0, 2, 3, 1).astype(np.complex64).ravel(order="F").tofile(tmp_path / "brain.cfl")
    dims = [1, *kspace.shape[1:], kspace.shape[0], *([1] * 12)]
    (tmp_path / "brain.hdr").write_text(f"# Dimensions\n{' '.join(map(str, dims))}\n")
    with pytest.warns(QuietmrWarning, match="noise samples for 8 coils"):
        image = reconstruct(read_raw(tmp_path / "brain.cfl"), Settings(noise_from_edges=True, coils=4))
    assert image.shape == (1, kspace.shape[2], kspace.shape[1], 1)
    facts = image.history[-1].parameters["slices"][0]
    assert facts["method"] == "iterative sense"
    assert 3 < facts["r_eff"] < 9
    snr = np.abs(image.data[0]) / image.noise.sigma[0]
    # the corners hold air, the middle holds a head
    corner, head = np.median(snr[:7, :7]), np.median(snr[34:67, 44:84])
    assert head > 8 * corner
