"""The whole way from a raw scan to an image in SNR units."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quietmr.data import Acquired, Frames, Image, InputError, KSpace, Meta, NoiseMap, Step
from quietmr.recon.arrangement import FRAME, check_parallel, slice_numbers
from quietmr.recon.grid import slice_geometry
from quietmr.recon.pocs_frames import fill_partial_fourier
from quietmr.recon.scan import Scan, prepare_scan, whole_frames
from quietmr.recon.settings import Settings
from quietmr.recon.slice_setup import SliceSetup, on_lattice, prepare_slice

Progress = Callable[[float], None]
_FRAMES: dict[str, Frames] = {"contrast": "echo", "set": "unknown", "phase": "time", "repetition": "repetition"}


def reconstruct(kspace: KSpace, settings: Settings | None = None, progress: Progress | None = None) -> Image:
    """Reconstruct a raw scan in SNR units, with its g-factor map.

    Parameters
    ----------
    kspace : KSpace
        Cartesian scan with noise readouts.
    settings : Settings, optional
    progress : callable, optional
        Told the part that is done, 0 to 1.

    Returns
    -------
    Image
        Complex, (T, Z, Y, X): T runs over contrast, set, phase and repetition, Z over slices or partitions. The noise
        SD per real channel is ``image.noise.sigma`` = g: dividing by it gives SD 1 everywhere. ``history`` holds every
        number the scale depends on.

    Raises
    ------
    InputError
        If the scan has no noise readouts (and ``noise_from_edges`` is not set), is not Cartesian, contradicts its
        header, holds NaN, or its calibration does not suffice.
    """
    settings = settings or Settings()
    scan = prepare_scan(kspace, settings)
    numbers = wanted_slices(kspace, settings.slices)
    usable = whole_frames(scan, numbers)
    pictures, setups = [], []
    for i, number in enumerate(numbers):
        setup = prepare_slice(scan, number)
        told = None if progress is None else _part(progress, i, len(numbers))
        series, facts = _make_frames(scan, setup, number, usable, told)
        pictures.append(series)
        setups.append((setup.gmap, setup.facts | facts))
    return _image(scan, numbers, usable, np.concatenate(pictures, axis=1), setups)


def wanted_slices(kspace: KSpace, wanted: tuple[int, ...] | None) -> list[int]:
    """Slice counters to reconstruct, in the order of the image.

    Raises
    ------
    InputError
        If a slice is not there, or the slices are not one stack.
    """
    numbers = slice_numbers(kspace.imaging)
    if wanted is not None:
        if not wanted or not set(wanted) <= set(numbers):
            raise InputError(f"The scan has the slices {sorted(numbers)}, asked for was {list(wanted)}.")
        numbers = [number for number in numbers if number in wanted]
    headers = kspace.imaging.headers
    check_parallel(np.array([headers[np.argmax(headers["slice"] == number)] for number in numbers]))
    return numbers


def _make_frames(
    scan: Scan, setup: SliceSetup, number: int, usable: list[int], progress: Progress | None
) -> tuple[NDArray[np.complex64], dict[str, Any]]:
    readouts = (on_lattice(scan.imaging, scan.readouts_of(number, t), setup.lattice) for t in usable)
    threads = 1 if setup.one_at_a_time else scan.settings.threads or torch.get_num_threads()
    pictures = np.empty((len(usable), *scan.grid.kept), np.complex64)
    facts: dict[str, Any] = {}
    with ThreadPoolExecutor(threads) as pool:
        for t, (picture, scale) in enumerate(pool.map(setup.make, readouts)):
            pictures[t] = picture
            facts = {"r_eff": scale.r_eff, "signal_scale": scale.signal}
            if progress is not None:
                progress((t + 1) / len(usable))
    if scan.settings.partial_fourier == "pocs":
        pictures = fill_partial_fourier(pictures, scan.grid, scan.cuts)
    return pictures, facts


def _part(progress: Progress, i: int, n: int) -> Progress:
    return lambda done: progress((i + done) / n)


def _image(
    scan: Scan,
    numbers: list[int],
    usable: list[int],
    data: NDArray[np.complex64],
    setups: list[tuple[NDArray[np.float32], dict[str, Any]]],
) -> Image:
    headers = np.array([[_central_header(scan, number, t) for number in numbers] for t in usable])
    changing = [name for column, name in enumerate(FRAME) if np.ptp(scan.keys[usable, column])]
    step = Step(
        "reconstruct",
        {
            **scan.whitening.facts,
            "filters": list(scan.settings.filters),
            "partial_fourier": scan.settings.partial_fourier,
            "coil_maps": scan.settings.coil_maps,
            "slices": [facts for _, facts in setups],
        },
    )
    calibrated = scan.whitening.facts["noise_origin"] == "noise-scan"
    filled = scan.settings.partial_fourier == "pocs" and any(scan.cuts)
    gmap = np.concatenate([gmap for gmap, _ in setups])[None]
    return Image(
        data,
        slice_geometry(scan.grid, headers[0]),
        unit="snr",
        noise=NoiseMap(gmap, kind="complex", origin="noise-scan" if calibrated and not filled else "estimated"),
        frames=_FRAMES[changing[0]] if len(changing) == 1 else "unknown",
        meta=Meta(
            "mrd",
            scan.kspace.meta.source,
            header=Acquired(headers, scan.grid.fov, scan.kspace.system, scan.kspace.xml),
        ),
        history=(*scan.kspace.history, step),
    )


def _central_header(scan: Scan, number: int, t: int) -> np.void:
    chosen = scan.readouts_of(number, t)
    center = np.array(scan.grid.kspace[:2]) // 2
    nearest = np.square(scan.imaging.points[chosen] - center).sum(axis=1).argmin()
    header: np.void = scan.imaging.readouts.headers[chosen[nearest]]
    return header
