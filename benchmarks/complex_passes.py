"""How many passes of nonlocal Bayes are worth their time after the network, on complex images?

    python benchmarks/complex_passes.py [--model quiet-complex] [--cases cine-32 ...] [--passes 0 1 2] [--seeds 1]

Simulated raw scans (``quietmr.phantoms.raw``) go through ``quietmr.recon``. The truth is the same scan without noise,
reconstructed with the weights of the noisy one, so that the two differ by noise alone. Blood has about 13 and heart
muscle about 5 in |I| / g.

- PSNR in dB over the tissue, in the complex plane; the range is the 99th percentile of the true magnitude there.
- moving: the same where the true magnitude changes over time (the heart), with the range of the tissue.
- magnitude: PSNR of the magnitude over the tissue.
- against the object: PSNR of the magnitude against ``RawScan.truth.image`` (its scale fitted), aliases included.
- CPU s / Mvoxel of the whole preset.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from meter import measured
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from quietmr.data import Image, QuietmrWarning
from quietmr.denoise.presets import PRESETS
from quietmr.denoise.second_stage import GuidedDenoiser
from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.recon import Settings, reconstruct

_CINE = {"subject": "heart", "matrix": (144, 120, 1), "frames": 24, "snr": 30.0}
CASES = {
    "cine-16": (RawProtocol(**_CINE, coils=16, acceleration=(4, 1), calibration="separate"), Settings()),
    "cine-32": (RawProtocol(**_CINE, coils=32, acceleration=(5, 1), calibration="separate"), Settings()),
    "cine-noisy": (
        RawProtocol(**(_CINE | {"snr": 12.0}), coils=32, acceleration=(5, 1), calibration="separate"),
        Settings(),
    ),
    "cine-filtered": (
        RawProtocol(**_CINE, coils=16, acceleration=(4, 1), calibration="separate"),
        Settings(filters=("none", "gaussian:1.5", "gaussian:1.5")),
    ),
    "frame": (
        RawProtocol(**(_CINE | {"frames": 1}), coils=16, acceleration=(4, 1), calibration="separate"),
        Settings(),
    ),
    "brain": (
        RawProtocol("brain", (80, 80, 32), coils=12, acceleration=(2, 2), calibration="separate", snr=30.0),
        Settings(),
    ),
}


@dataclass(frozen=True)
class Case:
    """A noisy image and its truth; ``tissue`` and ``moving`` have the shape of the image, ``truth`` is |object|."""

    noisy: Image
    clean: NDArray[np.complex64]
    truth: NDArray[np.float32]
    tissue: NDArray[np.bool_]
    moving: NDArray[np.bool_]

    @property
    def peak(self) -> float:
        return float(np.percentile(np.abs(self.clean[self.tissue]), 99))


def scan(name: str, seed: int) -> Case:
    """Simulate and reconstruct one case."""
    protocol, settings = CASES[name]
    settings = replace(settings, threads=1)
    noisy = simulate_raw(protocol, np.random.default_rng(seed))
    still = simulate_raw(protocol, np.random.default_rng(seed), noise=False).kspace
    # The weights, and what takes the image to SNR units, come from the noisy scan.
    still = replace(still, calibration=noisy.kspace.calibration, noise=noisy.kspace.noise)
    image, clean = reconstruct(noisy.kspace, settings), reconstruct(still, settings).data
    tissue = np.broadcast_to(noisy.truth.mask, image.shape)
    change = np.abs(clean).std(0)
    moving = binary_dilation(change > 0.35 * change.max(), iterations=3) if len(clean) > 1 else np.zeros_like(change)
    return Case(image, clean, np.abs(noisy.truth.image), tissue, np.broadcast_to(moving > 0, image.shape))


def psnr(error: NDArray[np.floating], peak: float) -> float:
    return float(20 * np.log10(peak / np.sqrt(np.mean(np.square(error))))) if error.size else float("nan")


def scores(data: NDArray[np.complex64], case: Case) -> list[float]:
    """PSNR in the tissue, where it moves, of the magnitude, and of the magnitude against the object."""
    error, magnitude = np.abs(data - case.clean), np.abs(data)
    true, seen = case.truth[case.tissue], magnitude[case.tissue]
    scale = float((true * seen).sum() / np.square(true).sum())
    return [
        psnr(error[case.tissue], case.peak),
        psnr(error[case.moving], case.peak),
        psnr(seen - np.abs(case.clean)[case.tissue], case.peak),
        psnr(seen - scale * true, case.peak),
    ]


def measure(model: str, names: Sequence[str], passes: Sequence[int], seeds: int) -> None:
    print("| case | method | PSNR | moving | magnitude | against the object | CPU s / Mvoxel |\n|" + " --- |" * 7)
    for name in names:
        found: dict[str, list[list[float]]] = {}
        for seed in range(seeds):
            case = scan(name, seed)
            found.setdefault("noisy", []).append([*scores(case.noisy.data, case), 0.0])
            for n in passes:
                preset = replace(PRESETS["quiet"], complex_network=model, complex_passes=n, complex_passes_time=n)
                denoiser = GuidedDenoiser("complex-passes", preset, device="cpu")
                result, cost = measured(lambda denoiser=denoiser, case=case: denoiser(case.noisy))
                row = [*scores(result.data, case), 1e6 * cost.cpu_s / case.noisy.data.size]
                found.setdefault(f"network + {n}" if n else "network", []).append(row)
        for method, rows in found.items():
            *decibels, cpu = np.mean(rows, axis=0)
            print(f"| {name} | {method} | " + " | ".join(f"{d:.2f}" for d in decibels) + f" | {cpu:.1f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="quiet-complex", help="name of a network for complex images, or its path")
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--passes", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    # The noise-free scan has none of the noise that its noise scan tells of.
    warnings.simplefilter("ignore", QuietmrWarning)
    measure(given.model, given.cases, given.passes, given.seeds)


if __name__ == "__main__":
    main()
