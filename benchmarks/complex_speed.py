"""How fast is quiet-complex beside the large network of SNRAware, on one cine series of 32 x 192 x 144 (T, Y, X)?

    python benchmarks/complex_speed.py [--model quiet-complex] [--threads 2] [--rounds 2] [--patches 2] [--whole]

Three ways, taken in turn so that each meets the same load of the machine:

- ours on the whole series, as ``quietmr denoise`` runs it;
- ``snraware-hrnet-cnnt-large`` in its faithful form, which takes patches of 16 x 64 x 64 only: 48 of them with the
  overlap of the reference (``complex_patches``), one call each; ``--patches`` of them are timed and counted up, 0 times
  all of them;
- with ``--whole``, its corrected form on the whole series.

Seconds depend on the size alone, so the large network has random weights. CPU seconds of all threads count where the
machine is shared; wall seconds are beside them.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from complex_patches import Array, denoise_by_patches, patches
from meter import Cost, measured
from tables import markdown

from quietmr.denoise.device import runs_bfloat16
from quietmr.denoise.engines.torch_runner import TorchRunner
from quietmr.models import create_model, to_channels_last

SERIES = (32, 192, 144)
RIVAL = "snraware-hrnet-cnnt-large"
GOAL = 100.0


@dataclass(frozen=True)
class Way:
    """One way to denoise the series: a call that does a part of the work, and how many such parts there are."""

    name: str
    precision: str
    call: Callable[[], object]
    parts: float = 1.0


def ways(model: str, precision: str, timed: int, *, whole: bool) -> list[Way]:
    """All ways in one precision."""
    noise = np.random.default_rng(3).normal(0, 1, (2, *SERIES)).astype(np.float32)
    series = np.concatenate([noise + 10, np.ones((1, *SERIES), np.float32)])
    ours = _runner(create_model(model), precision)
    faithful = _runner(create_model(RIVAL, in_channels=3, out_channels=2, form="faithful"), precision)
    cut = list(patches(series))
    made = [Way(f"{Path(model).stem}, whole", precision, partial(ours, series))]
    if timed == 0:
        made.append(
            Way(f"{RIVAL}, faithful, {len(cut)} patches", precision, partial(denoise_by_patches, faithful, series))
        )
    else:
        text = f"{RIVAL}, faithful, {timed} of {len(cut)} patches timed"
        made.append(Way(text, precision, partial(_some, faithful, cut[:timed]), len(cut) / timed))
    if whole:
        corrected = _runner(create_model(RIVAL, in_channels=3, out_channels=2), precision)
        made.append(Way(f"{RIVAL}, corrected, whole", precision, partial(corrected, series)))
    return made


def _some(run: Callable[[Array], Array], cut: list[Array]) -> None:
    for patch in cut:
        run(patch)


def _runner(network: torch.nn.Module, precision: str) -> TorchRunner:
    return TorchRunner(to_channels_last(network).eval(), torch.device("cpu"), precision == "bfloat16")


def table(found: dict[str, list[tuple[Way, Cost]]]) -> str:
    """Seconds for the whole series, medians over the rounds, and ratios to ours in the same precision."""
    ours: dict[str, tuple[float, float]] = {}
    lines = []
    for costs in found.values():
        way = costs[0][0]
        cpu, wall = (
            way.parts * statistics.median(getattr(cost, key) for _, cost in costs) for key in ("cpu_s", "wall_s")
        )
        ours.setdefault(way.precision, (cpu, wall))
        base = ours[way.precision]
        peak = max(cost.peak_mb for _, cost in costs)
        line = [way.name, way.precision, f"{cpu:.1f}", f"{wall:.1f}", f"{cpu / base[0]:.0f}", f"{wall / base[1]:.0f}"]
        lines.append([*line, f"{peak:.0f}"])
    head = ["way", "arithmetic", "CPU s", "wall s", "CPU s, ours = 1", "wall s, ours = 1", "peak MB"]
    return markdown(head, lines)


def main() -> None:
    """Time all ways in turn, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="quiet-complex", help="a name, or a weights file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--patches", type=int, default=2, help="patches timed of the faithful form; 0: all, blended")
    parser.add_argument("--whole", action="store_true", help="time the corrected form on the whole series too")
    usual = ["float32", "bfloat16"] if runs_bfloat16(torch.device("cpu")) else ["float32"]
    parser.add_argument("--precision", nargs="+", default=usual, choices=("float32", "bfloat16"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found: dict[str, list[tuple[Way, Cost]]] = {}
    for precision in given.precision:
        todo = ways(given.model, precision, given.patches, whole=given.whole)
        todo[0].call()  # the first call lays out weights
        for _ in range(given.rounds):
            for way in todo:
                cost = measured(way.call)[1]
                found.setdefault(f"{way.name} {precision}", []).append((way, cost))
                print(f"{way.name}, {precision}: {cost.cpu_s:.2f} CPU s, {cost.wall_s:.2f} wall s", flush=True)
    about = (
        f"{given.threads} threads, medians of {given.rounds} rounds in turn, load at the end {os.getloadavg()[0]:.1f}."
    )
    print(f"\n{about} Series {' x '.join(map(str, SERIES))} (T, Y, X); goal {GOAL:g} times.\n\n{table(found)}")


if __name__ == "__main__":
    main()
