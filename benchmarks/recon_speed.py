"""What each step of a reconstruction costs, what the machine could do, and what other programs need."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from recon_floor import Floor, Rates, floor_of
from recon_rivals import python_tools_grappa, sigpy_sense_frame, sigpy_version
from recon_scans import Size, timing_scan

from quietmr.data import KSpace
from quietmr.recon import Settings, gfactor_maps, reconstruct
from quietmr.recon.calibration import calibration_block, calibration_readouts
from quietmr.recon.coil_maps import coil_maps
from quietmr.recon.covariance import noise_covariance
from quietmr.recon.frames import fold
from quietmr.recon.grappa import calibrate
from quietmr.recon.lattice import Lattice
from quietmr.recon.scan import Scan, prepare_scan
from quietmr.recon.slice_setup import calibrate_slice, on_lattice, prepare_slice
from quietmr.recon.unmixing import gfactor, unmixing
from quietmr.recon.whitening import whitening

Result = TypeVar("Result")
WHOLE = "whole reconstruct()"
SETUP = "calibration + unmixing + g"


@dataclass
class Times:
    """Best wall time of each step in seconds."""

    best: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        elapsed = time.perf_counter() - start
        self.best[step] = min(self.best.get(step, elapsed), elapsed)


def speed_rows(size: Size, repeats: int, threads: int, rng: np.random.Generator) -> tuple[Times, Floor, KSpace]:
    """Time all steps of one scan, one after the other, as often as asked; the best run of each counts."""
    kspace = timing_scan(size, rng)
    settings = Settings(threads=threads)
    rates = Rates.measured(threads)
    times = Times()
    for _ in range(repeats):
        _time_steps(kspace, settings, size, times)
        with times.of(WHOLE):
            reconstruct(kspace, settings)
        # the machine is shared: what it can do is measured beside what is done
        rates = rates.better(Rates.measured(threads))
    times.best[SETUP] = sum(times.best[name] for name in ("calibration", "unmixing, g", "fold whitening in"))
    return times, floor_of(size, rates), kspace


def _time_steps(kspace: KSpace, settings: Settings, size: Size, times: Times) -> None:
    with times.of("checks, places, noise"):
        scan = prepare_scan(kspace, settings)
    with times.of("  of it noise covariance, whitening"):
        whitening(noise_covariance(kspace.noise), 5.0, kspace.system)
    mixing = torch.from_numpy(scan.whitening.matrix)
    with times.of("calibration lines"):
        sources = calibration_readouts(scan.imaging, scan.extra, 0, kspace.encoding.calibration)
        block = calibration_block(sources, scan.grid, mixing)
    with times.of("coil maps"):
        maps = coil_maps(block.centered(), (*scan.grid.full[:2], scan.grid.kept[2]), settings.coil_maps)
    with times.of("calibration"):
        weights = calibrate(block.data, Lattice(size.r), settings.kernel, settings.regularization)
    with times.of("unmixing, g"):
        coefficients = unmixing(weights, maps, scan.grid)
        gfactor(coefficients)
    with times.of("fold whitening in"):
        fold(coefficients, mixing)
    _time_frames(scan, settings, size, times)


def _time_frames(scan: Scan, settings: Settings, size: Size, times: Times) -> None:
    setup = prepare_slice(scan, 0)
    with times.of("frames"), ThreadPoolExecutor(settings.threads) as pool:
        lines = (on_lattice(scan.imaging, scan.readouts_of(0, t), setup.lattice) for t in range(size.frames))
        pictures = list(pool.map(setup.make, lines))
    assert len(pictures) == size.frames


def print_speed(sizes: list[Size], repeats: int, threads: int, rng: np.random.Generator, *, rivals: bool) -> None:
    """Print one table for each size, the floors, the rivals and the verdict on the goals."""
    for size in sizes:
        times, floor, kspace = speed_rows(size, repeats, threads, rng)
        print(f"\n### {size} ({kspace.imaging.data.nbytes / 1e6:.0f} MB of samples)\n")
        print("| step | seconds |\n| --- | --- |")
        for name, seconds in times.best.items():
            print(f"| {name} | {seconds:.3f} |")
        print(f"\n{floor.words()}\n")
        _print_goals(size, times, floor)
        if rivals:
            _print_rivals(kspace, size, times, threads)


def _print_goals(size: Size, times: Times, floor: Floor) -> None:
    whole, frames = times.best[WHOLE], times.best["frames"]
    goals = [("frames at most 2 x their floor", frames / floor.frames, 2.0)]
    goals.append(("whole at most 2 x the floor of all its arithmetic and traffic", whole / floor.whole, 2.0))
    if size.coils == 32 and size.r == 2 and size.oversampling == 1:
        goals.insert(0, ("whole within 1.2 s", whole, 1.2))
    for name, value, limit in goals:
        print(f"- {name}: {value:.2f}, {'met' if value <= limit else 'MISSED'}")


def _print_rivals(kspace: KSpace, size: Size, times: Times, threads: int) -> None:
    scan = prepare_scan(kspace, Settings(threads=threads))
    calibrated = calibrate_slice(scan, 0)
    block, maps = calibrated.block.data[:, 0].numpy(), calibrated.maps[:, 0].numpy()
    theirs, (_, g) = once(lambda: python_tools_grappa(block, maps, size.r))
    own = gfactor(unmixing(calibrate(calibrated.block.data, Lattice(size.r)), calibrated.maps, scan.grid))[0].numpy()
    print("\n| rival, same data, same coil maps | seconds | times ours | what is compared |\n| --- | --- | --- | --- |")
    setup = times.best["calibration"] + times.best["unmixing, g"]
    print(
        f"| GRAPPA of ismrmrd-python-tools, in our words | {theirs:.1f} | {theirs / setup:.0f} | "
        f"calibration + unmixing + g, once; its g / ours, median: {np.median(g / own):.3f} |"
    )
    version = sigpy_version()
    if version is None or size.oversampling > 1:
        reason = "not installed (pip install sigpy)" if version is None else "run without oversampling only"
        print(f"| sigpy SENSE | - | - | {reason} |")
        return
    lines = np.zeros((size.coils, size.matrix, kspace.imaging.n_samples), np.complex64)
    lines[:, :: size.r] = kspace.imaging.data[: size.matrix // size.r].transpose(1, 0, 2)
    white = np.tensordot(scan.whitening.matrix.astype(np.complex64), lines, axes=1)
    # the first run compiles
    frame = min(once(lambda: sigpy_sense_frame(white, maps))[0] for _ in range(2))
    print(
        f"| sigpy {version} SENSE, 30 iterations | {frame * size.frames:.1f} | "
        f"{frame * size.frames / times.best[WHOLE]:.0f} | {size.frames} frames, one timed ({frame:.2f} s) and "
        "multiplied, coil maps given; against all of ours |"
    )


def once(call: Callable[[], Result]) -> tuple[float, Result]:
    """Wall seconds of one call, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def print_gmaps(repeats: int, threads: int, rng: np.random.Generator) -> None:
    """Print the time of g-maps for R = 2 to 8 in one go."""
    print("\n| g-maps of R = 2 to 8, 256 x 256 | seconds | maps | goal |\n| --- | --- | --- | --- |")
    for coils in (16, 32):
        kspace = timing_scan(Size(coils, 2, 1), rng)
        runs = [once(lambda k=kspace: gfactor_maps(k, Settings(threads=threads))) for _ in range(repeats)]
        best = min(seconds for seconds, _ in runs)
        goal = f"within 3 s: {'met' if best <= 3 else 'MISSED'}" if coils == 16 else ""
        print(f"| {coils} coils | {best:.2f} | {runs[0][1].shape[0]} | {goal} |")
