"""What is written of a reconstruction: magnitude, g-factor map, SNR map."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from quietmr.cli.recon_jobs import is_dicom
from quietmr.data import Image, InputError, Meta, NoiseMap, OutputError, Storage
from quietmr.io import write

Quantity = Literal["g-factor", "SNR"]


def noise_of(image: Image) -> NoiseMap:
    """Noise of a reconstructed image: sigma is g.

    Raises
    ------
    InputError
        If the image has no noise map.
    """
    if image.noise is None:
        raise InputError("The image has no noise map: it was not reconstructed in SNR units.")
    return image.noise


def magnitude(image: Image) -> Image:
    """Magnitude of an image, complex or real; its noise is Rician with the same sigma."""
    noise = replace(noise_of(image), kind="rician")
    return image.replace(data=np.abs(image.data), noise=noise, meta=_plain(image.meta))


def write_gmap(image: Image, path: Path) -> None:
    """Write the g-factor map, in DICOM as a Parametric Map."""
    if is_dicom(path):
        _write_parametric_map(image, path, "g-factor", noise_of(image).sigma.shape[0])
    else:
        write(gmap_image(image), path)


def write_snr_map(image: Image, path: Path) -> None:
    """Write the SNR map, in DICOM as Parametric Maps, one for each frame."""
    if is_dicom(path):
        _write_parametric_map(image, path, "SNR", image.shape[0])
    else:
        write(snr_image(image), path)


def _write_parametric_map(image: Image, path: Path, quantity: Quantity, n_files: int) -> None:
    if n_files > 1 and path.suffix:
        raise OutputError(
            f"The {quantity} map has {n_files} frames and becomes a folder of as many files: give a folder name "
            f"instead of {path}."
        )
    if n_files == 1 and not path.suffix:
        raise OutputError(f"The {quantity} map is one file: give a name that ends in .dcm instead of {path}.")
    # Imported here: only those who ask for DICOM wait for its library.
    from quietmr.io.dicom.parametric_map import write_parametric_map

    write_parametric_map(image, path, quantity)


def gmap_image(image: Image) -> Image:
    """g-factor map of an image in SNR units: its sigma, one frame if it is the same for all."""
    sigma = noise_of(image).sigma
    shape = (sigma.shape[0], *image.shape[1:])
    return Image(np.broadcast_to(sigma, shape), image.geometry, meta=_plain(image.meta), history=image.history)


def snr_image(image: Image) -> Image:
    """SNR map: magnitude / g, 0 where g is 0."""
    sigma = noise_of(image).over(image.shape)
    snr = np.divide(np.abs(image.data), sigma, out=np.zeros(image.shape, np.float32), where=sigma > 0)
    return image.replace(data=snr, noise=None, meta=_plain(image.meta))


def _plain(meta: Meta) -> Meta:
    return replace(meta, storage=Storage("<f4"))
