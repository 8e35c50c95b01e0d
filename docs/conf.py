"""Sphinx settings."""

from quietmr import __version__

project = "quietmr"
author = "The quietmr developers"
copyright = "The quietmr developers, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "quality.md"]  # quality.md is included in models.md
html_theme = "furo"
html_title = f"quietmr {version}"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
