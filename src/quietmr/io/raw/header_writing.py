"""The XML header of an MRD file, made of what quietmr knows."""

from collections.abc import Sequence
from typing import Any

import ismrmrd.xsd as xsd
import numpy as np

from quietmr.data import Encoding, KSpace, Limits, System

_PROTON_HZ_PER_TESLA = 42.577478518e6
_COUNTERS = ("average", "slice", "contrast", "phase", "repetition", "set", "segment")
_TRAJECTORIES = {each.value for each in xsd.trajectoryType}


def header_of(kspace: KSpace) -> str:
    """Make an ISMRMRD header from encoding, system and the counters of the readouts.

    Parameters
    ----------
    kspace : KSpace
        Its ``xml`` is not looked at.

    Returns
    -------
    str
        XML document. Without a field strength the proton frequency, which the schema demands, is 0.
    """
    system = kspace.system
    header = xsd.ismrmrdHeader(
        version=1,
        measurementInformation=_measurement(system),
        acquisitionSystemInformation=_system(system, kspace.imaging.n_coils),
        experimentalConditions=xsd.experimentalConditionsType(
            H1resonanceFrequency_Hz=round(_PROTON_HZ_PER_TESLA * (system.field_strength or 0.0))
        ),
        encoding=[_encoding(kspace)],
    )
    return str(xsd.ToXML(header, encoding="utf-8"))


def _measurement(system: System) -> Any:
    dependencies = [xsd.measurementDependencyType(dependencyType="Noise", measurementID=system.noise_measurement)]
    return xsd.measurementInformationType(
        measurementID=system.measurement_id or None,
        # demanded by the schema; positions and directions of the readouts are in the patient system in any case
        patientPosition=xsd.patientPositionType.HFS,
        protocolName=system.protocol or None,
        measurementDependency=dependencies if system.noise_measurement else [],
    )


def _system(system: System, n_coils: int) -> Any:
    labels = [xsd.coilLabelType(coilNumber=index, coilName=label) for index, label in enumerate(system.coil_labels)]
    return xsd.acquisitionSystemInformationType(
        systemVendor=system.vendor or None,
        systemModel=system.model or None,
        systemFieldStrength_T=system.field_strength,
        relativeReceiverNoiseBandwidth=system.bandwidth,
        receiverChannels=n_coils,
        coilLabel=labels,
    )


def _encoding(kspace: KSpace) -> Any:
    encoding = kspace.encoding
    trajectory = encoding.trajectory if encoding.trajectory in _TRAJECTORIES else "other"
    return xsd.encodingType(
        encodedSpace=_space(encoding.matrix, encoding.fov),
        reconSpace=_space(encoding.recon_matrix, encoding.recon_fov),
        encodingLimits=_limits(kspace),
        trajectory=xsd.trajectoryType(trajectory),
        parallelImaging=_parallel(encoding),
    )


def _space(matrix: Sequence[int], fov: Sequence[float]) -> Any:
    return xsd.encodingSpaceType(
        matrixSize=xsd.matrixSizeType(**dict(zip("xyz", matrix, strict=True))),
        fieldOfView_mm=xsd.fieldOfViewMm(**dict(zip("xyz", map(float, fov), strict=True))),
    )


def _limits(kspace: KSpace) -> Any:
    headers = kspace.imaging.headers
    found = {name: (0, int(headers[name].max()), 0) for name in _COUNTERS}
    found["kspace_encoding_step_0"] = (0, kspace.imaging.n_samples - 1, int(np.median(headers["center_sample"])))
    for name, limits in _phase_encoding(kspace.encoding):
        found[name] = (limits.minimum, limits.maximum, limits.center)
    return xsd.encodingLimitsType(
        **{name: xsd.limitType(minimum=a, maximum=b, center=c) for name, (a, b, c) in found.items()}
    )


def _phase_encoding(encoding: Encoding) -> list[tuple[str, Limits]]:
    named = (("kspace_encoding_step_1", encoding.lines), ("kspace_encoding_step_2", encoding.partitions))
    return [(name, limits) for name, limits in named if limits is not None]


def _parallel(encoding: Encoding) -> Any:
    if encoding.acceleration == (1, 1) and encoding.calibration == "none":
        return None
    first, second = encoding.acceleration
    mode = None if encoding.calibration == "none" else xsd.calibrationModeType(encoding.calibration)
    return xsd.parallelImagingType(
        accelerationFactor=xsd.accelerationFactorType(kspace_encoding_step_1=first, kspace_encoding_step_2=second),
        calibrationMode=mode,
    )
