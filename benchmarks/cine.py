"""Real-time cine and a passage of contrast agent: Monte-Carlo SNR, edges, moving walls, rivals told the truth.

    python benchmarks/cine.py scans                      simulate, reconstruct, find the noise of replicas
    python benchmarks/cine.py rivals                     needed once: rivals do not depend on the network
    python benchmarks/cine.py ours [--model quiet-complex] [--methods quiet-complex quiet]
    python benchmarks/cine.py figure [--out docs/images]
    python benchmarks/cine.py table [--docs docs/cine_quality.md]

Nothing is downloaded. Results go to runs/bench/cine.jsonl; ``table`` prints Markdown and, with ``--docs``, puts it
below the mark in that page. ``all`` does everything in this order. See docs/cine_quality.md for what is measured.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from cine_measures import edges, fidelity, snr, upslope, wall
from cine_rivals import BLUR, RIVALS, Complex, Magnitude, Method, best_variant, find
from cine_scans import CASES, REPLICA_MARGIN, Replicas, Scan, load
from cine_table import TRUTH, UNTOUCHED, Row, append, read, tables
from numpy.typing import NDArray

from quietmr.data import Image, NoiseMap
from quietmr.denoise import Denoiser, NetworkDenoiser
from quietmr.denoise.presets import PRESETS
from quietmr.denoise.second_stage import GuidedDenoiser
from quietmr.evaluate.running import Running

MARK = "<!-- measured -->\n"
RESULTS = Path("runs/bench/cine.jsonl")
# The same chest seen by other coils: rivals keep the form that was best there.
SAME_AS = {"cine, 32 coils": "cine, 16 coils"}
PARTS = ("scans", "rivals", "ours", "figure", "table", "all")


def main() -> None:
    wish = _arguments()
    torch.set_num_threads(wish.threads)
    cases = [case for case in CASES if wish.case in case]
    parts = PARTS[:-1] if wish.part == "all" else (wish.part,)
    for case in cases:
        if "scans" in parts:
            _describe(case)
        if "rivals" in parts:
            _run_rivals(case, wish)
        if "ours" in parts:
            for method in wish.methods:
                _run_ours(case, method, wish)
    if "figure" in parts:
        from cine_figure import draw

        print(draw(load(cases[0])[0], _ours(wish.methods[-1], wish.model), read(RESULTS), wish.out))
    if "table" in parts:
        _print_tables(wish.docs)


def _print_tables(page: Path | None) -> None:
    text = tables(read(RESULTS))
    print(text)
    if page is not None:
        page.write_text(page.read_text().split(MARK)[0] + MARK + "\n" + text)


def measure(scan: Scan, name: str, method: Method, variant: str = "", replicas: Iterable[Complex] = ()) -> Row:
    """Run a method on one noisy series, and on replicas of the noise, in the window around the heart."""
    start = time.perf_counter()
    result = _placed(scan, method(scan.noisy[:, *scan.window], scan.g[scan.window]), scan.window)
    seconds = time.perf_counter() - start
    found = asdict(fidelity(result, scan)) | _shape(result, scan) | _monte_carlo(scan, method, replicas)
    return Row(scan.name, name, variant, seconds, **found)


def _placed(scan: Scan, part: Magnitude, window: tuple[slice, slice]) -> Magnitude:
    """A part of the picture in its place; the truth around it."""
    whole = np.abs(scan.clean).astype(np.float64)
    whole[:, *window] = part
    return whole


def _shape(result: Magnitude, scan: Scan) -> dict[str, float]:
    return asdict(edges(result, scan)) | asdict(wall(result, scan)) | asdict(upslope(result, scan))


def _monte_carlo(scan: Scan, method: Method, replicas: Iterable[Complex]) -> dict[str, float]:
    """SNR over replicas; edges of their mean, which no noise disturbs, and the wall's motion in it."""
    window = scan.around(REPLICA_MARGIN)
    running, clean, g = Running(), scan.clean[:, *window], scan.g[window]
    inner = [
        slice(part.start - all_.start, part.stop - all_.start) for part, all_ in zip(window, scan.window, strict=True)
    ]
    for noise in replicas:
        running.add(method(clean + noise[:, *inner], g))
    if not running.count:
        return {}
    values = snr(running.mean, running.sd, [mask[:, *window] for mask in scan.tissues.values()])
    shape = _shape(_placed(scan, running.mean, window), scan)
    return {
        "replicas": running.count,
        "snr_blood": values.blood,
        "snr_myocardium": values.myocardium,
        "sd_blood": values.sd_blood,
        "sd_myocardium": values.sd_myocardium,
        "cnr": values.cnr,
        # what noise does to the position of the wall is that of the one noisy series
        **{key: value for key, value in shape.items() if key not in ("error", "profile")},
    }


def _describe(case: str) -> None:
    scan, _, proof = load(case)
    ratio = {
        name: np.abs(scan.clean)[mask] / np.broadcast_to(scan.g, mask.shape)[mask]
        for name, mask in scan.tissues.items()
    }
    words = ", ".join(f"SNR of {name} {np.median(value):.1f}" for name, value in ratio.items())
    spread = np.median(scan.g[(scan.labels > 0).any(axis=0)])
    print(f"{case}: {words}, g in the heart {spread:.2f}, {proof}", flush=True)


def _draws(replicas: Replicas, count: int) -> Iterator[Complex]:
    return (replicas(number) for number in range(count))


def _run_rivals(case: str, wish: argparse.Namespace) -> None:
    (scan, replicas, _), known = load(case), read(RESULTS)
    if (case, TRUTH) not in known:
        append(RESULTS, Row(case, TRUTH, **_shape(np.abs(scan.clean), scan)))
    if (case, UNTOUCHED) not in known:
        draws = _draws(replicas, wish.replicas)
        append(RESULTS, measure(scan, UNTOUCHED, lambda data, g: np.abs(data), replicas=draws))
    for rival in RIVALS:
        if (case, rival) in known:
            continue
        twin = known.get((SAME_AS.get(case, ""), rival))
        best = find(rival, twin.variant) if twin else best_variant(rival, scan)
        row = measure(scan, rival, best.run, best.words, _draws(replicas, wish.replicas if rival == BLUR else 0))
        append(RESULTS, row)
        print(f"{case}, {rival} ({best.words}): {row.psnr:.2f} dB, {row.seconds:.1f} s", flush=True)
    known = read(RESULTS)
    dipy = max((known[case, rival] for rival in RIVALS if rival.startswith("dipy")), key=lambda row: row.psnr)
    if not dipy.replicas:
        method = find(dipy.method, dipy.variant).run
        append(RESULTS, measure(scan, dipy.method, method, dipy.variant, _draws(replicas, wish.few)))


def _run_ours(case: str, name: str, wish: argparse.Namespace) -> None:
    scan, replicas, _ = load(case)
    draws = _draws(replicas, wish.replicas)
    row = measure(scan, name, _ours(name, wish.model), replicas=draws)
    append(RESULTS, row)
    print(f"{case}, {name}: {row.psnr:.2f} dB, SNR {row.snr_blood:.1f} and {row.snr_myocardium:.1f}", flush=True)


def _ours(name: str, model: str) -> Method:
    """The network alone, or a preset that begins with it."""
    if name in PRESETS:
        denoiser: Denoiser = GuidedDenoiser(name, replace(PRESETS[name], complex_network=model))
    else:
        denoiser = NetworkDenoiser(model)

    def run(data: Complex, g: NDArray[np.float32]) -> Magnitude:
        noise = NoiseMap(g[None, None], kind="complex", origin="noise-scan")
        image = Image(np.ascontiguousarray(data[:, None]), unit="snr", noise=noise, frames="time")
        return np.abs(denoiser(image).data[:, 0])

    return run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument(
        "--model", default="quiet-complex", help="name, or path of a model, that stands for quiet-complex"
    )
    parser.add_argument("--methods", nargs="+", default=["quiet-complex", "quiet"])
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--few", type=int, default=8, help="replicas of rivals that are slow")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--docs", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
