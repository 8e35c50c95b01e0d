"""Frames of classic files: one picture a file, its facts at the top of the data set."""

from collections.abc import Sequence

from pydicom.dataset import Dataset

from quietmr.io.dicom.elements import first_number, moment, number, numbers, private_number, texts, whole
from quietmr.io.dicom.plane import Placement, Plane, Timing, Triple

_UNIT_TOLERANCE = 5e-3
_COMPONENTS = {
    "P": "phase",
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "R": "real",
    "REAL": "real",
    "I": "imaginary",
    "IMAGINARY": "imaginary",
}
_GE_COMPONENTS = {1.0: "phase", 2.0: "real", 3.0: "imaginary"}
_GE_B_VALUE_FLAG = 1e9


def planes(dataset: Dataset, file: int) -> list[Plane]:
    """List the frames of a classic file: one, or several that the header gives no separate places.

    Raises
    ------
    ValueError
        If an element holds what it must not.
    """
    count = whole(dataset, "NumberOfFrames", default=1)
    placement = place(dataset, (dataset,))
    if count > 1:
        # the one position of a file with many frames belongs to none of the others
        placement = Placement(
            placement.rows,
            placement.columns,
            row_spacing=placement.row_spacing,
            column_spacing=placement.column_spacing,
            slice_spacing=placement.slice_spacing,
            slice_thickness=placement.slice_thickness,
        )
    slope, intercept = rescale((dataset,))
    return [
        Plane(file, frame, placement, timing(dataset, frame), slope, intercept, component(dataset))
        for frame in range(count)
    ]


def place(dataset: Dataset, groups: Sequence[Dataset]) -> Placement:
    """Read where a frame lies.

    Parameters
    ----------
    dataset : Dataset
        The file, for its matrix.
    groups : sequence of Dataset
        Where the position, orientation and spacing may stand, the most specific first.
    """
    directions = _directions(groups)
    spacing = _first(groups, "PixelSpacing", 2)
    if spacing is not None and min(spacing) <= 0:
        raise ValueError(f"PixelSpacing is {spacing}, expected positive millimeters")
    position = _first(groups, "ImagePositionPatient", 3)
    thickness = first_number(groups, "SliceThickness")
    gap = first_number(groups, "SpacingBetweenSlices")
    return Placement(
        rows=whole(dataset, "Rows"),
        columns=whole(dataset, "Columns"),
        row_direction=directions[0] if directions else None,
        column_direction=directions[1] if directions else None,
        position=None if position is None else (position[0], position[1], position[2]),
        row_spacing=None if spacing is None else spacing[0],
        column_spacing=None if spacing is None else spacing[1],
        # some vendors count slices backwards with a negative spacing
        slice_spacing=abs(gap) if gap else None,
        slice_thickness=thickness if thickness and thickness > 0 else None,
    )


def _first(groups: Sequence[Dataset], keyword: str, count: int) -> tuple[float, ...] | None:
    for group in groups:
        found = numbers(group, keyword, count)
        if found is not None:
            return found
    return None


def _directions(groups: Sequence[Dataset]) -> tuple[Triple, Triple] | None:
    cosines = _first(groups, "ImageOrientationPatient", 6)
    if cosines is None:
        return None
    row, column = cosines[:3], cosines[3:]
    lengths = [sum(part * part for part in vector) ** 0.5 for vector in (row, column)]
    slant = sum(a * b for a, b in zip(row, column, strict=True))
    if any(abs(length - 1) > _UNIT_TOLERANCE for length in lengths) or abs(slant) > _UNIT_TOLERANCE:
        raise ValueError(f"ImageOrientationPatient is {list(cosines)}, expected two perpendicular unit vectors")
    # written with few digits, the vectors are not quite of unit length
    unit = [tuple(part / length for part in vector) for vector, length in zip((row, column), lengths, strict=True)]
    return (unit[0][0], unit[0][1], unit[0][2]), (unit[1][0], unit[1][1], unit[1][2])


def rescale(groups: Sequence[Dataset]) -> tuple[float, float]:
    """Read slope and intercept; 1 and 0 where the file does not say.

    Raises
    ------
    ValueError
        If the slope is zero.
    """
    slope = first_number(groups, "RescaleSlope")
    intercept = first_number(groups, "RescaleIntercept")
    if slope == 0:
        raise ValueError("RescaleSlope is 0")
    return 1.0 if slope is None else slope, 0.0 if intercept is None else intercept


def component(dataset: Dataset) -> str:
    """Tell which part of the complex signal the pixels hold; magnitude where the file does not say."""
    ge = private_number(dataset, 0x0043, "GEMS_PARM_01", 0x2F)
    if ge in _GE_COMPONENTS:
        return _GE_COMPONENTS[ge]
    for word in (*texts(dataset, "ComplexImageComponent"), *texts(dataset, "ImageType")[2:]):
        if word in _COMPONENTS:
            return _COMPONENTS[word]
    return "magnitude"


def timing(dataset: Dataset, frame: int) -> Timing:
    """Read what tells a frame from others at the same place."""
    instance = number(dataset, "InstanceNumber")
    n_temporal = number(dataset, "NumberOfTemporalPositions")
    return Timing(
        echo_time=number(dataset, "EchoTime"),
        inversion_time=number(dataset, "InversionTime"),
        flip_angle=number(dataset, "FlipAngle"),
        diffusion=_diffusion(dataset),
        temporal_position=number(dataset, "TemporalPositionIdentifier"),
        trigger_time=number(dataset, "TriggerTime"),
        acquisition_number=number(dataset, "AcquisitionNumber"),
        acquired=moment(dataset, "Acquisition"),
        created=moment(dataset, "Content"),
        instance=None if instance is None else (instance, float(frame)),
        repetition_time=number(dataset, "RepetitionTime"),
        temporal_resolution=number(dataset, "TemporalResolution"),
        n_temporal=None if n_temporal is None else int(n_temporal),
        echo_planar="EP" in texts(dataset, "ScanningSequence"),
    )


def _diffusion(dataset: Dataset) -> tuple[float, float, float, float] | None:
    b_value = number(dataset, "DiffusionBValue")
    if b_value is None:
        b_value = private_number(dataset, 0x0019, "SIEMENS MR HEADER", 0x0C)
    if b_value is None:
        b_value = private_number(dataset, 0x2001, "Philips Imaging DD 001", 0x03)
    if b_value is None:
        b_value = private_number(dataset, 0x0043, "GEMS_PARM_01", 0x39)
        # GE adds a flag of 10^9 to b-values of newer scans
        b_value = None if b_value is None else b_value % _GE_B_VALUE_FLAG
    if b_value is None:
        return None
    direction = numbers(dataset, "DiffusionGradientOrientation", 3) or (0.0, 0.0, 0.0)
    return b_value, direction[0], direction[1], direction[2]
