"""One 2-D frame of a series: where it lies and when it was taken."""

from dataclasses import dataclass

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Placement:
    """Where a frame lies, in the DICOM patient system (LPS+, mm).

    Parameters
    ----------
    rows, columns : int
        Size of the frame.
    row_direction, column_direction : (float, float, float), optional
        Unit vectors along a row (the column number grows) and along a column; None if the file does not say.
    position : (float, float, float), optional
        Center of the first voxel.
    row_spacing, column_spacing : float, optional
        Distance between neighboring rows and between neighboring columns in mm.
    slice_spacing, slice_thickness : float, optional
        What the header says of the slices in mm; the true spacing comes from the positions.
    """

    rows: int
    columns: int
    row_direction: Triple | None = None
    column_direction: Triple | None = None
    position: Triple | None = None
    row_spacing: float | None = None
    column_spacing: float | None = None
    slice_spacing: float | None = None
    slice_thickness: float | None = None


@dataclass(frozen=True)
class Timing:
    """What tells one frame from another at the same place.

    Parameters
    ----------
    echo_time, inversion_time, trigger_time, repetition_time, temporal_resolution : float, optional
        In milliseconds, as DICOM counts them.
    flip_angle : float, optional
        In degrees.
    diffusion : (float, float, float, float), optional
        b-value in s/mm^2 and gradient direction (zeros if there is none).
    temporal_position, acquisition_number : float, optional
        Counters.
    acquired, created : float, optional
        Acquisition and content time in seconds on one clock.
    dimension : tuple of float, optional
        Dimension index values of an enhanced file.
    instance : (float, float), optional
        InstanceNumber and the number of the frame in its file.
    n_temporal : int, optional
        How many time points the header promises.
    echo_planar : bool
        Whether one repetition time gives one volume.
    """

    echo_time: float | None = None
    inversion_time: float | None = None
    flip_angle: float | None = None
    diffusion: tuple[float, float, float, float] | None = None
    temporal_position: float | None = None
    trigger_time: float | None = None
    acquisition_number: float | None = None
    acquired: float | None = None
    created: float | None = None
    dimension: tuple[float, ...] | None = None
    instance: tuple[float, float] | None = None
    repetition_time: float | None = None
    temporal_resolution: float | None = None
    n_temporal: int | None = None
    echo_planar: bool = False


@dataclass(frozen=True)
class Plane:
    """One 2-D frame.

    Parameters
    ----------
    file, frame : int
        Number of the file in the series and of the frame (or mosaic tile) in the file, from 0.
    placement : Placement
        Where.
    timing : Timing
        When.
    slope, intercept : float
        ``value = stored * slope + intercept``.
    component : str
        ``"magnitude"``, ``"phase"``, ``"real"`` or ``"imaginary"``.
    """

    file: int
    frame: int
    placement: Placement
    timing: Timing
    slope: float = 1.0
    intercept: float = 0.0
    component: str = "magnitude"
