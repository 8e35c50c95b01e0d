"""What noise alone explains: limits of the tests and where they come from.

"Calibrated" limits lie between what right denoisers (quiet, quiet-fast and the truth itself) and what wrong ones gave
on the tuning set of ``benchmarks/residual_tests.py``: phantoms and the volumes ms-t1, fernando-t2 and spine-axial. No
other image was looked at before they were fixed.
"""

CALIBRATED = "limit calibrated on phantoms and three volumes, see docs/residual.md"

# Size: removed RMS over that of the noise.
NOTHING = 0.2
TOO_MUCH = 1.15
FAR_TOO_MUCH = 2.0  # by this alone, structure was removed: no estimate of sigma is as wrong as that

# Power at edges over that in flat tissue; 1 for noise of known law, less where a method keeps noise at edges.
EDGES = 1.12
# Power of coarser detail over that of noise.
SMOOTH = 1.3
# Slope of the residual against fine detail of the denoised image.
SLOPE = (-0.03, 0.12)
# Voxels, of a thousand, at which smooth detail has appeared that noise cannot explain.
ADDED = 0.12
# Correlation of neighbors in flat tissue, above that in the noisy image.
NEIGHBORS = 0.05
# Power of fine over that of finest detail in flat tissue: over that of white noise, and over the color of the noise.
SPECTRUM = 1.3
# Standard errors that are added to the limits where few voxels make them uncertain.
ERRORS = 3.0
# Color of the noise from which it had been smoothed before, and filled part of k-space below which it was interpolated.
COLOR = 5.0
FILLED = 0.55
# Fewest voxels of tissue, and pixels of a side, on which anything can be said.
FEWEST = 500
SMALLEST = 16
