"""Simulated raw scans with known truth: object, coils, noise, sampling."""

from quietmr.phantoms.raw.protocol import RawProtocol
from quietmr.phantoms.raw.simulate import RawScan, simulate_raw
from quietmr.phantoms.raw.truth import RawTruth

__all__ = ["RawProtocol", "RawScan", "RawTruth", "simulate_raw"]
