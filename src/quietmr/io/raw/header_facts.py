"""From the header of an MRD file to what quietmr has to know: encoding spaces and system."""

import math
from collections.abc import Sequence
from typing import Any, cast, get_args

from quietmr.data import Calibration, Encoding, InputError, Limits, System

_LARGEST = 65535


def encodings_of(tree: Any, name: str) -> tuple[Encoding, ...]:
    """Read the encoding spaces of a header.

    Parameters
    ----------
    tree : object
        From `header_tree`.
    name : str
        File it comes from, for messages.

    Returns
    -------
    tuple of Encoding
        At least one.

    Raises
    ------
    InputError
        If there is none, or a matrix or field of view is missing or impossible.
    """
    found = tuple(_encoding(each, name) for each in _all(tree, "encoding"))
    if not found:
        raise InputError(f"{name} has a header without an encoding: matrix and field of view are unknown.")
    return found


def system_of(tree: Any, name: str) -> System:
    """Read scanner and measurement of a header; whatever is absent stays empty.

    Labels of coils are sorted by ``coilNumber``, the order of the channels in the data.

    Raises
    ------
    InputError
        If a number is not a number.
    """
    system, measurement = _first(tree, "acquisitionSystemInformation"), _first(tree, "measurementInformation")
    noise = [
        _text(each, "measurementID")
        for each in _all(measurement, "measurementDependency")
        if _text(each, "dependencyType").lower() == "noise"
    ]
    return System(
        coil_labels=_coil_labels(system, name),
        bandwidth=_number(system, name, "relativeReceiverNoiseBandwidth"),
        vendor=_text(system, "systemVendor"),
        model=_text(system, "systemModel"),
        protocol=_text(measurement, "protocolName"),
        measurement_id=_text(measurement, "measurementID"),
        field_strength=_number(system, name, "systemFieldStrength_T"),
        noise_measurement=noise[0] if noise else "",
    )


def _coil_labels(system: Any, name: str) -> tuple[str, ...]:
    numbered = [
        (_number(each, name, "coilNumber") or 0.0, _text(each, "coilName")) for each in _all(system, "coilLabel")
    ]
    return tuple(label for _, label in sorted(numbered, key=lambda pair: pair[0]))


def _encoding(node: Any, name: str) -> Encoding:
    encoded = _first(node, "encodedSpace")
    wanted = _first(node, "reconSpace") or encoded
    limits, parallel = _first(node, "encodingLimits"), _first(node, "parallelImaging")
    factors = _first(parallel, "accelerationFactor")
    return Encoding(
        matrix=_matrix(encoded, "encoded", name),
        fov=_fov(encoded, "encoded", name),
        recon_matrix=_matrix(wanted, "reconstructed", name),
        recon_fov=_fov(wanted, "reconstructed", name),
        lines=_limits(limits, "kspace_encoding_step_1", name),
        partitions=_limits(limits, "kspace_encoding_step_2", name),
        acceleration=(
            _factor(factors, "kspace_encoding_step_1", name),
            _factor(factors, "kspace_encoding_step_2", name),
        ),
        calibration=_calibration(parallel),
        trajectory=_text(node, "trajectory").lower() or "cartesian",
    )


def _matrix(space: Any, which: str, name: str) -> tuple[int, int, int]:
    sizes = [_number(_first(space, "matrixSize"), name, axis) for axis in "xyz"]
    if any(size is None or not 1 <= size <= _LARGEST or size != int(size) for size in sizes):
        raise InputError(
            f"{name} has a header with the {which} matrix {_listed(sizes)}: allowed are whole numbers "
            f"from 1 to {_LARGEST}."
        )
    return cast("tuple[int, int, int]", tuple(int(cast(float, size)) for size in sizes))


def _fov(space: Any, which: str, name: str) -> tuple[float, float, float]:
    lengths = [_number(_first(space, "fieldOfView_mm"), name, axis) for axis in "xyz"]
    if any(length is None or not math.isfinite(length) or length <= 0 for length in lengths):
        raise InputError(
            f"{name} has a header with the {which} field of view {_listed(lengths)} mm: allowed are numbers above 0."
        )
    return cast("tuple[float, float, float]", tuple(lengths))


def _listed(values: Sequence[float | None]) -> str:
    return " x ".join("(absent)" if value is None else f"{value:g}" for value in values)


def _limits(limits: Any, step: str, name: str) -> Limits | None:
    node = _first(limits, step)
    values = [_number(node, name, part) for part in ("minimum", "maximum", "center")]
    # some converters leave the center out: half a statement is treated as none
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    return Limits(*(int(cast(float, value)) for value in values))


def _factor(factors: Any, step: str, name: str) -> int:
    value = _number(factors, name, step)
    return 1 if value is None or not math.isfinite(value) else max(1, round(value))


def _calibration(parallel: Any) -> Calibration:
    mode = _text(parallel, "calibrationMode").lower()
    if mode in get_args(Calibration):
        return cast(Calibration, mode)
    return "other" if mode else "none"


def _all(node: Any, part: str) -> list[Any]:
    # a string stands for an element without children; its own methods must not be taken for some
    found = None if isinstance(node, str) else getattr(node, part, None)
    if found is None:
        return []
    return list(found) if isinstance(found, list) else [found]


def _first(node: Any, part: str) -> Any:
    return next(iter(_all(node, part)), None)


def _text(node: Any, part: str) -> str:
    found = _first(node, part)
    # enumerations of ismrmrd's classes carry their text as value
    found = getattr(found, "value", found)
    return "" if found is None else str(found).strip()


def _number(node: Any, name: str, part: str) -> float | None:
    text = _text(node, part)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"{name} has a header where {part} is '{text}', not a number: convert the scan again."
        ) from None
