"""How fast reconstruction from raw k-space is, how much memory it needs, and whether its noise is what it says.

    python benchmarks/recon.py [speed|gmaps|reading|replicas|all] [--threads 2] [--repeats 5] [--oversampled]
    python benchmarks/recon.py --oversampled --docs docs/recon_quality.md

Scans are made on the spot, nothing is downloaded. Times are the best of several runs in wall seconds, and the load of
the machine is printed beside them: on a busy machine look at ratios within a run. `replicas` writes
runs/bench/recon_replicas.csv; all print Markdown, and `--docs` puts what `all` prints below the mark in that page.
"""

import argparse
import contextlib
import io
import os
import platform
import sys
import time
from pathlib import Path

MARK = "<!-- measured -->\n"
PARTS = ("speed", "gmaps", "reading", "replicas")
TITLES = {
    "speed": "Speed of a cine slice",
    "gmaps": "g-factor maps for R = 2 to 8",
    "reading": "Reading a raw file",
    "replicas": "Pseudo-replicas",
}
SEED = 20261121


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-rivals", dest="rivals", action="store_false", help="speed: our own steps only")
    parser.add_argument("--oversampled", action="store_true", help="speed: readouts of 512 samples, too")
    parser.add_argument("--out", type=Path, default=Path("runs/bench/recon_replicas.csv"))
    parser.add_argument("--docs", type=Path, help="page whose part below the mark is replaced")
    options = parser.parse_args()
    if options.docs and (options.part != "all" or MARK not in options.docs.read_text()):
        parser.error(f"--docs needs the part 'all' and a page with the line {MARK.strip()}")
    # before numpy and torch are imported: their pools take the size from here
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    printed = _Copied(sys.stdout)
    with contextlib.redirect_stdout(printed):
        for part in PARTS if options.part == "all" else (options.part,):
            print(f"\n## {TITLES[part]}\n\n{machine()}, {options.threads} threads.", flush=True)
            run(part, options)
            print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.1f}.", flush=True)
    if options.docs:
        before = options.docs.read_text().partition(MARK)[0]
        part = options.docs.with_suffix(".part")
        part.write_text(before + MARK + printed.getvalue())
        part.replace(options.docs)


class _Copied(io.StringIO):
    """Text that is kept and passed on."""

    def __init__(self, target: io.TextIOBase) -> None:
        super().__init__()
        self._target = target

    def write(self, text: str) -> int:
        self._target.write(text)
        return super().write(text)

    def flush(self) -> None:
        self._target.flush()


def machine() -> str:
    """Processor, number of them, and the load of the last minute."""
    path = Path("/proc/cpuinfo")
    names = [line for line in path.read_text().splitlines() if line.startswith("model name")] if path.exists() else []
    name = names[0].partition(":")[2].strip() if names else platform.machine()
    day = time.strftime("%Y-%m-%d %H:%M")
    return f"{name}, {os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}, {day}"


def run(part: str, options: argparse.Namespace) -> None:
    """Run one part."""
    import numpy as np
    import torch

    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(SEED)
    if part in ("speed", "gmaps"):
        from recon_scans import Size
        from recon_speed import print_gmaps, print_speed

        if part == "gmaps":
            print_gmaps(options.repeats, options.threads, rng)
            return
        sizes = [Size(32, 2), Size(16, 4)] + ([Size(32, 2, oversampling=2)] if options.oversampled else [])
        print_speed(sizes, options.repeats, options.threads, rng, rivals=options.rivals)
    elif part == "reading":
        from recon_reading import print_reading

        print_reading(options.repeats, options.threads, rng)
    else:
        from recon_replicas import print_replicas

        print_replicas(options.out)


if __name__ == "__main__":
    main()
