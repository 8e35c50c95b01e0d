"""Siemens raw data (twix, .dat), through twixtools.

Written to the structures that twixtools documents and tested on files made with its own writer; no file of a scanner
was at hand. Converting with siemens_to_ismrmrd is the better trodden path.
"""

import contextlib
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from numpy.typing import NDArray

from quietmr.data import Encoding, Flag, InputError, MissingExtraError, QuietmrWarning, Readouts
from quietmr.io.raw.mrd_stacks import Stacks
from quietmr.io.raw.noise_scan import in_coil_order
from quietmr.io.raw.parts import Parts
from quietmr.io.raw.purposes import CALIBRATION, IMAGING, NOISE, PURPOSES, purposes
from quietmr.io.raw.reversal import headers_in_order
from quietmr.io.raw.twix_header import dwell_us, encoding_of, system_of

_FLAGS = {
    "NOISEADJSCAN": Flag.NOISE,
    "PATREFSCAN": Flag.CALIBRATION,
    "PATREFANDIMASCAN": Flag.CALIBRATION_AND_IMAGING,
    "REFLECT": Flag.REVERSE,
    "PHASCOR": Flag.PHASE_CORRECTION,
    "HPFEEDBACK": Flag.HP_FEEDBACK,
    "RTFEEDBACK": Flag.RT_FEEDBACK,
    "REFPHASESTABSCAN": Flag.PHASE_STABILIZATION_REFERENCE,
    "PHASESTABSCAN": Flag.PHASE_STABILIZATION,
    "RETRO_DUMMYSCAN": Flag.DUMMY,
    "B1_CONTROLLOOP": Flag.DUMMY,
    "MDH_VOP": Flag.DUMMY,
    "LASTSCANINMEAS": Flag.LAST_IN_MEASUREMENT,
}
_NO_READOUT = ("ACQEND", "SYNCDATA")
_COUNTERS = {
    "kspace_encode_step_1": "Lin",
    "kspace_encode_step_2": "Par",
    "average": "Ave",
    "slice": "Sli",
    "contrast": "Eco",
    "phase": "Phs",
    "repetition": "Rep",
    "set": "Set",
    "segment": "Seg",
}
_DAMAGE = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, EOFError)
# noise readouts inside a measurement are taken with this bandwidth whatever its own (not in the header)
_NOISE_HZ_PER_PIXEL = 130.0


def read_parts(path: Path, *, noise_only: bool = False) -> Parts:
    """Read a Siemens raw file: the image from its last measurement, noise from that or an earlier one.

    Parameters
    ----------
    path : Path
        File .dat of VB, VD, VE or XA.
    noise_only : bool
        Its encoding is not looked at.

    Raises
    ------
    MissingExtraError
        If twixtools is not installed.
    InputError
        If the file is damaged or no twix file, or its imaging readouts differ in shape.
    """
    try:
        from twixtools import read_twix
    except ImportError as error:
        raise MissingExtraError(
            f"{path} is Siemens raw data, which needs twixtools: pip install 'quietmr[siemens]', or convert it with "
            "siemens_to_ismrmrd."
        ) from error
    try:
        # twixtools prints where it should warn
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measurements = read_twix(str(path), parse_pmu=False, parse_geometry=False, verbose=False)
        return parts_of(measurements, path, noise_only=noise_only)
    except _DAMAGE as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{path} is no Siemens raw file or damaged ({reason}): export it again.") from error


def parts_of(measurements: Sequence[Mapping[str, Any]], path: Path, *, noise_only: bool = False) -> Parts:
    """Sort the readouts of the measurements in a file, as `twixtools.read_twix` gives them."""
    measurements = [each for each in measurements if each.get("mdb")]
    if not measurements:
        raise InputError(f"{path} holds no measurement with readouts: export it again.")
    scan = measurements[-1]
    mdbs, heads = _readouts(scan)
    stacks, counts = _gather(mdbs, heads, str(path))
    imaging = stacks.most(IMAGING, None)[0] if noise_only else stacks.only(IMAGING)
    coils = imaging.n_coils if imaging else None
    noise = _own_noise(stacks, coils, path) or _earlier_noise(measurements[:-1], scan, coils, str(path))
    encodings: tuple[Encoding, ...] = ()
    if not noise_only and imaging is not None:
        encodings = (encoding_of(scan["hdr"], _center(mdbs, heads), str(path)),)
    return Parts(
        format="twix",
        encodings=encodings,
        system=system_of(scan["hdr"]),
        imaging=headers_in_order(imaging),
        calibration=headers_in_order(stacks.most(CALIBRATION, coils)[0]),
        noise=headers_in_order(noise),
        skipped={name: count for name, count in counts.items() if count},
    )


def _readouts(scan: Mapping[str, Any]) -> tuple[list[Any], NDArray[Any]]:
    """Blocks of a measurement that are readouts, and their headers in the layout of ISMRMRD."""
    mdbs = [mdb for mdb in scan["mdb"] if not any(mdb.is_flag_set(name) for name in _NO_READOUT)]
    heads = np.zeros(len(mdbs), acquisition_header_dtype)
    for head, mdb in zip(heads, mdbs, strict=True):
        _fill(head, mdb)
    heads["sample_time_us"] = dwell_us(scan["hdr"])
    return mdbs, heads


def _fill(head: Any, mdb: Any) -> None:
    mdh = mdb.mdh
    head["version"] = 1
    head["flags"] = sum(int(flag) for name, flag in _FLAGS.items() if mdb.is_flag_set(name))
    head["measurement_uid"], head["scan_counter"] = mdh.MeasUID & 0xFFFFFFFF, mdh.ScanCounter
    head["acquisition_time_stamp"] = mdh.TimeStamp
    head["physiology_time_stamp"][0] = mdh.PMUTimeStamp
    head["number_of_samples"], head["active_channels"] = mdh.SamplesInScan, mdh.UsedChannels
    head["center_sample"] = mdh.CenterCol
    head["discard_pre"], head["discard_post"] = mdh.CutOff.Pre, mdh.CutOff.Post
    position = mdh.SliceData.SlicePos
    head["position"] = position.Sag, position.Cor, position.Tra
    head["phase_dir"], head["read_dir"], head["slice_dir"] = _directions(np.asarray(mdh.SliceData.Quaternion))
    for name, counter in _COUNTERS.items():
        head["idx"][name] = getattr(mdh.Counter, counter)


def _directions(quaternion: NDArray[Any]) -> NDArray[np.float64]:
    """Phase, read and slice direction (rows) of a quaternion with the scalar first; zero without one."""
    norm = float(np.linalg.norm(quaternion))
    if not np.isfinite(norm) or norm == 0:
        return np.zeros((3, 3))
    w, x, y, z = (float(part) / norm for part in quaternion)
    rotation = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rotation).T


def _gather(mdbs: list[Any], heads: NDArray[Any], name: str) -> tuple[Stacks, dict[str, int]]:
    stacks, skipped = Stacks(name), dict[str, int]()
    purpose = purposes(heads["flags"])
    for index in np.unique(purpose):
        rows = np.flatnonzero(purpose == index)
        if PURPOSES[index] not in (IMAGING, CALIBRATION, NOISE):
            skipped[PURPOSES[index]] = len(rows)
            continue
        samples = np.empty(len(rows), object)
        for place, row in enumerate(rows):
            samples[place] = np.ascontiguousarray(mdbs[row].data, np.complex64).view(np.float32).ravel()
        stacks.append(PURPOSES[index], heads[rows], samples, most=len(rows))
    return stacks, skipped


def _center(mdbs: list[Any], heads: NDArray[Any]) -> tuple[int, int]:
    imaging = np.flatnonzero(purposes(heads["flags"]) == PURPOSES.index(IMAGING))
    mdh = mdbs[int(imaging[0])].mdh
    return int(mdh.CenterLin), int(mdh.CenterPar)


def _own_noise(stacks: Stacks, coils: int | None, path: Path) -> Readouts | None:
    """Noise readouts inside the scan; the header tells the dwell time of the image, not theirs."""
    noise, _ = stacks.most(NOISE, coils)
    if noise is None:
        return None
    noise.headers["sample_time_us"] = 1e6 / (_NOISE_HZ_PER_PIXEL * noise.n_samples)
    warnings.warn(
        f"{path} does not tell the dwell time of its noise readouts: {noise.dwell_us:.2f} us is taken "
        f"({_NOISE_HZ_PER_PIXEL:g} Hz per pixel, as Siemens usually does).",
        QuietmrWarning,
        stacklevel=6,
    )
    return noise


def _earlier_noise(
    measurements: Sequence[Mapping[str, Any]], scan: Mapping[str, Any], coils: int | None, name: str
) -> Readouts | None:
    """Noise readouts of the last measurement before the scan that has some of as many coils."""
    system = system_of(scan["hdr"])
    for earlier in reversed(measurements):
        noise, _ = _gather(*_readouts(earlier), name)[0].most(NOISE, coils)
        if noise is not None and noise.n_coils == coils:
            return in_coil_order(noise, system_of(earlier["hdr"]).coil_labels, system, coils, name)
    return None
