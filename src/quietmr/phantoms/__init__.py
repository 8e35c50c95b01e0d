"""Procedural anatomy with known truth."""
