"""The engines of the networks beside each other: time, memory, and how far their results lie apart.

    python benchmarks/engines.py [--threads 2] [--rounds 3] [--model quiet-fast] [--levels 3 7 15] [--slices 181]

Colin27 (181 x 217 x 181) of ../shared/data with Rician noise in percent of the brightest tissue, true level told. Each
run is a process of its own that denoises once, cold: building, calibrating and compiling count. The rounds are
interleaved, times are medians over the rounds, and speed is measured at the first level. "Apart" is the root mean
square difference to torch, over all voxels, in units of sigma.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np

from quietmr.denoise.engines import ENGINES

COLIN = Path(__file__).resolve().parents[2] / "shared" / "data" / "mricron_colin27" / "ch2.nii.gz"

CHILD = """
import json, resource, sys, time
import numpy as np, torch
from quietmr.data import Image, NoiseMap
from quietmr.denoise import NetworkDenoiser
source, target, sigma, model, engine, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
image = Image(np.load(source)[None], noise=NoiseMap(np.array(float(sigma))))
def now():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6
before = now()
result = NetworkDenoiser(model, device="cpu", engine=engine)(image)
after = now()
np.save(target, result.data[0])
print(json.dumps({"wall": after[0] - before[0], "cpu": after[1] - before[1], "peak": after[2],
                  "base": before[2], "precision": result.history[-1].parameters["precision"]}))
"""


def run(arguments: list[str], threads: int) -> dict[str, float]:
    """Denoise in a new process."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-W", "ignore", "-c", CHILD, *arguments, str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    facts: dict[str, float] = json.loads(done.stdout)
    return facts


def main() -> None:
    """Print one table for each noise level."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="quiet-fast")
    parser.add_argument("--levels", type=float, nargs="+", default=[7, 3, 15])
    parser.add_argument("--slices", type=int, default=181)
    options = parser.parse_args()
    whole = np.asarray(nibabel.load(COLIN).dataobj, np.float32).T
    first = (len(whole) - options.slices) // 2
    clean = whole[first : first + options.slices]
    foreground = clean > 0.05 * clean.max()
    brightest = float(np.percentile(clean[foreground], 99))
    for i, level in enumerate(options.levels):
        sigma = level / 100 * brightest
        noise = sigma * np.random.default_rng(7).standard_normal((2, *clean.shape), dtype=np.float32)
        noisy = np.hypot(clean + noise[0], noise[1]).astype(np.float32)
        print(f"\n{level:g} % noise, {options.threads} threads, load {os.getloadavg()[0]:.1f}\n")
        table(noisy, clean, foreground, sigma, brightest, options, rounds=options.rounds if i == 0 else 1)


def table(noisy, clean, foreground, sigma, brightest, options, *, rounds):
    """Run every engine and print its row."""
    runs = {engine: [] for engine in ENGINES}
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder) / "noisy.npy")
        np.save(source, noisy)
        for _ in range(rounds):
            for engine in ENGINES:
                target = str(Path(folder) / f"{engine}.npy")
                runs[engine].append(run([source, target, str(sigma), options.model, engine], options.threads))
        results = {engine: np.load(Path(folder) / f"{engine}.npy") for engine in ENGINES}
    print("| engine | precision | wall s | CPU s | peak GB above base | PSNR dB | apart from torch (max) |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for engine, facts in runs.items():
        wall, cpu = (statistics.median(fact[key] for fact in facts) for key in ("wall", "cpu"))
        peak = max(fact["peak"] - fact["base"] for fact in facts)
        psnr = 20 * np.log10(brightest / np.sqrt(np.mean((results[engine] - clean)[foreground] ** 2)))
        apart = (results[engine] - results["torch"]) / sigma
        print(
            f"| {engine} | {facts[0]['precision']} | {wall:.2f} | {cpu:.2f} | {peak:.2f} | {psnr:.3f} | "
            f"{np.sqrt(np.mean(apart**2)):.1e} ({np.abs(apart).max():.1e}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
