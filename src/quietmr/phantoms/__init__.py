"""Procedural anatomy with known truth, for training, tests and documentation."""

from quietmr.phantoms.scene import Mixture, draw_scene

__all__ = ["Mixture", "draw_scene"]
