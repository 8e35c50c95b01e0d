"""Evidence a person can look at: numbers on what was removed, and the figure.

The modules are imported one by one: only ``figure`` needs matplotlib.
"""

FIGURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".svg")
"""File formats in which a figure can be saved."""
