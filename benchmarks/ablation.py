"""The ablation of SNRAware (arXiv 2503.18162), made fair: what does training gain by knowing the noise?

``python benchmarks/ablation.py [--recipe FILE] [--steps N] [--seeds 3] [--cases 20] [--out DIR]`` trains every
network and arm of ``ablation_arms.py`` with equal steps on the same scenes and g-maps, judges all of them on the same
fixed images, and prints the tables of docs/ablation.md. Each run has a folder; finished ones are skipped, so the same
command goes on after an interruption. ``--table-only`` prints what there is.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from ablation_arms import plans
from ablation_cases import SETS, draw_cases
from ablation_runs import Interrupted, Record, finish, read_record, read_yardsticks, yardsticks
from ablation_tables import report

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "ablation" / "cpu.yaml"


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="of the proposed arm")
    parser.add_argument("--steps", type=int, help="optimizer steps of each run; those of the recipe if left out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=20, help="of each test set")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table-only", action="store_true", help="train nothing")
    asked = parser.parse_args(words)
    if asked.cases < 2 or asked.seeds < 1:
        parser.error("paired tests need two cases and a seed at least")
    torch.set_num_threads(asked.threads)
    todo = list(plans(range(asked.seeds), asked.steps))
    if not asked.table_only:
        sets = {name: draw_cases(name, asked.cases) for name in SETS}
        yardsticks(sets, asked.out)
        for i, plan in enumerate(todo, 1):
            began = time.monotonic()
            try:
                is_new = finish(plan, asked.recipe, asked.out, sets, asked.device)
            except Interrupted:
                print("interrupted; the same command goes on", file=sys.stderr)
                return 130
            took = f"{time.monotonic() - began:.0f} s" if is_new else "there already"
            print(f"{i}/{len(todo)} {plan.name}: {took}", file=sys.stderr, flush=True)
    records = [record for plan in todo if (record := read_record(asked.out / plan.name)) is not None]
    print(report(_alike(records), read_yardsticks(asked.out)))
    return 0


def _alike(records: list[Record]) -> list[Record]:
    """Refuse to compare runs of different lengths, or judged on different images."""
    if len({(record.steps, record.cases) for record in records}) > 1:
        raise SystemExit("The runs in this folder have different steps or test images: run without --table-only.")
    return records


if __name__ == "__main__":
    sys.exit(main())
