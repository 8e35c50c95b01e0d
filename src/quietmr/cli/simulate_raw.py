"""A simulated raw scan from options to file, for ``quietmr simulate raw``."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from quietmr._version import __version__
from quietmr.cli.console import plain
from quietmr.cli.failures import UsageError
from quietmr.cli.progress import progress_bar
from quietmr.data import OutputError
from quietmr.io import check_writable
from quietmr.io.raw import write_raw
from quietmr.phantoms.raw import RawProtocol, RawScan, simulate_raw

if TYPE_CHECKING:
    from quietmr.cli.simulate import Simulate

_SUFFIXES = (".h5", ".mrd")


def simulate_to_file(wish: "Simulate", command_line: str) -> int:
    """Simulate, write, tell.

    Parameters
    ----------
    wish : Simulate
        The parsed options.
    command_line : str
        Kept in the file.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    InputError, OutputError, UsageError
        If the protocol is impossible, or the file cannot be written.
    """
    path = Path(wish.name)
    if path.suffix.lower() not in _SUFFIXES:
        raise OutputError(f"Raw scans are written as MRD, not as '{path.name}': end the name with .h5 or .mrd.")
    if path.exists() and not wish.force:
        raise OutputError(f"{path} exists already: choose another name, or replace it with --force.")
    check_writable(path, force=wish.force)
    if wish.seed < 0:
        raise UsageError(f"--seed {wish.seed}: give a whole number from 0.")
    protocol = protocol_of(wish)
    shown = not (wish.quiet or wish.json)
    with progress_bar(f"simulating {path.name}", shown=shown) as tell:
        scan = simulate_raw(protocol, np.random.default_rng(wish.seed), progress=tell)
    write_raw(scan.kspace, path, arrays=truth_arrays(scan, protocol, command_line))
    facts = scan_facts(path, scan, protocol, wish.seed)
    if wish.json:
        sys.stdout.write(json.dumps(plain(facts), ensure_ascii=False, allow_nan=False) + "\n")
    elif shown:
        sys.stdout.write(scan_words(facts) + "\n")
    return 0


def protocol_of(wish: "Simulate") -> RawProtocol:
    """Make the protocol that the options describe.

    Raises
    ------
    UsageError
        If a size cannot be read.
    InputError
        If the protocol is impossible.
    """
    matrix = _matrix("--matrix", wish.matrix)
    lines = [int(value) for value in _sizes("--acs-lines", wish.acs_lines, (1, 2), whole=True)]
    parts = _sizes("--partial-fourier", wish.partial_fourier, (1, 2), whole=False)
    accelerated = wish.r * wish.r2 > 1
    return RawProtocol(
        subject=wish.subject,
        matrix=matrix,
        fov=_field_of_view(wish.fov),
        recon_matrix=None if wish.recon_matrix is None else _matrix("--recon-matrix", wish.recon_matrix, matrix[2]),
        coils=wish.coils,
        acceleration=(wish.r, wish.r2),
        caipi_shift=wish.caipi,
        calibration=wish.acs or ("embedded" if accelerated else "none"),
        calibration_lines=(lines[0], lines[-1]),
        partial_fourier=(parts[0], parts[1] if len(parts) == 2 else 1.0),
        asymmetric_echo=wish.asymmetric_echo,
        frames=wish.frames,
        timing=wish.timing,
        heart_rate=wish.heart_rate,
        frame_ms=wish.frame_ms,
        breathing_mm=wish.breathing,
        inflow=wish.inflow,
        repetitions=wish.repetitions,
        slices=wish.slices,
        averages=wish.averages,
        oversampling=wish.oversampling,
        dwell_us=wish.dwell,
        noise_dwell_us=wish.noise_dwell,
        receiver_bandwidth=wish.bandwidth,
        noise_readouts=wish.noise_readouts,
        snr=wish.snr,
        correlation=wish.correlation,
        gain_spread=wish.gain_spread,
    )


def truth_arrays(scan: RawScan, protocol: RawProtocol, command_line: str) -> dict[str, NDArray[Any]]:
    """Arrays for /truth: all of the truth, and how the scan was made as JSON text."""
    made = {"protocol": asdict(protocol), "command": command_line, "version": __version__}
    truth = scan.truth
    return {
        "image": truth.image,
        "coil_maps": truth.coil_maps,
        "covariance": truth.covariance,
        "whitener": truth.whitener,
        "gmap": truth.gmap,
        "mask": truth.mask.astype(np.uint8),
        "labels": truth.labels,
        "sigma": np.float32(truth.sigma) * np.ones((), np.float32),
        "made": np.array(json.dumps(made).encode()),
    }


def scan_facts(path: Path, scan: RawScan, protocol: RawProtocol, seed: int) -> dict[str, Any]:
    """Tell what was made."""
    kspace, truth = scan.kspace, scan.truth
    inside = truth.gmap[truth.mask]
    return {
        "output": str(path),
        "subject": protocol.subject,
        "matrix": protocol.matrix,
        "fov_mm": protocol.field_of_view,
        "coils": protocol.coils,
        "acceleration": protocol.acceleration,
        "caipi_shift": protocol.caipi_shift,
        "calibration": protocol.calibration,
        "frames": protocol.frames,
        "timing": protocol.timing,
        "repetitions": protocol.repetitions,
        "slices": protocol.slices,
        "imaging_readouts": len(kspace.imaging),
        "calibration_readouts": len(kspace.calibration) if kspace.calibration is not None else 0,
        "noise_readouts": len(kspace.noise) if kspace.noise is not None else 0,
        "samples": kspace.imaging.n_samples,
        "snr": protocol.snr,
        "g_median": float(np.median(inside)),
        "g_max": float(inside.max()),
        "seed": seed,
        "version": __version__,
    }


def scan_words(facts: dict[str, Any]) -> str:
    """Say it in a few lines."""
    matrix = " x ".join(map(str, facts["matrix"][: 3 if facts["matrix"][2] > 1 else 2]))
    r1, r2 = facts["acceleration"]
    shift = f" with CAIPI shift {facts['caipi_shift']}" if facts["caipi_shift"] else ""
    reduction = f"R {r1}" if r2 == 1 else f"R {r1} x {r2}{shift}"
    frames = f"{facts['frames']} {facts['timing']} frames, {facts['repetitions']} repetitions, {facts['slices']} slices"
    return (
        f"{facts['output']}: {facts['subject']}, {matrix}, {facts['coils']} coils, {reduction}, "
        f"calibration {facts['calibration']}\n"
        f"  {frames}: {facts['imaging_readouts']} imaging, {facts['calibration_readouts']} calibration and "
        f"{facts['noise_readouts']} noise readouts\n"
        f"  truth in /truth: median SNR {facts['snr']:g} per real channel fully sampled, "
        f"g {facts['g_median']:.2f} in the median, at most {facts['g_max']:.2f} in the object"
    )


def _matrix(option: str, text: str, depth: int = 1) -> tuple[int, int, int]:
    x, y, *z = (int(value) for value in _sizes(option, text, (2, 3), whole=True))
    return x, y, z[0] if z else depth


def _field_of_view(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    x, y, z = _sizes("--fov", text, (3,), whole=False)
    return x, y, z


def _sizes(option: str, text: str, counts: tuple[int, ...], *, whole: bool) -> list[float]:
    """Read numbers with x between them."""
    words = text.lower().replace(",", "x").split("x")
    try:
        values = [float(int(word)) if whole else float(word) for word in words]
    except ValueError:
        values = []
    if len(values) not in counts:
        kind = "whole numbers" if whole else "numbers"
        wanted = " or ".join(map(str, counts))
        raise UsageError(f"{option} got '{text}': give {wanted} {kind} with x between them, as 128x96.")
    return values
