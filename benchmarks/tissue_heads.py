"""Heads for ``tissue.py``: nearly noise-free T1 scans with a brain mask.

Colin27 and the MNI152 template (brain only) lie on grids that differ by whole voxels, so the template is Colin's brain
mask. A real head gets it by an affine registration of Colin27 (DIPY, mutual information), which is near enough where
all methods are judged inside the same mask. Real heads are downsampled by cropping k-space, as in ``volumes.py``: the
noise of their own that is left blurs the "clean" segmentation too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from volumes import DATA

from quietmr.data import Geometry, Image
from quietmr.evaluate.score_table import brightest_tissue
from quietmr.signal.kspace import keep_kspace

Volume = NDArray[np.float32]
COLIN = "mricron_colin27/ch2.nii.gz"
MNI = "nilearn_mni152/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"


@dataclass(frozen=True)
class Head:
    """Where a head comes from: file, part of k-space kept along (Z, Y, X), and slices (first, last + 1)."""

    about: str
    source: str
    keep: tuple[float, float, float]
    slices: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A clean slab, its brain mask (1, Z, Y, X), and the brightness of its brightest tissue inside the mask."""

    clean: Image
    mask: NDArray[np.bool_]
    reference: float


HEADS = {
    "colin": Head("Colin27, 27 scans averaged, 1 mm, 16 slices", COLIN, (1, 1, 1), (84, 100)),
    "seg3d": Head(
        "T1 of one patient with electrodes, 2 x 1.8 x 1.8 mm after the k-space crop (SNR about 55), 28 slices",
        "seg3d_clinical_t1/MR.nii.gz",
        (0.5, 0.5, 0.5),
        (30, 58),
    ),
    "ms04": Head(
        "T1 of MS patient 04, 1.8 x 1.8 x 3 mm after the k-space crop, 20 slices; little contrast of grey and white",
        "open_ms_longitudinal/patient04/study1_T1W.nii.gz",
        (1, 0.5, 0.5),
        (19, 39),
    ),
}


def available() -> list[str]:
    """Names of the heads whose files are on this machine."""
    return [name for name, head in HEADS.items() if all((DATA / file).exists() for file in (head.source, COLIN, MNI))]


def load(name: str, cache: Path) -> Loaded:
    """A head by name; the mask of a real one is kept as a file in the folder ``cache``."""
    head = HEADS[name]
    volume, affine = _read(head.source)
    small = keep_kspace(volume, head.keep)
    scale = np.array(volume.shape[::-1]) / small.shape[::-1]
    affine = affine @ np.diag([*scale, 1.0])
    file = cache / f"{name}_mask.npy"
    if name == "colin":
        mask = _colin_mask()
    elif file.exists():
        mask = np.load(file, allow_pickle=False)
    else:
        mask = _registered_mask(small, affine)
        np.save(file, mask)
    cut = slice(*head.slices)
    clean, inside = small[np.newaxis, cut], mask[np.newaxis, cut]
    return Loaded(Image(clean, Geometry(affine)), inside, brightest_tissue(clean, inside))


def _read(source: str) -> tuple[Volume, NDArray[np.float64]]:
    """Volume (Z, Y, X), its axes turned to RAS+, and its affine for (x, y, z)."""
    file = nib.as_closest_canonical(nib.load(DATA / source))
    return np.ascontiguousarray(np.asarray(file.dataobj, dtype=np.float32).T), np.asarray(file.affine)


def _colin_mask() -> NDArray[np.bool_]:
    (colin, own), (template, other) = _read(COLIN), _read(MNI)
    x, y, z = np.round(own[:3, 3] - other[:3, 3]).astype(int)
    depth, height, width = colin.shape
    return template[z : z + depth, y : y + height, x : x + width] > 0


def _registered_mask(volume: Volume, affine: NDArray[np.float64]) -> NDArray[np.bool_]:
    from dipy.align.imaffine import AffineRegistration, MutualInformationMetric, transform_centers_of_mass
    from dipy.align.transforms import AffineTransform3D, RigidTransform3D, TranslationTransform3D

    colin, own = _read(COLIN)
    brain = _colin_mask()[::2, ::2, ::2].astype(np.float64).T
    moving, moving_affine = _cut(colin[::2, ::2, ::2]), own @ np.diag([2.0, 2, 2, 1])
    still = _cut(volume)
    found = transform_centers_of_mass(still, affine, moving, moving_affine)
    register = AffineRegistration(
        metric=MutualInformationMetric(nbins=32, sampling_proportion=None),
        level_iters=[200, 50],
        sigmas=[2, 1],
        factors=[2, 1],
        verbosity=0,
    )
    for transform in (TranslationTransform3D(), RigidTransform3D(), AffineTransform3D()):
        found = register.optimize(
            still, moving, transform, None,
            static_grid2world=affine, moving_grid2world=moving_affine, starting_affine=found.affine,
        )  # fmt: skip
    return np.ascontiguousarray((found.transform(brain) > 0.5).T)


def _cut(volume: Volume) -> NDArray[np.float64]:
    """Volume (X, Y, Z) with its brightest percent, mostly fat, cut off."""
    return np.minimum(volume, np.percentile(volume, 99)).T.astype(np.float64)
