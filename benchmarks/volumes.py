"""Reference volumes for the benchmarks: real scans of ``../shared/data``, prepared to stand for the truth.

A reference must be cleaner than the noise that is added to it and must not be band-limited in a way that a method could
exploit (scanner interpolation leaves the rim of k-space empty: "energy there = noise" would be an unfair lesson).
So every clinical image is downsampled by cropping its k-space: that removes the interpolation and, as the crop keeps
nearly all signal and only its own share of white noise, lifts the SNR by the root of the factor by which voxels grow.
Averages (Colin27, MNI152) are used as they are. Air that was set to zero by the scanner stays zero. What each volume
is, and what is not perfect about it, stands in its entry below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image as Picture

from quietmr.evaluate.compare.references import foreground
from quietmr.signal.kspace import keep_kspace

Array = NDArray[np.float32]
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EPI = "dcm_qa_nih_ge_epi_motion/axial_epi_fmri_interleaved_i_to_s-"


@dataclass(frozen=True)
class Volume:
    """One reference.

    Parameters
    ----------
    about : str
        What it is, how it was prepared and what is not perfect about it.
    source : str
        File or folder under ``shared/data``.
    prepare : callable
        Gives the clean image, (T, Z, Y, X) float32, not negative.
    group : {"volume", "picture", "series"}
        3-D volume, single 2-D picture, or series of several frames; means are taken per group.
    """

    about: str
    source: str
    prepare: Callable[[], Array]
    group: str = "volume"


def around_object(image: Array, margin: int = 6) -> Array:
    """Crop Y and X to the object (over 5 % of the 99.9th percentile), leaving a margin of air in voxels."""
    inside = (image > 0.05 * np.percentile(image, 99.9)).any(axis=(0, 1))
    y, x = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    rows = slice(max(0, int(y[0]) - margin), int(y[-1]) + 1 + margin)
    columns = slice(max(0, int(x[0]) - margin), int(x[-1]) + 1 + margin)
    return np.ascontiguousarray(image[..., rows, columns])


def nifti(name: str) -> Array:
    """A NIfTI volume as (1, Z, Y, X) float32, the third stored axis first."""
    values = np.asarray(nib.load(DATA / name).dataobj, dtype=np.float32)
    return values.transpose(2, 1, 0)[np.newaxis]


def slab(name: str, slices: int, keep: tuple[float, float, float] = (1, 1, 1)) -> Array:
    """The central slices of a NIfTI volume after a k-space crop, cut to the object."""
    image = nifti(name)
    if keep[0] == 1:
        image = central(image, slices)
    return around_object(central(keep_kspace(image, keep), slices))


def central(image: Array, slices: int) -> Array:
    """The central slices of (T, Z, Y, X); all if there are fewer."""
    start = max(0, (image.shape[1] - slices) // 2)
    return image[:, start : start + slices]


def picture(name: str, keep: float) -> Array:
    """A PNG (equal colour channels) or single-frame DICOM as (1, 1, Y, X), k-space cropped in both axes."""
    path = DATA / name
    if path.suffix == ".png":
        values = np.asarray(Picture.open(path).convert("L"), dtype=np.float32)
    else:
        values = pydicom.dcmread(path).pixel_array.astype(np.float32)
    return around_object(keep_kspace(values[np.newaxis, np.newaxis], (1, keep, keep)))


def ge_epi_mean() -> Array:
    """Mean of the volumes 0, 1 and 5 of the GE EPI series, which agree (the subject moves in the others)."""
    files = [pydicom.dcmread(DATA / f"{EPI}{number:05d}.dcm") for number in range(1, 151)]
    files.sort(key=lambda file: int(file.InstanceNumber))
    pixels = np.stack([file.pixel_array for file in files]).astype(np.float32).reshape(10, 15, 64, 64)
    return pixels[[0, 1, 5]].mean(axis=0, keepdims=True)


def colin_echoes() -> Array:
    """Twelve echoes with the anatomy of Colin27: brightness is proton density, decay rate a smooth function of it."""
    density = slab("mricron_colin27/ch2.nii.gz", 16, (0.4, 0.4, 0.4))[:, :6]
    relative = np.clip(density / np.percentile(density, 99), 0, 1)
    rate = 1.0 / (30.0 + 60.0 * (1 - relative) ** 2 + 25.0 * np.sin(9 * relative))
    times = np.arange(12, dtype=np.float32).reshape(-1, 1, 1, 1) * 6.0
    return np.asarray(density * np.exp(-times * rate), dtype=np.float32)


VOLUMES: Mapping[str, Volume] = {
    "colin-t1": Volume(
        "T1 head of one person, 27 scans averaged, 1 mm, 10 axial slices, skull and scalp included. Averaging makes it "
        "smoother than a single scan (flatters smoothing); 8 bit (quantisation SD 0.29 grey levels).",
        "mricron_colin27/ch2.nii.gz",
        lambda: slab("mricron_colin27/ch2.nii.gz", 10),
    ),
    "mni-t1": Volume(
        "ICBM152 T1 template, 1 mm, 8 axial slices: mean of 152 heads. No fine anatomy left, 8 bit: the easiest one.",
        "nilearn_mni152/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
        lambda: slab("nilearn_mni152/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz", 8),
    ),
    "seg3d-t1": Volume(
        "Clinical T1 head of one patient with electrodes, 1 x 0.9 x 0.9 mm, half of k-space kept in all three axes "
        "(SNR 20 becomes about 55), 28 slices. Air was set to zero; 8 bit before the crop.",
        "seg3d_clinical_t1/MR.nii.gz",
        lambda: slab("seg3d_clinical_t1/MR.nii.gz", 28, (0.5, 0.5, 0.5)),
    ),
    "ms-t1": Volume(
        "T1 brain of MS patient 03, 0.91 x 0.91 x 3 mm, half of k-space kept in plane (1.82 mm): lifts SNR twofold and "
        "removes scanner interpolation. Thick slices, air set to zero.",
        "open_ms_longitudinal/patient03/study2_T1W.nii.gz",
        lambda: slab("open_ms_longitudinal/patient03/study2_T1W.nii.gz", 16, (1, 0.5, 0.5)),
    ),
    "ms-t2": Volume(
        "T2 brain of MS patient 04, 0.6 x 0.6 x 3.3 mm, half of k-space kept in plane (1.2 mm). Thick slices, no air.",
        "open_ms_longitudinal/patient04/study1_T2W.nii.gz",
        lambda: slab("open_ms_longitudinal/patient04/study1_T2W.nii.gz", 10, (1, 0.5, 0.5)),
    ),
    "ms-flair": Volume(
        "FLAIR brain of MS patient 09 with lesions, 0.57 x 0.57 x 3.3 mm, half of k-space kept in plane (1.15 mm). "
        "Thick slices, air zero.",
        "open_ms_longitudinal/patient09/study2_FLAIR.nii.gz",
        lambda: slab("open_ms_longitudinal/patient09/study2_FLAIR.nii.gz", 10, (1, 0.5, 0.5)),
    ),
    "fernando-t2": Volume(
        "FLAIR-like T2 brain of one person, 0.75 x 0.75 x 5.5 mm, half of k-space kept in plane. Real air with a "
        "little noise of its own; very thick slices.",
        "torchio_data_fernando/t2.nii.gz",
        lambda: slab("torchio_data_fernando/t2.nii.gz", 12, (1, 0.5, 0.5)),
    ),
    "epi-mean": Volume(
        "Gradient-echo EPI of the brain, 3.75 x 3.75 x 5 mm, mean of three volumes without motion between them (SNR "
        "about 60), 15 slices of 64 x 64, as acquired.",
        "dcm_qa_nih_ge_epi_motion",
        ge_epi_mean,
    ),
    "spine-sagittal": Volume(
        "Lumbar spine, sagittal T2, half of k-space kept; 8 bit, brightness scaled by the source.",
        "lumbar_spine_png/train_with_pain_spine_0051.png",
        lambda: picture("lumbar_spine_png/train_with_pain_spine_0051.png", 0.5),
        "picture",
    ),
    "spine-axial": Volume(
        "Lumbar spine, axial, half of k-space kept; 8 bit, brightness scaled by the source.",
        "lumbar_spine_png/train_with_pain_spine_0057.png",
        lambda: picture("lumbar_spine_png/train_with_pain_spine_0057.png", 0.5),
        "picture",
    ),
    "spine-coronal": Volume(
        "Abdomen and lumbar spine, coronal, half of k-space kept; 8 bit, brightness scaled by the source.",
        "lumbar_spine_png/train_without_pain_spine_0035.png",
        lambda: picture("lumbar_spine_png/train_without_pain_spine_0035.png", 0.5),
        "picture",
    ),
    "shoulder-t1": Volume(
        "Shoulder, T1 spin echo, 1024 x 1024 interpolated from about 512 x 1024; a third of k-space kept per axis.",
        "pydicom_mr_samples/MR2_UNCR.dcm",
        lambda: picture("pydicom_mr_samples/MR2_UNCR.dcm", 1 / 3),
        "picture",
    ),
    "colin-echoes": Volume(
        "Twelve synthetic echoes with the anatomy of Colin27 at 2.5 mm, 6 slices: brightness decays with a rate that "
        "is a smooth function of the brightness. Low rank by construction (flatters PCA); counted apart.",
        "mricron_colin27/ch2.nii.gz",
        colin_echoes,
        "series",
    ),
}


@lru_cache
def load(name: str) -> tuple[Array, NDArray[np.bool_], float]:
    """A reference by name; see :func:`with_foreground`."""
    return with_foreground(VOLUMES[name].prepare())


def with_foreground(clean: Array) -> tuple[Array, NDArray[np.bool_], float]:
    """A clean image with what scores need to know of it.

    Returns
    -------
    clean : array, shape (T, Z, Y, X)
        The truth.
    foreground : array of bool, same shape
        Voxels over 5 % of the 99.9th percentile of the first frame, holes filled slice by slice; same in all frames.
    reference : float
        Brightness of the brightest tissue: 99th percentile of the foreground of the first frame. Percent noise and the
        data range of PSNR and SSIM refer to it.
    """
    first = clean[0]
    mask = foreground(first)
    reference = float(np.percentile(first[mask], 99))
    return clean, np.broadcast_to(mask, clean.shape), reference


def available() -> list[str]:
    """Names of the volumes whose source is on this machine."""
    return [name for name, volume in VOLUMES.items() if (DATA / volume.source).exists()]


if __name__ == "__main__":
    for name in available():
        clean, foreground, reference = load(name)
        print(f"{name}: {clean.shape}, foreground {foreground.mean():.0%}, brightest tissue {reference:.1f}")
        print(f"    {VOLUMES[name].about}")
