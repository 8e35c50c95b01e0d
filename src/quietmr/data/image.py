"""The one object that travels through quietmr after reconstruction."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from quietmr.data.errors import InputError
from quietmr.data.geometry import Geometry
from quietmr.data.meta import Meta, Step
from quietmr.data.noise_map import NoiseMap

Unit = Literal["stored", "snr"]
Frames = Literal["time", "repetition", "direction", "echo", "unknown"]


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with their noise, geometry and history.

    Parameters
    ----------
    data : array, shape (T, Z, Y, X), float32 or complex64
        Always four axes; a 2-D picture is (1, 1, Y, X). Other real types are converted to float32, complex128 to
        complex64. Never rescaled.
    geometry : Geometry
        Affine (RAS+, mm), slice thickness, time step.
    unit : {"stored", "snr"}
        Units of the values: as the file means them (slope and intercept applied), or SNR units.
    noise : NoiseMap, optional
        Noise of ``data``; None if nobody has measured it yet.
    frames : {"time", "repetition", "direction", "echo", "unknown"}
        What the first axis counts.
    meta : Meta
        Source and storage, for writing back.
    history : tuple of Step
        What was done to it, oldest first.

    Raises
    ------
    InputError
        If ``data`` has not four axes, is empty, or is not numeric.
    """

    data: NDArray[Any]
    geometry: Geometry = field(default_factory=Geometry)
    unit: Unit = "stored"
    noise: NoiseMap | None = None
    frames: Frames = "unknown"
    meta: Meta = field(default_factory=Meta)
    history: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        if data.ndim != 4 or data.size == 0:
            raise InputError(
                f"An image has four non-empty axes (T, Z, Y, X), got shape {data.shape}: "
                "reshape a 2-D picture to (1, 1, Y, X)."
            )
        if data.dtype.kind not in "buifc":
            raise InputError(f"Pixels must be numbers, got type {data.dtype}: convert them first.")
        wanted = np.complex64 if data.dtype.kind == "c" else np.float32
        with np.errstate(over="ignore"):
            object.__setattr__(self, "data", np.ascontiguousarray(data, dtype=wanted))
        if self.noise is not None:
            self.noise.over(self.data.shape)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of frames, slices, rows and columns."""
        t, z, y, x = self.data.shape
        return t, z, y, x

    @property
    def is_complex(self) -> bool:
        """True for complex pixels, False for magnitude (or other real) ones."""
        return bool(self.data.dtype.kind == "c")

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def after(self, step: Step, data: NDArray[Any]) -> Self:
        """Return the image with new pixels after ``step``; the noise of the new pixels is unknown."""
        return replace(self, data=data, noise=None, history=(*self.history, step))
