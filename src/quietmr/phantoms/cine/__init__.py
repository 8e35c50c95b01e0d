"""Moving hearts for training: complex sequences drawn on any device."""

from quietmr.phantoms.cine.sequence import draw_cine

__all__ = ["draw_cine"]
