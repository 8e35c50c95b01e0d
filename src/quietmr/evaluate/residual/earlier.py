"""Whether the noisy image had been smoothed before: then its noise looks like structure, and nothing can be claimed."""

import numpy as np

from quietmr.data import Image
from quietmr.evaluate.residual.planes import Mask
from quietmr.noise.bands import axis_bands
from quietmr.noise.blocks import block_statistics
from quietmr.noise.planes import find_content
from quietmr.noise.residual import tissue_level

_BLOCK = 8  # pixels


def color_of_noise(image: Image, mask: Mask | None) -> float:
    """Power of noise at the edges of k-space over that in its corners, in the flattest tissue.

    1 for white noise; Gaussian smoothing of SD w pixels multiplies it by about exp(8.5 w^2) up to w = 0.5 and by less
    beyond; linear interpolation to 1.5 times the pixels makes it about 5. 1 where it cannot be read.
    """
    inside = None if mask is None else np.broadcast_to(np.asarray(mask, dtype=bool), image.shape)
    content = find_content(image, inside)
    if content is None or content.is_constant or min(content.pixels.shape[2:]) < _BLOCK + 2:
        return 1.0
    bands = (axis_bands(1.0), axis_bands(1.0))
    blocks = block_statistics(list(content.planes()), bands, _BLOCK)
    level = tissue_level(blocks, bands, _BLOCK, magnitude=content.kind == "rician") if blocks.count else None
    return 1.0 if level is None else level.color
