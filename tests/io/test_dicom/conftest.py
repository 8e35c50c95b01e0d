"""Small MR series written with pydicom, with a geometry known in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.spatial.transform import Rotation

from quietmr.data import READOUT, Acquired, Geometry, Image, Meta, NoiseMap, Step, System
from quietmr.io.dicom import read, write

ROWS, COLUMNS = 6, 8
_DENOISED = (Step("denoise"),)


@dataclass
class Scan:
    """One series: every file made by it shares study, series and geometry."""

    row: Sequence[float] = (1.0, 0.0, 0.0)
    column: Sequence[float] = (0.0, 1.0, 0.0)
    origin: Sequence[float] = (-10.0, -20.0, 30.0)
    row_spacing: float = 2.0
    column_spacing: float = 1.5
    step: float = 4.0
    thickness: float = 3.0
    series: str = field(default_factory=lambda: str(generate_uid(prefix=None)))
    study: str = field(default_factory=lambda: str(generate_uid(prefix=None)))

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.row, self.column)

    def position(self, z: int) -> NDArray[np.float64]:
        return np.array(self.origin) + z * self.step * self.normal

    def affine(self) -> NDArray[np.float64]:
        """RAS+ affine of (x, y, z): the definition in PS3.3 C.7.6.2.1.1, with the first two axes turned around."""
        lps = np.eye(4)
        lps[:3, 0] = np.array(self.row) * self.column_spacing
        lps[:3, 1] = np.array(self.column) * self.row_spacing
        lps[:3, 2] = self.normal * self.step
        lps[:3, 3] = self.origin
        return np.diag([-1, -1, 1, 1]) @ lps

    def picture(self, pixels: NDArray[Any], z: int = 0, **elements: Any) -> Dataset:
        """A classic MR image of stored ``pixels`` at slice ``z``; keyword arguments set elements, None removes them."""
        dataset = Dataset()
        dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = generate_uid(prefix=None)
        dataset.StudyInstanceUID = self.study
        dataset.SeriesInstanceUID = self.series
        dataset.FrameOfReferenceUID = f"{self.study}.1"
        dataset.Modality = "MR"
        dataset.Manufacturer = "Scanners"
        dataset.PatientName = "Phantom^Small"
        dataset.PatientID = "17"
        dataset.SeriesNumber = 5
        dataset.SeriesDescription = "t1 small"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        dataset.ImageOrientationPatient = [decimal(value) for value in (*self.row, *self.column)]
        dataset.ImagePositionPatient = [decimal(value) for value in self.position(z)]
        dataset.PixelSpacing = [decimal(self.row_spacing), decimal(self.column_spacing)]
        dataset.SliceThickness = decimal(self.thickness)
        dataset.RepetitionTime = "600"
        dataset.EchoTime = "12"
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.Rows, dataset.Columns = pixels.shape[-2:]
        if pixels.ndim == 3:
            dataset.NumberOfFrames = len(pixels)
        dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
        for keyword, value in elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        return dataset

    def volume(self, folder: Path, stored: NDArray[Any], names: Sequence[str] | None = None, **elements: Any) -> Path:
        """Write ``stored`` (Z, Y, X) as one file a slice."""
        for z, pixels in enumerate(stored):
            name = names[z] if names else f"{z:03d}.dcm"
            save(self.picture(pixels, z, InstanceNumber=z + 1, **elements), folder / name)
        return folder


def decimal(value: float) -> str:
    return f"{value:.10g}"[:16]


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def ramp(*shape: int, dtype: str = "<u2") -> NDArray[Any]:
    """Pixels that are all different, so that any mix-up shows."""
    shape = shape or (ROWS, COLUMNS)
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.fixture
def scan() -> Scan:
    return Scan()


@pytest.fixture
def make() -> type[Scan]:
    """The class itself, for other geometries and second series."""
    return Scan


@pytest.fixture(name="save")
def _save() -> Any:
    return save


@pytest.fixture(name="ramp")
def _ramp() -> Any:
    return ramp


@pytest.fixture
def one(scan, save, tmp_path):
    """Write a picture with the elements given, read it, write it with other values, and read that."""

    def run(stored, values=None, syntax=ExplicitVRLittleEndian, unit="stored", history=_DENOISED, **elements):
        image = read(save(scan.picture(stored, **elements), tmp_path / "in.dcm", syntax))
        data = image.data if values is None else np.asarray(values, np.float32).reshape(image.shape)
        write(image.replace(data=data, history=history, unit=unit), tmp_path / "out.dcm")
        return image, read(tmp_path / "out.dcm"), pydicom.dcmread(tmp_path / "out.dcm")

    return run


@pytest.fixture
def enhanced_file(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp(2, 6, 8), SOPClassUID=EnhancedMRImageStorage, ImagePositionPatient=None)
    frames = []
    for z, slope in enumerate(("1", "0.5")):
        frame = pydicom.Dataset()
        for name, elements in {
            "PlanePositionSequence": {"ImagePositionPatient": list(scan.position(z))},
            "PixelValueTransformationSequence": {"RescaleSlope": slope, "RescaleIntercept": "0", "RescaleType": "US"},
            "FrameVOILUTSequence": {"WindowCenter": "100", "WindowWidth": "200"},
        }.items():
            item = pydicom.Dataset()
            for keyword, value in elements.items():
                setattr(item, keyword, value)
            setattr(frame, name, [item])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return save(dataset, tmp_path / "in.dcm")


def reconstructed(t: int = 2, z: int = 3, *, volume: bool = False, seed: int = 4, xml: str = "") -> Image:
    """An oblique magnitude image in SNR units as the reconstruction of raw data gives it, 15 x 20 pixels."""
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    readouts = np.zeros((t, 1 if volume else z), READOUT)
    readouts["measurement_uid"] = seed
    lps = np.eye(4)
    lps[:3, :3] = turn * [1.5, 2.5, 3 if volume else 8]
    lps[:3, 3] = rng.uniform(-90, 90, 3)
    header = Acquired(readouts, (30, 37.5, 3 * z if volume else 6), System(vendor="Scanners", field_strength=1.5), xml)
    return Image(
        rng.random((t, z, 15, 20), np.float32) * 400,
        Geometry(np.diag([-1, -1, 1, 1]) @ lps, 3 if volume else 6, 0.0325),
        "snr",
        NoiseMap(1 + rng.random((1, z, 15, 20), np.float32), "rician", "noise-scan"),
        "time" if t > 1 else "unknown",
        Meta("mrd", header=header),
        (Step("recon", {"r": 2}),),
    )


@pytest.fixture
def acquired() -> Any:
    return reconstructed
