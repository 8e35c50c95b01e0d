"""Measure anew every number that README and docs quote: all benchmarks, one after the other.

    make benchmarks                                    all that is missing: many hours on two cores
    python benchmarks/everything.py --list             what there is, and which page quotes it
    python benchmarks/everything.py speed residual     these alone

Each benchmark goes on where it was stopped (its rows lie in runs/bench), puts its tables between the marks of its page
of the documentation, and what it prints is kept in benchmarks/results/NAME.md: what README and docs say in words is
quoted from there. One that fails does not stop the others; the exit code tells, and the end of its output is shown.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
BENCH = "runs/bench"
WITHOUT, RESIDUAL, PAPERS = "docs/without_truth.md", "docs/residual.md", "docs/papers.md"


@dataclass(frozen=True)
class Benchmark:
    """One script: its arguments, the page that quotes its numbers, and how many threads it may use."""

    name: str
    words: str
    page: str
    threads: int = 1

    @property
    def command(self) -> list[str]:
        """What is run, in the root of the checkout."""
        script, *rest = self.words.split()
        return [sys.executable, f"benchmarks/{script}", *rest]


BENCHMARKS = (
    Benchmark("speed", "speed.py", "README.md", 2),
    Benchmark("engines", "engines.py", "docs/engines.md", 2),
    Benchmark("noise_level", "noise_level.py", "docs/noise.md"),
    Benchmark("phantom_realism", f"phantom_realism.py --montage {BENCH}/phantoms.png", "docs/training.md"),
    Benchmark("spots", f"spots.py --out {BENCH}/spots.csv", "docs/quality.md"),
    Benchmark("quality", f"quality.py --out {BENCH}/quality.csv --docs docs/quality.md", "docs/quality.md"),
    Benchmark("residual_tests", f"residual_tests.py --out {BENCH}/residual_tests.csv --docs {RESIDUAL}", RESIDUAL),
    Benchmark("monte_carlo", f"monte_carlo.py --out {BENCH} --docs {WITHOUT}", WITHOUT),
    Benchmark(
        "lesion_survival",
        f"lesion_survival.py --levels 5 7 9 --out {BENCH}/lesions.csv --docs {WITHOUT} "
        "--figure docs/images/lesion_survival.png",
        WITHOUT,
    ),
    Benchmark("repeats", f"repeats.py --out {BENCH}/repeats.csv --docs {WITHOUT}", WITHOUT),
    Benchmark("compare", f"compare.py --out {BENCH}/compare --docs docs/compare.md", "docs/compare.md"),
    Benchmark("tissue", f"tissue.py --out {BENCH}/tissue.csv --docs docs/tissue.md", "docs/tissue.md"),
    Benchmark("report", "report.py", "docs/report.md", 2),
    Benchmark("cine", "cine.py all --docs docs/cine_quality.md", "docs/cine_quality.md", 2),
    Benchmark("complex_quality", "complex_quality.py --docs docs/complex_quality.md", "docs/complex_quality.md"),
    Benchmark("complex_passes", "complex_passes.py", "docs/models.md"),
    Benchmark("complex_speed", "complex_speed.py --threads 1 --patches 1", "docs/complex_quality.md"),
    Benchmark("complex_race", "complex_race.py", "docs/complex_quality.md"),
    Benchmark("ablation", "ablation.py", "docs/ablation.md"),
    Benchmark(
        "papers", f"papers.py --train --score --tables --figures --rows {BENCH}/papers.csv --docs {PAPERS}", PAPERS
    ),
    Benchmark("self_supervised", "self_supervised.py", "docs/training.md"),
    Benchmark("recon", "recon.py --oversampled --docs docs/recon_quality.md", "docs/recon_quality.md", 2),
)


def run(benchmark: Benchmark) -> bool:
    """Run one, keep what it prints, and tell whether it went well."""
    print(f"{benchmark.name}: {' '.join(benchmark.command[1:])}", flush=True)
    began = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": str(benchmark.threads)}
    done = subprocess.run(benchmark.command, cwd=HERE.parent, env=environment, stdout=subprocess.PIPE, text=True)
    minutes = (time.monotonic() - began) / 60
    if done.returncode != 0:
        print(f"{benchmark.name}: failed after {minutes:.1f} min\n{done.stdout[-2000:]}", flush=True)
        return False
    print(f"{benchmark.name}: done in {minutes:.1f} min", flush=True)
    RESULTS.mkdir(exist_ok=True)
    part = RESULTS / f"{benchmark.name}.part"
    when = f"Measured {time.strftime('%Y-%m-%d')} in {minutes:.1f} minutes."
    about = f"# {benchmark.name}\n\n    python benchmarks/{benchmark.words}\n\n{when}"
    part.write_text(f"{about}\n\n{done.stdout.strip()}\n", encoding="utf-8")
    part.replace(part.with_suffix(".md"))
    return True


def main(words: Sequence[str] | None = None) -> int:
    """Run those asked for, or all."""
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--list", action="store_true", help="tell what there is and run nothing")
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; known: {', '.join(known)}")
    chosen = [known[name] for name in asked.names] or list(BENCHMARKS)
    if asked.list:
        for one in chosen:
            print(f"{one.name:<16}  {one.page:<24} python benchmarks/{one.words}")
        return 0
    failed = [one.name for one in chosen if not run(one)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
