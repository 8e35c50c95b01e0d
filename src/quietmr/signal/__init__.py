"""Pure functions on arrays: Fourier transform, tiles, missing values, k-space."""
