"""How long the commands take and how much memory they need, each beside a named rival in the same run.

    python benchmarks/speed.py [--threads 2] [--repeats 3] [--head FILE]

The head defaults to Colin27 (181 x 217 x 181) of ../shared/data with 7 % Rician noise; where it is absent, a procedural
head of that size. Times are wall and CPU seconds of whole processes; memory is the peak of the process, and the base is
a process that imports torch and quietmr and does nothing. Goal: quiet within 20 s wall on two threads. Rival: DIPY
non-local means (blockwise) on the same file.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PRESETS = ("quiet-fast", "quiet", "quiet-best")
COLIN = ROOT.parent / "shared" / "data" / "mricron_colin27" / "ch2.nii.gz"

DIPY = """
import sys, nibabel, numpy as np
from dipy.denoise.nlmeans import nlmeans
image = nibabel.load(sys.argv[1])
sigma = float(sys.argv[3])
settings = dict(patch_radius=1, block_radius=2, rician=True, num_threads=int(sys.argv[4]))
result = nlmeans(image.get_fdata(dtype=np.float32), sigma=sigma, **settings)
nibabel.save(nibabel.Nifti1Image(result, image.affine), sys.argv[2])
"""


def noisy_head(path: Path, source: Path | None) -> float:
    """Write a noisy head and return its sigma."""
    rng = np.random.default_rng(7)
    if source is not None and source.exists():
        image = nibabel.load(source)
        clean, affine = image.get_fdata(dtype=np.float32), image.affine
    else:
        from quietmr.phantoms import Mixture, draw_scene

        clean = 1000 * draw_scene((181, 217, 181), Mixture(head=1, regions=0, leaves=0, dynamic=0, thick=0), rng)
        affine = np.eye(4)
    sigma = 0.07 * float(np.percentile(clean[clean > 0.05 * clean.max()], 99))
    noise = sigma * rng.standard_normal((2, *clean.shape), dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(np.hypot(clean + noise[0], noise[1]).astype(np.float32), affine), path)
    return sigma


def measure(command: list[str], threads: int) -> tuple[float, float, float]:
    """Run a command; wall seconds, CPU seconds, peak memory in GB."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    start = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        error = process.stderr.read().decode() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - start
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {error.strip()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--head", type=Path, default=COLIN)
    options = parser.parse_args()
    python, threads = sys.executable, str(options.threads)
    quietmr = [python, "-m", "quietmr"]
    with tempfile.TemporaryDirectory() as folder:
        noisy, clean = str(Path(folder) / "noisy.nii.gz"), str(Path(folder) / "clean.nii.gz")
        sigma = noisy_head(Path(noisy), options.head)
        denoise = [*quietmr, "denoise", noisy, clean, "--force", "--threads", threads]
        base = measure([python, "-c", "import torch, scipy, nibabel, quietmr.denoise"], options.threads)
        rows = {
            "python -c 'import quietmr'": [python, "-c", "import quietmr"],
            "quietmr --help": [*quietmr, "--help"],
            "quietmr noise HEAD": [*quietmr, "noise", noisy],
            **{f"quietmr denoise HEAD --model {model}": [*denoise, "--model", model] for model in PRESETS},
            "dipy nlmeans HEAD (told sigma)": [python, "-c", DIPY, noisy, clean, str(sigma), threads],
        }
        print(f"{options.threads} threads, median of {options.repeats}; base process {base[2]:.2f} GB\n")
        print("| command | wall s | CPU s | peak GB | above base GB |\n| --- | --- | --- | --- | --- |")
        for name, command in rows.items():
            runs = [measure(command, options.threads) for _ in range(options.repeats)]
            wall, cpu, peak = (statistics.median(column) for column in zip(*runs, strict=True))
            print(f"| `{name}` | {wall:.2f} | {cpu:.2f} | {peak:.2f} | {max(0.0, peak - base[2]):.2f} |", flush=True)


if __name__ == "__main__":
    main()
