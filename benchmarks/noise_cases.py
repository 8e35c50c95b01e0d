"""The noise that the benchmarks add: that of ``quietmr compare``."""

from quietmr.evaluate.compare.noise_cases import KINDS, Array, Kind, NoisyCase, draw

__all__ = ["KINDS", "Array", "Kind", "NoisyCase", "draw"]
