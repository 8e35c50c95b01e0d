"""Rerun the tables of three papers on one machine, for everybody alike; see docs/papers.md.

python benchmarks/papers.py --train [--only NAME ...] [--seeds 2]     as often at once as there are cores
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from papers_arms import ARMS, runs
from papers_runs import Interrupted, train_all


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", action="store_true", help="train what has not been trained")
    parser.add_argument("--only", nargs="+", default=[arm.name for arm in ARMS], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/papers"))
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    try:
        if asked.train:
            train_all(runs([arm for arm in ARMS if arm.name in asked.only], range(asked.seeds)), asked.out)
    except Interrupted:
        print("interrupted; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
