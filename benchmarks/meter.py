"""What one call costs, measured as ``quietmr compare`` does."""

from quietmr.evaluate.compare.meter import Cost, measured

__all__ = ["Cost", "measured"]
