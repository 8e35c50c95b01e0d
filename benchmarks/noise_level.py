"""How well the noise level is found: estimated over true sigma, ours beside DIPY's and scikit-image's.

Run from the repository root: ``python benchmarks/noise_level.py [--quick] [--data ../shared/data]``.

Noise of known level is laid on real scans. These have noise of their own, so that the truth is the root of the summed
squares of what was laid on and what ours read before; it takes part only where its own noise is less than half of what
was laid on. White noise and noise with k-space filled to 70 % along x are laid on; the background is left empty
("zeroed", where it was nearly so) or filled with noise ("air"). The reference of the percentages is the 75th percentile
of the foreground, about the brightest tissue.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import noise_cases
import numpy as np
import pydicom
import volumes as references
from dipy.denoise.noise_estimate import estimate_sigma as dipy_sigma
from numpy.typing import NDArray
from PIL import Image as Picture
from skimage.restoration import estimate_sigma as skimage_sigma

from quietmr.data import Image, QuietmrWarning
from quietmr.noise import estimate_noise
from quietmr.signal.kspace import crop_kspace

Volume = NDArray[np.float32]
LEVELS = (1, 3, 5, 7, 9, 15, 30)
SLAB = 24


def nifti(path: Path) -> Volume:
    return np.ascontiguousarray(np.asarray(nib.load(path).dataobj, np.float32).T)


def halved(volume: Volume) -> Volume:
    """Half the resolution in plane, by cropping k-space: noise well below that of the scan, no interpolation."""
    rows, columns = (n // 4 * 2 for n in volume.shape[1:])
    return crop_kspace(volume, (len(volume), rows, columns))


def volumes(data: Path) -> Iterator[tuple[str, Volume]]:
    yield "Colin27", nifti(data / "mricron_colin27/ch2.nii.gz")
    yield "MNI152", nifti(data / "nilearn_mni152/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
    yield "seg3d", nifti(data / "seg3d_clinical_t1/MR.nii.gz")
    yield "torchio", nifti(data / "torchio_data_fernando/t2.nii.gz")
    for name in ("patient01/study1_FLAIR", "patient01/study1_T1W", "patient01/study1_T2W", "patient20/study2_T1W"):
        volume = nifti(data / f"open_ms_longitudinal/{name}.nii.gz")
        label = f"MS {name[7:9]} {name.split('_')[-1]}"
        yield label, volume
        yield label + " /2", halved(volume)
    files = sorted((data / "dcm_qa_nih_ge_epi_motion").glob("*.dcm"))[:15]
    yield "GE EPI", np.stack([pydicom.dcmread(file).pixel_array for file in files]).astype(np.float32)
    for file in sorted((data / "lumbar_spine_png").glob("*.png"))[::16]:
        yield "PNG " + file.stem[-4:], np.asarray(Picture.open(file).convert("L"), np.float32)[None]


def laid_on(clean: Volume, sigma: float, support: float, rng: np.random.Generator) -> Volume:
    """Rician noise, white or with k-space filled to ``support`` along x."""
    noise = rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)
    kept = np.abs(np.fft.fftfreq(clean.shape[2])) * 2 <= support
    noise = np.fft.ifft(np.fft.fft(noise, axis=2) * kept, axis=2) / np.sqrt(kept.mean())
    return np.abs(clean + sigma * noise).astype(np.float32)


def ours(volume: Volume) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuietmrWarning)
        return estimate_noise(Image(volume[None])).level


def dipy_rician(volume: Volume) -> float:
    return float(np.mean(dipy_sigma(volume.transpose(2, 1, 0), N=1)))


def dipy_default(volume: Volume) -> float:
    return float(np.mean(dipy_sigma(volume.transpose(2, 1, 0), N=0)))


def skimage_slices(volume: Volume) -> float:
    return float(np.mean([skimage_sigma(plane) for plane in volume]))


RIVALS: dict[str, Callable[[Volume], float]] = {
    "quietmr": ours,
    "DIPY N=1": dipy_rician,
    "DIPY N=0": dipy_default,
    "skimage": skimage_slices,
}


def reference(volume: Volume) -> float:
    return float(np.percentile(volume[volume > 0.1 * np.percentile(volume, 99)], 75))


def table(data: Path, levels: tuple[int, ...]) -> None:
    errors: dict[str, dict[str, list[float]]] = {}
    print(f"{'volume':14s} {'noise':9s} {'background':10s}  estimated / true at " + ", ".join(f"{v} %" for v in levels))
    for name, volume in volumes(data):
        middle = max((volume.shape[0] - SLAB) // 2, 0)
        clean = volume[middle : middle + SLAB]
        top, own = reference(clean), ours(clean)
        print(f"{name}: own noise {100 * own / top:.2f} % of {top:.0f}")
        for support in (1.0, 0.7):
            for background in ("zeroed", "air"):
                rows: dict[str, list[str]] = {label: [] for label in RIVALS}
                for level in levels:
                    added = level / 100 * top
                    noisy = laid_on(clean, added, support, np.random.default_rng(level))
                    if background == "zeroed":
                        noisy[clean <= 0.01 * top] = 0
                    counts = added > 2 * own
                    for label, rival in RIVALS.items():
                        ratio = rival(noisy) / np.hypot(added, own)
                        rows[label].append(f"{ratio:5.2f}" + (" " if counts else "*"))
                        if counts:
                            kind = f"{'white' if support == 1 else 'band'} {background}"
                            errors.setdefault(label, {}).setdefault(kind, []).append(ratio)
                for label, row in rows.items():
                    shape = "white" if support == 1 else f"{support:.0%} of x"
                    print(f"{label:14s} {shape:9s} {background:10s}  " + " ".join(row))
    print("\n* left out below: the own noise of the scan, known only from ours, is more than half of what was laid on")
    summary(errors)


def summary(errors: dict[str, dict[str, list[float]]]) -> None:
    print(f"\n{'':12s}{'cells':>16s}    n  median   <5 %  <10 %   5th  95th percentile")
    for label, kinds in errors.items():
        everything = [ratio for ratios in kinds.values() for ratio in ratios]
        for kind, ratios in [*kinds.items(), ("all", everything)]:
            off = np.abs(np.array(ratios) - 1)
            low, median, high = np.percentile(ratios, [5, 50, 95])
            shares = f"{np.mean(off < 0.05):6.0%} {np.mean(off < 0.1):6.0%}"
            print(f"{label:12s}{kind:>16s} {off.size:4d} {median:7.3f} {shares} {low:5.2f} {high:5.2f}")


def maps(levels: tuple[int, ...]) -> None:
    """White, filtered and varying noise on the references of the quality benchmark, air kept or set to zero."""
    print("\nestimated / true (median over the foreground), and median and 90th percentile of |map / true - 1| in %")
    everything: dict[str, list[tuple[float, float, float]]] = {}
    for name in references.available():
        clean, foreground, top = references.load(name)
        for kind in noise_cases.KINDS:
            for background in ("air", "zeroed"):
                row = []
                for level in levels:
                    case = noise_cases.draw(clean, foreground, level / 100 * top, kind, f"{name}{level}")
                    noisy = case.noisy if background == "air" else np.where(foreground, case.noisy, 0)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", QuietmrWarning)
                        found = estimate_noise(Image(noisy))
                    ratio = (found.over(noisy.shape) / case.sigma)[foreground]
                    off = np.abs(ratio - 1)
                    cell = (float(np.median(ratio)), float(np.median(off)), float(np.quantile(off, 0.9)))
                    row.append(
                        f"{cell[0]:5.2f} ({100 * cell[1]:2.0f}, {100 * cell[2]:2.0f})" + "um"[found.sigma.size > 1]
                    )
                    if level > 3:  # the references have noise of their own of 1 to 3 %
                        everything.setdefault(f"{kind} {background}", []).append(cell)
                print(f"{name:15s} {kind:10s} {background:6s} " + "  ".join(row), flush=True)
    for label, cells in everything.items():
        off = [abs(cell[0] - 1) for cell in cells]
        middle, high = (np.median([cell[part] for cell in cells]) for part in (1, 2))
        print(
            f"{label:18s} |level / true - 1|: median {np.median(off):.3f}, worst {max(off):.2f}; "
            f"map: median {middle:.3f}, 90th percentile {high:.3f}"
        )


def mosaic(file: Path) -> Volume:
    tiles = pydicom.dcmread(file).pixel_array.astype(np.float32)
    size = tiles.shape[0] // 3
    return np.stack([tiles[i // 3 * size :, i % 3 * size :][:size, :size] for i in range(5)])


def trimmed_sd(values: Volume) -> float:
    """SD of what lies within three median deviations: whole numbers are too coarse for a quantile."""
    kept = values[np.abs(values) <= 3 * 1.4826 * np.median(np.abs(values))]
    return float(np.sqrt(np.mean(kept**2)))


def repeats(data: Path) -> None:
    """True repeats: what one image and what all of them tell, beside the difference of repeats."""
    print("\nreal repeats            difference of repeats: SD in tissue, top band   one image   all repeats")
    folders = sorted((data / "dcm_qa_nih_siemens_phantom_pairs").glob("mr_*"))
    series = {folder.name: np.stack([mosaic(file) for file in sorted(folder.glob("*.dcm"))]) for folder in folders}
    files = sorted((data / "dcm_qa_enh_siemens_xa10").glob("*.dcm"))
    series["XA10 EPI"] = np.stack([pydicom.dcmread(file).pixel_array for file in files]).astype(np.float32)
    for name, frames in series.items():
        difference = np.diff(frames, axis=0) / np.sqrt(2)
        fine = difference[..., 1:-1, 1:-1].copy()
        for axis in (-2, -1):
            fine = np.apply_along_axis(lambda v: np.convolve(v, [1, -2, 1], "same") / np.sqrt(6), axis, fine)
        mean = frames.mean(axis=0)
        tissue = np.broadcast_to(mean > 0.3 * np.percentile(mean, 99), difference.shape)
        spread = [trimmed_sd(values) for values in (difference[tissue], fine[tissue[..., 1:-1, 1:-1]])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", QuietmrWarning)
            alone = [estimate_noise(Image(frame[None])).level for frame in frames]
            together = estimate_noise(Image(frames, frames="repetition")).level
        print(f"{name:24s} {spread[0]:24.2f} {spread[1]:24.2f} {np.mean(alone):11.2f} {together:13.2f}")


def cost(data: Path) -> None:
    volume = nifti(data / "mricron_colin27/ch2.nii.gz")
    noisy = laid_on(volume, 9.0, 1.0, np.random.default_rng(0))
    print(f"\ncost on {volume.shape}: seconds wall, CPU")
    for label, rival in RIVALS.items():
        wall, cpu = time.perf_counter(), time.process_time()
        rival(noisy)
        print(f"{label:12s} {time.perf_counter() - wall:6.2f} {time.process_time() - cpu:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--quick", action="store_true", help="three levels only")
    given = parser.parse_args()
    table(given.data, (3, 9, 30) if given.quick else LEVELS)
    maps((3, 7, 15, 30))
    repeats(given.data)
    cost(given.data)


if __name__ == "__main__":
    main()
