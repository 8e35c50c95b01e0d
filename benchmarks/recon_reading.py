"""Reading an MRD file of 4,000 readouts beside other ways to read it, and the memory of reading and reconstruction."""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from recon_scans import Size, timing_scan
from recon_speed import once

from quietmr.io.raw import read_raw, write_raw

# 29 x 128 lines, 32 of calibration, 256 of noise
SIZE = Size(coils=16, r=2, frames=29)
_TINY = Size(coils=4, r=2, frames=1, matrix=64)
_LOOPED = 400

# The high-water mark of a process of its own: rusage would count what its parent held at the fork.
_CHILD = """
import re, sys
{work}
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
_READ = """
from quietmr.io.raw import read_raw
scan = read_raw(sys.argv[1])
"""
_RECONSTRUCT = """
from quietmr.io.raw import read_raw
from quietmr.recon import Settings, reconstruct
image = reconstruct(read_raw(sys.argv[1]), Settings(threads=int(sys.argv[3])))
"""
_COMMAND = """
from quietmr.cli.main import main
if main(["recon", sys.argv[1], sys.argv[2], "--quiet", "--force", "--threads", sys.argv[3]]):
    sys.exit("failed")
"""


def print_reading(repeats: int, threads: int, rng: np.random.Generator) -> None:
    """Print the table of times and the table of memory."""
    with tempfile.TemporaryDirectory() as folder:
        raw, tiny = Path(folder) / "raw.h5", Path(folder) / "tiny.h5"
        kspace = timing_scan(SIZE, rng)
        parts = [part for part in (kspace.imaging, kspace.calibration, kspace.noise) if part is not None]
        count, samples = sum(map(len, parts)), sum(part.data.nbytes for part in parts)
        write_raw(kspace, raw)
        write_raw(timing_scan(_TINY, rng), tiny)
        del kspace, parts
        print(f"\n{count} readouts of 16 coils x 256 samples, {samples / 1e6:.0f} MB of samples, file in the cache\n")
        _print_times(raw, count, repeats)
        _print_memory(raw, tiny, samples, threads)


def _print_times(raw: Path, count: int, repeats: int) -> None:
    ours = min(once(lambda: read_raw(raw))[0] for _ in range(repeats))
    print("| reader | seconds | times ours |\n| --- | --- | --- |")
    print(f"| quietmr.io.raw.read_raw | {ours:.3f} | 1 |")
    bulk = min(once(lambda: _plain(raw))[0] for _ in range(repeats))
    print(f"| h5py, the table as it is (no headers checked, no array made) | {bulk:.3f} | {bulk / ours:.1f} |")
    if not importlib.util.find_spec("ismrmrd"):
        return
    fast = min(once(lambda: _ismrmrd_file(raw))[0] for _ in range(repeats))
    print(f"| ismrmrd.File, all acquisitions at once | {fast:.3f} | {fast / ours:.1f} |")
    slow = once(lambda: _ismrmrd_loop(raw))[0] * count / _LOOPED
    print(f"| ismrmrd.Dataset, one by one ({_LOOPED} timed and multiplied) | {slow:.1f} | {slow / ours:.0f} |")
    print(f"\n- reading within 0.2 s: {ours:.3f}, {'met' if ours <= 0.2 else 'MISSED'}\n")


def _plain(raw: Path) -> np.ndarray:
    with h5py.File(raw) as file:
        return np.asarray(file["dataset/data"][:])


def _ismrmrd_file(raw: Path) -> list:
    import ismrmrd

    with ismrmrd.File(raw, "r") as file:
        return file["dataset"].acquisitions[:]


def _ismrmrd_loop(raw: Path) -> list:
    import ismrmrd

    dataset = ismrmrd.Dataset(raw, create_if_needed=False)
    found = [dataset.read_acquisition(i) for i in range(_LOOPED)]
    dataset.close()
    return found


def _print_memory(raw: Path, tiny: Path, samples: int, threads: int) -> None:
    if sys.platform != "linux":
        print("Memory is measured on Linux only.")
        return
    out = raw.with_name("out.h5")
    print("| process | peak MB | of a tiny scan MB | difference / bytes of samples |\n| --- | --- | --- | --- |")
    for name, work in (("read_raw", _READ), ("read_raw, reconstruct", _RECONSTRUCT), ("quietmr recon", _COMMAND)):
        peak, base = (_peak(work, [str(path), str(out), str(threads)]) for path in (raw, tiny))
        times = (peak - base) / samples
        verdict = ""
        if name != "read_raw":
            verdict = f", goal at most 3: {'met' if times <= 3 else 'MISSED'}"
        print(f"| {name} | {peak / 1e6:.0f} | {base / 1e6:.0f} | {times:.2f}{verdict} |", flush=True)


def _peak(work: str, arguments: list[str]) -> float:
    """Peak resident bytes of a process that does the work."""
    command = [sys.executable, "-W", "ignore", "-c", _CHILD.format(work=work), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"A process to measure failed: {done.stderr.strip()}")
    return 1024.0 * int(done.stdout.split()[-1])
