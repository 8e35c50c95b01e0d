"""Pure functions on arrays: tiles, missing values, k-space."""
