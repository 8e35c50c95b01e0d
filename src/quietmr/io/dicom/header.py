"""What the writer needs to know of the files that an image was read from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from quietmr.io.dicom.pixels import PixelFormat


@dataclass(frozen=True, eq=False)
class SourceFile:
    """One file of the source.

    Parameters
    ----------
    name : str
        Path below the source folder, with forward slashes.
    dataset : Dataset
        Untouched header, without pixels.
    layout : PixelFormat
        How its pixels were stored.
    n_tiles : int
        Number of slices if it is a mosaic, else 0.
    background : float
        What the stored number 0 means, in the empty tiles of a mosaic.
    """

    name: str
    dataset: Dataset
    layout: PixelFormat
    n_tiles: int = 0
    background: float = 0.0


@dataclass(frozen=True, eq=False)
class DicomHeader:
    """Where every slice of an image came from; lives in ``Image.meta.header``.

    Parameters
    ----------
    files : tuple of SourceFile
        The files, sorted by name.
    file, frame : array, shape (T, Z), int
        For each slice of the image the number of its file and of its frame (or mosaic tile) there.
    slope, intercept : array, shape (T, Z)
        ``value = stored * slope + intercept``.
    affine : array, shape (4, 4)
        The grid as read.
    value_range : (float, float)
        Smallest and largest value as read.
    is_folder : bool
        Whether a folder was read, and a folder is to be written.
    """

    files: tuple[SourceFile, ...]
    file: NDArray[np.intp]
    frame: NDArray[np.intp]
    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    affine: NDArray[np.float64]
    value_range: tuple[float, float]
    is_folder: bool

    def places(self, index: int) -> list[tuple[int, int]]:
        """List (t, z) of the slices that file ``index`` holds, in the order of its frames."""
        cells = np.argwhere(self.file == index)
        order = np.argsort([self.frame[t, z] for t, z in cells])
        return [(int(t), int(z)) for t, z in cells[order]]
