"""What quietmr writes beside the fields of MRD, so that an image comes back as it went: one record in JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.data import READOUT, Acquired, Frames, Geometry, Image, Step, System, Unit


@dataclass(frozen=True, eq=False)
class Record:
    """The record of one image series.

    Parameters
    ----------
    shape : (T, Z, Y, X)
        Of the image.
    unit, frames, geometry, history
        As in `quietmr.data.Image`.
    noise : mapping, optional
        Facts of the noise map except sigma, and the shape of sigma.
    fov, system : optional
        As in `quietmr.data.Acquired`; None if the image had none.
    """

    shape: tuple[int, int, int, int]
    unit: Unit
    frames: Frames
    geometry: Geometry
    history: tuple[Step, ...]
    noise: Mapping[str, Any] | None
    fov: tuple[float, float, float] | None
    system: System | None


def record_text(image: Image, acquired: Acquired | None) -> str:
    """Write the record of an image as JSON (ASCII)."""
    noise = image.noise
    facts = None
    if noise is not None:
        facts = {
            "kind": noise.kind,
            "origin": noise.origin,
            "uncertainty": noise.uncertainty,
            "support": noise.support,
            "n_channels": noise.n_channels,
            "shape": noise.sigma.shape,
        }
    return json.dumps(
        {
            "version": __version__,
            "shape": image.shape,
            "unit": image.unit,
            "frames": image.frames,
            "affine": image.geometry.affine.tolist(),
            "slice_thickness": image.geometry.slice_thickness,
            "time_step": image.geometry.time_step,
            "noise": facts,
            "history": [{"name": step.name, "parameters": dict(step.parameters)} for step in image.history],
            "fov": None if acquired is None else acquired.fov,
            "system": None if acquired is None else asdict(acquired.system),
        },
        default=_plain,
    )


def parse_record(text: str) -> Record:
    """Read the record of an image.

    Raises
    ------
    ValueError
        If it is not what `record_text` writes.
    """
    try:
        told = json.loads(text)
        t, z, y, x = (int(length) for length in told["shape"])
        system = told["system"]
        if system is not None:
            system = System(**{**system, "coil_labels": tuple(system["coil_labels"])})
        noise = told["noise"]
        if noise is not None:
            noise = {**noise, "shape": tuple(noise["shape"])}
            noise["support"] = None if noise["support"] is None else tuple(noise["support"])
        return Record(
            shape=(t, z, y, x),
            unit=_one_of(told["unit"], ("stored", "snr")),
            frames=_one_of(told["frames"], ("time", "repetition", "direction", "echo", "unknown")),
            geometry=Geometry(np.array(told["affine"]), told["slice_thickness"], told["time_step"]),
            history=tuple(Step(step["name"], step["parameters"]) for step in told["history"]),
            noise=noise,
            fov=None if told["fov"] is None else tuple(told["fov"]),
            system=system,
        )
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"its record of quietmr is damaged ({type(error).__name__}: {error})") from error


def readout_text(readout: np.void, header: np.void) -> str:
    """Write as JSON what the readout header says and the image header has no field for, or says otherwise."""
    names = header.dtype.names or ()
    kept = {
        name: readout[name].tolist()
        for name in READOUT.names or ()
        if name == "flags" or name not in names or not np.array_equal(readout[name], header[name])
    }
    return json.dumps(kept)


def readouts_of(headers: NDArray[np.void], texts: list[str]) -> NDArray[np.void]:
    """Rebuild readout headers from image headers and what `readout_text` kept (empty texts: nothing was).

    Raises
    ------
    ValueError
        If a text is damaged.
    """
    readouts = np.zeros(headers.shape, READOUT)
    for name in READOUT.names or ():
        if name in (headers.dtype.names or ()) and name != "flags":
            readouts[name] = headers[name]
    for index, text in enumerate(texts):
        try:
            for name, value in (json.loads(text) if text else {}).items():
                readouts[name].reshape(headers.size, -1)[index] = value
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"its record of readout {index + 1} is damaged ({error})") from error
    return readouts


def _one_of(value: str, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f"'{value}' is none of {', '.join(allowed)}")
    return value


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)
