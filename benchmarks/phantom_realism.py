"""How real the procedural scenes look: spectra and detail statistics beside real scans, and a montage.

``python benchmarks/phantom_realism.py [--scenes 24] [--montage FILE.png]`` prints one row per real scan and per kind of
phantom. All figures come from patches that lie wholly in tissue, 32 x 32 voxels in plane, brightest tissue = 1:

- bands from 1/16, 1/8, 1/4 and 0.37 cycles per voxel: root of the radially averaged power spectral density (percent of
  the brightest tissue; white noise of SD 1 % would read 1.0 in every column). The real scans hold their own noise too,
  so the last columns bound their texture from above.
- detail: robust SD (MAD / 0.6745) of the finest diagonal Haar detail, in percent: texture plus noise away from edges.
- kurtosis of the finest and second-finest Haar details along rows and columns: how much of the fine energy sits in few
  edges. A Gaussian has 0, crisp anatomy 5 to 30.
- slope: 50th and 95th percentile of the gradient magnitude per voxel, in percent.
- next: correlation of the finest details with those of the neighboring slice (thick slices: near 0).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from volumes import DATA, nifti, picture, slab

from quietmr.phantoms import Mixture, draw_scene
from quietmr.signal.kspace import keep_kspace
from quietmr.training.scans import normalize

Array = NDArray[np.float32]
WIDE = 32
OCTAVES = ((1 / 16, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 0.37), (0.37, 0.5))
NONE = dict.fromkeys(("head", "regions", "leaves", "dynamic", "thick"), 0.0)


def real_scans() -> dict[str, Array]:
    """Real scans by name, (F, Y, X), brightest tissue = 1; seg3d and Colin27 are volumes of ``quality.py`` too."""
    scans = {}
    for patient in ("01", "20"):
        for path in sorted((DATA / f"open_ms_longitudinal/patient{patient}").glob("study2_*.nii.gz")):
            volume = nifti(str(path.relative_to(DATA)))[0]
            middle = volume.shape[0] // 2
            scans[f"ms{patient} {path.name[7:-7]}"] = keep_kspace(volume[middle - 8 : middle + 8], (1, 0.5, 0.5))
    scans["seg3d T1"] = slab("seg3d_clinical_t1/MR.nii.gz", 28, (0.5, 0.5, 0.5))[0]
    scans["colin27 T1"] = slab("mricron_colin27/ch2.nii.gz", 16)[0]
    for number in ("with_pain_spine_0003", "with_pain_spine_0015", "with_pain_spine_0021", "without_pain_spine_0011"):
        scans[f"lumbar {number[-4:]}"] = picture(f"lumbar_spine_png/train_{number}.png", 0.5)[0]
    return {name: normalize(scan) for name, scan in scans.items()}


def tissue_patches(volume: Array, step: int = 8) -> Array:
    """Square in-plane patches without air, (N, 2, WIDE, WIDE): the slice and the next one (itself if there is none)."""
    frames, height, width = volume.shape
    patches = []
    for f in range(frames):
        after = min(f + 1, frames - 1)
        for y in range(0, height - WIDE + 1, step):
            for x in range(0, width - WIDE + 1, step):
                pair = volume[[f, after], y : y + WIDE, x : x + WIDE]
                if np.mean(pair[0] > 0.08) > 0.97:
                    patches.append(pair)
    return np.array(patches, dtype=np.float32).reshape(-1, 2, WIDE, WIDE)


def band_amplitudes(patches: Array) -> list[float]:
    """Root of the median (over patches) power spectral density in octaves, in percent of the brightest tissue."""
    window = np.outer(np.hanning(WIDE), np.hanning(WIDE))
    centered = patches - patches.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centered * window)) ** 2 / np.sum(window**2)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(WIDE), np.fft.fftfreq(WIDE)))
    bands = [(radius >= low) & (radius < high) for low, high in OCTAVES]
    return [100 * float(np.sqrt(np.median(power[:, band].mean(axis=1)))) for band in bands]


def haar(planes: Array, level: int) -> tuple[Array, Array, Array]:
    """Haar details (rows, columns, diagonal) at level 1 or 2 over all positions, orthonormal."""
    for _ in range(level - 1):
        planes = (planes[..., ::2, ::2] + planes[..., 1::2, ::2] + planes[..., ::2, 1::2] + planes[..., 1::2, 1::2]) / 2
    a, b = planes[..., :-1, :-1], planes[..., :-1, 1:]
    c, d = planes[..., 1:, :-1], planes[..., 1:, 1:]
    return (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2


def kurtosis(values: Array) -> float:
    """Excess kurtosis."""
    centered = values - values.mean()
    return float(np.mean(centered**4) / np.mean(centered**2) ** 2 - 3)


def statistics(volumes: list[Array]) -> list[float]:
    """The row of figures of the module's header."""
    patches = np.concatenate([tissue_patches(volume) for volume in volumes])
    if len(patches) < 4:
        return [float("nan")] * 10
    here, after = patches[:, 0], patches[:, 1]
    rows, columns, diagonal = haar(here, 1)
    coarse = haar(here, 2)
    slope = np.hypot(np.diff(here, axis=1)[..., :-1], np.diff(here, axis=2)[:, :-1])
    other = haar(after, 1)
    same = np.corrcoef(np.stack([rows, columns]).ravel(), np.stack(other[:2]).ravel())[0, 1]
    return [
        *band_amplitudes(here),
        100 * float(np.median(np.abs(diagonal)) / 0.6745),
        kurtosis(np.stack([rows, columns])),
        kurtosis(np.stack(coarse[:2])),
        *(100 * np.percentile(slope, [50, 95])),
        float(same),
    ]


def kinds() -> dict[str, Mixture]:
    """Mixtures of one kind each."""
    shares = {f.name for f in fields(Mixture)} - {"dynamic", "thick", "rich"}
    none = dict.fromkeys(shares | {"dynamic", "thick"}, 0.0)
    table = {name: Mixture(**{**none, name: 1.0}) for name in sorted(shares)}
    return {**table, "thick": Mixture(dynamic=0, thick=1), "dynamic": Mixture(dynamic=1), "mixture": Mixture()}


def montage(rows: list[list[Array]], wide: int = 112) -> Picture.Image:
    """Pictures side by side, one list per row."""
    canvas = np.zeros((len(rows) * wide, max(len(row) for row in rows) * wide), dtype=np.uint8)
    for j, row in enumerate(rows):
        for i, plane in enumerate(row):
            part = plane[: wide - 2, : wide - 2]
            canvas[j * wide : j * wide + part.shape[0], i * wide : i * wide + part.shape[1]] = np.clip(
                part * 230, 0, 255
            )
    return Picture.fromarray(canvas).resize((canvas.shape[1] * 2, canvas.shape[0] * 2), Picture.Resampling.BICUBIC)


def main() -> None:
    """Print the table and write the montage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", type=int, default=8, help="scenes per kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--montage", type=Path, default=Path("phantoms.png"))
    options = parser.parse_args()
    print(f"{'':16s}  b1/16   b1/8   b1/4    b.4 | detail  kurt1  kurt2 | slope50 slope95 |  next | CPU s per scene")
    pictures = []

    def show(name: str, volumes: list[Array], seconds: float | None) -> None:
        b = statistics(volumes)
        cost = "" if seconds is None else f"{seconds:.2f}"
        print(
            f"{name:16s} {b[0]:6.2f} {b[1]:6.2f} {b[2]:6.2f} {b[3]:6.2f} | {b[4]:6.2f} {b[5]:6.1f} {b[6]:6.1f} |"
            f" {b[7]:7.2f} {b[8]:7.2f} | {b[9]:5.2f} | {cost}",
            flush=True,
        )

    scans = real_scans()
    for name, scan in scans.items():
        show(name, [scan], None)
    middles = []
    for scan in scans.values():
        y, x = (max(0, (n - 110) // 2) for n in scan.shape[1:])
        middles.append(scan[scan.shape[0] // 2, y:, x:])
    pictures += [middles[:8], middles[8:]]
    rng = np.random.default_rng(options.seed)
    for name, mixture in kinds().items():
        start = time.process_time()
        scenes = [draw_scene((32, 112, 112), mixture, rng) for _ in range(options.scenes)]
        show(name, scenes, (time.process_time() - start) / options.scenes)
        pictures.append([scene[16] for scene in scenes[:8]])
    montage(pictures).save(options.montage)
    print(f"montage: {options.montage}")


if __name__ == "__main__":
    main()
