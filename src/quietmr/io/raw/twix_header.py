"""Encoding, coils and dwell time from the header of a Siemens measurement, as twixtools parses it."""

from collections.abc import Mapping
from typing import Any

from quietmr.data import Calibration, Encoding, InputError, Limits, System

_SLAB = 4  # sKSpace.ucDimension of a 3-D scan
_READOUT_OVERSAMPLING = 2
# Siemens' receivers: what the siemens_to_ismrmrd converter writes into every header
_BANDWIDTH = 0.793
_REFERENCE_SCANS: dict[int, Calibration] = {2: "embedded", 4: "separate", 8: "separate"}
_INTRINSIC = 16  # this and higher powers of two: lines shifted from frame to frame


def encoding_of(header: Mapping[str, Any], center: tuple[int, int], name: str) -> Encoding:
    """Read the encoding of a measurement.

    Parameters
    ----------
    header : mapping
        Its ``hdr``; the section ``MeasYaps`` is used.
    center : (line, partition)
        Counters of k = 0, from the readouts.
    name : str
        The file, for messages.

    Raises
    ------
    InputError
        If matrix or field of view are absent.
    """
    yaps = header.get("MeasYaps", {})
    space, slices = yaps.get("sKSpace", {}), yaps.get("sSliceArray", {}).get("asSlice", [])
    try:
        slab, base = slices[0], int(space["lBaseResolution"])
        lines, is_3d = int(space["lPhaseEncodingLines"]), int(space.get("ucDimension", 2)) == _SLAB
        partitions = int(space["lPartitions"]) if is_3d else 1
        images = int(space.get("lImagesPerSlab", partitions)) if is_3d else 1
        x, y, z = (float(slab[key]) for key in ("dReadoutFOV", "dPhaseFOV", "dThickness"))
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{name} has a header without matrix or field of view ({error}): export it again.") from error
    if min(base, lines, partitions, images) < 1 or min(x, y, z) <= 0:
        raise InputError(f"{name} has a header with an impossible matrix or field of view: export it again.")
    more = 1 + float(space.get("dPhaseOversamplingForDialog", 0) or 0)
    deeper = 1 + float(space.get("dSliceOversamplingForDialog", 0) or 0) if is_3d else 1.0
    parallel = yaps.get("sPat", {})
    acceleration = (_factor(parallel, "lAccelFactPE"), _factor(parallel, "lAccelFact3D"))
    return Encoding(
        matrix=(_READOUT_OVERSAMPLING * base, lines, partitions),
        fov=(_READOUT_OVERSAMPLING * x, more * y, deeper * z),
        recon_matrix=(base, max(1, round(base * y / x)), images),
        recon_fov=(x, y, z),
        lines=Limits(0, lines - 1, center[0]),
        partitions=Limits(0, partitions - 1, center[1]),
        acceleration=acceleration,
        calibration="none" if acceleration == (1, 1) else _calibration(parallel),
        trajectory="cartesian" if int(space.get("ucTrajectory", 1) or 1) == 1 else "other",
    )


def system_of(header: Mapping[str, Any]) -> System:
    """Scanner and coils of a measurement; whatever the header lacks stays empty."""
    dicom = header.get("Dicom", {})
    strength = dicom.get("flMagneticFieldStrength")
    return System(
        coil_labels=_coil_labels(header.get("MeasYaps", {})),
        bandwidth=_BANDWIDTH,
        vendor="SIEMENS",
        model=str(dicom.get("ManufacturersModelName", "")),
        protocol=str(header.get("Meas", {}).get("tProtocolName", "")),
        field_strength=float(strength) if isinstance(strength, int | float) else None,
    )


def dwell_us(header: Mapping[str, Any]) -> float:
    """Time between two samples (oversampling included) in microseconds, 0 if the header does not say."""
    times = header.get("MeasYaps", {}).get("sRXSPEC", {}).get("alDwellTime", [])
    return float(times[0]) / 1000 if times and isinstance(times[0], int | float) else 0.0


def _coil_labels(yaps: Mapping[str, Any]) -> tuple[str, ...]:
    selected = yaps.get("sCoilSelectMeas", {}).get("aRxCoilSelectData", [])
    elements = selected[0].get("asList", []) if selected and isinstance(selected[0], dict) else []
    labelled = []
    for element in elements:
        if isinstance(element, dict) and "lADCChannelConnected" in element:
            names = element.get("sCoilElementID", {})
            label = f"{names.get('tCoilID', '')}:{names.get('tElement', '')}"
            labelled.append((int(element["lADCChannelConnected"]), label))
    return tuple(label for _, label in sorted(labelled))


def _factor(parallel: Mapping[str, Any], key: str) -> int:
    return max(1, int(parallel.get(key, 1) or 1))


def _calibration(parallel: Mapping[str, Any]) -> Calibration:
    mode = int(parallel.get("ucRefScanMode", 0) or 0)
    return "interleaved" if mode >= _INTRINSIC else _REFERENCE_SCANS.get(mode, "other")
