"""Pseudo-replicas: simulated scans measured 64 times, reconstructed, and the SD over the repetitions held against g.

The repetitions pass the whole chain, from samples in the receiver's units to the image (Robson et al., MRM 60:895,
2008). The median of (SD / g) shall be 1 within 1 %, its scatter that of 64 draws, the signal that of the truth.
"""

import csv
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from recon_verdict import Verdict, counted_signal_scale, judge

from quietmr.phantoms.raw import RawProtocol, simulate_raw
from quietmr.recon import reconstruct

REPLICAS = 64
SEED = 20261121
_USUAL = {"subject": "disk", "matrix": (96, 96, 1), "calibration": "embedded", "calibration_lines": (24, 1)}
_VOLUME = {"matrix": (48, 44, 24), "acceleration": (2, 2), "calibration_lines": (20, 14), "coils": 12}

CASES: dict[str, dict] = {
    f"R {r}, {coils} coils": {"acceleration": (r, 1), "coils": coils} for coils in (12, 16) for r in (1, 2, 3, 4)
}
CASES |= {
    name: {"coils": 12, "acceleration": (3, 1)} | changes
    for name, changes in {
        "R 3, separate calibration": {"calibration": "separate"},
        "R 3, interleaved (TGRAPPA)": {"calibration": "interleaved"},
        "R 3, non-square 128 x 90": {"matrix": (128, 90, 1)},
        "R 3, 100 lines (R does not divide them)": {"matrix": (96, 100, 1)},
        "R 3, resized 96 to 128": {"recon_matrix": (128, 128, 1)},
        "R 3, partial Fourier 6/8": {"partial_fourier": (0.75, 1.0)},
        "R 2, partial Fourier 5/8": {"partial_fourier": (0.625, 1.0), "acceleration": (2, 1)},
        "R 3, asymmetric echo 0.7": {"asymmetric_echo": 0.7},
        "head, R 3": {"subject": "brain"},
        "head, R 4": {"subject": "brain", "acceleration": (4, 1)},
        "chest, R 4, 16 coils": {"subject": "heart", "matrix": (128, 128, 1), "acceleration": (4, 1), "coils": 16},
        "3-D 2x2": _VOLUME,
        "3-D 2x2 CAIPI": _VOLUME | {"caipi_shift": 1},
    }.items()
}


def protocol_of(changes: dict) -> RawProtocol:
    """Protocol of one case."""
    return RawProtocol(**(_USUAL | changes | {"repetitions": REPLICAS}))


def replica(changes: dict, seed: int = SEED) -> Verdict:
    """Simulate, reconstruct and judge one case."""
    protocol = protocol_of(changes)
    scan = simulate_raw(protocol, np.random.default_rng(seed))
    image = reconstruct(scan.kspace)
    # a tapered edge weighs samples: there the program's own count is used, elsewhere the samples are counted here
    tapered = protocol.asymmetric_echo < 1 or min(protocol.partial_fourier) < 1
    found = image.history[-1].parameters["slices"][0]["signal_scale"]
    return judge(image, scan, found if tapered else counted_signal_scale(scan))


def print_replicas(out: Path) -> None:
    """Print the table and write it as CSV."""
    print(
        "\n| scan | SD / g | worst quarter of g | scatter % (sampling %) | signal / truth | g, median | g / SENSE g | |"
        "\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    rows, start = [], time.monotonic()
    for name, changes in CASES.items():
        found = replica(changes)
        rows.append({"scan": name, **asdict(found), "passes": found.passes})
        sense = "-" if np.isnan(found.g_over_sense) else f"{found.g_over_sense:.3f}"
        print(
            f"| {name} | {found.sd_over_g:.4f} | {found.worst_quartile:.4f} | {100 * found.scatter:.2f} "
            f"({100 * found.expected_scatter:.2f}) | {found.signal:.3f} | {found.g_median:.3f} | {sense} | "
            f"{'right' if found.passes else 'MISSED'} |",
            flush=True,
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    worst = max(abs(row["sd_over_g"] - 1) for row in rows)
    print(f"\nLargest deviation of the median from 1: {100 * worst:.2f} %; {time.monotonic() - start:.0f} s; {out}")
