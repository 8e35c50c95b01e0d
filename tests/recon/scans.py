"""Simulated scans for the tests of reconstruction."""

from functools import lru_cache

import numpy as np

from quietmr.phantoms.raw import RawProtocol, RawScan, simulate_raw

REPLICAS = 64


@lru_cache(maxsize=4)
def repeated_scan(**changes: object) -> RawScan:
    """A small scan measured 64 times: the repetitions are pseudo-replicas that pass the whole chain."""
    usual = {
        "subject": "disk",
        "matrix": (96, 96, 1),
        "coils": 12,
        "acceleration": (3, 1),
        "calibration": "embedded",
        "calibration_lines": (24, 1),
        "repetitions": REPLICAS,
    }
    return simulate_raw(RawProtocol(**(usual | changes)), np.random.default_rng(20261121))


def expected_signal(scan: RawScan) -> float:
    """Amplitude relative to a fully sampled, once averaged scan: sqrt(R_eff) / R with the acquired lines counted."""
    encoding, readouts = scan.kspace.encoding, scan.kspace.imaging
    one_frame = (readouts.headers["repetition"] == 0).sum()
    r_eff = np.prod(encoding.matrix) / (one_frame * readouts.n_samples)
    averages = int(readouts.headers["average"].max()) + 1
    # averages have been counted as lines
    return float(np.sqrt(r_eff) * averages / np.prod(encoding.acceleration))
