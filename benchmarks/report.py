"""How long the report of a head takes beyond the denoising itself, and how large it is.

    python benchmarks/report.py [--threads 2] [--repeats 3] [--head FILE]

The head is that of ``speed.py``: Colin27 (181 x 217 x 181) with 7 % Rician noise. Timed are, each alone, the tests of
what was removed, gain and lesions on a block, and the page; then all together as ``quietmr denoise --report`` makes
them (the tests run beside the block). Wall and CPU seconds, the median of the repeats. Goal: together less than 10 s
wall on two threads, and a file under 8 MB.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from speed import COLIN, noisy_head

from quietmr import denoise, estimate_noise, read
from quietmr.cli.block_measures import measure_block
from quietmr.cli.report_page import Reported, page_of
from quietmr.evaluate.residual import residual_evidence
from quietmr.report.page import PageContents, report_page


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, float, float]:
    """Result of some work, and the median of its wall and CPU seconds."""
    wall, cpu, result = [], [], None
    for _ in range(repeats):
        start = time.monotonic(), time.process_time()
        result = work()
        wall.append(time.monotonic() - start[0])
        cpu.append(time.process_time() - start[1])
    return result, statistics.median(wall), statistics.median(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--head", type=Path, default=COLIN)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.nii.gz"
        noisy_head(path, options.head)
        before = read(path)
    noise = estimate_noise(before)
    after, seconds, cpu = timed(lambda: denoise(before, "quiet", noise=noise), 1)
    print(f"denoising  {seconds:6.1f} s wall  {cpu:6.1f} s CPU  (not part of the report)")
    shown = Reported(before, after, noise, None, "head.nii.gz")
    facts = {"input": "noisy", "output": "clean", "model": "quiet", "strength": 1.0, "sigma": noise.level}
    facts |= {"seconds": seconds, "version": "", "warnings": []}
    contents = PageContents(
        name=shown.name, before=before, after=after, noise=noise, evidence=residual_evidence(before, after, noise)
    )
    parts: dict[str, Callable[[], Any]] = {
        "tests": lambda: residual_evidence(before, after, noise),
        "block": lambda: measure_block(shown, "quiet", 1.0),
        "page": lambda: report_page(contents),
        "together": lambda: page_of(shown, facts, ""),
        "no block": lambda: page_of(shown, facts | {"model": None}, ""),
    }
    for name, work in parts.items():
        result, wall, used = timed(work, options.repeats)
        size = f"  {len(result.encode()) / 1e6:.2f} MB" if isinstance(result, str) else ""
        print(f"{name:<10} {wall:6.1f} s wall  {used:6.1f} s CPU{size}")


if __name__ == "__main__":
    main()
