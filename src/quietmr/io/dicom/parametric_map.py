"""g-factor and SNR maps as DICOM Parametric Maps (float32 pixels that say what they measure)."""

import math
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from quietmr._version import __version__
from quietmr.data import Acquired, Image, MissingExtraError, OutputError
from quietmr.io.atomic import replacing
from quietmr.io.dicom.acquired_header import place_picture, series_dataset
from quietmr.io.dicom.derive import NewSeries
from quietmr.io.dicom.guard import refusing_header, third_party_silent
from quietmr.io.dicom.header import DicomHeader

Quantity = Literal["g-factor", "SNR"]

# no standard vocabulary has codes for them
_CODES = {"g-factor": ("GFACTOR", "g-factor"), "SNR": ("SNR", "signal-to-noise ratio")}
_SERIES_NUMBER_OFFSETS = {"g-factor": 2000, "SNR": 3000}
_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_parametric_map(image: Image, path: Path, quantity: Quantity) -> None:
    """Write the g-factor map or the SNR map of an image as DICOM Parametric Map Storage (PS3.3 A.75).

    float32 values without loss, a real world value mapping with the unit ``1`` (no units, UCUM) and the quantity, the
    places of all slices, and references to the pictures that it belongs to. Needs the library highdicom.

    Parameters
    ----------
    image : Image
        With its noise known, from DICOM or reconstructed from raw data.
    path : Path
        File to make or to replace; for a map that changes from frame to frame a folder of one file a frame.
    quantity : {"g-factor", "SNR"}
        ``noise.sigma`` of an image in SNR units, or ``|data| / sigma``.

    Raises
    ------
    OutputError
        If the noise is unknown, the image is not in SNR units (g-factor), has no DICOM or raw header, holds NaN, or
        cannot be written.
    MissingExtraError
        If highdicom is not installed.
    """
    highdicom = _highdicom()
    values = _values(image, quantity)
    series = NewSeries(image.history)
    with third_party_silent(), replacing(path) as temporary:
        if len(values) > 1:
            temporary.mkdir()
        for t, volume in enumerate(values):
            with refusing_header(path.name):
                sources = _sources(image, t if len(values) > 1 else None, series)
                content = _map(highdicom, image, volume, sources, (quantity, t + 1, series))
            target = temporary / f"{t + 1:06d}.dcm" if len(values) > 1 else temporary
            dcmwrite(target, content, enforce_file_format=True)


def _highdicom() -> ModuleType:
    try:
        import highdicom
        import highdicom.pm
    except ImportError as error:
        raise MissingExtraError(
            "Parametric maps need the library highdicom: install it with pip install 'quietmr[dicom]', or write the "
            "map as .nii.gz or .h5."
        ) from error
    module: ModuleType = highdicom
    return module


def _values(image: Image, quantity: Quantity) -> NDArray[np.float32]:
    if quantity not in _CODES:
        raise OutputError(f"A parametric map holds 'g-factor' or 'SNR', not '{quantity}'.")
    if image.noise is None:
        raise OutputError(f"The noise of the image is unknown, so there is no {quantity} map: estimate it first.")
    if quantity == "g-factor":
        if image.unit != "snr":
            raise OutputError("Only an image in SNR units has a g-factor map: reconstruct it with quietmr recon.")
        n_maps = image.noise.sigma.shape[0]
        values = np.broadcast_to(image.noise.sigma, (n_maps, *image.shape[1:]))
    else:
        sigma = image.noise.over(image.shape)
        values = np.zeros(image.shape, np.float32)
        with np.errstate(over="ignore"):
            np.divide(np.abs(image.data), sigma, out=values, where=sigma > 0)
    if not np.isfinite(values).all():
        raise OutputError(f"The {quantity} map holds NaN or infinite values: replace them first, or write .nii.gz.")
    return np.ascontiguousarray(values, np.float32)


def _sources(image: Image, frame: int | None, series: NewSeries) -> list[Dataset]:
    header = image.meta.header
    if isinstance(header, DicomHeader):
        chosen = header.file[slice(None) if frame is None else [frame]]
        return [header.files[int(index)].dataset for index in np.unique(chosen)]
    if not isinstance(header, Acquired):
        origin = f"from {image.meta.format}" if image.meta.format else "from memory"
        raise OutputError(
            f"This image comes {origin}, and a parametric map needs a DICOM source or raw data: write .nii.gz."
        )
    dataset = series_dataset(image, header, series)
    place_picture(dataset, image, header, frame or 0, 0)
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    return [dataset]


def _map(
    highdicom: Any, image: Image, volume: NDArray[np.float32], sources: list[Dataset], what: tuple[str, int, NewSeries]
) -> Dataset:
    quantity, number, series = what
    first = sources[0]
    lps = _TO_LPS @ image.geometry.affine
    x, y, z = image.geometry.voxel_size
    thickness = image.geometry.slice_thickness or float(first.get("SliceThickness") or z)
    low, high = float(volume.min()), float(volume.max())
    made = highdicom.pm.ParametricMap(
        source_images=sources,
        # one channel; without the last axis a single slice would be taken for a frame by itself
        pixel_array=volume[..., np.newaxis],
        series_instance_uid=series.uid,
        series_number=int(first.get("SeriesNumber") or 0) + _SERIES_NUMBER_OFFSETS[quantity],
        sop_instance_uid=str(generate_uid(prefix=None)),
        instance_number=number,
        manufacturer="quietmr",
        manufacturer_model_name="quietmr",
        software_versions=__version__,
        device_serial_number="0",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[[_meaning(highdicom, quantity, low, high)]],
        content_description=f"{_CODES[quantity][1]} map",
        content_label=_CODES[quantity][0],
        pixel_measures=highdicom.PixelMeasuresSequence((y, x), thickness, z if len(volume) > 1 else None),
        plane_orientation=highdicom.PlaneOrientationSequence(
            "PATIENT", [*(lps[:3, 0] / x).tolist(), *(lps[:3, 1] / y).tolist()]
        ),
        plane_positions=[
            highdicom.PlanePositionSequence("PATIENT", (lps @ [0, 0, index, 1])[:3].tolist())
            for index in range(len(volume))
        ],
        voi_lut_transformations=[_window(highdicom, volume)],
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    made.SeriesDescription = f"{str(first.get('SeriesDescription', ''))[:40]} {quantity} map".strip()
    dataset: Dataset = made
    return dataset


def _meaning(highdicom: Any, quantity: str, low: float, high: float) -> Any:
    value, meaning = _CODES[quantity]
    return highdicom.pm.RealWorldValueMapping(
        lut_label=value,
        lut_explanation=f"{meaning}, stored as it is",
        unit=highdicom.sr.CodedConcept("1", "UCUM", "no units"),
        # a range of one number is refused by some readers
        value_range=(low, high if high > low else math.nextafter(low, math.inf)),
        slope=1.0,
        intercept=0.0,
        quantity_definition=highdicom.sr.CodedConcept(value, "99QUIETMR", meaning),
    )


def _window(highdicom: Any, volume: NDArray[np.float32]) -> Any:
    low, high = (float(value) for value in np.percentile(volume, [1, 99]))
    return highdicom.VOILUTTransformation(
        window_center=(low + high) / 2, window_width=max(high - low, abs(high) * 1e-3) or 1.0
    )
