"""What ``quietmr denoise`` writes: copies of the scan, and what was removed."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from quietmr.cli.jobs import DenoisingJob
from quietmr.data import Image, Meta, Storage
from quietmr.io import format_of, write
from quietmr.io.pair import Pair


def removed_image(before: Image, after: Image) -> Image:
    """Scan minus copy, in fractions."""
    # NaN and infinite voxels stay as they are, so nothing was removed there
    finite = np.isfinite(before.data) & np.isfinite(after.data)
    removed = np.subtract(before.data, after.data, out=np.zeros_like(before.data), where=finite)
    meta = Meta(storage=Storage("<c8" if before.is_complex else "<f4"))
    return Image(removed, before.geometry, frames=before.frames, meta=meta)


def stored_as(image: Image, dtype: str) -> Image:
    """Image that will be stored as asked: as it was, or in float32."""
    if dtype == "same":
        return image
    storage = Storage("<c8" if image.is_complex else "<f4")
    return image.replace(meta=replace(image.meta, storage=storage))


def pair_stored_as(pair: Pair | None, dtype: str) -> Pair | None:
    """As `stored_as`, for both halves."""
    if pair is None:
        return None
    return replace(pair, first=stored_as(pair.first, dtype), second=stored_as(pair.second, dtype))


def copies(job: DenoisingJob, before: Image, after: Image, pair: Pair | None) -> tuple[Image, ...]:
    """Denoised images to write: both halves of a pair, or the scan, with its noise map where it carried one."""
    if pair is not None:
        return pair.split(after)
    carries = before.noise is not None and format_of(job.image).name == "MRD images"
    return (after.replace(noise=before.noise) if carries else after,)


def try_formats(job: DenoisingJob, image: Image, pair: Pair | None) -> None:
    """Refuse a format that has no place for what would be written now, not after the work."""
    copies = (image,) if pair is None else (pair.first, pair.second)
    tried = list(zip(job.scans, job.images, copies, strict=False))
    if job.removed is not None and image.is_complex:
        tried.append((Path("complex.nii"), job.removed, image))
    for source, path, copy in tried:
        if format_of(path).name != format_of(source).name:
            with tempfile.TemporaryDirectory(prefix=".quietmr-", dir=path.absolute().parent) as folder:
                write(copy, Path(folder) / path.name)
